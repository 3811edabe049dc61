//! The circuit breaker of one endpoint, which is its ejection, too: one state machine, pure, in one
//! word.
//!
//! Closed: requests go there. Too many failures in a row open it: the endpoint is ejected, and gets
//! none, for a time that doubles with every opening that follows soon. Then it is half open: some
//! trial requests at a time, and as many good ones close it, a bad one opens it again. What is
//! told about a request that was no trial counts while it is closed only, so that answers that were
//! on their way when it opened neither prolong nor end anything.

use std::time::Duration;

use super::moment::{MOMENT_BITS, Moment};

/// When to open, and for how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Eject {
    /// Failures in a row.
    pub failures: u16,
    /// How long at first.
    pub time: Duration,
    /// How long at most; also how long it must have been well to start from `time` again.
    pub longest: Duration,
    /// The share of an upstream's endpoints that may be out at the same time, in percent.
    pub at_most: u8,
    /// Requests that may be under way while it is half open, and good ones that close it.
    pub trials: u8,
    /// What becomes of requests when every endpoint is out.
    pub all_out: AllOut,
}

/// What becomes of requests when every endpoint is out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AllOut {
    /// All are used, and never are all of them ejected.
    #[default]
    Use,
    /// Nothing is sent, trials excepted; all of them may be ejected.
    Refuse,
}

impl Eject {
    /// Most failures in a row that can be counted to.
    pub const MOST_FAILURES: u16 = 1_000;

    /// Most trials.
    pub const MOST_TRIALS: u8 = 32;

    /// How many of `endpoints` may be out at the same time.
    pub fn allowance(&self, endpoints: usize) -> usize {
        match self.all_out {
            AllOut::Refuse => endpoints,
            AllOut::Use => {
                let share = endpoints.saturating_mul(self.at_most.into()) / 100;
                share.min(endpoints.saturating_sub(1))
            }
        }
    }
}

impl Default for Eject {
    /// Five in a row are no accident. Half a minute is what a restart of a backend takes. Of two
    /// endpoints one may go; the other is never left alone with nothing in its place.
    fn default() -> Self {
        Self {
            failures: 5,
            time: Duration::from_secs(30),
            longest: Duration::from_secs(300),
            at_most: 50,
            trials: 1,
            all_out: AllOut::Use,
        }
    }
}

/// A breaker at some moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Breaker {
    pub(super) phase: Phase,
    /// Openings that followed one another soon.
    openings: u8,
    /// Tells the trials of one half-open time from those of the next.
    generation: u8,
}

/// What a breaker does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// Requests pass.
    Closed {
        /// In a row.
        failures: u16,
        /// When it closed, or the endpoint came back otherwise; the beginning: it was never away.
        since: Moment,
    },
    /// None does before that moment.
    Open { until: Moment },
    /// Some do.
    Half {
        /// Under way.
        trials: u8,
        /// Ended well.
        good: u8,
    },
}

impl Default for Phase {
    fn default() -> Self {
        let since = Moment::default();
        Self::Closed { failures: 0, since }
    }
}

/// How a request may pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pass {
    /// As any other.
    Usual,
    /// As a trial, whose outcome decides.
    Trial(Trial),
}

/// A trial of one half-open time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Trial {
    generation: u8,
}

/// Openings beyond that no longer double anything.
const MOST_OPENINGS: u8 = 31;

/// Generations are counted round.
const GENERATIONS: u8 = 31;

const COUNT_BITS: u32 = 12;
const SMALL_BITS: u32 = 5;

impl Breaker {
    /// Whether the endpoint is ejected.
    pub(super) const fn is_out(self) -> bool {
        !matches!(self.phase, Phase::Closed { .. })
    }

    /// Whether a request may pass now; [`Self::admit`] lets it.
    pub(super) fn admits(self, now: Moment, rules: &Eject) -> bool {
        match self.phase {
            Phase::Closed { .. } => true,
            Phase::Open { until } => until <= now,
            Phase::Half { trials, good } => trials.saturating_add(good) < rules.trials,
        }
    }

