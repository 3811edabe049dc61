//! Instants that fit beside other facts into one atomic word.

use std::time::Duration;

use tokio::time::Instant;

/// Milliseconds since the fleet began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Moment(u64);

/// How many bits a moment is kept in: 34 years of milliseconds.
pub(super) const MOMENT_BITS: u32 = 40;

/// The last moment there is.
const LAST: u64 = (1 << MOMENT_BITS) - 1;

impl Moment {
    /// That many milliseconds in; what does not fit is the last one.
    pub(super) const fn from_millis(millis: u64) -> Self {
        if millis > LAST {
            Self(LAST)
        } else {
            Self(millis)
        }
    }

    /// `now`, seen from the beginning.
    pub(super) fn at(now: Instant, beginning: Instant) -> Self {
        let since = now.saturating_duration_since(beginning);
        Self::from_millis(u64::try_from(since.as_millis()).unwrap_or(LAST))
    }

    /// The number of milliseconds.
    pub(super) const fn millis(self) -> u64 {
        self.0
    }

    /// That much later.
    pub(super) fn after(self, span: Duration) -> Self {
        let span = u64::try_from(span.as_millis()).unwrap_or(LAST);
        Self::from_millis(self.0.saturating_add(span))
    }

    /// How long it is since `earlier`; nothing, if that is later.
    pub(super) const fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
    }
}
