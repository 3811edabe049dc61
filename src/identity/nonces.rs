//! Nonces that were used, for as long as their signatures could be shown again.
//!
//! One process remembers for itself: gateways that stand beside each other do not know of each
//! other's, and one that starts knows of none. What a signed request that is shown elsewhere can do is
//! what the same request sent twice does: its idempotency key is signed with it.

use std::collections::{HashMap, HashSet};
use std::mem;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use sha2::{Digest as _, Sha256};

use super::signature::{EARLY, LATE};
use crate::time::Timestamp;

/// How long a nonce is remembered at least: a signature made by a clock that is early is good for the
/// longest.
const KEPT: Duration = LATE.saturating_add(EARLY);

/// Nonces of one terminal in that time: four hundred requests a second, more than a hall of counters
/// behind one machine sends. Whoever has one terminal's key cannot use up what there is for others.
const MOST_OF_ONE: usize = 1 << 17;

/// Nonces of all: three thousand a second, in thirty megabytes at most, twice.
const MOST: usize = 1 << 20;

/// The nonces that were used.
#[derive(Debug, Default)]
pub struct Nonces(Mutex<Kept>);

/// What is remembered: what came since `since`, and what came in the time before.
#[derive(Debug, Default)]
struct Kept {
    since: Timestamp,
    /// When the latest signature was created whose nonce is forgotten. Usually that is long over; where
    /// a clock was set, it is what keeps the signatures from being good again.
    forgotten: Option<Timestamp>,
    newer: Generation,
    older: Generation,
    /// What was used before the clock was set back, and is of times that may come again.
    ahead: Generation,
}

#[derive(Debug, Default)]
struct Generation {
    used: HashSet<u128>,
    /// When the latest of their signatures was created.
    latest: Option<Timestamp>,
    by_terminal: HashMap<Box<str>, usize>,
}

/// A nonce and what it stands in.
#[derive(Clone, Copy, Debug)]
pub(super) struct Nonce<'a> {
    pub(super) terminal: &'a str,
    pub(super) text: &'a str,
    /// When the signature was made.
    pub(super) created: Timestamp,
}

/// Why a nonce is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refused {
    /// Nobody knows any more whether it was used.
    Forgotten,
    /// It was used.
    Used,
    /// The terminal used as many as there may be.
    TooMany,
    /// All together did.
    Full,
}

impl Nonces {
    /// Uses a nonce up.
    pub(super) fn take(&self, nonce: Nonce<'_>, now: Timestamp) -> Result<(), Refused> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.pass(now);
        if kept.forgotten.is_some_and(|latest| nonce.created <= latest) {
            return Err(Refused::Forgotten);
        }
        let one = digest(nonce.terminal, nonce.text);
        let all = [&kept.newer, &kept.older, &kept.ahead];
        if all.iter().any(|generation| generation.used.contains(&one)) {
            return Err(Refused::Used);
        }
        kept.newer.add(nonce, one)
    }
}

impl Kept {
    /// Forgets what is over, by a clock that somebody may set.
    fn pass(&mut self, now: Timestamp) {
        if now < self.since {
            for past in [mem::take(&mut self.newer), mem::take(&mut self.older)] {
                self.ahead.join(past);
            }
            self.since = now;
        }
        let over = |latest: Timestamp| latest.after(KEPT) < now;
        if self.ahead.latest.is_some_and(over) || self.ahead.used.len() > MOST {
            let ahead = mem::take(&mut self.ahead);
            self.forget(&ahead);
        }
        let passed = now.since(self.since);
        if passed >= KEPT.saturating_mul(2) {
            let newer = mem::take(&mut self.newer);
            self.forget(&newer);
        }
        if passed >= KEPT {
            let newer = mem::take(&mut self.newer);
            let older = mem::replace(&mut self.older, newer);
            self.forget(&older);
            self.since = now;
        }
    }

    fn forget(&mut self, generation: &Generation) {
        self.forgotten = self.forgotten.max(generation.latest);
    }
}

