//! The part of the ledger that is in memory: what is under way, what has just ended, what is not
//! written yet, and the claims. Everything here is one step behind one lock; nothing waits.
//!
//! What is in memory is the truth, and the file what it was. A name that is not in memory is asked of
//! the file outside the lock; until the answer is used, nothing of that name leaves the memory.

use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

use rustc_hash::FxHashMap;
use tokio::sync::oneshot;

use super::fence::Fence;
use super::slot::{Slot, Waiter};
use crate::state::claims::ClaimSet;
use crate::state::{About, Away, Entry, Keep, Name, Outcome, Record, Standing, State};
use crate::time::{Moment, Timestamp};

/// What was read of the file, by name.
pub(super) type View = Vec<(Name, Option<Record>)>;

/// What bounds the desk.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rules {
    pub(super) keep: Duration,
    pub(super) double_read: Duration,
    pub(super) bytes: usize,
    pub(super) records: usize,
    /// Whether there is a file.
    pub(super) filed: bool,
}

/// How a name is found to stand.
#[derive(Debug)]
pub(super) enum Found {
    /// No request has it.
    Free,
    /// One has.
    Known(Standing),
    /// The file has to be asked for this name first.
    Read(Name),
}

/// What came of a step of a reservation.
#[derive(Debug)]
pub(super) enum Step {
    Begun,
    Full,
    Joined(Name),
    Known(Standing),
    /// The file has to be asked for this name first.
    Read(Name),
    Refresh,
    Replayed,
}

/// Everything in memory.
#[derive(Debug)]
pub(super) struct Desk {
    pub(super) rules: Rules,
    pub(super) claims: ClaimSet,
    pub(super) fence: Option<Fence>,
    /// Why nothing can be written, if so.
    pub(super) away: Option<Box<str>>,
    /// No more reservations.
    pub(super) closed: bool,
    /// Names whose slot waits to be written, the longest waiting first.
    pub(super) dirty: VecDeque<Name>,
    /// Records in the file of which nobody knows what became of them.
    pub(super) unknown_filed: usize,
    pub(super) slots: FxHashMap<Name, Box<Slot>>,
    pub(super) marks: FxHashMap<Name, Mark>,
    /// Finished slots by when they may leave.
    pub(super) leaving: BTreeSet<(Duration, Name)>,
    /// Slots of which nobody knows what became of them.
    pub(super) unknown: BTreeSet<(Timestamp, Name)>,
    /// Names the file is being asked for.
    pub(super) asked: FxHashMap<Name, usize>,
    /// Slots with an answer, the oldest first; some are gone.
    pub(super) heavy: VecDeque<Name>,
    /// Of all those answers.
    pub(super) bytes: usize,
    pub(super) begun: Moment,
    pub(super) latest: Moment,
}

/// The request that a double read would join.
#[derive(Clone, Copy, Debug)]
pub(super) struct Mark {
    pub(super) name: Name,
    pub(super) keyed: bool,
    pub(super) ends: Duration,
}

impl Desk {
    pub(super) fn new(rules: Rules, claims: ClaimSet, fence: Option<Fence>, now: Moment) -> Self {
        Self {
            rules,
            claims,
            fence,
            away: None,
            closed: false,
            dirty: VecDeque::new(),
            unknown_filed: 0,
            slots: FxHashMap::default(),
            marks: FxHashMap::default(),
            leaving: BTreeSet::new(),
            unknown: BTreeSet::new(),
            asked: FxHashMap::default(),
            heavy: VecDeque::new(),
            bytes: 0,
            begun: now,
            latest: now,
        }
    }

    /// Reserves everything, or nothing, or asks for what the file says first.
    pub(super) fn reserve(
        &mut self,
        entry: &Entry,
        view: &View,
        now: Moment,
    ) -> Result<Step, Away> {
        self.advance(now);
        if self.closed {
            return Err(Away);
        }
        // A name that no terminal gave is one of a kind: the file cannot have it.
        if entry.keyed || self.slots.contains_key(&entry.name) {
            match self.find(entry.name, Some(entry.fingerprint), view) {
                Found::Free => {}
                Found::Known(standing) => return Ok(Step::Known(standing)),
                Found::Read(name) => return Ok(Step::Read(name)),
            }
        }
        if let Some(first) = self.joins(entry, now) {
            if entry.keyed {
                self.same(entry, first, now)?;
                self.mark_keyed(entry);
            }
            return Ok(Step::Joined(first));
        }
        if let Some(refused) = self.claim_refused(entry, now) {
            return Ok(refused);
        }
        if entry.keep == Keep::Durably && self.is_away() {
            return Err(Away);
        }
        if self.crowded(entry.keep) {
            // What a file could take is there only because it cannot.
            return if self.rules.filed {
                Err(Away)
            } else {
                Ok(Step::Full)
            };
        }
        self.begin(entry, now);
        Ok(Step::Begun)
    }

