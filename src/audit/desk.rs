//! What waits to be written, in memory behind one lock.

use std::collections::VecDeque;

use tokio::sync::oneshot;

use super::chain::Link;
use super::record::Record;
use crate::time::Timestamp;

/// Requests that wait for the disk at once; the workers' own limit is lower.
const MOST_WAITING: usize = 8_192;

/// So many at the desk are written before their time.
const HEAP: usize = 2_048;

/// A record that must be written, and who waits for it.
#[derive(Debug)]
pub(super) struct Wanted {
    pub(super) record: Record,
    pub(super) waiter: Option<oneshot::Sender<()>>,
}

/// Records there was no room for.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Lost {
    pub(super) count: u64,
    pub(super) since: Timestamp,
}

/// The desk, and what is known of the trail.
#[derive(Debug, Default)]
pub(super) struct Desk {
    /// Somebody writes.
    pub(super) open: bool,
    /// Somebody waits.
    pub(super) urgent: bool,
    /// The writer is to end.
    pub(super) ending: bool,
    /// Why nothing can be written.
    pub(super) trouble: Option<Box<str>>,
    /// The disk has less room than it should.
    pub(super) warning: Option<&'static str>,
    pub(super) required: VecDeque<Wanted>,
    pub(super) ordinary: VecDeque<Record>,
    /// Of these the trail does not know yet.
    pub(super) lost: Option<Lost>,
    pub(super) lost_ever: u64,
    pub(super) refused_ever: u64,
    /// The last record on disk.
    pub(super) records: u64,
    pub(super) head: Link,
    pub(super) checkpoint: Option<(Timestamp, u64)>,
}

impl Desk {
    /// Notes that this many could not be taken.
    pub(super) fn miss(&mut self, count: u64, at: Timestamp) {
        let lost = self.lost.get_or_insert(Lost {
            count: 0,
            since: at,
        });
        lost.count = lost.count.saturating_add(count);
        self.lost_ever = self.lost_ever.saturating_add(count);
    }

    /// Takes a record; false if as many of its sort wait already. Ordinary ones, which a disk with
    /// hardly any room keeps waiting, take no place from what is written even then.
    pub(super) fn lay(&mut self, record: Record, most: usize) -> bool {
        let waiting = if record.class.must() {
            self.required.len()
        } else {
            self.ordinary.len()
        };
        if waiting >= most {
            self.miss(1, record.at);
            return false;
        }
        if record.class.must() {
            let waiter = None;
            self.required.push_back(Wanted { record, waiter });
        } else {
            self.ordinary.push_back(record);
        }
        self.urgent |= self.ordinary.len() >= HEAP;
        true
    }

    /// Takes a record that somebody waits for.
    pub(super) fn wait(&mut self, record: Record) -> Option<oneshot::Receiver<()>> {
        if self.required.len() >= MOST_WAITING {
            return None;
        }
        let (waiter, receiver) = oneshot::channel();
        let waiter = Some(waiter);
        self.required.push_back(Wanted { record, waiter });
        self.urgent = true;
        Some(receiver)
    }

    /// How many wait.
    pub(super) fn waiting(&self) -> usize {
        self.required.len().saturating_add(self.ordinary.len())
    }

    /// What is written next: what must be first, the rest unless there is hardly any room; and how
    /// many were lost, if it is to be told.
    pub(super) fn take(&mut self, most: usize, only_required: bool, tell: bool) -> Batch {
        let count = self.required.len().min(most);
        let mut required: Vec<_> = self.required.drain(..count).collect();
        // Who has lost patience was refused, and nothing was sent.
        required.retain(|wanted| wanted.waiter.as_ref().is_none_or(|it| !it.is_closed()));
        let room = if only_required { 0 } else { most - count };
        let count = self.ordinary.len().min(room);
        Batch {
            required,
            ordinary: self.ordinary.drain(..count).collect(),
            lost: if tell { self.lost.take() } else { None },
        }
    }

    /// Takes back what could not be written. Who waited for it is told, and what it was about does not
    /// happen.
    pub(super) fn back(&mut self, batch: Batch) {
        for wanted in batch.required.into_iter().rev() {
            if wanted.waiter.is_none() {
                self.required.push_front(wanted);
            }
        }
        for record in batch.ordinary.into_iter().rev() {
            self.ordinary.push_front(record);
        }
        if let Some(earlier) = batch.lost {
            let later = self.lost.map_or(0, |lost| lost.count);
            let count = earlier.count.saturating_add(later);
            self.lost = Some(Lost { count, ..earlier });
        }
    }

    /// Nothing can be written for now, nobody waits for it.
    pub(super) fn refuse_all(&mut self) {
        self.required.retain(|wanted| wanted.waiter.is_none());
    }
}

/// What is written at once.
#[derive(Debug, Default)]
pub(super) struct Batch {
    pub(super) required: Vec<Wanted>,
    pub(super) ordinary: Vec<Record>,
    pub(super) lost: Option<Lost>,
}

impl Batch {
    pub(super) fn is_empty(&self) -> bool {
        self.required.is_empty() && self.ordinary.is_empty() && self.lost.is_none()
    }

    /// All records, those that must be first.
    pub(super) fn records(&self) -> impl Iterator<Item = &Record> {
        let required = self.required.iter().map(|wanted| &wanted.record);
        required.chain(&self.ordinary)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::record::Class;

    fn record(class: Class) -> Record {
        Record {
            class,
            ..Record::default()
        }
    }

    #[test]
    fn what_must_be_written_finds_room_beside_what_waits_for_the_disk() {
        let mut desk = Desk::default();
        let scans = (0..5).filter(|_| desk.lay(record(Class::Scan), 3));
        assert_eq!(scans.count(), 3);
        assert!(desk.lay(record(Class::Outcome), 3));
        let batch = desk.take(10, true, false);
        assert_eq!((batch.required.len(), batch.ordinary.len()), (1, 0));
        // Each sort has its bound.
        let outcomes = (0..5).filter(|_| desk.lay(record(Class::Outcome), 3));
        assert_eq!((outcomes.count(), desk.waiting()), (3, 6));
    }

    #[test]
    fn what_is_lost_is_told_when_it_is_asked_for() {
        let mut desk = Desk::default();
        desk.miss(2, Timestamp::from_millis(7));
        assert!(desk.take(10, true, false).is_empty());
        desk.miss(1, Timestamp::from_millis(9));
        let told = desk.take(10, true, true).lost.unwrap();
        assert_eq!((told.count, told.since.millis()), (3, 7));
        assert!(desk.take(10, true, true).is_empty());
    }
}
