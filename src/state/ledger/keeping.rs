//! How the desk keeps its papers: what is found, joined, marked to be written, thrown away.

use std::time::Duration;

use ring::digest::{SHA256, digest};

use super::desk::{Desk, Found, Mark, Step, View};
use super::slot::{Slot, Waiter, bytes_of};
use crate::state::{Answer, Away, Content, Entry, Keep, Name, Record, Standing, State};
use crate::time::Moment;

/// So many finished slots are thrown away in one step: nobody waits long for the lock.
const BITE: usize = 64;

/// A slot that cannot leave yet is looked at again after this.
const AGAIN: Duration = Duration::from_millis(100);

/// Of this share of the room for requests nothing that lasts takes any: where that lasts in memory,
/// whoever uses many keys would stop those who use none.
const RESERVE: usize = 8;

/// So many marks more than slots are no reason to look for old ones.
const SPARE_MARKS: usize = 1_024;

impl Desk {
    /// How a name stands, by the memory and by what was read of the file.
    pub(super) fn find(&self, name: Name, fingerprint: Option<Name>, view: &View) -> Found {
        let found = self.record(name, view).and_then(|record| {
            let Some(record) = record else {
                return Ok(Found::Free);
            };
            let counts = match &record.state {
                State::Same(other) => self.record(Name::from_bytes(*other), view)?,
                _ => Some(record),
            };
            Ok(match counts {
                None => Found::Free,
                Some(_) if fingerprint.is_some_and(|it| record.fingerprint != *it.as_bytes()) => {
                    Found::Known(Standing::Other)
                }
                Some(counts) => Found::Known(standing(&counts.state)),
            })
        });
        found.unwrap_or_else(Found::Read)
    }

    /// The record of a name; the name, if the file has to be asked first.
    fn record<'a>(&'a self, name: Name, view: &'a View) -> Result<Option<&'a Record>, Name> {
        if let Some(slot) = self.slots.get(&name) {
            let stands = slot.in_flight() || slot.record.until > self.calm_wall();
            return Ok((stands && !slot.gone).then_some(&slot.record));
        }
        if !self.rules.filed {
            return Ok(None);
        }
        let read = view.iter().find(|(read, _)| *read == name);
        let (_, record) = read.ok_or(name)?;
        let wall = self.calm_wall();
        Ok(record.as_ref().filter(|record| record.until > wall))
    }

    /// The request that this one is a double read of.
    pub(super) fn joins(&self, entry: &Entry, now: Moment) -> Option<Name> {
        let mark = self.marks.get(&entry.read?)?;
        let in_flight = self
            .slots
            .get(&mark.name)
            .is_some_and(|slot| slot.in_flight());
        let in_time = in_flight || now.steady < mark.ends;
        let two_keys = mark.keyed && entry.keyed;
        // There is nothing to wait for where the first one's record is over before its mark is.
        let is_over = matches!(self.record(mark.name, &View::new()), Ok(None));
        let joins = in_time && !is_over && !two_keys && mark.name != entry.name;
        joins.then_some(mark.name)
    }

    /// Notes that the first request's record counts for this name as well; it then lasts as long as
    /// this one asks.
    pub(super) fn same(&mut self, entry: &Entry, first: Name, now: Moment) -> Result<(), Away> {
        let durably = entry.keep == Keep::Durably;
        if self.crowded(entry.keep) || durably && self.is_away() {
            return Err(Away);
        }
        let mut slot = Slot::reserved(entry, self.rules.keep, now);
        slot.record.state = State::Same(*first.as_bytes());
        slot.claim = None;
        slot.read = None;
        self.put(entry.name, slot);
        let soon = now.steady.saturating_add(self.rules.double_read);
        let leaves = match self.slots.get_mut(&first) {
            Some(slot) => {
                slot.sames.push(entry.name);
                let grows = slot.keep < entry.keep;
                slot.keep = slot.keep.max(entry.keep);
                let leaves = slot.leaves;
                if grows {
                    self.changed(first, None);
                }
                leaves
            }
            None => Some(soon),
        };
        if let Some(leaves) = leaves {
            let lasts = !self.rules.filed && entry.keep > Keep::Briefly;
            let stay = if lasts {
                self.rules.keep
            } else {
                Duration::ZERO
            };
            let leaves = leaves.max(now.steady.saturating_add(stay));
            self.leave_at(entry.name, leaves);
            self.leave_at(first, leaves);
        }
        self.changed(entry.name, None);
        Ok(())
    }