    /// From now on the double read has a key: another key is another request.
    fn mark_keyed(&mut self, entry: &Entry) {
        if let Some(mark) = entry.read.and_then(|read| self.marks.get_mut(&read)) {
            mark.keyed = true;
        }
    }

    /// Says that the request may be sent; whether to wait until that is on disk.
    pub(super) fn intend(&mut self, name: Name, now: Moment, waiter: Waiter) -> Result<bool, Away> {
        self.advance(now);
        let (away, until) = (self.is_away(), now.wall.after(self.rules.keep));
        let slot = self.slots.get_mut(&name).ok_or(Away)?;
        let durably = self.rules.filed && slot.keep == Keep::Durably;
        if durably && away {
            return Err(Away);
        }
        slot.record.state = State::Forwarding;
        slot.record.until = until;
        self.changed(name, durably.then_some(waiter));
        Ok(durably)
    }

    /// Says what became of it; whether to wait until that is on disk.
    pub(super) fn settle(
        &mut self,
        name: Name,
        outcome: Outcome,
        now: Moment,
        waiter: Option<Waiter>,
    ) -> bool {
        self.advance(now);
        let (rules, steady) = (self.rules, now.steady);
        let Some(slot) = self.slots.get_mut(&name) else {
            return false;
        };
        slot.record.until = now.wall.after(rules.keep);
        let waiter = waiter.filter(|_| rules.filed && slot.keep == Keep::Durably);
        let waits = waiter.is_some();
        match outcome {
            Outcome::Done(answer) => slot.record.state = State::Done(answer),
            Outcome::Unknown => {
                slot.record.state = State::Unknown;
                self.unknown.insert((slot.record.about.since, name));
            }
            Outcome::NotSent => {
                self.free(name, waiter);
                return waits;
            }
        }
        let brief = rules.filed || slot.keep == Keep::Briefly;
        let stay = if brief { rules.double_read } else { rules.keep };
        let leaves = steady.saturating_add(stay);
        for same in slot.sames.clone() {
            if self.slots.get(&same).is_some_and(|it| it.is_same_as(name)) {
                self.leave_at(same, leaves);
            }
        }
        self.leave_at(name, leaves);
        self.weigh(name);
        self.changed(name, waiter);
        self.spare_memory();
        waits
    }

    /// Tells when the slot is on disk; nothing if that need not be waited for.
    pub(super) fn written(&mut self, name: Name) -> Option<oneshot::Receiver<Result<(), Away>>> {
        let slot = self.slots.get_mut(&name).filter(|slot| slot.dirty)?;
        let (waiter, written) = oneshot::channel();
        slot.waiters.push(waiter);
        Some(written)
    }

    /// How a name stands, for one who does not want it.
    pub(super) fn look(
        &mut self,
        name: Name,
        fingerprint: Option<Name>,
        view: &View,
        now: Moment,
    ) -> Found {
        self.advance(now);
        self.find(name, fingerprint, view)
    }

    /// Nothing of this name leaves the memory until [`answered`](Self::answered).
    pub(super) fn ask(&mut self, name: Name) {
        let asking = self.asked.entry(name).or_default();
        *asking = asking.saturating_add(1);
    }

    /// The file's answer was used, or is not wanted any more.
    pub(super) fn answered(&mut self, name: Name) {
        let Some(asking) = self.asked.get_mut(&name) else {
            return;
        };
        *asking = asking.saturating_sub(1);
        if *asking == 0 {
            self.asked.remove(&name);
        }
    }

    /// The requests in memory of which nobody knows what became of them.
    pub(super) fn unknown(&mut self, most: usize, now: Moment) -> Vec<(Name, About)> {
        self.advance(now);
        let named = self.unknown.iter().filter_map(|(_, name)| {
            let slot = self.slots.get(name)?;
            Some((*name, slot.record.about.clone()))
        });
        named.take(most).collect()
    }

    /// How many of those are in memory alone.
    pub(super) fn unknown_unfiled(&self) -> usize {
        let alone = self.unknown.iter().filter(|(_, name)| {
            let slot = self.slots.get(name);
            slot.is_some_and(|slot| !slot.counted)
        });
        alone.count()
    }

    /// How many requests are in memory.
    pub(super) fn held(&self) -> usize {
        self.slots.len()
    }

    /// Whether what must be on disk cannot get there.
    pub(super) const fn is_away(&self) -> bool {
        self.rules.filed && (self.away.is_some() || self.closed)
    }

    /// The latest instant by the clock on the wall, not counting what it was put forward since the
    /// ledger was opened: setting a clock must not make records old.
    pub(super) fn calm_wall(&self) -> Timestamp {
        let elapsed = self.latest.steady.saturating_sub(self.begun.steady);
        self.latest.wall.min(self.begun.wall.after(elapsed))
    }

    /// The latest instant anybody told.
    pub(super) const fn latest(&self) -> Moment {
        self.latest
    }
}
