//! The one-time codes that were used.
//!
//! Exact: a claim that lives is found, one that does not is not. Bounded: a claim more than there is
//! room for is refused, none is pushed out. Deaf to the wall clock being set: a claim lives for a span
//! of the steady clock, and the greatest instant ever forgotten is remembered, so that a clock that
//! goes back does not make a forgotten code look new.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::time::Duration;

use rustc_hash::FxHashMap;

use super::{Claim, Name};
use crate::time::{Moment, Timestamp};

/// Claims lie in so many tables, by the first byte of their name: growing one, or sweeping it, then
/// holds nobody up for longer than some tens of microseconds, however many there are.
const TABLES: usize = 256;

/// After so many new claims one table is swept. With all of them swept every 16,384 claims, dead ones
/// take up room for few.
const CLAIMS_A_SWEEP: u32 = 64;

/// Which codes were used, and by which request.
#[derive(Debug)]
pub(super) struct ClaimSet {
    tables: Box<[FxHashMap<Name, Held>]>,
    /// By the second of the steady clock that ends them.
    buckets: BTreeMap<u32, Bucket>,
    most: usize,
    live: usize,
    /// Live ones and dead ones not yet swept.
    stored: usize,
    /// The greatest `until` of all that were forgotten.
    watermark: Option<Timestamp>,
    /// Up to which second of the steady clock claims were forgotten.
    forgotten_to: u64,
    since_sweep: u32,
    next_sweep: usize,
}

#[derive(Clone, Copy, Debug)]
struct Held {
    token: Name,
    bucket: u32,
}

/// The claims that end in one second.
#[derive(Clone, Copy, Debug)]
struct Bucket {
    claims: usize,
    until: Timestamp,
}

/// A claim as it is carried to the next process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Carried {
    /// The claim's name.
    pub(super) name: Name,
    /// Which request made it.
    pub(super) token: Name,
    /// How much longer it lives.
    pub(super) left: Duration,
    /// No earlier than the instant up to which it could be accepted.
    pub(super) until: Timestamp,
}

impl ClaimSet {
    /// No claims, and room for so many.
    pub(super) fn new(most: usize) -> Self {
        Self {
            tables: (0..TABLES).map(|_| FxHashMap::default()).collect(),
            buckets: BTreeMap::new(),
            most,
            live: 0,
            stored: 0,
            watermark: None,
            forgotten_to: 0,
            since_sweep: 0,
            next_sweep: 0,
        }
    }

    /// Forgets what is over by then.
    pub(super) fn advance(&mut self, steady: Duration) {
        let now = steady.as_secs();
        self.forgotten_to = self.forgotten_to.max(now);
        while let Some(first) = self.buckets.first_entry() {
            if u64::from(*first.key()) > now {
                break;
            }
            let bucket = first.remove();
            self.live = self.live.saturating_sub(bucket.claims);
            self.watermark = self.watermark.max(Some(bucket.until));
        }
    }

    /// Which request used that code, if one did and it is not forgotten.
    pub(super) fn holder(&self, name: Name) -> Option<Name> {
        let held = self.tables.get(table_of(name))?.get(&name)?;
        self.lives(held).then_some(held.token)
    }

    /// Whether a code good until then could be one that was used and forgotten.
    pub(super) fn may_be_forgotten(&self, until: Timestamp) -> bool {
        self.watermark.is_some_and(|watermark| until <= watermark)
    }

    /// Whether there is room for one more.
    pub(super) const fn has_room(&self) -> bool {
        self.live < self.most
    }

    /// Adds a claim that has no holder. It lives at least as long as its code is good, by the clock
    /// on the wall as it goes now; false if there is no room.
    pub(super) fn insert(&mut self, claim: &Claim, token: Name, now: Moment) -> bool {
        self.add(
            Carried {
                name: claim.name,
                token,
                left: claim.until.since(now.wall),
                until: claim.until,
            },
            now.steady,
        )
    }

    /// Takes over a claim of a process before; false if there is no room.
    pub(super) fn restore(&mut self, carried: Carried, steady: Duration) -> bool {
        self.add(carried, steady)
    }

    /// Takes over what a process before had forgotten.
    pub(super) fn restore_watermark(&mut self, watermark: Option<Timestamp>) {
        self.watermark = self.watermark.max(watermark);
    }

    /// Takes a claim back, if that request made it.
    pub(super) fn release(&mut self, name: Name, token: Name) {
        if self.holder(name) != Some(token) {
            return;
        }
        let held = self.table(name).and_then(|table| table.remove(&name));
        let bucket = held.and_then(|held| self.buckets.get_mut(&held.bucket));
        if let Some(bucket) = bucket {
            bucket.claims = bucket.claims.saturating_sub(1);
        }
        self.live = self.live.saturating_sub(1);
        self.stored = self.stored.saturating_sub(1);
    }

    /// How many codes are known to be used.
    pub(super) const fn live(&self) -> usize {
        self.live
    }

    /// How many there is room for.
    pub(super) const fn most(&self) -> usize {
        self.most
    }

    /// The greatest instant of what was forgotten.
    pub(super) const fn watermark(&self) -> Option<Timestamp> {
        self.watermark
    }

    /// Every claim that lives, as the next process needs it.
    pub(super) fn carried(&self, steady: Duration) -> impl Iterator<Item = Carried> {
        let all = self.tables.iter().flatten();
        all.filter_map(move |(name, held)| {
            let bucket = self.buckets.get(&held.bucket)?;
            Some(Carried {
                name: *name,
                token: held.token,
                left: Duration::from_secs(held.bucket.into()).saturating_sub(steady),
                until: bucket.until,
            })
        })
    }

    fn add(&mut self, carried: Carried, steady: Duration) -> bool {
        if !self.has_room() {
            return false;
        }
        self.sweep_at_times();
        // The first whole second after its end, and none that was forgotten already: this thread's
        // clock may have been read before another's.
        let end = steady.saturating_add(carried.left).as_secs();
        let end = end.max(self.forgotten_to).saturating_add(1);
        let bucket = u32::try_from(end).unwrap_or(u32::MAX);
        let held = Held {
            token: carried.token,
            bucket,
        };
        let Some(table) = self.table(carried.name) else {
            return false;
        };
        let is_new = table.insert(carried.name, held).is_none();
        self.stored = self.stored.saturating_add(usize::from(is_new));
        self.live = self.live.saturating_add(1);
        let until = carried.until;
        let bucket = self.buckets.entry(bucket);
        let bucket = bucket.or_insert(Bucket { claims: 0, until });
        bucket.until = bucket.until.max(until);
        bucket.claims = bucket.claims.saturating_add(1);
        true
    }

    fn lives(&self, held: &Held) -> bool {
        self.buckets.contains_key(&held.bucket)
    }

    fn table(&mut self, name: Name) -> Option<&mut FxHashMap<Name, Held>> {
        self.tables.get_mut(table_of(name))
    }

    fn sweep_at_times(&mut self) {
        self.since_sweep = self.since_sweep.saturating_add(1);
        if self.since_sweep < CLAIMS_A_SWEEP || self.stored == self.live {
            return;
        }
        self.since_sweep = 0;
        self.next_sweep = self.next_sweep.wrapping_add(1) % TABLES;
        let Some(table) = self.tables.get_mut(self.next_sweep) else {
            return;
        };
        let before = table.len();
        table.retain(|_, held| self.buckets.contains_key(&held.bucket));
        let swept = before.saturating_sub(table.len());
        self.stored = self.stored.saturating_sub(swept);
    }
}

fn table_of(name: Name) -> usize {
    let [first, ..] = *name.as_bytes();
    usize::from(first)
}
