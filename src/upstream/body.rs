//! The body of an answer: ours, or an upstream's as it comes in.

use std::{
    fmt, io,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use h2::{Reason, RecvStream};
use http_body::{Body, Frame, SizeHint};
use http_body_util::Full;
use tokio::sync::mpsc;

use super::{deadline::Vigil, http2::Stream, line::Flow, pool::Pool, seats::Seat};

/// An answer's body.
pub struct ResponseBody {
    kind: Kind,
    /// Given up with the last byte.
    seat: Option<Seat>,
}

enum Kind {
    /// Broken off; why is still to be told.
    Broken(Option<BodyError>),
    /// Bytes of our own, taken when they are sent.
    Full(Bytes),
    /// An upstream's bytes, and its share of the connection they come from.
    Multiplexed(Box<Multiplexed>),
    /// An upstream's bytes, and the connection they come from.
    Pooled(Box<Pooled>),
    /// An upstream's bytes, from somebody who reads them to their end whoever listens.
    Relayed(Relayed),
}

/// Why a body ended before its end.
#[derive(Debug, thiserror::Error)]
pub enum BodyError {
    /// The upstream broke off.
    #[error("the upstream broke off its answer")]
    Broken(#[source] io::Error),
    /// The upstream broke off, over HTTP/2.
    #[error("the upstream broke off its answer")]
    Reset(#[source] h2::Error),
    /// The upstream sent nothing for too long, or sent for too long.
    #[error("the upstream did not finish its answer in time")]
    Stalled,
}

struct Relayed {
    parts: mpsc::Receiver<Result<Bytes, BodyError>>,
    length: SizeHint,
}

pub(super) struct Pooled {
    /// Present until its connection goes back to its pool or is given up.
    pub(super) flow: Option<Flow>,
    pub(super) vigil: Vigil,
    pub(super) pool: Rc<Pool>,
}

pub(super) struct Multiplexed {
    pub(super) incoming: RecvStream,
    pub(super) vigil: Vigil,
    /// What is left by `Content-Length`, if the answer says it.
    pub(super) left: Option<u64>,
    pub(super) data_ended: bool,
    /// Its place on the connection, until the last byte.
    #[expect(dead_code, reason = "held, not read")]
    pub(super) place: Stream,
}

type Polled = Poll<Option<Result<Frame<Bytes>, BodyError>>>;

impl ResponseBody {
    /// No bytes.
    pub fn empty() -> Self {
        Kind::Full(Bytes::new()).into()
    }

    /// The same, holding on to the seat until it has ended or is dropped.
    pub(super) fn holding(mut self, seat: Seat) -> Self {
        self.seat = Some(seat);
        self
    }

    /// What somebody else reads, part by part; an empty part is the end. Without it the body is
    /// broken off.
    pub fn relayed(parts: mpsc::Receiver<Result<Bytes, BodyError>>, length: SizeHint) -> Self {
        Kind::Relayed(Relayed { parts, length }).into()
    }
}

impl From<Kind> for ResponseBody {
    fn from(kind: Kind) -> Self {
        Self { kind, seat: None }
    }
}

impl From<Pooled> for ResponseBody {
    fn from(pooled: Pooled) -> Self {
        Kind::Pooled(Box::new(pooled)).into()
    }
}

impl From<Multiplexed> for ResponseBody {
    fn from(multiplexed: Multiplexed) -> Self {
        Kind::Multiplexed(Box::new(multiplexed)).into()
    }
}

impl<B: Into<Bytes>> From<B> for ResponseBody {
    fn from(bytes: B) -> Self {
        Kind::Full(bytes.into()).into()
    }
}

impl fmt::Debug for ResponseBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseBody")
            .field("size", &self.size_hint())
            .finish_non_exhaustive()
    }
}

impl Body for ResponseBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Polled {
        let this = self.get_mut();
        let frame = match &mut this.kind {
            Kind::Broken(error) => return Poll::Ready(error.take().map(Err)),
            Kind::Full(bytes) if bytes.is_empty() => Poll::Ready(None),
            Kind::Full(bytes) => Poll::Ready(Some(Ok(Frame::data(std::mem::take(bytes))))),
            Kind::Multiplexed(multiplexed) => multiplexed.poll_frame(cx),
            Kind::Pooled(pooled) => pooled.poll_frame(cx),
            Kind::Relayed(relayed) => relayed.poll_frame(cx),
        };
        match frame {
            Poll::Ready(None) => {
                this.seat = None;
                Poll::Ready(None)
            }
            Poll::Ready(Some(Err(error))) => {
                if let Some(mut seat) = this.seat.take() {
                    seat.broke();
                }
                // A server drops what it has not written yet when a body breaks: without this
                // moment a head that came together with the end would never reach the terminal.
                this.kind = Kind::Broken(Some(error));
                cx.waker().wake_by_ref();
                Poll::Pending
            }
            going_on => going_on,
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.kind {
            Kind::Broken(_) | Kind::Relayed(_) => false,
            Kind::Full(bytes) => bytes.is_empty(),
            Kind::Multiplexed(multiplexed) => multiplexed.incoming.is_end_stream(),
            Kind::Pooled(pooled) => pooled.flow.as_ref().is_none_or(Flow::is_end_stream),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.kind {
            Kind::Broken(_) => SizeHint::default(),
            Kind::Full(bytes) => Full::new(bytes.clone()).size_hint(),
            Kind::Multiplexed(multiplexed) => {
                let exact = multiplexed.left.map(SizeHint::with_exact);
                exact.unwrap_or_default()
            }
            Kind::Pooled(pooled) => {
                let hint = pooled.flow.as_ref().map(Flow::size_hint);
                hint.unwrap_or_default()
            }
            Kind::Relayed(relayed) => relayed.length,
        }
    }
}

impl Relayed {
    fn poll_frame(&mut self, cx: &mut Context<'_>) -> Polled {
        self.parts.poll_recv(cx).map(|part| match part {
            Some(Ok(bytes)) if bytes.is_empty() => None,
            Some(part) => Some(part.map(Frame::data)),
            None => Some(Err(BodyError::Stalled)),
        })
    }
}

impl Pooled {
    fn poll_frame(&mut self, cx: &mut Context<'_>) -> Polled {
        let Some(flow) = &mut self.flow else {
            return Poll::Ready(None);
        };
        match flow.poll_frame(cx) {
            Poll::Ready(None) => Poll::Ready(None),
            Poll::Ready(Some(_)) if !self.vigil.heard() => {
                // Closed, whatever else would come.
                self.flow = None;
                stalled()
            }
            Poll::Ready(Some(frame)) => Poll::Ready(Some(frame.map_err(BodyError::Broken))),
            Poll::Pending => {
                ready!(self.vigil.silence(cx));
                self.flow = None;
                stalled()
            }
        }
    }
}

impl Drop for Pooled {
    /// A server drops a body it has read to the end without asking for the end; any other one takes
    /// its connection with it (RFC 9112, section 9.3.1).
    fn drop(&mut self) {
        if let Some(line) = self.flow.take().and_then(Flow::into_line) {
            self.pool.give_back(line);
        }
    }
}

impl Multiplexed {
    fn poll_frame(&mut self, cx: &mut Context<'_>) -> Polled {
        if !self.data_ended {
            match self.incoming.poll_data(cx) {
                Poll::Ready(Some(_)) if !self.vigil.heard() => return stalled(),
                Poll::Ready(Some(Ok(data))) => return Poll::Ready(Some(Ok(self.took(data)))),
                Poll::Ready(Some(Err(error))) if self.is_whole(&error) => return Poll::Ready(None),
                Poll::Ready(Some(Err(error))) => {
                    return Poll::Ready(Some(Err(BodyError::Reset(error))));
                }
                Poll::Ready(None) => self.data_ended = true,
                Poll::Pending => {
                    ready!(self.vigil.silence(cx));
                    return stalled();
                }
            }
        }
        match self.incoming.poll_trailers(cx) {
            Poll::Ready(trailers) => Poll::Ready(match trailers {
                Ok(trailers) => trailers.map(|trailers| Ok(Frame::trailers(trailers))),
                Err(error) if self.is_whole(&error) => None,
                Err(error) => Some(Err(BodyError::Reset(error))),
            }),
            Poll::Pending => {
                ready!(self.vigil.silence(cx));
                stalled()
            }
        }
    }

    /// Lets the backend send as much again.
    fn took(&mut self, data: Bytes) -> Frame<Bytes> {
        let length = data.len();
        if let Some(left) = &mut self.left {
            *left = left.saturating_sub(u64::try_from(length).unwrap_or(u64::MAX));
        }
        if self
            .incoming
            .flow_control()
            .release_capacity(length)
            .is_err()
        {
            tracing::trace!("a window of a stream that has ended");
        }
        Frame::data(data)
    }

    /// RFC 9113, section 8.1: a server may reset the stream with `NO_ERROR` "after sending a
    /// complete response"; whether it was complete only its length can tell.
    fn is_whole(&self, error: &h2::Error) -> bool {
        error.reason() == Some(Reason::NO_ERROR) && self.left == Some(0)
    }
}

fn stalled() -> Polled {
    Poll::Ready(Some(Err(BodyError::Stalled)))
}
