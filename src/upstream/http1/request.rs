//! A request as bytes, and what of it is not written yet.

use std::{
    io::{self, IoSlice},
    task::{Context, Poll, ready},
};

use bytes::{Buf as _, Bytes};
use http::request::Parts;

use super::stream::Stream;

/// What is left of a request that was not written at once.
#[derive(Debug, Default)]
pub(super) struct Outgoing {
    head: Bytes,
    body: Bytes,
    /// Everything was given to the stream, which may hold some of it back.
    held: bool,
    /// It cannot be written any more.
    broken: bool,
}

impl Outgoing {
    /// Writes a request as one piece; gives what is left of it.
    pub(super) fn begin(
        head: &[u8],
        body: &Bytes,
        stream: &mut Stream,
        cx: &mut Context<'_>,
    ) -> io::Result<Self> {
        let parts = [IoSlice::new(head), IoSlice::new(body)];
        let written = match stream.poll_write(cx, &parts) {
            Poll::Ready(Ok(0)) => return Err(io::ErrorKind::WriteZero.into()),
            Poll::Ready(Ok(written)) => written,
            Poll::Ready(Err(error)) => return Err(error),
            Poll::Pending => 0,
        };
        let mut left = Self {
            held: stream.is_encrypted(),
            ..Self::default()
        };
        if let Some(head) = head.get(written..).filter(|head| !head.is_empty()) {
            left.head = Bytes::copy_from_slice(head);
        }
        left.body = body.slice(written.saturating_sub(head.len()).min(body.len())..);
        left.send_on(stream, cx);
        Ok(left)
    }

    /// Writes what can be written. If nothing can any more, the answer may still be here.
    pub(super) fn send_on(&mut self, stream: &mut Stream, cx: &mut Context<'_>) {
        if self.is_under_way()
            && let Poll::Ready(Err(error)) = self.poll(stream, cx)
        {
            tracing::trace!(%error, "a request was not written to its end");
            self.broken = true;
        }
    }

    fn poll(&mut self, stream: &mut Stream, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.head.has_remaining() || self.body.has_remaining() {
            let parts = [IoSlice::new(&self.head), IoSlice::new(&self.body)];
            let written = ready!(stream.poll_write(cx, &parts))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            let of_head = written.min(self.head.len());
            self.head.advance(of_head);
            self.body.advance((written - of_head).min(self.body.len()));
        }
        if self.held {
            ready!(stream.poll_flush(cx))?;
            self.held = false;
        }
        Poll::Ready(Ok(()))
    }

    fn is_under_way(&self) -> bool {
        !self.broken && (self.held || self.head.has_remaining() || self.body.has_remaining())
    }

    /// Whether all of it was written.
    pub(super) fn is_over(&self) -> bool {
        !self.broken && !self.is_under_way()
    }
}

/// Writes the head: names are in lower case, and what they say is the caller's business.
pub(super) fn render(head: &Parts, into: &mut Vec<u8>) {
    let target = head
        .uri
        .path_and_query()
        .map_or("/", |target| target.as_str());
    for part in [head.method.as_str(), " ", target, " HTTP/1.1\r\n"] {
        into.extend_from_slice(part.as_bytes());
    }
    for (name, value) in &head.headers {
        into.extend_from_slice(name.as_str().as_bytes());
        into.extend_from_slice(b": ");
        into.extend_from_slice(value.as_bytes());
        into.extend_from_slice(b"\r\n");
    }
    into.extend_from_slice(b"\r\n");
}
