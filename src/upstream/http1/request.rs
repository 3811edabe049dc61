//! A request as bytes, and what of it is not written yet.

use std::{
    io,
    mem::take,
    task::{Context, Poll, ready},
};

use bytes::{Buf as _, Bytes};
use http::Request;

use super::stream::Stream;

/// A body that is copied behind its head, so that both are one piece; a longer one is sent from where it lies.
const COPIED: usize = 4 * 1024;

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
        head: &mut Vec<u8>,
        mut body: Bytes,
        stream: &mut Stream,
        cx: &mut Context<'_>,
    ) -> io::Result<Self> {
        if body.len() <= COPIED {
            head.extend_from_slice(&take(&mut body));
        }
        let written = match stream.poll_write(cx, [head, &body]) {
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
            let written = ready!(stream.poll_write(cx, [&self.head, &self.body]))?;
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
pub(super) fn render<B>(request: &Request<B>, into: &mut Vec<u8>) {
    let target = request
        .uri()
        .path_and_query()
        .map_or("/", |target| target.as_str());
    for part in [request.method().as_str(), " ", target, " HTTP/1.1\r\n"] {
        into.extend_from_slice(part.as_bytes());
    }
    for (name, value) in request.headers() {
        into.extend_from_slice(name.as_str().as_bytes());
        into.extend_from_slice(b": ");
        into.extend_from_slice(value.as_bytes());
        into.extend_from_slice(b"\r\n");
    }
    into.extend_from_slice(b"\r\n");
}
