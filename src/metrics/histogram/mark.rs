//! The trace that was seen last in each classic bucket.

use std::sync::{Mutex, PoisonError, TryLockError};
use std::time::Duration;

use crate::time::Timestamp;

/// One observation that can be looked up elsewhere.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::metrics) struct Mark {
    /// Where its bucket ends, in seconds.
    pub(in crate::metrics) bound: f64,
    /// Its trace.
    pub(in crate::metrics) trace: [u8; 16],
    /// How long it took.
    pub(in crate::metrics) took: Duration,
    /// When it was over.
    pub(in crate::metrics) at: Timestamp,
}

/// One place for each bucket.
#[derive(Debug)]
pub(in crate::metrics) struct Marks(Box<[Mutex<Option<Mark>>]>);

impl Marks {
    pub(super) fn of(buckets: usize) -> Self {
        Self((0..buckets).map(|_| Mutex::default()).collect())
    }

    /// Remembers `mark`, unless somebody is at its place: nobody waits for a trace.
    pub(super) fn leave(&self, bucket: usize, mark: Mark) {
        match self.0.get(bucket).map(Mutex::try_lock) {
            Some(Ok(mut place)) => *place = Some(mark),
            Some(Err(TryLockError::Poisoned(place))) => *place.into_inner() = Some(mark),
            Some(Err(TryLockError::WouldBlock)) | None => {}
        }
    }

    /// Somebody is at this place meanwhile.
    #[cfg(test)]
    pub(super) fn held(&self, bucket: usize, meanwhile: impl FnOnce()) {
        let _held = self.0[bucket].lock().unwrap();
        meanwhile();
    }

    /// What is remembered, in the order of the buckets.
    pub(in crate::metrics) fn read(&self) -> impl Iterator<Item = Option<Mark>> {
        self.0
            .iter()
            .map(|place| *place.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
