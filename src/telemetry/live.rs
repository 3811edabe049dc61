//! The scans of the last moments, for whoever watches.
//!
//! Nothing is kept for a watcher: each remembers the number of the last event it saw and asks for
//! what came since. Who is slow misses some and is told how many; where there are more scans than
//! anybody reads, some are not kept at all and count as missed.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Notify;

use super::{ScanEvent, Sink};

/// The events that are kept.
pub const KEPT: usize = 1_000;

/// How long it takes until one more may be kept.
const EACH: Duration = Duration::from_millis(1);

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
    /// The oldest first, with their numbers.
    events: VecDeque<(u64, Arc<ScanEvent>)>,
    /// The number of the last event, kept or not; the first is 1.
    last: u64,
    pace: Pace,
}

/// How many may be kept just now: as many as there is room for, and within a second as many again.
/// Nobody reads more of them, and they would drive out of the cache what serves the scans.
#[derive(Debug)]
struct Pace {
    room: usize,
    refilled: Instant,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            room: KEPT,
            refilled: Instant::now(),
        }
    }
}

impl Pace {
    fn refill(&mut self, now: Instant) {
        let passed = now.saturating_duration_since(self.refilled);
        let more = usize::try_from(passed.as_micros() / EACH.as_micros()).unwrap_or(KEPT);
        if more > 0 {
            self.room = KEPT.min(self.room.saturating_add(more));
            self.refilled = now;
        }
    }

    const fn admits(&mut self) -> bool {
        let admitted = self.room > 0;
        self.room = self.room.saturating_sub(1);
        admitted
    }
}

impl Ring {
    fn add(&mut self, event: &ScanEvent) {
        self.last += 1;
        if self.pace.admits() {
            if self.events.len() == KEPT {
                self.events.pop_front();
            }
            self.events.push_back((self.last, Arc::new(event.clone())));
        }
    }
}

/// What came since a watcher looked last.
#[derive(Debug, Default)]
pub struct Glance {
    /// The events with their numbers, the oldest first.
    pub events: Vec<(u64, Arc<ScanEvent>)>,
    /// How many came that are not here.
    pub missed: u64,
    /// What to ask for the next time.
    pub last: u64,
}

impl Live {
    /// What came after the event of that number.
    pub fn since(&self, last: u64) -> Glance {
        let ring = self.ring();
        let newer = ring.events.partition_point(|(number, _)| *number <= last);
        let events: Vec<_> = ring.events.iter().skip(newer).cloned().collect();
        let came = ring.last.saturating_sub(last);
        let kept = u64::try_from(events.len()).unwrap_or(u64::MAX);
        Glance {
            events,
            missed: came.saturating_sub(kept),
            last: ring.last,
        }
    }

    /// The number of the last event.
    pub fn last(&self) -> u64 {
        self.ring().last
    }

    fn ring(&self) -> MutexGuard<'_, Ring> {
        self.0.ring.lock().unwrap_or_else(PoisonError::into_inner)
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
    fn take(&mut self, events: &[ScanEvent], _lost: u64) {
        let mut ring = self.ring();
        ring.pace.refill(Instant::now());
        for event in events {
            ring.add(event);
        }
        drop(ring);
        self.0.changed.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::{EventNames, TraceContext};
    use crate::time::Timestamp;

    fn events(count: usize) -> Vec<ScanEvent> {
        let at = Timestamp::from_seconds(0);
        let names = Arc::new(EventNames::default());
        let event = ScanEvent::of(names, at, None, TraceContext::default(), 0);
        vec![event; count]
    }

    #[test]
    fn a_flood_is_thinned_out_and_says_so() {
        let mut live = Live::default();
        live.take(&events(3), 0);
        assert_eq!((live.since(0).events.len(), live.since(1).missed), (3, 0));
        live.take(&events(10 * KEPT), 0);
        let glance = live.since(3);
        let kept = u64::try_from(glance.events.len()).unwrap();
        assert_eq!(kept + glance.missed, 10 * u64::try_from(KEPT).unwrap());
        assert!(glance.events.len() < 2 * KEPT, "{kept}");
        let newest = glance.last;
        assert!(live.since(newest).events.is_empty());
        // A watcher from before a restart has seen more than there is.
        assert_eq!(live.since(newest + 5).missed, 0);
    }
}