    /// Lets a request pass.
    pub(super) fn admit(self, now: Moment, rules: &Eject) -> Option<(Self, Pass)> {
        let phase = match self.phase {
            _ if !self.admits(now, rules) => return None,
            Phase::Closed { .. } => return Some((self, Pass::Usual)),
            Phase::Open { .. } => Phase::Half { trials: 1, good: 0 },
            Phase::Half { trials, good } => Phase::Half {
                trials: trials + 1,
                good,
            },
        };
        let generation = self.generation;
        Some((Self { phase, ..self }, Pass::Trial(Trial { generation })))
    }

    /// A request ended well.
    pub(super) fn succeeded(self, pass: Pass, now: Moment, rules: &Eject) -> Self {
        let phase = match (self.phase, pass) {
            (Phase::Closed { since, .. }, _) => Phase::Closed { failures: 0, since },
            (Phase::Half { trials, good }, Pass::Trial(trial)) if self.knows(trial) => {
                let (trials, good) = (trials.saturating_sub(1), good.saturating_add(1));
                if good < rules.trials {
                    Phase::Half { trials, good }
                } else {
                    let failures = 0;
                    Phase::Closed {
                        failures,
                        since: now,
                    }
                }
            }
            (same, _) => same,
        };
        Self { phase, ..self }
    }

    /// A request failed. The breaker may open by that.
    pub(super) fn failed(self, pass: Pass, now: Moment, rules: &Eject) -> Self {
        match (self.phase, pass) {
            (Phase::Closed { failures, since }, _) => {
                let failures = failures.saturating_add(1);
                if failures >= rules.failures {
                    let soon = now.since(since) <= rules.longest;
                    let before = if soon { self.openings } else { 0 };
                    return self.opened(before, now, rules);
                }
                let phase = Phase::Closed { failures, since };
                Self { phase, ..self }
            }
            (Phase::Half { .. }, Pass::Trial(trial)) if self.knows(trial) => {
                self.opened(self.openings, now, rules)
            }
            _ => self,
        }
    }

    /// A request failed by which the breaker would have opened, had the floor let it. The next one
    /// will try again.
    pub(super) fn spared(self, rules: &Eject) -> Self {
        let phase = match self.phase {
            Phase::Closed { since, .. } => Phase::Closed {
                failures: rules.failures.saturating_sub(1),
                since,
            },
            other => other,
        };
        Self { phase, ..self }
    }

    /// A request ended without saying anything about the endpoint.
    pub(super) fn released(self, pass: Pass) -> Self {
        let phase = match (self.phase, pass) {
            (Phase::Half { trials, good }, Pass::Trial(trial)) if self.knows(trial) => {
                let trials = trials.saturating_sub(1);
                Phase::Half { trials, good }
            }
            (same, _) => same,
        };
        Self { phase, ..self }
    }

    /// The endpoint is back from somewhere else than here: it starts slowly as well.
    pub(super) fn returned(self, now: Moment) -> Self {
        let phase = match self.phase {
            Phase::Closed { .. } => Phase::Closed {
                failures: 0,
                since: now,
            },
            other => other,
        };
        Self { phase, ..self }
    }

    /// How long it stays open, each time twice as long as the last.
    fn opened(self, before: u8, now: Moment, rules: &Eject) -> Self {
        let doubled = rules
            .time
            .saturating_mul(1_u32 << before.min(MOST_OPENINGS));
        let until = now.after(doubled.min(rules.longest));
        Self {
            phase: Phase::Open { until },
            openings: before.saturating_add(1).min(MOST_OPENINGS),
            generation: if self.generation < GENERATIONS {
                self.generation + 1
            } else {
                0
            },
        }
    }

    const fn knows(self, trial: Trial) -> bool {
        self.generation == trial.generation
    }

