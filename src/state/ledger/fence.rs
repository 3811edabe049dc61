//! What a memory that began anew must refuse.

use std::time::Duration;

use crate::state::Claim;
use crate::time::{Moment, Timestamp};

/// Where a memory of used codes begins. A code that may have been made before could have been used
/// before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Fence {
    /// By the clock on the wall.
    pub(super) wall: Timestamp,
    /// How long the memory had lasted when it was carried here.
    pub(super) age: Duration,
    /// When that was, by the steady clock.
    pub(super) steady: Duration,
}

impl Fence {
    /// A memory that begins now.
    pub(super) const fn at(now: Moment) -> Self {
        Self {
            wall: now.wall,
            age: Duration::ZERO,
            steady: now.steady,
        }
    }

    /// How long the memory has lasted.
    pub(super) fn age(&self, steady: Duration) -> Duration {
        let here = steady.saturating_sub(self.steady);
        self.age.saturating_add(here)
    }

    /// Whether the code could have been used before. If the clock on the wall was put right since
    /// the beginning, that is when the beginning was by the clock that is right.
    pub(super) fn refuses(&self, claim: &Claim, now: Moment) -> bool {
        let age = self.age(now.steady);
        match (claim.made, claim.lifetime) {
            (Some(made), _) => made <= self.wall.max(now.wall.before(age)),
            (None, Some(lifetime)) => age < lifetime,
            (None, None) => true,
        }
    }
}
