//! The time one picture may take.

use std::time::{Duration, Instant};

/// Since when a picture is read, and how long that may last.
#[derive(Debug)]
pub(super) struct Budget {
    begun: Instant,
    time: Duration,
}

impl Budget {
    /// A budget that begins now.
    pub(super) fn of(time: Duration) -> Self {
        Self {
            begun: Instant::now(),
            time,
        }
    }

    /// Whether no further pass may begin.
    pub(super) fn is_spent(&self) -> bool {
        self.begun.elapsed() >= self.time
    }
}
