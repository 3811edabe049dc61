//! Where a worker lays what it has to tell.

use std::mem;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use super::ScanEvent;

/// The events a tray holds: those of a worker at its very fastest for a fifth of a second. The clerk
/// comes ten times as often.
const CAPACITY: usize = 8_192;

/// One worker's tray. Its lock is the worker's alone, but for the moment in which the clerk takes
/// the full one and leaves an empty one.
#[derive(Debug, Default)]
pub struct Tray {
    events: Mutex<Vec<Arc<ScanEvent>>>,
    lost: AtomicU64,
}

/// The trays of all workers; clones share them.
#[derive(Clone, Debug, Default)]
pub struct Trays(Arc<Mutex<Vec<Arc<Tray>>>>);

impl Tray {
    /// Lays an event down; lost if there is no room.
    pub fn lay(&self, event: Arc<ScanEvent>) {
        let mut events = self.events.lock().unwrap_or_else(PoisonError::into_inner);
        if events.len() < CAPACITY {
            events.push(event);
        } else {
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Takes what is there, leaving `empty` in its place, and how many found no room.
    fn take(&self, empty: &mut Vec<Arc<ScanEvent>>) -> u64 {
        let mut events = self.events.lock().unwrap_or_else(PoisonError::into_inner);
        mem::swap(&mut *events, empty);
        self.lost.swap(0, Ordering::Relaxed)
    }
}

impl Trays {
    /// A new worker's tray.
    pub fn add(&self) -> Arc<Tray> {
        let tray = Arc::new(Tray::default());
        let mut trays = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        trays.push(Arc::clone(&tray));
        tray
    }

    /// Empties every tray in turn. Those whose worker has ended are taken away.
    pub(super) fn empty(&self, mut each: impl FnMut(&[Arc<ScanEvent>], u64)) {
        let trays = self
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        let mut events = Vec::new();
        for tray in &trays {
            let lost = tray.take(&mut events);
            if !events.is_empty() || lost > 0 {
                each(&events, lost);
                events.clear();
            }
        }
        drop(trays);
        let mut trays = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        trays.retain(|tray| Arc::strong_count(tray) > 1 || !tray.is_empty());
    }
}

impl Tray {
    fn is_empty(&self) -> bool {
        let events = self.events.lock().unwrap_or_else(PoisonError::into_inner);
        events.is_empty() && self.lost.load(Ordering::Relaxed) == 0
    }
}
