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
    newer: Generation,
    older: Generation,
}

#[derive(Debug, Default)]
struct Generation {
    used: HashSet<u128>,
    by_terminal: HashMap<Box<str>, usize>,
}

/// Why a nonce is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refused {
    /// It was used.
    Used,
    /// The terminal used as many as there may be.
    TooMany,
    /// All together did.
    Full,
}

impl Nonces {
    /// Uses a nonce up.
    pub(super) fn take(&self, terminal: &str, nonce: &str, now: Timestamp) -> Result<(), Refused> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.pass(now);
        let one = digest(terminal, nonce);
        if kept.newer.used.contains(&one) || kept.older.used.contains(&one) {
            return Err(Refused::Used);
        }
        kept.newer.add(terminal, one)
    }
}

impl Kept {
    /// Forgets what is over. A clock that is set back makes nothing forgotten.
    fn pass(&mut self, now: Timestamp) {
        if now < self.since {
            self.since = now;
        }
        let passed = now.since(self.since);
        if passed >= KEPT.saturating_mul(2) {
            self.newer = Generation::default();
        }
        if passed >= KEPT {
            self.older = mem::take(&mut self.newer);
            self.since = now;
        }
    }
}

impl Generation {
    fn add(&mut self, terminal: &str, one: u128) -> Result<(), Refused> {
        if self.used.len() >= MOST {
            return Err(Refused::Full);
        }
        match self.by_terminal.get_mut(terminal) {
            Some(count) if *count >= MOST_OF_ONE => return Err(Refused::TooMany),
            Some(count) => *count += 1,
            // Only registered terminals come so far.
            None => {
                self.by_terminal.insert(terminal.into(), 1);
            }
        }
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

    #[test]
    fn a_nonce_is_good_once_for_as_long_as_its_signature() {
        let nonces = Nonces::default();
        assert_eq!(nonces.take("a", "1", at(0)), Ok(()));
        assert_eq!(nonces.take("b", "1", at(0)), Ok(()));
        assert_eq!(nonces.take("a", "2", at(329)), Ok(()));
        for now in [0, 1, 329, 330, 331, 400] {
            assert_eq!(nonces.take("a", "2", at(now)), Err(Refused::Used), "{now}");
        }
        // Whatever the generations, the last second in which the signature is good is remembered.
        assert_eq!(nonces.take("a", "2", at(329 + 330)), Err(Refused::Used));
        assert_eq!(nonces.take("a", "2", at(329 + 3 * 330)), Ok(()));
    }

    #[test]
    fn a_clock_that_is_set_back_forgets_nothing() {
        let nonces = Nonces::default();
        assert_eq!(nonces.take("a", "1", at(5_000)), Ok(()));
        assert_eq!(nonces.take("a", "1", at(0)), Err(Refused::Used));
        assert_eq!(nonces.take("a", "1", at(340)), Err(Refused::Used));
    }

    #[test]
    fn one_terminal_leaves_room_for_the_others() {
        let nonces = Nonces::default();
        for nonce in 0..MOST_OF_ONE {
            assert_eq!(nonces.take("a", &nonce.to_string(), at(0)), Ok(()));
        }
        assert_eq!(nonces.take("a", "more", at(0)), Err(Refused::TooMany));
        assert_eq!(nonces.take("b", "more", at(0)), Ok(()));
    }
}
