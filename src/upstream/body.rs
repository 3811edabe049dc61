//! The body of an answer: ours, or an upstream's as it comes in.

use std::{
    fmt,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use http_body_util::Full;
use hyper::{body::Incoming, client::conn::http1::SendRequest};

use super::{pool::Pool, seats::Seat};
use crate::tick::{Alarm, Timer};

/// An answer's body.
pub struct ResponseBody {
    kind: Kind,
    /// Given up with the last byte.
    seat: Option<Seat>,
}

enum Kind {
    /// Bytes of our own, taken when they are sent.
    Full(Bytes),
    /// An upstream's bytes, and the connection they come from.
    Pooled(Pooled),
}

/// Why a body ended before its end.
#[derive(Debug, thiserror::Error)]
pub enum BodyError {
    /// The upstream broke off.
    #[error("the upstream broke off its answer")]
    Broken(#[source] hyper::Error),
    /// The upstream sent nothing for too long.
    #[error("the upstream stopped in the middle of its answer")]
    Stalled,
}

struct Pooled {
    incoming: Incoming,
    ended: bool,
    /// Present until the connection goes back to its pool or is given up.
    sender: Option<SendRequest<Full<Bytes>>>,
    pool: Rc<Pool>,
    /// Set while we wait for the upstream.
    alarm: Option<Alarm>,
    timer: Timer,
    patience: Duration,
}

impl ResponseBody {
    pub(super) fn pooled(
        incoming: Incoming,
        sender: SendRequest<Full<Bytes>>,
        pool: Rc<Pool>,
        timer: Timer,
        patience: Duration,
    ) -> Self {
        let sender = Some(sender);
        let pooled = Pooled {
            incoming,
            ended: false,
            sender,
            pool,
            alarm: None,
            timer,
            patience,
        };
        Kind::Pooled(pooled).into()
    }

    /// The same, holding on to the seat until it has ended or is dropped.
    pub(super) fn holding(mut self, seat: Seat) -> Self {
        self.seat = Some(seat);
        self
    }

    /// No bytes.
    pub fn empty() -> Self {
        Kind::Full(Bytes::new()).into()
    }
}

impl From<Kind> for ResponseBody {
    fn from(kind: Kind) -> Self {
        Self { kind, seat: None }
    }
}

impl<B: Into<Bytes>> From<B> for ResponseBody {
    fn from(bytes: B) -> Self {
        Self {
            kind: Kind::Full(bytes.into()),
            seat: None,
        }
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

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let this = self.get_mut();
        let frame = match &mut this.kind {
            Kind::Full(bytes) if bytes.is_empty() => Poll::Ready(None),
            Kind::Full(bytes) => Poll::Ready(Some(Ok(Frame::data(std::mem::take(bytes))))),
            Kind::Pooled(pooled) => pooled.poll_frame(cx),
        };
        if matches!(frame, Poll::Ready(None | Some(Err(_)))) {
            this.seat = None;
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        match &self.kind {
            Kind::Full(bytes) => bytes.is_empty(),
            Kind::Pooled(pooled) => pooled.incoming.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.kind {
            Kind::Full(bytes) => Full::new(bytes.clone()).size_hint(),
            Kind::Pooled(pooled) => pooled.incoming.size_hint(),
        }
    }
}

impl Pooled {
    fn poll_frame(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        match Pin::new(&mut self.incoming).poll_frame(cx) {
            Poll::Ready(frame) => {
                self.alarm = None;
                self.ended = frame.is_none();
                Poll::Ready(frame.map(|frame| frame.map_err(BodyError::Broken)))
            }
            Poll::Pending => {
                let alarm = self.alarm.get_or_insert_with(|| {
                    let alarm = self.timer.alarm();
                    alarm.set(self.patience);
                    alarm
                });
                alarm.poll(cx).map(|()| Some(Err(BodyError::Stalled)))
            }
        }
    }
}

impl Drop for Pooled {
    /// hyper drops a body it has read to the end without asking for the end; any other one takes
    /// its connection with it.
    fn drop(&mut self) {
        if let Some(sender) = self.sender.take()
            && (self.ended || self.incoming.is_end_stream())
        {
            self.pool.give_back(sender);
        }
    }
}
