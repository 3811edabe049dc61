//! A connection that speaks HTTP/1.1 without a task of its own: whoever asks writes the request and
//! reads the answer. While nobody asks it holds nothing but its socket.

mod buffers;
pub mod fuzzing;
mod head;
mod request;
mod rest;
mod stream;

#[cfg(test)]
mod tests;

use std::{
    future::{Future as _, poll_fn},
    io,
    mem::take,
    pin::pin,
    task::{Context, Poll, Waker, ready},
};

use bytes::{Buf as _, Bytes, BytesMut};
use http::{Method, Request, Response, StatusCode};
use http_body::SizeHint;
use http_body_util::{BodyExt as _, Full};
use tokio::{
    io::AsyncReadExt as _,
    task::{unconstrained, yield_now},
};

pub(super) use self::{buffers::Buffers, stream::Stream};
use self::{
    head::Head,
    request::Outgoing,
    rest::{Given, Rest},
};
use super::socket::{Heard, heard};
use crate::framing::says_close;

/// Answers such as 100 Continue in front of the real one. Nobody sends three.
const INTERIM: usize = 16;

/// One connection, between requests.
#[derive(Debug)]
pub(super) struct Connection {
    stream: Stream,
    buffers: Buffers,
    outgoing: Outgoing,
    /// What came in and was not read yet; no memory while nothing is.
    arrived: BytesMut,
}

/// Why there is no answer, although the request may have arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Failure {
    /// What came back is no answer in HTTP.
    Invalid,
    /// The connection ended.
    Unknown,
}

/// An answer's body, and the connection it comes from.
#[derive(Debug)]
pub(super) struct Incoming {
    connection: Box<Connection>,
    rest: Rest,
    /// Whether another request may follow.
    keeps_open: bool,
}

impl Connection {
    /// Boxed, as it passes from hand to hand with every request.
    pub(super) fn new(stream: Stream, buffers: Buffers) -> Box<Self> {
        Box::new(Self {
            stream,
            buffers,
            outgoing: Outgoing::default(),
            arrived: BytesMut::new(),
        })
    }

    /// Whether nobody has closed it or said something out of turn, as far as the kernel knows.
    pub(super) async fn is_quiet(&mut self) -> bool {
        match heard(self.stream.tcp()) {
            Heard::Nothing => {}
            // A session ticket, or the end: once it is read, we know. The runtime looks at its
            // sockets before it comes back to a task that has yielded.
            Heard::Bytes if self.stream.is_encrypted() => yield_now().await,
            // RFC 9112, section 9.2: an answer nobody asked for "must not be … valid".
            Heard::Bytes | Heard::End => return false,
        }
        self.is_silent().await
    }

    /// The same, as far as the runtime knows: it asks the kernel for all sockets at once.
    pub(super) async fn is_silent(&mut self) -> bool {
        let stream = &mut self.stream;
        let silent = poll_fn(|cx| Poll::Ready(stream.is_silent(cx)));
        // A task that has used up its share would be told that nothing is there.
        unconstrained(silent).await
    }

    /// The same, while nobody is about to use it.
    pub(super) fn lies_silent(&mut self) -> bool {
        self.stream
            .is_silent(&mut Context::from_waker(Waker::noop()))
    }

    /// Sends the request and waits for the answer's head; dropped, it closes the connection.
    pub(super) async fn exchange(
        mut self: Box<Self>,
        request: &mut Request<Full<Bytes>>,
    ) -> Result<Response<Incoming>, Failure> {
        // It is all here in one frame, so this waits for nothing.
        let body = request.body_mut().frame().await.and_then(Result::ok);
        let body = body.and_then(|frame| frame.into_data().ok());
        let mut body = body.unwrap_or_default();
        let begun = poll_fn(|cx| {
            let stream = &mut self.stream;
            Poll::Ready(self.buffers.write(|head| {
                request::render(request, head);
                Outgoing::begin(head, take(&mut body), stream, cx)
            }))
        });
        self.outgoing = begun.await.map_err(|error| ended(&error))?;
        let is_last = says_close(request.headers());
        let (head, end) = self.answer().await?;
        let rest = head.rest(request.method() == Method::HEAD);
        let keeps_open = head.keeps_open() && !is_last && !matches!(rest, Rest::UntilClose);
        let bytes = rest::part(&mut self.arrived, end);
        // The request's headers leave their room to the answer's.
        let mut room = take(request.headers_mut());
        room.clear();
        let response = head.into_response(&bytes, room, &self.buffers);
        Ok(response.map(|()| Incoming {
            connection: self,
            rest,
            keeps_open,
        }))
    }

