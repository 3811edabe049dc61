//! What the link's tasks know together, and operators may read.

use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::check::Trouble;
use super::fence::Marker;
use crate::time::Timestamp;

/// How it stands with Redis.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reach {
    /// Why it cannot be used; nothing if it can.
    pub trouble: Option<Trouble>,
    /// How long the last question took.
    pub round_trip: Duration,
    /// One-time codes made until then are refused, as their use may have been forgotten; nothing if
    /// none may.
    pub fence: Option<Timestamp>,
    /// How many replicas follow it.
    pub replicas: u64,
    /// How far its clock is from this gateway's.
    pub skew: Duration,
    /// What could not be written yet and will be made up for.
    pub owed: usize,
    /// What was given up: outcomes that will be found unknown.
    pub lost: u64,
}

/// The same, while it changes. What a scan needs is read without a lock.
#[derive(Debug, Default)]
pub(super) struct Board {
    up: AtomicBool,
    generation: AtomicU64,
    offset: AtomicI64,
    fence: AtomicI64,
    address: AtomicUsize,
    owed: AtomicUsize,
    lost: AtomicU64,
    view: Mutex<View>,
}

#[derive(Debug, Default)]
struct View {
    trouble: Option<Trouble>,
    round_trip: Duration,
    replicas: u64,
    skew: Duration,
    marker: Option<Marker>,
    seen: Option<Duration>,
}

/// What one look at the server told.
#[derive(Debug)]
pub(super) struct Sight {
    /// The marker, as it is now.
    pub(super) marker: Marker,
    /// By the steady clock.
    pub(super) at: Duration,
    /// What is added to the steady clock's milliseconds to have the server's.
    pub(super) offset: i64,
    /// How long it took.
    pub(super) round_trip: Duration,
    /// How far the clocks are apart.
    pub(super) skew: Duration,
    /// How many replicas there are.
    pub(super) replicas: u64,
}

/// What is to be told to the server when it is looked at again.
#[derive(Debug, Default)]
pub(super) struct Memory {
    /// The server last seen.
    pub(super) server: Box<str>,
    /// When, by the steady clock.
    pub(super) at: Option<Duration>,
    /// How its clock stood to the steady one.
    pub(super) offset: i64,
}

impl Board {
    /// Whether it can be used.
    pub(super) fn is_up(&self) -> bool {
        self.up.load(Ordering::Acquire)
    }

    /// It can be used from now on, at this address.
    pub(super) fn rise(&self, address: usize) {
        self.address.store(address, Ordering::Release);
        self.view().trouble = None;
        self.up.store(true, Ordering::Release);
    }

    /// It cannot be used any more; connections made until now are not used again. True if that is
    /// news.
    pub(super) fn fall(&self, trouble: Trouble) -> bool {
        self.up.store(false, Ordering::Release);
        self.generation.fetch_add(1, Ordering::AcqRel);
        self.view().trouble.replace(trouble) != Some(trouble)
    }

    /// Changes whenever connections have become stale.
    pub(super) fn generation(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }

    /// Which address is in use.
    pub(super) fn address(&self) -> usize {
        self.address.load(Ordering::Acquire)
    }

    /// The time on the server, as of the last look at it.
    pub(super) fn server_time(&self, steady: Duration) -> Timestamp {
        let offset = self.offset.load(Ordering::Relaxed);
        Timestamp::from_millis(millis(steady).saturating_add(offset))
    }

    /// The fence as last seen.
    pub(super) fn fence(&self) -> Timestamp {
        Timestamp::from_millis(self.fence.load(Ordering::Acquire))
    }

    /// What was last seen.
    pub(super) fn memory(&self) -> Memory {
        let view = self.view();
        let server = view.marker.as_ref().map(|marker| marker.server.clone());
        Memory {
            server: server.unwrap_or_default(),
            at: view.seen,
            offset: self.offset.load(Ordering::Relaxed),
        }
    }

    /// Notes what was seen.
    pub(super) fn note(&self, sight: Sight) {
        let mut view = self.view();
        self.offset.store(sight.offset, Ordering::Relaxed);
        self.fence
            .store(sight.marker.fence.millis(), Ordering::Release);
        view.round_trip = sight.round_trip;
        view.replicas = sight.replicas;
        view.skew = sight.skew;
        view.marker = Some(sight.marker);
        view.seen = Some(sight.at);
    }

    /// So much waits to be written.
    pub(super) fn owe(&self, count: usize) {
        self.owed.store(count, Ordering::Relaxed);
    }

    /// Something will not be written.
    pub(super) fn lose(&self) {
        self.lost.fetch_add(1, Ordering::Relaxed);
    }

    /// How it stands.
    pub(super) fn reach(&self) -> Reach {
        let fence = self.fence();
        let view = self.view();
        let up = self.is_up();
        Reach {
            trouble: (!up).then(|| view.trouble.unwrap_or(Trouble::Fresh)),
            round_trip: view.round_trip,
            fence: (fence > Timestamp::default()).then_some(fence),
            replicas: view.replicas,
            skew: view.skew,
            owed: self.owed.load(Ordering::Relaxed),
            lost: self.lost.load(Ordering::Relaxed),
        }
    }

    fn view(&self) -> MutexGuard<'_, View> {
        self.view.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A span in milliseconds, as scripts want it.
pub(super) fn millis(span: Duration) -> i64 {
    i64::try_from(span.as_millis()).unwrap_or(i64::MAX)
}