    /// Why the code may not be used, if so.
    pub(super) fn claim_refused(&self, entry: &Entry, now: Moment) -> Option<Step> {
        let claim = entry.claim.as_ref()?;
        match self.claims.holder(claim.name) {
            Some(token) if token == entry.name => Some(Step::Known(Standing::Unknown)),
            Some(_) => Some(Step::Replayed),
            None => {
                let fenced = self.fence.is_some_and(|fence| fence.refuses(claim, now));
                if fenced || self.claims.may_be_forgotten(claim.until) {
                    Some(Step::Refresh)
                } else {
                    (!self.claims.has_room()).then_some(Step::Full)
                }
            }
        }
    }

    /// Whether there are as many requests in memory as there may be, of those that last so long.
    pub(super) fn crowded(&self, keep: Keep) -> bool {
        let most = self.rules.records;
        let spared = if keep > Keep::Briefly {
            most / RESERVE
        } else {
            0
        };
        self.slots.len() >= most.saturating_sub(spared)
    }

    /// Takes the request in.
    pub(super) fn begin(&mut self, entry: &Entry, now: Moment) {
        if let Some(claim) = &entry.claim {
            self.claims.insert(claim, entry.name, now);
        }
        if let Some(read) = entry.read {
            let ends = now.steady.saturating_add(self.rules.double_read);
            let (name, keyed) = (entry.name, entry.keyed);
            self.marks.insert(read, Mark { name, keyed, ends });
        }
        let slot = Slot::reserved(entry, self.rules.keep, now);
        self.put(entry.name, slot);
    }

    /// Notes that a slot is not what the file says any more; whoever waits is told when it is.
    pub(super) fn changed(&mut self, name: Name, waiter: Option<Waiter>) {
        let (filed, away) = (self.rules.filed, self.is_away());
        let Some(slot) = self.slots.get_mut(&name) else {
            return;
        };
        slot.version = slot.version.wrapping_add(1);
        let differs = filed && (slot.on_disk || slot.written().is_some());
        if differs && !slot.dirty {
            slot.dirty = true;
            self.dirty.push_back(name);
        }
        match waiter {
            Some(waiter) if differs && !away => {
                slot.waiters.push(waiter);
            }
            Some(waiter) => {
                // Whoever waits may have gone away.
                let _ = waiter.send(if away { Err(Away) } else { Ok(()) });
            }
            None => {}
        }
    }

    /// Frees name, code and mark of a request of which nothing was sent.
    pub(super) fn free(&mut self, name: Name, waiter: Option<Waiter>) {
        let Some(slot) = self.slots.get_mut(&name) else {
            return;
        };
        slot.gone = true;
        let (claim, read, sames) = (slot.claim, slot.read, std::mem::take(&mut slot.sames));
        if let Some(claim) = claim {
            self.claims.release(claim, name);
        }
        if let Some(read) = read {
            let own = |mark: &Mark| mark.name == name;
            if self.marks.get(&read).is_some_and(own) {
                self.marks.remove(&read);
            }
        }
        for same in sames {
            if self.slots.get(&same).is_some_and(|it| it.is_same_as(name)) {
                self.free(same, None);
            }
        }
        self.changed(name, waiter);
        self.let_go(name);
    }

    /// A slot of which nothing was sent may leave as soon as the file knows nothing of it.
    pub(super) fn let_go(&mut self, name: Name) {
        let done = |slot: &Slot| slot.gone && !slot.dirty && !slot.writing && !slot.on_disk;
        if self.slots.get(&name).is_some_and(|it| done(it)) {
            self.remove(name);
        }
    }

    /// The slot leaves the memory at that time, or as soon as it can.
    pub(super) fn leave_at(&mut self, name: Name, at: Duration) {
        let Some(slot) = self.slots.get_mut(&name) else {
            return;
        };
        if let Some(before) = slot.leaves.replace(at) {
            self.leaving.remove(&(before, name));
        }
        self.leaving.insert((at, name));
    }

