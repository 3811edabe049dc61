//! The generic cell rate algorithm (ITU-T I.371, annex A): one number a key.
//!
//! The number is the theoretical arrival time of the next request if all came evenly. A request
//! moves it on by the rate's interval, and is refused where it would then stand further ahead of
//! now than the burst allows. A number that lies behind now is no memory at all, and may be
//! forgotten without loss: that is what bounds the tables built of it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::rate::Rate;

/// Nanoseconds since the gateway began.
pub(super) type Nanos = u64;

/// A rate in nanoseconds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    /// What one request costs.
    interval: Nanos,
    /// How far ahead of now the number may stand.
    burst: Nanos,
}

/// How much of a rate is left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Level {
    /// Requests that may come at once.
    pub(super) left: u32,
    /// When there will be one more.
    pub(super) more_in: Duration,
}

/// What becomes of one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// It may go on; the number now stands there.
    Admitted(Nanos, Level),
    /// It may not, and leaves no trace: whoever goes on knocking is let in as soon as the others.
    Refused(Level),
}

impl Outcome {
    /// How much is left, on either side.
    pub(super) const fn level(self) -> Result<Level, Level> {
        match self {
            Self::Admitted(_, level) => Ok(level),
            Self::Refused(level) => Err(level),
        }
    }
}

impl From<Rate> for Pace {
    fn from(rate: Rate) -> Self {
        let interval = rate.interval();
        Self {
            interval,
            burst: interval.saturating_mul(rate.burst.get().into()),
        }
    }
}

impl Pace {
    /// Decides about a request that comes `now`, where the number stands at `arrival`.
    pub(super) fn take(self, arrival: Nanos, now: Nanos) -> Outcome {
        let moved = arrival.max(now).saturating_add(self.interval);
        let ahead = moved - now;
        if ahead > self.burst {
            return Outcome::Refused(Level {
                left: 0,
                more_in: Duration::from_nanos(ahead - self.burst),
            });
        }
        let room = self.burst - ahead;
        let left = room / self.interval;
        let level = Level {
            left: u32::try_from(left).unwrap_or(u32::MAX),
            more_in: Duration::from_nanos(self.interval - room % self.interval),
        };
        Outcome::Admitted(moved, level)
    }
}

/// The number of one key that is known beforehand. Whoever loses a race looks again: no request is
/// let in twice, and nobody waits.
#[derive(Debug, Default)]
pub(super) struct Cell(AtomicU64);

