//! Whether an unknown key is worth a question to its issuer.
//!
//! Anybody can show a code that names a key nobody has. So a question is asked once for all who
//! wait for it, rarely for one issuer, more rarely for one key, and only so often in all; a question
//! that fails counts like any other. Pure: the instant is an argument.

use std::time::Duration;

use rustc_hash::FxHashMap;
use tokio::time::Instant;

use super::Pace;

/// Questions about unknown keys in a minute, to all issuers together. A stranger who names keys of
/// every issuer there is makes us ask each of some hundred every other minute, and no more.
const QUESTIONS_A_MINUTE: u32 = 300;

/// Unknown keys remembered; at the rate above, more than ever matter at once.
const MOST_UNKNOWN: usize = 4_096;

/// What is remembered of questions asked.
#[derive(Debug)]
pub(super) struct Gate {
    debounce: Duration,
    unknown_for: Duration,
    asked: FxHashMap<Box<str>, Instant>,
    unknown: FxHashMap<(Box<str>, u64), Unknown>,
    budget: Budget,
}

/// A key the issuer was asked for.
#[derive(Clone, Copy, Debug)]
struct Unknown {
    until: Instant,
    span: Duration,
}

/// Whether to ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Permission {
    /// The question may be asked, and counts as asked from now on.
    Granted,
    /// The issuer was asked a moment ago, or for this very key not long ago: its last answer holds.
    Recent,
    /// Too much is asked altogether.
    Spent,
}

impl Gate {
    pub(super) fn new(pace: &Pace, now: Instant) -> Self {
        Self {
            debounce: pace.debounce,
            unknown_for: pace.unknown_for.max(pace.debounce),
            asked: FxHashMap::default(),
            unknown: FxHashMap::default(),
            budget: Budget {
                left: QUESTIONS_A_MINUTE,
                since: now,
            },
        }
    }

    /// Whether `issuer` may be asked for the key that `key` is the digest of.
    pub(super) fn ask(&mut self, issuer: &str, key: u64, now: Instant) -> Permission {
        let debounced = self.asked.get(issuer);
        if debounced.is_some_and(|&asked| now < asked + self.debounce) {
            return Permission::Recent;
        }
        let name = (Box::from(issuer), key);
        let known = self.unknown.get(&name).copied();
        if known.is_some_and(|it| now < it.until) {
            return Permission::Recent;
        }
        if !self.budget.take(now) {
            return Permission::Spent;
        }
        self.asked.insert(issuer.into(), now);
        let span = match known {
            Some(it) => (it.span * 2).min(self.unknown_for),
            None => self.debounce,
        };
        self.make_room(now);
        if self.unknown.len() < MOST_UNKNOWN {
            let until = now + span;
            self.unknown.insert(name, Unknown { until, span });
        }
        Permission::Granted
    }

    /// Forgets issuers that are gone.
    pub(super) fn keep(&mut self, is_there: impl Fn(&str) -> bool) {
        self.asked.retain(|issuer, _| is_there(issuer));
        self.unknown.retain(|(issuer, _), _| is_there(issuer));
    }

    /// A key nobody named for as long as it may be kept back is forgotten.
    fn make_room(&mut self, now: Instant) {
        if self.unknown.len() >= MOST_UNKNOWN {
            let longest = self.unknown_for;
            self.unknown.retain(|_, it| now < it.until + longest);
        }
    }
}

/// A bucket that fills again within a minute.
#[derive(Debug)]
struct Budget {
    left: u32,
    since: Instant,
}

impl Budget {
    const REFILL: Duration = Duration::from_millis(60_000 / 300);

    fn take(&mut self, now: Instant) -> bool {
        let passed = now.saturating_duration_since(self.since).as_millis();
        let due = passed / Self::REFILL.as_millis();
        let due = u32::try_from(due).unwrap_or(u32::MAX);
        self.left = self.left.saturating_add(due).min(QUESTIONS_A_MINUTE);
        self.since = match self.left {
            QUESTIONS_A_MINUTE => now,
            _ => self.since + Self::REFILL * due,
        };
        match self.left.checked_sub(1) {
            Some(left) => {
                self.left = left;
                true
            }
            None => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn gate() -> (Gate, Instant) {
        let now = Instant::now();
        (Gate::new(&Pace::default(), now), now)
    }

    #[test]
    fn a_thousand_unknown_keys_are_one_question() {
        let (mut gate, now) = gate();
        let asked = (0..1_000).map(|key| gate.ask("a", key, now + SECOND * 9));
        let granted = asked.filter(|it| *it == Permission::Granted).count();
        assert_eq!(granted, 1);
        assert_eq!(gate.ask("b", 1, now + SECOND * 9), Permission::Granted);
        assert_eq!(gate.ask("a", 5_000, now + SECOND * 19), Permission::Granted);
    }

    #[test]
    fn a_key_that_stays_unknown_is_asked_for_more_and_more_rarely() {
        let (mut gate, start) = gate();
        let asked = (0..2_000).filter(|second| {
            let now = start + SECOND * *second;
            gate.ask("a", 1, now) == Permission::Granted
        });
        let asked: Vec<_> = asked.collect();
        assert_eq!(
            asked,
            [0, 10, 30, 70, 150, 310, 610, 910, 1_210, 1_510, 1_810]
        );
    }

    #[test]
    fn one_unknown_key_does_not_hide_another() {
        let (mut gate, start) = gate();
        for second in [0, 10, 30, 70] {
            let asked = gate.ask("a", 1, start + SECOND * second);
            assert_eq!(asked, Permission::Granted);
        }
        let now = start + SECOND * 80;
        assert_eq!(gate.ask("a", 1, now), Permission::Recent);
        assert_eq!(gate.ask("a", 2, now), Permission::Granted);
    }

    #[test]
    fn all_issuers_together_have_a_budget() {
        let (mut gate, now) = gate();
        let mut granted = |now| {
            let asked = (0..1_000).map(|issuer| gate.ask(&format!("i{issuer}"), 1, now));
            asked.filter(|it| *it == Permission::Granted).count()
        };
        assert_eq!(granted(now), 300);
        assert_eq!(granted(now), 0);
        // A fifth of a second for each; those asked a moment ago do not count.
        assert_eq!(granted(now + SECOND), 5);
        assert_eq!(gate.ask("i999", 1, now + SECOND), Permission::Spent);
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let (mut gate, mut now) = gate();
        for key in 0..20_000 {
            now += SECOND * 10;
            assert_eq!(gate.ask("a", key, now), Permission::Granted);
            assert!(gate.unknown.len() <= MOST_UNKNOWN);
        }
        gate.keep(|_| false);
        assert!(gate.unknown.is_empty() && gate.asked.is_empty());
    }
}
