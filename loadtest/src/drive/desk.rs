//! Where requests wait for a connection, and connections for a request. One thread, so no lock.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::future::poll_fn;
use std::task::{Poll, Waker};
use std::time::Instant;

use super::maker::Shot;

/// Requests that may wait on one thread; beyond that the run measures nothing but its own memory.
const MOST_WAITING: usize = 100_000;

/// A request that is due.
#[derive(Debug)]
pub(super) struct Job {
    pub(super) shot: Shot,
    /// When it was to be sent.
    pub(super) due: Instant,
    /// Whether a connection was free then.
    pub(super) was_free: bool,
    /// Which time it is sent, from 0.
    pub(super) time: u32,
}

/// The waiting.
#[derive(Debug, Default)]
pub(super) struct Desk {
    jobs: RefCell<VecDeque<Job>>,
    /// Connections that wait, the one that waits longest first: all are used, none grows old.
    free: RefCell<VecDeque<Waker>>,
    closed: Cell<bool>,
}

impl Desk {
    /// Hands a request to a connection that waits, or lets it wait for one; false if too many do.
    pub(super) fn push(&self, job: Job) -> bool {
        let mut jobs = self.jobs.borrow_mut();
        if jobs.len() >= MOST_WAITING {
            return false;
        }
        jobs.push_back(job);
        drop(jobs);
        if let Some(waker) = self.free.borrow_mut().pop_front() {
            waker.wake();
        }
        true
    }

    /// Whether a connection waits that nobody else has been promised to.
    pub(super) fn has_free(&self) -> bool {
        !self.free.borrow().is_empty() && self.jobs.borrow().is_empty()
    }

    /// The next request; none when there will be none.
    pub(super) async fn next(&self) -> Option<Job> {
        poll_fn(|context| {
            if let Some(job) = self.jobs.borrow_mut().pop_front() {
                return Poll::Ready(Some(job));
            }
            if self.closed.get() {
                return Poll::Ready(None);
            }
            self.free.borrow_mut().push_back(context.waker().clone());
            Poll::Pending
        })
        .await
    }

    /// Nothing more will come.
    pub(super) fn close(&self) {
        self.closed.set(true);
        for waker in self.free.borrow_mut().drain(..) {
            waker.wake();
        }
    }

    /// Requests that still wait.
    pub(super) fn waiting(&self) -> usize {
        self.jobs.borrow().len()
    }
}
