//! Where a worker lays what it has to tell.

use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::ScanEvent;

/// The events a tray holds: those of a worker at its very fastest for a fifth of a second. The clerk
/// comes ten times as often.
const CAPACITY: usize = 8_192;

/// The events a pile keeps for reuse: what a very busy worker lays down between two rounds of the
/// clerk. A longer pile is given back.
const SPARE: usize = 1_024;

/// One worker's tray: one pile it lays down, one the clerk tells. The lock of the first is the
/// worker's alone, but for the moment in which the clerk exchanges them.
#[derive(Debug, Default)]
pub struct Tray {
    laid: Mutex<Pile>,
    told: Mutex<Pile>,
}

/// The trays of all workers; clones share them.
#[derive(Clone, Debug, Default)]
pub struct Trays(Arc<Mutex<Vec<Arc<Tray>>>>);

/// Events to be told, and behind them some that were told already: the worker overwrites them one by
/// one, so that what it allocated it frees itself.
#[derive(Debug, Default)]
struct Pile {
    events: Vec<ScanEvent>,
    /// How many of them are to be told.
    fresh: usize,
    /// How many found no room.
    lost: u64,
}

impl Pile {
    fn lay(&mut self, event: ScanEvent) {
        match self.events.get_mut(self.fresh) {
            Some(told) => *told = event,
            None if self.fresh < CAPACITY => self.events.push(event),
            None => {
                self.lost += 1;
                return;
            }
        }
        self.fresh += 1;
    }

    fn fresh(&self) -> &[ScanEvent] {
        self.events.get(..self.fresh).unwrap_or_default()
    }

    const fn is_empty(&self) -> bool {
        self.fresh == 0 && self.lost == 0
    }

    /// All that is here was told.
    fn reuse(&mut self) {
        (self.fresh, self.lost) = (0, 0);
        self.events.truncate(SPARE);
        self.events.shrink_to(SPARE);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Tray {
    /// Lays an event down; lost if there is no room.
    pub fn lay(&self, event: ScanEvent) {
        lock(&self.laid).lay(event);
    }

    /// Tells what is there and how many were lost, if there is anything to tell.
    fn empty(&self, each: &mut impl FnMut(&[ScanEvent], u64)) {
        let mut pile = lock(&self.told);
        mem::swap(&mut *pile, &mut *lock(&self.laid));
        if !pile.is_empty() {
            each(pile.fresh(), pile.lost);
            pile.reuse();
        }
    }
}

impl Trays {
    /// A new worker's tray.
    pub fn add(&self) -> Arc<Tray> {
        let tray = Arc::new(Tray::default());
        lock(&self.0).push(Arc::clone(&tray));
        tray
    }

    /// Empties every tray in turn. Those whose worker has ended are taken away.
    pub(super) fn empty(&self, mut each: impl FnMut(&[ScanEvent], u64)) {
        let trays = lock(&self.0).clone();
        for tray in &trays {
            tray.empty(&mut each);
        }
        drop(trays);
        let is_needed =
            |tray: &Arc<Tray>| Arc::strong_count(tray) > 1 || !lock(&tray.laid).is_empty();
        lock(&self.0).retain(is_needed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::{EventNames, TraceContext};
    use crate::time::Timestamp;

    fn event(status: u16) -> ScanEvent {
        let at = Timestamp::from_seconds(0);
        let names = Arc::new(EventNames::default());
        let mut event = ScanEvent::of(names, at, None, TraceContext::default(), 0);
        event.status = status;
        event
    }

    #[track_caller]
    fn check(trays: &Trays, expected: &[u16], expected_lost: u64) {
        let (mut statuses, mut all_lost) = (Vec::new(), 0);
        trays.empty(|events, lost| {
            statuses.extend(events.iter().map(|event| event.status));
            all_lost += lost;
        });
        assert_eq!((&*statuses, all_lost), (expected, expected_lost));
    }

    #[test]
    fn every_event_is_told_once_in_its_order() {
        let trays = Trays::default();
        let tray = trays.add();
        for statuses in [&[1, 2, 3][..], &[4], &[], &[5, 6, 7, 8], &[9]] {
            for &status in statuses {
                tray.lay(event(status));
            }
            check(&trays, statuses, 0);
        }
    }

    #[test]
    fn what_finds_no_room_is_counted() {
        let trays = Trays::default();
        let tray = trays.add();
        for _ in 0..CAPACITY + 3 {
            tray.lay(event(1));
        }
        check(&trays, &[1; CAPACITY], 3);
        tray.lay(event(2));
        check(&trays, &[2], 0);
    }

    #[test]
    fn a_tray_goes_with_its_worker_once_it_is_empty() {
        let trays = Trays::default();
        let tray = trays.add();
        tray.lay(event(1));
        drop(tray);
        check(&trays, &[1], 0);
        assert!(lock(&trays.0).is_empty());
    }
}
