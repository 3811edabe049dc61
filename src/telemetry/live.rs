//! The scans of the last moments, for whoever watches.
//!
//! Nothing is kept for a watcher: each remembers the number of the last event it saw and asks for
//! what came since. Who is slow misses some and is told how many.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::Notify;

use super::{ScanEvent, Sink};

/// The events that are kept.
pub const KEPT: usize = 1_000;

/// The last events; clones share them.
#[derive(Clone, Debug, Default)]
pub struct Live(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    ring: Mutex<Ring>,
    changed: Notify,
}

#[derive(Debug, Default)]
struct Ring {
    events: VecDeque<Arc<ScanEvent>>,
    /// The number of the next event; the first is 1.
    next: u64,
}

/// What came since a watcher looked last.
#[derive(Debug, Default)]
pub struct Glance {
    /// The events with their numbers, the oldest first.
    pub events: Vec<(u64, Arc<ScanEvent>)>,
    /// How many are gone already.
    pub missed: u64,
    /// What to ask for the next time.
    pub last: u64,
}

impl Live {
    /// What came after the event of that number.
    pub fn since(&self, last: u64) -> Glance {
        let ring = self.0.ring.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = u64::try_from(ring.events.len()).unwrap_or(u64::MAX);
        let oldest = ring.next - kept;
        let from = last.clamp(oldest, ring.next);
        let skip = usize::try_from(from - oldest).unwrap_or(usize::MAX);
        let events = ring.events.iter().skip(skip).cloned();
        Glance {
            events: (from + 1..).zip(events).collect(),
            missed: from.saturating_sub(last),
            last: ring.next,
        }
    }

    /// The number of the last event.
    pub fn last(&self) -> u64 {
        let ring = self.0.ring.lock().unwrap_or_else(PoisonError::into_inner);
        ring.next
    }

    /// Waits until there is something newer than the event of that number.
    pub async fn changed(&self, last: u64) {
        loop {
            let changed = self.0.changed.notified();
            if self.last() > last {
                return;
            }
            changed.await;
        }
    }
}

impl Sink for Live {
    fn take(&mut self, events: &[Arc<ScanEvent>], _lost: u64) {
        let mut ring = self.0.ring.lock().unwrap_or_else(PoisonError::into_inner);
        for event in events {
            if ring.events.len() == KEPT {
                ring.events.pop_front();
            }
            ring.events.push_back(Arc::clone(event));
            ring.next += 1;
        }
        drop(ring);
        self.0.changed.notify_waiters();
    }
}