    /// The breaker in one word.
    pub(super) fn to_word(self) -> u64 {
        let (kind, count, moment) = match self.phase {
            Phase::Closed { failures, since } => (0, u64::from(failures), since.millis()),
            Phase::Open { until } => (1, 0, until.millis()),
            Phase::Half { trials, good } => (2, u64::from(trials) << 6 | u64::from(good), 0),
        };
        let word = kind << COUNT_BITS | count;
        let word = word << SMALL_BITS | u64::from(self.openings);
        let word = word << SMALL_BITS | u64::from(self.generation);
        word << MOMENT_BITS | moment
    }

    /// What [`Self::to_word`] made.
    pub(super) fn from_word(word: u64) -> Self {
        let bits = |from: u32, width: u32| word >> from & ((1 << width) - 1);
        let small = |value: u64| u8::try_from(value).unwrap_or(u8::MAX);
        let moment = Moment::from_millis(bits(0, MOMENT_BITS));
        let generation = small(bits(MOMENT_BITS, SMALL_BITS));
        let openings = small(bits(MOMENT_BITS + SMALL_BITS, SMALL_BITS));
        let count = bits(MOMENT_BITS + 2 * SMALL_BITS, COUNT_BITS);
        let phase = match bits(MOMENT_BITS + 2 * SMALL_BITS + COUNT_BITS, 2) {
            0 => Phase::Closed {
                failures: u16::try_from(count).unwrap_or(u16::MAX),
                since: moment,
            },
            1 => Phase::Open { until: moment },
            _ => Phase::Half {
                trials: small(count >> 6),
                good: small(count & 63),
            },
        };
        Self {
            phase,
            openings,
            generation,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULES: Eject = Eject {
        failures: 3,
        time: Duration::from_secs(10),
        longest: Duration::from_secs(60),
        at_most: 50,
        trials: 2,
        all_out: AllOut::Use,
    };

    fn second(second: u64) -> Moment {
        Moment::from_millis(second * 1_000)
    }

    /// One that failed often enough at that second.
    fn open_at(now: u64, before: Breaker) -> Breaker {
        (0..RULES.failures).fold(before, |breaker, _| {
            assert!(!breaker.is_out());
            breaker.failed(Pass::Usual, second(now), &RULES)
        })
    }

    /// Half open, with as many trials as there may be.
    fn on_trial(now: u64, mut breaker: Breaker) -> (Breaker, [Pass; 2]) {
        let passes = [0; 2].map(|_| {
            let (next, pass) = breaker.admit(second(now), &RULES).expect("a trial");
            assert!(matches!(pass, Pass::Trial(_)));
            breaker = next;
            pass
        });
        assert_eq!(breaker.admit(second(now), &RULES), None);
        (breaker, passes)
    }

    fn until(breaker: Breaker) -> u64 {
        match breaker.phase {
            Phase::Open { until } => until.millis() / 1_000,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn failures_in_a_row_open_it_and_a_success_between_them_starts_the_row_anew() {
        let mut breaker = Breaker::default();
        for _ in 0..10 {
            breaker = breaker.failed(Pass::Usual, second(1), &RULES);
            breaker = breaker.failed(Pass::Usual, second(1), &RULES);
            breaker = breaker.succeeded(Pass::Usual, second(1), &RULES);
        }
        assert!(!breaker.is_out());
        let open = open_at(1, breaker);
        assert!(open.is_out());
        assert_eq!(open.admit(second(10), &RULES), None);
        assert!(open.admit(second(11), &RULES).is_some());
    }

    #[test]
    fn half_open_lets_few_through_and_as_many_good_ones_close_it() {
        let (half, [one, other]) = on_trial(11, open_at(1, Breaker::default()));
        let half = half.succeeded(one, second(12), &RULES);
        assert!(half.is_out() && half.admit(second(12), &RULES).is_none());
        let closed = half.succeeded(other, second(13), &RULES);
        let since = second(13);
        assert_eq!(closed.phase, Phase::Closed { failures: 0, since });
    }

    #[test]
    fn a_bad_trial_opens_it_again_for_twice_as_long_up_to_the_longest() {
        let mut breaker = open_at(0, Breaker::default());
        let mut now = 0;
        for expected in [10, 20, 40, 60, 60] {
            assert_eq!(until(breaker) - now, expected);
            now = until(breaker);
            let (half, [one, _]) = on_trial(now, breaker);
            breaker = half.failed(one, second(now), &RULES);
        }
    }

    #[test]
    fn one_that_was_well_for_long_starts_from_the_shortest_time_again() {
        let (half, [one, other]) = on_trial(10, open_at(0, Breaker::default()));
        let closed = [one, other]
            .into_iter()
            .fold(half, |it, pass| it.succeeded(pass, second(10), &RULES));
        assert_eq!(until(open_at(30, closed)), 30 + 20);
        assert_eq!(until(open_at(71, closed)), 71 + 10);
    }

    #[test]
    fn a_trial_that_is_given_up_makes_room_for_another() {
        let (half, [one, _]) = on_trial(11, open_at(1, Breaker::default()));
        let half = half.released(one);
        assert!(half.admit(second(11), &RULES).is_some());
    }

    #[test]
    fn what_was_on_its_way_when_it_opened_changes_nothing() {
        let open = open_at(1, Breaker::default());
        assert_eq!(open.failed(Pass::Usual, second(5), &RULES), open);
        assert_eq!(open.succeeded(Pass::Usual, second(5), &RULES), open);
        let (half, _) = on_trial(11, open);
        assert_eq!(half.failed(Pass::Usual, second(12), &RULES), half);
        assert_eq!(half.succeeded(Pass::Usual, second(12), &RULES), half);
    }

    #[test]
    fn a_trial_of_an_earlier_time_changes_nothing() {
        let (half, [one, late]) = on_trial(11, open_at(1, Breaker::default()));
        let open = half.failed(one, second(11), &RULES);
        let (half, _) = on_trial(31, open);
        for after in [
            half.released(late),
            half.failed(late, second(31), &RULES),
            half.succeeded(late, second(31), &RULES),
        ] {
            assert_eq!(after, half);
        }
    }

    #[test]
    fn one_that_was_spared_opens_by_the_next_failure() {
        let mut breaker = Breaker::default();
        for _ in 0..9 {
            breaker = breaker.spared(&RULES);
            assert!(!breaker.is_out());
        }
        assert!(breaker.failed(Pass::Usual, second(1), &RULES).is_out());
    }

    #[test]
    fn the_floor_leaves_a_share_and_always_one() {
        let check = |at_most, all_out, expected: [usize; 6]| {
            let rules = Eject {
                at_most,
                all_out,
                ..RULES
            };
            let found: Vec<_> = (0..6).map(|of| rules.allowance(of)).collect();
            assert_eq!(found, expected, "{at_most} {all_out:?}");
        };
        check(50, AllOut::Use, [0, 0, 1, 1, 2, 2]);
        check(100, AllOut::Use, [0, 0, 1, 2, 3, 4]);
        check(10, AllOut::Use, [0; 6]);
        check(50, AllOut::Refuse, [0, 1, 2, 3, 4, 5]);
    }

    #[test]
    fn a_breaker_comes_back_from_its_word_as_it_was() {
        let mut breaker = Breaker::default();
        let mut random = crate::random::Random::seeded(7);
        let mut passes = vec![Pass::Usual];
        for step in 0..10_000 {
            let now = second(step * 3);
            if let Some((next, pass)) = breaker.admit(now, &RULES) {
                breaker = next;
                passes.push(pass);
            }
            let pass = passes.swap_remove(random.below(passes.len()));
            breaker = match random.below(4) {
                0 => breaker.succeeded(pass, now, &RULES),
                1 => breaker.released(pass),
                _ => breaker.failed(pass, now, &RULES),
            };
            passes.push(Pass::Usual);
            assert_eq!(Breaker::from_word(breaker.to_word()), breaker);
        }
    }
}