impl Cell {
    /// Decides about a request that comes `now`: how much is left, or why it may not go on.
    pub(super) fn take(&self, pace: Pace, now: Nanos) -> Result<Level, Level> {
        let mut arrival = self.0.load(Ordering::Relaxed);
        loop {
            let outcome = pace.take(arrival, now);
            let Outcome::Admitted(moved, _) = outcome else {
                return outcome.level();
            };
            let relaxed = Ordering::Relaxed;
            match self
                .0
                .compare_exchange_weak(arrival, moved, relaxed, relaxed)
            {
                Ok(_) => return outcome.level(),
                Err(newer) => arrival = newer,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;
    use std::thread;

    use proptest::prelude::*;

    use super::super::rate::Quota;
    use super::*;

    const SECOND: Nanos = 1_000_000_000;

    fn rate(quota: &str, burst: u32) -> Rate {
        Rate {
            quota: Quota::parse(quota).unwrap(),
            burst: NonZeroU32::new(burst).unwrap(),
        }
    }

    fn seconds(level: Level) -> (u32, f64) {
        (level.left, level.more_in.as_secs_f64())
    }

    #[test]
    fn a_burst_is_let_in_and_then_one_each_interval() {
        let (cell, pace) = (Cell::default(), rate("2/s", 3).into());
        let take = |now| cell.take(pace, now).map(seconds).map_err(seconds);
        let start = 7 * SECOND;
        assert_eq!(take(start), Ok((2, 0.5)));
        assert_eq!(take(start), Ok((1, 0.5)));
        assert_eq!(take(start), Ok((0, 0.5)));
        assert_eq!(take(start), Err((0, 0.5)));
        assert_eq!(take(start + SECOND / 4), Err((0, 0.25)));
        assert_eq!(take(start + SECOND / 2), Ok((0, 0.5)));
        assert_eq!(take(start + SECOND / 2), Err((0, 0.5)));
        assert_eq!(take(start + 100 * SECOND), Ok((2, 0.5)));
    }

    #[test]
    fn refusals_put_nothing_off() {
        let (cell, pace) = (Cell::default(), rate("1/min", 1).into());
        cell.take(pace, 0).unwrap();
        for second in 1..60 {
            let level = cell.take(pace, second * SECOND).unwrap_err();
            assert_eq!(level.more_in.as_secs(), 60 - second);
        }
        cell.take(pace, 60 * SECOND).unwrap();
    }

    #[test]
    fn a_clock_that_lags_behind_another_lets_in_no_more() {
        let (cell, pace) = (Cell::default(), rate("1/s", 2).into());
        cell.take(pace, 5 * SECOND).unwrap();
        cell.take(pace, 5 * SECOND - 1).unwrap_err();
        cell.take(pace, 5 * SECOND).unwrap();
        cell.take(pace, 4 * SECOND).unwrap_err();
    }

    #[test]
    fn the_longest_memory_overflows_nothing() {
        let (cell, pace) = (
            Cell::default(),
            rate("1/h", super::super::rate::MOST).into(),
        );
        // Three hundred years.
        let now = 10_000_000_000 * SECOND;
        let taken = (0..1000).filter(|_| cell.take(pace, now).is_ok());
        assert_eq!(taken.count(), 1000);
        pace.take(u64::MAX, 0).level().unwrap_err();
    }

    #[test]
    fn threads_that_race_get_no_more_than_one_would() {
        let (cell, pace) = (Cell::default(), rate("1/h", 1000).into());
        let won: usize = thread::scope(|scope| {
            let racer = || (0..1000).filter(|_| cell.take(pace, 0).is_ok()).count();
            let racers: Vec<_> = (0..4).map(|_| scope.spawn(racer)).collect();
            racers.into_iter().map(|racer| racer.join().unwrap()).sum()
        });
        assert_eq!(won, 1000);
    }

    proptest! {
        /// The promise: in no window more than the burst and what the rate gives meanwhile.
        #[test]
        fn no_window_holds_more_than_burst_and_rate(
            units in 1_u32..2_000,
            burst in 1_u32..50,
            steps in prop::collection::vec(0_u64..SECOND / 4, 1..300),
        ) {
            let rate = rate(&format!("{units}/s"), burst);
            let (cell, pace, mut now) = (Cell::default(), Pace::from(rate), 0);
            let mut admitted = Vec::new();
            for step in steps {
                now += step;
                if cell.take(pace, now).is_ok() {
                    admitted.push(now);
                }
            }
            for (first, from) in admitted.iter().enumerate() {
                for (last, until) in admitted.iter().enumerate().skip(first) {
                    let most = u64::from(burst) + (until - from) / rate.interval();
                    prop_assert!(u64::try_from(last - first + 1).unwrap() <= most);
                }
            }
        }

        /// What is said is true: so many at once and no more, and one more when it was said.
        #[test]
        fn what_is_left_can_be_had_and_no_more(
            units in 1_u32..2_000,
            burst in 1_u32..50,
            before in prop::collection::vec(0_u64..SECOND / 4, 1..60),
        ) {
            let (cell, pace) = (Cell::default(), Pace::from(rate(&format!("{units}/min"), burst)));
            let (mut now, mut level) = (0, None);
            for step in before {
                now += step;
                level = Some(cell.take(pace, now).unwrap_or_else(|level| level));
            }
            let level = level.unwrap();
            for _ in 0..level.left {
                prop_assert!(cell.take(pace, now).is_ok());
            }
            prop_assert!(cell.take(pace, now).is_err());
            now += u64::try_from(level.more_in.as_nanos()).unwrap();
            prop_assert!(cell.take(pace, now - 1).is_err());
            prop_assert!(cell.take(pace, now).is_ok());
        }

        /// One who keeps to the rate is never refused, whatever anybody else does.
        #[test]
        fn who_keeps_to_the_rate_is_never_refused(
            units in 1_u32..2_000,
            gaps in prop::collection::vec(0_u64..SECOND, 1..200),
        ) {
            let rate = rate(&format!("{units}/s"), 1);
            let (cell, pace, mut now) = (Cell::default(), Pace::from(rate), 0);
            for gap in gaps {
                prop_assert!(cell.take(pace, now).is_ok());
                now += rate.interval() + gap;
            }
        }
    }
}
