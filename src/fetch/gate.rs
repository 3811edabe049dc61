//! Whether an unknown key is worth a question to its issuer.
//!
//! Anybody can show a code that names a key nobody has. So a question is asked once for all who
//! wait for it, rarely for one issuer, more rarely for one key, and only so often in all; a question
//! that fails counts like any other. Pure: the instant is an argument.

use std::time::Duration;

use rustc_hash::FxHashMap;
use tokio::time::Instant;

use super::Pace;

/// Questions about unknown keys in a minute, to all issuers together, beside those of
/// [`LONGEST_SILENCE`].
const QUESTIONS_A_MINUTE: u32 = 300;

/// An issuer that was not asked for so long may be asked whatever others have used up: a stranger
/// who names keys of every issuer there is makes us ask each twice in four minutes, and starves
/// none.
const LONGEST_SILENCE: Duration = Duration::from_secs(120);

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

    /// Whether `issuer`, which answered the last time, may be asked for the key that `key` is the
    /// digest of.
    pub(super) fn ask(&mut self, issuer: &str, key: u64, now: Instant) -> Permission {
        let name = (Box::from(issuer), key);
        let known = self.unknown.get(&name).copied();
        if known.is_some_and(|it| now < it.until) {
            return Permission::Recent;
        }
        let permission = self.ask_whether_back(issuer, now);
        if permission != Permission::Granted {
            return permission;
        }
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

    /// Whether `issuer`, which did not answer the last time, may be asked: what it does not have
    /// is not known.
    pub(super) fn ask_whether_back(&mut self, issuer: &str, now: Instant) -> Permission {
        let silence = self.asked.get(issuer);
        let silence = silence.map(|&asked| now.saturating_duration_since(asked));
        if silence.is_some_and(|silence| silence < self.debounce) {
            return Permission::Recent;
        }
        let within = self.budget.take(now);
        if !within && silence.is_some_and(|silence| silence < LONGEST_SILENCE) {
            return Permission::Spent;
        }
        self.asked.insert(issuer.into(), now);
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
        let asked = (0..400).filter(|second| {
            let now = start + SECOND * *second;
            gate.ask("a", 1, now) == Permission::Granted
        });
        let asked: Vec<_> = asked.collect();
        assert_eq!(asked, [0, 10, 30, 70, 130, 190, 250, 310, 370]);
    }

    #[test]
    fn one_unknown_key_does_not_hide_another() {
        let (mut gate, start) = gate();
        for second in [0, 10, 30] {
            let asked = gate.ask("a", 1, start + SECOND * second);
            assert_eq!(asked, Permission::Granted);
        }
        let now = start + SECOND * 40;
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
        // Nobody was asked for long, which uses it up.
        assert_eq!(granted(now), 1_000);
        assert_eq!(granted(now), 0);
        // A fifth of a second for each.
        let later = now + SECOND * 21;
        assert_eq!(granted(later), 105);
        assert_eq!(granted(later), 0);
        assert_eq!(granted(now + SECOND * 119), 300);
        assert_eq!(gate.ask("i999", 1, now + SECOND * 119), Permission::Spent);
        assert_eq!(gate.ask("i999", 1, now + SECOND * 120), Permission::Granted);
    }

    #[test]
    fn what_was_asked_in_vain_does_not_make_a_key_unknown() {
        let (mut gate, start) = gate();
        let asked = (0..100).filter(|second| {
            let now = start + SECOND * *second;
            gate.ask_whether_back("a", now) == Permission::Granted
        });
        assert_eq!(asked.count(), 10);
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

    #[test]
    fn strangers_do_not_starve_an_issuer_of_its_questions() {
        let (mut gate, start) = gate();
        // 650 issuers named by a stranger, a hundred scans a second; one real rotation of "v",
        // scanned once a second.
        let mut stranger = 0_u64;
        let mut waited = None;
        for tick in 0..60_000_u32 {
            let now = start + Duration::from_millis(10) * tick;
            for _ in 0..3 {
                stranger += 1;
                let issuer = format!("i{}", stranger % 650);
                gate.ask(&issuer, 1_000_000 + stranger, now);
            }
            if tick > 12_000 && tick % 100 == 37 && gate.ask("v", 1, now) == Permission::Granted {
                waited = Some(now - (start + SECOND * 120));
                break;
            }
        }
        let waited = waited.unwrap_or(Duration::MAX);
        assert!(waited <= SECOND * 11, "{waited:?}");
    }
}
