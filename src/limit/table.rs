//! Rates of keys nobody knew beforehand, in memory of a fixed size.
//!
//! A map that grows with its keys, as rate limiting crates keep it, is memory that strangers fill:
//! an IPv6 network has more prefixes than any machine has bytes. Here a key has its place in one
//! set of eight, chosen by a keyed hash, and nothing else. A new key takes the place of the one in
//! its set that has used up least. That one loses only its debt: nobody is refused for what
//! others sent, and of those that flood, the ones that are being refused owe most and are
//! remembered longest. What a flood of made-up keys, each new, pushes out is other made-up keys.

use std::hash::{BuildHasher, RandomState};
use std::sync::{Mutex, PoisonError};

use super::gcra::{Level, Nanos, Outcome, Pace};

/// Places in a set: few enough to look through, enough that a set is rarely full of the living.
const WAYS: usize = 8;

/// Sets: 65,536 keys in about a megabyte. A hospital group has some thousand terminals.
const SETS: usize = 8_192;

/// One key's number. A number in the past is an empty place.
#[derive(Clone, Copy, Debug, Default)]
struct Slot {
    key: u64,
    arrival: Nanos,
}

/// As many keys as there are places, whatever comes.
#[derive(Debug)]
pub(super) struct Table {
    /// Each behind a lock of its own, held for eight comparisons.
    sets: Box<[Mutex<[Slot; WAYS]>]>,
    hash: RandomState,
}

impl Default for Table {
    fn default() -> Self {
        Self::with_sets(SETS)
    }
}

impl Table {
    fn with_sets(sets: usize) -> Self {
        let sets = (0..sets).map(|_| Mutex::default());
        Self {
            sets: sets.collect(),
            hash: RandomState::new(),
        }
    }

    /// Decides about a request of `key` that comes `now`.
    pub(super) fn take(&self, key: u64, pace: Pace, now: Nanos) -> Result<Level, Level> {
        let sets = u64::try_from(self.sets.len()).unwrap_or(u64::MAX);
        let at = self.hash.hash_one(key) % sets.max(1);
        let set = usize::try_from(at).ok().and_then(|at| self.sets.get(at));
        let Some(set) = set else {
            // There is a set for every remainder.
            return pace.take(0, now).level();
        };
        let mut set = set.lock().unwrap_or_else(PoisonError::into_inner);
        let slot = match set.iter().position(|slot| slot.key == key) {
            Some(known) => set.get_mut(known),
            None => set.iter_mut().min_by_key(|slot| slot.arrival),
        };
        let mut nowhere = Slot::default();
        let slot = slot.unwrap_or(&mut nowhere);
        if slot.key != key {
            *slot = Slot { key, arrival: 0 };
        }
        let outcome = pace.take(slot.arrival, now);
        if let Outcome::Admitted(moved, _) = outcome {
            slot.arrival = moved;
        }
        outcome.level()
    }

    /// The bytes it takes, now and for ever.
    #[cfg(test)]
    fn bytes(&self) -> usize {
        size_of_val(&*self.sets)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::rate::{Quota, Rate};
    use super::*;

    const MILLISECOND: Nanos = 1_000_000;

    fn pace(quota: &str) -> Pace {
        Rate::even(Quota::parse(quota).unwrap()).into()
    }

    #[test]
    fn a_million_made_up_keys_take_no_memory_and_nobodys_place() {
        let (table, pace) = (Table::default(), pace("10/min"));
        let (bytes, steady, greedy) = (table.bytes(), 1_u64, 2_u64);
        let (mut now, mut greedy_admitted) = (0, 0);
        for made_up in 0..1_000_000_u64 {
            // Twenty thousand made-up keys a second, each used once and owing for six seconds:
            // twice as many as there are places.
            now += MILLISECOND / 20;
            table.take(u64::MAX - made_up, pace, now).unwrap();
            // One keeps to the rate, one asks two hundred times a second.
            if made_up % 200_000 == 0 {
                table.take(steady, pace, now).unwrap();
            }
            if made_up % 100 == 0 && table.take(greedy, pace, now).is_ok() {
                greedy_admitted += 1;
            }
        }
        assert_eq!(table.bytes(), bytes);
        assert!(bytes < 2 << 20, "{bytes}");
        // Fifty seconds: the burst and eight; not one was gained by the flood.
        assert_eq!(greedy_admitted, 18);
    }

    #[test]
    fn a_key_that_is_refused_outlives_those_that_are_not() {
        let (table, pace) = (Table::with_sets(1), pace("10/min"));
        while table.take(7, pace, 0).is_ok() {}
        for other in 100..10_000 {
            table.take(other, pace, 0).unwrap();
            table.take(7, pace, 0).unwrap_err();
        }
    }

    #[test]
    fn a_full_set_still_limits_a_newcomer() {
        let (table, pace) = (Table::with_sets(1), pace("5/min"));
        for key in 1..=8 {
            while table.take(key, pace, 0).is_ok() {}
        }
        let admitted = (0..100).filter(|_| table.take(9, pace, 0).is_ok());
        assert_eq!(admitted.count(), 5);
    }

    proptest! {
        /// As long as there are no more keys than places, each has its rate to itself, exactly.
        #[test]
        fn keys_that_fit_do_not_feel_each_other(
            asked in prop::collection::vec((0_u64..8, 0_u64..200), 1..300),
        ) {
            let (table, pace) = (Table::with_sets(1), pace("10/s"));
            let alone: Vec<_> = (0..8).map(|_| super::super::gcra::Cell::default()).collect();
            let mut now = 0;
            for (key, step) in asked {
                now += step * MILLISECOND;
                let cell = &alone[usize::try_from(key).unwrap()];
                prop_assert_eq!(table.take(key, pace, now), cell.take(pace, now));
            }
        }

        /// A first request is let in, whatever came before: nobody is refused for others.
        #[test]
        fn a_newcomer_is_let_in(keys in prop::collection::vec(any::<u64>(), 0..2_000)) {
            let (table, pace) = (Table::with_sets(2), pace("1/h"));
            for key in keys.into_iter().filter(|key| *key != 42) {
                let _ = table.take(key, pace, 0);
            }
            prop_assert!(table.take(42, pace, 0).is_ok());
        }
    }
}