    /// Counts the bytes of a slot's answer anew.
    pub(super) fn weigh(&mut self, name: Name) {
        let Some(slot) = self.slots.get_mut(&name) else {
            return;
        };
        let bytes = bytes_of(&slot.record.state);
        self.bytes = self.bytes.saturating_sub(slot.bytes).saturating_add(bytes);
        slot.bytes = bytes;
        if bytes > 0 {
            self.heavy.push_back(name);
        }
    }

    /// Keeps the contents of answers within their bounds: the oldest leave, or, if the file has them
    /// not, shrink to their digest.
    pub(super) fn spare_memory(&mut self) {
        while self.bytes > self.rules.bytes {
            let Some(name) = self.heavy.pop_front() else {
                return;
            };
            let asked = self.asked.contains_key(&name);
            let Some(slot) = self.slots.get_mut(&name) else {
                continue;
            };
            let on_disk = slot.on_disk && slot.written().is_some();
            let busy = slot.dirty || slot.writing || asked || slot.in_flight();
            if on_disk && !busy {
                self.remove(name);
                continue;
            }
            if let State::Done(answer) = &mut slot.record.state {
                shrink(answer);
            }
            self.bytes = self.bytes.saturating_sub(slot.bytes);
            slot.bytes = 0;
        }
    }

    /// Moves on to a later instant: what is over is forgotten.
    pub(super) fn advance(&mut self, now: Moment) {
        if now.steady >= self.latest.steady {
            self.latest = now;
        }
        self.claims.advance(self.latest.steady);
        for _ in 0..BITE {
            let steady = self.latest.steady;
            let Some(&(at, name)) = self.leaving.first().filter(|(at, _)| *at <= steady) else {
                break;
            };
            let asked = self.asked.contains_key(&name);
            let stays = |slot: &Slot| slot.dirty || slot.writing || slot.in_flight() || asked;
            if self.slots.get(&name).is_some_and(|it| stays(it)) {
                self.leave_at(name, steady.saturating_add(AGAIN));
            } else {
                self.leaving.remove(&(at, name));
                self.remove(name);
            }
        }
        if self.marks.len() > self.slots.len().saturating_add(SPARE_MARKS) {
            let (slots, steady) = (&self.slots, self.latest.steady);
            self.marks
                .retain(|_, mark| mark.ends > steady || slots.contains_key(&mark.name));
        }
    }

    /// Puts a slot in the place of one that is gone, whose traces in the file it takes over.
    fn put(&mut self, name: Name, mut slot: Box<Slot>) {
        if let Some(old) = self.remove(name) {
            slot.on_disk = old.on_disk;
            slot.dirty = old.dirty;
            slot.writing = old.writing;
            slot.filed_since = old.filed_since;
            slot.version = old.version.wrapping_add(1);
            slot.waiters = old.waiters;
        }
        self.slots.insert(name, slot);
    }

    pub(super) fn remove(&mut self, name: Name) -> Option<Box<Slot>> {
        let slot = self.slots.remove(&name)?;
        if let Some(at) = slot.leaves {
            self.leaving.remove(&(at, name));
        }
        self.unknown.remove(&(slot.record.about.since, name));
        self.bytes = self.bytes.saturating_sub(slot.bytes);
        let steady = self.latest.steady;
        let over = |mark: &Mark| mark.name == name && mark.ends <= steady;
        if let Some(read) = slot.read
            && self.marks.get(&read).is_some_and(over)
        {
            self.marks.remove(&read);
        }
        while let Some(first) = self.heavy.front()
            && !self.slots.contains_key(first)
        {
            self.heavy.pop_front();
        }
        Some(slot)
    }
}

fn standing(state: &State) -> Standing {
    match state {
        State::Done(answer) => Standing::Done(answer.clone()),
        State::Forwarding | State::Reserved => Standing::InFlight,
        // Nothing points to what points elsewhere.
        State::Same(_) | State::Unknown => Standing::Unknown,
    }
}

/// Leaves of an answer what can be told of one that was not kept.
fn shrink(answer: &mut Answer) {
    answer.headers = Vec::new();
    let Content::Whole(bytes) = &answer.content else {
        return;
    };
    let mut sha256 = [0; 32];
    for (to, from) in sha256.iter_mut().zip(digest(&SHA256, bytes).as_ref()) {
        *to = *from;
    }
    let length = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
    answer.content = Content::Digest { sha256, length };
}
