//! The body of a request, whichever way it comes.

use std::{
    cell::{Cell, RefCell},
    collections::VecDeque,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll, Waker, ready},
};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;

/// A request's body: here with its head, or still on its way.
#[derive(Debug)]
pub struct RequestBody(Kind);

#[derive(Debug)]
enum Kind {
    /// All of it, until it is taken.
    Here(Bytes),
    /// What the lane reads as it is asked for.
    Arriving(Rc<Feed>),
    /// What hyper reads.
    Streamed(Incoming),
}

/// Why a request's body ended before its end.
#[derive(Debug, thiserror::Error)]
pub enum RequestError {
    /// hyper did not like it, or its connection broke.
    #[error("the request's body is broken")]
    Broken(#[source] hyper::Error),
    /// Its sender said no more, or its connection broke.
    #[error("the request's body ended early")]
    Truncated,
}

impl RequestBody {
    /// What the lane reads into that feed.
    pub(super) const fn arriving(feed: Rc<Feed>) -> Self {
        Self(Kind::Arriving(feed))
    }
}

impl From<Bytes> for RequestBody {
    fn from(bytes: Bytes) -> Self {
        Self(Kind::Here(bytes))
    }
}

impl From<Incoming> for RequestBody {
    fn from(incoming: Incoming) -> Self {
        Self(Kind::Streamed(incoming))
    }
}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = RequestError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, RequestError>>> {
        match &mut self.get_mut().0 {
            Kind::Here(bytes) if bytes.is_empty() => Poll::Ready(None),
            Kind::Here(bytes) => Poll::Ready(Some(Ok(Frame::data(std::mem::take(bytes))))),
            Kind::Arriving(feed) => feed.poll_frame(cx),
            Kind::Streamed(incoming) => {
                let frame = ready!(Pin::new(incoming).poll_frame(cx));
                Poll::Ready(frame.map(|frame| frame.map_err(RequestError::Broken)))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.0 {
            Kind::Here(bytes) => bytes.is_empty(),
            Kind::Arriving(feed) => feed.is_taken(),
            Kind::Streamed(incoming) => incoming.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        let exact = |bytes: usize| SizeHint::with_exact(u64::try_from(bytes).unwrap_or(u64::MAX));
        match &self.0 {
            Kind::Here(bytes) => exact(bytes.len()),
            Kind::Arriving(feed) => exact(feed.untaken()),
            Kind::Streamed(incoming) => incoming.size_hint(),
        }
    }
}

/// A body between the connection it comes from and the handler that reads it, both on one task. Nothing
/// is read ahead of being asked for.
#[derive(Debug, Default)]
pub(super) struct Feed {
    /// What came and was not taken yet.
    parts: RefCell<VecDeque<Bytes>>,
    /// How much is still to come.
    missing: Cell<usize>,
    is_cut: Cell<bool>,
    is_wanted: Cell<bool>,
    reader: RefCell<Option<Waker>>,
}

impl Feed {
    /// A body of which that much is still to come.
    pub(super) fn of(missing: usize) -> Self {
        Self {
            missing: Cell::new(missing),
            ..Self::default()
        }
    }

    /// How much is still to come.
    pub(super) fn missing(&self) -> usize {
        self.missing.get()
    }

    /// Whether its reader waits for more. It can only wait for what is still to come.
    pub(super) fn is_wanted(&self) -> bool {
        self.is_wanted.get()
    }

    /// Whether no more of it will come.
    pub(super) fn is_cut(&self) -> bool {
        self.is_cut.get()
    }

    /// More of it is here.
    pub(super) fn push(&self, part: Bytes) {
        let missing = self.missing.get().saturating_sub(part.len());
        self.missing.set(missing);
        self.parts.borrow_mut().push_back(part);
        self.wake();
    }

    /// No more of it will come.
    pub(super) fn cut(&self) {
        self.is_cut.set(true);
        self.wake();
    }

    fn wake(&self) {
        self.is_wanted.set(false);
        let reader = self.reader.take();
        if let Some(reader) = reader {
            reader.wake();
        }
    }

    fn poll_frame(&self, cx: &Context<'_>) -> Poll<Option<Result<Frame<Bytes>, RequestError>>> {
        if let Some(part) = self.parts.borrow_mut().pop_front() {
            return Poll::Ready(Some(Ok(Frame::data(part))));
        }
        if self.missing.get() == 0 {
            return Poll::Ready(None);
        }
        if self.is_cut.get() {
            return Poll::Ready(Some(Err(RequestError::Truncated)));
        }
        self.is_wanted.set(true);
        self.reader.replace(Some(cx.waker().clone()));
        Poll::Pending
    }

    fn untaken(&self) -> usize {
        let here: usize = self.parts.borrow().iter().map(Bytes::len).sum();
        here + self.missing.get()
    }

    fn is_taken(&self) -> bool {
        self.missing.get() == 0 && self.parts.borrow().is_empty()
    }
}

#[cfg(test)]
mod tests {
    use std::task::{Context, Poll, Waker};

    use super::*;

    fn frame(body: &mut RequestBody) -> Poll<Option<Result<Bytes, RequestError>>> {
        let frame = Pin::new(body).poll_frame(&mut Context::from_waker(Waker::noop()));
        frame.map_ok(|frame| frame.into_data().unwrap())
    }

    #[test]
    fn a_body_that_is_here_is_one_frame() {
        let mut body = RequestBody::from(Bytes::from_static(b"all"));
        assert_eq!(body.size_hint().exact(), Some(3));
        assert!(matches!(frame(&mut body), Poll::Ready(Some(Ok(it))) if it == "all"));
        assert!(body.is_end_stream());
        assert!(matches!(frame(&mut body), Poll::Ready(None)));
    }

    #[test]
    fn a_body_on_its_way_is_read_as_it_comes() {
        let feed = Rc::new(Feed::of(5));
        let mut body = RequestBody::arriving(Rc::clone(&feed));
        feed.push(Bytes::from_static(b"on"));
        assert_eq!(body.size_hint().exact(), Some(5));
        assert!(matches!(frame(&mut body), Poll::Ready(Some(Ok(it))) if it == "on"));
        assert!(!feed.is_wanted());
        assert!(frame(&mut body).is_pending());
        assert!(feed.is_wanted());
        feed.push(Bytes::from_static(b"its"));
        assert!(!feed.is_wanted() && !body.is_end_stream());
        assert!(matches!(frame(&mut body), Poll::Ready(Some(Ok(it))) if it == "its"));
        assert!(body.is_end_stream());
    }

    #[test]
    fn a_body_that_is_cut_says_so_behind_what_came() {
        let feed = Rc::new(Feed::of(5));
        let mut body = RequestBody::arriving(Rc::clone(&feed));
        feed.push(Bytes::from_static(b"half"));
        feed.cut();
        assert!(matches!(frame(&mut body), Poll::Ready(Some(Ok(_)))));
        let end = frame(&mut body);
        assert!(matches!(
            end,
            Poll::Ready(Some(Err(RequestError::Truncated)))
        ));
    }
}