    /// The head of the answer, and where it ends.
    async fn answer(&mut self) -> Result<(Head, usize), Failure> {
        for _ in 0..=INTERIM {
            let mut head = Head::default();
            let end = poll_fn(|cx| self.poll_head(&mut head, cx)).await?;
            if !head.status().is_informational() {
                return Ok((head, end));
            }
            // Nobody asked for another protocol.
            if head.status() == StatusCode::SWITCHING_PROTOCOLS {
                break;
            }
            self.arrived.advance(end);
        }
        Err(Failure::Invalid)
    }

    fn poll_head(&mut self, head: &mut Head, cx: &mut Context<'_>) -> Poll<Result<usize, Failure>> {
        self.outgoing.send_on(&mut self.stream, cx);
        loop {
            if !self.arrived.is_empty() {
                match head.read(&self.arrived) {
                    Ok(None) => {}
                    Ok(Some(end)) => return Poll::Ready(Ok(end)),
                    Err(flaw) => {
                        tracing::debug!(%flaw, "an upstream's answer is not HTTP");
                        return Poll::Ready(Err(Failure::Invalid));
                    }
                }
            }
            match ready!(self.poll_fill(cx)) {
                Ok(0) => return Poll::Ready(Err(ended(&io::ErrorKind::UnexpectedEof.into()))),
                Ok(_) => {}
                Err(error) => return Poll::Ready(Err(ended(&error))),
            }
        }
    }

    /// Reads what has come in; no bytes are the connection's end.
    fn poll_fill(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let stream = &mut self.stream;
        let (outcome, read) = self
            .buffers
            .read(|room| pin!(stream.read_buf(room)).poll(cx));
        // Where one follows the other in the same room, this copies nothing.
        self.arrived.unsplit(read);
        outcome
    }
}

impl Incoming {
    /// The body, if all of it is here.
    pub(super) fn whole(&mut self) -> Option<Bytes> {
        self.rest.whole(&mut self.connection.arrived)
    }

    /// The connection, if another request may be sent over it.
    pub(super) fn into_connection(self) -> Option<Box<Connection>> {
        let mut connection = self.connection;
        let goes_on = self.keeps_open
            && self.rest.is_over()
            && connection.outgoing.is_over()
            // An answer nobody asked for.
            && connection.arrived.is_empty();
        connection.arrived = BytesMut::new();
        goes_on.then_some(connection)
    }

    /// The next part of the body.
    pub(super) fn poll_part(&mut self, cx: &mut Context<'_>) -> Poll<Option<io::Result<Bytes>>> {
        let connection = &mut self.connection;
        connection.outgoing.send_on(&mut connection.stream, cx);
        loop {
            match self.rest.take(&mut connection.arrived) {
                Ok(Given::Part(part)) => return Poll::Ready(Some(Ok(part))),
                Ok(Given::End) => return Poll::Ready(None),
                Ok(Given::More) => {}
                Err(error) => return Poll::Ready(Some(Err(error))),
            }
            match ready!(connection.poll_fill(cx)) {
                Ok(0) => return Poll::Ready(self.rest.closed().err().map(Err)),
                Ok(_) => {}
                Err(error) => return Poll::Ready(Some(Err(error))),
            }
        }
    }

    pub(super) const fn is_end_stream(&self) -> bool {
        self.rest.is_over()
    }

    pub(super) fn size_hint(&self) -> SizeHint {
        self.rest.size_hint()
    }
}

/// Something of the request may have arrived, and nobody says what became of it.
fn ended(error: &io::Error) -> Failure {
    tracing::trace!(%error, "upstream connection ended");
    Failure::Unknown
}