impl Generation {
    fn join(&mut self, other: Self) {
        self.latest = self.latest.max(other.latest);
        self.used.extend(other.used);
    }

    fn add(&mut self, nonce: Nonce<'_>, one: u128) -> Result<(), Refused> {
        if self.used.len() >= MOST {
            return Err(Refused::Full);
        }
        match self.by_terminal.get_mut(nonce.terminal) {
            Some(count) if *count >= MOST_OF_ONE => return Err(Refused::TooMany),
            Some(count) => *count += 1,
            // Only registered terminals come so far.
            None => {
                self.by_terminal.insert(nonce.terminal.into(), 1);
            }
        }
        self.latest = self.latest.max(Some(nonce.created));
        self.used.insert(one);
        Ok(())
    }
}

/// Half a digest: nobody finds two of a kind among so few.
fn digest(terminal: &str, nonce: &str) -> u128 {
    let mut hash = Sha256::new();
    // No name of a terminal has a line end in it.
    for part in [terminal, "\n", nonce] {
        hash.update(part.as_bytes());
    }
    let whole: [u8; 32] = hash.finalize().into();
    let half = whole.first_chunk::<16>().copied().unwrap_or_default();
    u128::from_le_bytes(half)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_seconds(1_000_000 + seconds)
    }

    /// A nonce whose signature was made `ago` seconds before `now`.
    #[track_caller]
    fn check(nonces: &Nonces, text: &str, (now, ago): (i64, i64), expected: Result<(), Refused>) {
        let nonce = Nonce {
            terminal: "a",
            text,
            created: at(now - ago),
        };
        assert_eq!(nonces.take(nonce, at(now)), expected, "{now}");
    }

    #[test]
    fn a_nonce_is_good_once_for_as_long_as_its_signature() {
        let nonces = Nonces::default();
        check(&nonces, "1", (0, 0), Ok(()));
        let anothers = Nonce {
            terminal: "b",
            text: "1",
            created: at(0),
        };
        assert_eq!(nonces.take(anothers, at(0)), Ok(()));
        check(&nonces, "2", (329, 0), Ok(()));
        for now in [0, 1, 329, 330, 331, 400] {
            check(&nonces, "2", (now, now - 329), Err(Refused::Used));
        }
        // Whatever the generations, the last second in which the signature is good is remembered.
        check(&nonces, "2", (329 + 330, 330), Err(Refused::Used));
        check(
            &nonces,
            "2",
            (329 + 3 * 330, 3 * 330),
            Err(Refused::Forgotten),
        );
        check(&nonces, "2", (329 + 3 * 330, 0), Ok(()));
    }

    #[test]
    fn whoever_sets_the_clock_nothing_is_good_twice() {
        let nonces = Nonces::default();
        // Far ahead for a moment, which makes all forgotten, and back again.
        check(&nonces, "1", (0, 0), Ok(()));
        check(&nonces, "2", (5_000, 0), Ok(()));
        check(&nonces, "1", (10, 10), Err(Refused::Forgotten));
        check(&nonces, "3", (11, 0), Ok(()));
        // What was signed ahead is not good when its time comes either, however long that takes.
        for now in (20..=5_200).step_by(100) {
            check(&nonces, &format!("at {now}"), (now, 0), Ok(()));
        }
        check(&nonces, "2", (5_200, 200), Err(Refused::Used));
        check(&nonces, "2", (5_331, 331), Err(Refused::Forgotten));
    }

    #[test]
    fn one_terminal_leaves_room_for_the_others() {
        let nonces = Nonces::default();
        for nonce in 0..MOST_OF_ONE {
            check(&nonces, &nonce.to_string(), (0, 0), Ok(()));
        }
        check(&nonces, "more", (0, 0), Err(Refused::TooMany));
        let anothers = Nonce {
            terminal: "b",
            text: "more",
            created: at(0),
        };
        assert_eq!(nonces.take(anothers, at(0)), Ok(()));
    }
}
