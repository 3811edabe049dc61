//! One request in memory.

use std::time::Duration;

use tokio::sync::oneshot;

use crate::state::{Away, Content, Entry, Keep, Name, Record, State};
use crate::time::{Moment, Timestamp};

/// Told once what is waited for is on disk, or cannot get there for now.
pub(super) type Waiter = oneshot::Sender<Result<(), Away>>;

/// A request's record while it is in memory, and what it holds beside.
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a fact of its own; most of the combinations occur"
)]
#[derive(Debug)]
pub(super) struct Slot {
    /// As it would be written.
    pub(super) record: Record,
    /// How long it is to last; a second request that joins it may need it to last longer.
    pub(super) keep: Keep,
    /// By which a double read is known.
    pub(super) read: Option<Name>,
    /// The code it uses up.
    pub(super) claim: Option<Name>,
    /// Names under which the same came.
    pub(super) sames: Vec<Name>,
    /// Nothing was sent: as soon as the file agrees it disappears.
    pub(super) gone: bool,
    /// When it may leave the memory, once it is not under way any more.
    pub(super) leaves: Option<Duration>,
    /// How many times it changed.
    pub(super) version: u64,
    /// Whether it waits to be written.
    pub(super) dirty: bool,
    /// Whether the file may have a record of this name.
    pub(super) on_disk: bool,
    /// Whether it is just being written.
    pub(super) writing: bool,
    /// When the request that the file may have under this name came.
    pub(super) filed_since: Option<Timestamp>,
    /// Whether it counts among those that the file knows to be unknown.
    pub(super) counted: bool,
    /// Those to be told when it is written.
    pub(super) waiters: Vec<Waiter>,
    /// The bytes of its answer that count.
    pub(super) bytes: usize,
}

impl Slot {
    /// A request that was just reserved. Boxed, or a table that grows would move all of it with the lock held.
    pub(super) fn reserved(entry: &Entry, keep: Duration, now: Moment) -> Box<Self> {
        let claim = entry.claim.map(|claim| claim.name);
        Box::new(Self {
            record: Record {
                state: State::Reserved,
                fingerprint: *entry.fingerprint.as_bytes(),
                about: entry.about.clone(),
                lease: now.wall.after(entry.lease),
                until: now.wall.after(keep),
            },
            keep: entry.keep,
            read: entry.read,
            claim,
            sames: Vec::new(),
            gone: false,
            leaves: None,
            version: 0,
            dirty: false,
            on_disk: false,
            writing: false,
            filed_since: None,
            counted: false,
            waiters: Vec::new(),
            bytes: 0,
        })
    }

    /// Whether somebody has the ticket.
    pub(super) const fn in_flight(&self) -> bool {
        !self.gone && matches!(self.record.state, State::Forwarding | State::Reserved)
    }

    /// Whether it only points to that request.
    pub(super) fn is_same_as(&self, first: Name) -> bool {
        !self.gone && self.record.state == State::Same(*first.as_bytes())
    }

    /// What the file is to have under its name.
    pub(super) fn written(&self) -> Option<&Record> {
        let lasts = self.keep > Keep::Briefly;
        let told = !matches!(self.record.state, State::Reserved);
        (lasts && told && !self.gone).then_some(&self.record)
    }
}

/// The bytes of the answer in that state, as far as it is kept.
pub(super) fn bytes_of(state: &State) -> usize {
    let State::Done(answer) = state else {
        return 0;
    };
    let headers = answer.headers.iter();
    let headers: usize = headers.map(|(name, value)| name.len() + value.len()).sum();
    match &answer.content {
        Content::Whole(bytes) => headers.saturating_add(bytes.len()),
        Content::Digest { .. } => headers,
    }
}
