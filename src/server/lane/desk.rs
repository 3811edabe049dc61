//! What a connection needs while something of a request is here, and not longer: a worker has a few of
//! these for all its connections.

use std::{
    cell::{Cell, RefCell},
    convert::Infallible,
    fmt,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll},
};

use bytes::BytesMut;
use http::{HeaderMap, Request, Response};

use super::{
    super::{Handler, Peer, body::RequestBody, date::Date, strict::Head},
    answer::Answer,
    request::Parts,
};
use crate::framing::Names;
use crate::upstream::ResponseBody;

/// What is read at once: a scan with its head has some hundred bytes, seldom two thousand.
pub(super) const READ: usize = 4 * 1024;

/// Desks that a worker keeps although nobody sits there: as many requests come at once on a busy day. Each
/// has two small buffers and what a handler remembers while it works.
const KEPT: usize = 64;

/// A worker's desks, and what all of them use.
pub(in crate::server) struct Desks<H> {
    handler: Rc<H>,
    #[expect(clippy::vec_box, reason = "a desk passes from hand to hand")]
    free: RefCell<Vec<Box<Desk>>>,
    pub(super) names: Names,
    pub(super) date: Date,
}

/// Buffers, and whoever answers a request.
#[derive(Debug)]
pub(super) struct Desk {
    /// What came and was not dealt with.
    pub(super) input: BytesMut,
    pub(super) head: Head,
    pub(super) parts: Parts,
    /// A map of headers to be filled.
    pub(super) headers: HeaderMap,
    pub(super) clerk: Clerk,
    pub(super) answer: Answer,
}

impl<H: Handler> Desks<H> {
    pub(in crate::server) fn new(handler: Rc<H>, date: Date) -> Self {
        Self {
            handler,
            free: RefCell::default(),
            names: Names::default(),
            date,
        }
    }

    pub(super) fn take(&self) -> Box<Desk> {
        let free = self.free.borrow_mut().pop();
        free.unwrap_or_else(|| {
            Box::new(Desk {
                input: BytesMut::new(),
                head: Head::default(),
                parts: Parts::default(),
                headers: HeaderMap::new(),
                clerk: Clerk::new(Rc::clone(&self.handler)),
                answer: Answer::new(),
            })
        })
    }

    /// Takes a desk back, and throws away what still lies on it.
    pub(super) fn give_back(&self, mut desk: Box<Desk>) {
        // An answer that was not taken to its end holds on to its department until here.
        desk.answer.clear();
        desk.input.clear();
        desk.clear();
        let mut free = self.free.borrow_mut();
        if free.len() < KEPT && desk.is_small() {
            free.push(desk);
        }
    }
}

impl<H> fmt::Debug for Desks<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Desks")
            .field("free", &self.free.borrow().len())
            .finish_non_exhaustive()
    }
}

impl Desk {
    /// Makes room for what is read next, in the same memory if nobody holds anything of it any more.
    pub(super) fn make_room(&mut self) {
        if self.input.is_empty() {
            if !self.input.try_reclaim(READ) {
                self.input = BytesMut::with_capacity(READ);
            }
        } else if self.input.len() == self.input.capacity() {
            self.input.reserve(READ);
        }
    }

    /// Ready for the next head.
    pub(super) fn clear(&mut self) {
        self.head = Head::default();
        self.parts.clear();
    }

    /// Whether it holds no more than usual requests need.
    fn is_small(&self) -> bool {
        self.input.capacity() <= 2 * READ && self.answer.is_small()
    }
}

/// Answers one request after the other, in the same memory.
pub(super) struct Clerk {
    tray: Rc<Tray>,
    /// Never ends; waits for the next request between two.
    work: Pin<Box<dyn Future<Output = Infallible>>>,
}

/// Where a request is laid, and then its answer.
#[derive(Default)]
struct Tray {
    request: Cell<Option<(Request<RequestBody>, Rc<Peer>)>>,
    response: Cell<Option<Response<ResponseBody>>>,
}

impl Clerk {
    fn new<H: Handler>(handler: Rc<H>) -> Self {
        let tray = Rc::new(Tray::default());
        let its = Rc::clone(&tray);
        let work = async move {
            loop {
                let (request, peer) = std::future::poll_fn(|_| match its.request.take() {
                    Some(given) => Poll::Ready(given),
                    None => Poll::Pending,
                })
                .await;
                let response = handler.handle(request, &peer).await;
                its.response.set(Some(response));
            }
        };
        Self {
            tray,
            work: Box::pin(work),
        }
    }

    /// Gives it a request; it must have answered the one before.
    pub(super) fn give(&self, request: Request<RequestBody>, peer: Rc<Peer>) {
        self.tray.request.set(Some((request, peer)));
    }

    pub(super) fn poll_answer(&mut self, cx: &mut Context<'_>) -> Poll<Response<ResponseBody>> {
        match self.work.as_mut().poll(cx) {
            Poll::Ready(never) => match never {},
            Poll::Pending => match self.tray.response.take() {
                Some(response) => Poll::Ready(response),
                None => Poll::Pending,
            },
        }
    }
}

impl fmt::Debug for Clerk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Clerk").finish_non_exhaustive()
    }
}
