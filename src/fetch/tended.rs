//! One issuer under the keeper's care: what it has, and when whom is asked for more.

use std::hash::{Hash as _, Hasher as _};
use std::sync::Arc;
use std::sync::mpsc;
use std::time::Duration;

use rustc_hash::FxHasher;
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::complaint::Complaint;
use super::look::{Memo, Sight, Subject};
use super::report::Asked;
use super::{Feed, Origin, Pace, Renewal, Unfetched, WhenStale, WhenUnlisted};
use crate::random::Random;
use crate::time::Timestamp;
use crate::trust::standing::chain;
use crate::trust::{Issuer, KeySet, Revocations, Supply};

/// Held by whoever waits for something to be looked at; gone when it was.
pub(super) type Bell = mpsc::Sender<std::convert::Infallible>;

/// One issuer.
#[derive(Debug)]
pub(super) struct Tended {
    pub(super) feed: Feed,
    /// Told apart from one of the same name before a reload.
    pub(super) generation: u64,
    pub(super) sources: Vec<Source>,
    pub(super) asking: Vec<Asking>,
    /// The id of the next source.
    pub(super) next: usize,
    pub(super) keys: Option<Arc<KeySet>>,
    /// Those of the configuration itself.
    pub(super) written: Arc<KeySet>,
    revoked: Arc<Revocations>,
}

/// A scan that waits for a key.
#[derive(Debug)]
pub(super) struct Asking {
    pub(super) key: Option<Box<str>>,
    pub(super) reply: oneshot::Sender<Renewal>,
    /// The question under way was asked before the scan came: its answer may be too old.
    pub(super) late: bool,
}

impl Asking {
    pub(super) fn answer(self, renewal: Renewal) {
        // A scan that has had enough is gone.
        let _ = self.reply.send(renewal);
    }

    /// As if it had come this moment.
    pub(super) fn in_time(self) -> Self {
        Self {
            late: false,
            ..self
        }
    }

    /// Stands for the key's name, which is a stranger's and may be long.
    pub(super) fn digest(&self) -> u64 {
        let mut hasher = FxHasher::default();
        self.key.hash(&mut hasher);
        hasher.finish()
    }
}

/// One origin of an issuer.
#[derive(Debug)]
pub(super) struct Source {
    /// Told apart from others of the same issuer.
    pub(super) id: usize,
    pub(super) role: Role,
    pub(super) origin: Origin,
    pub(super) memo: Memo,
    pub(super) due: Instant,
    pub(super) flying: bool,
    /// What is under way was asked before somebody wanted to know.
    again: bool,
    /// A scan or an operator waits for it.
    pub(super) urgent: bool,
    pub(super) bells: Vec<Bell>,
    pub(super) failures: u32,
    pub(super) asked: Asked,
    pub(super) list: Option<Arc<Revocations>>,
    pub(super) complaint: Complaint,
}

/// What an origin holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// What was taken back of the codes signed with one key, in the version it announces.
    CardList {
        /// The key.
        key: Box<str>,
        /// Its `crlVersion`.
        version: u64,
    },
    /// The keys.
    Keys,
    /// A list, by its place among those in the files.
    List(usize),
}

impl Role {
    pub(super) fn subject(&self, feed: &Feed) -> Subject {
        match self {
            Self::Keys => Subject::Keys(feed.reading.clone()),
            Self::CardList { key, .. } => Subject::CardList(key.clone()),
            Self::List(_) => Subject::List,
        }
    }
}

impl Source {
    pub(super) fn new(id: usize, role: Role, origin: Origin, now: Instant) -> Self {
        Self {
            id,
            role,
            origin,
            memo: Memo::default(),
            due: now,
            flying: false,
            again: false,
            urgent: false,
            bells: Vec::new(),
            failures: 0,
            asked: Asked::default(),
            list: None,
            complaint: Complaint::default(),
        }
    }

    /// Whether its last attempt, if there was one, succeeded.
    pub(super) fn answers(&self) -> bool {
        self.failures == 0 && self.asked.last_success.is_some()
    }

    /// Whether nobody should wait for it: one failure may be chance, two are not.
    pub(super) const fn is_dead(&self) -> bool {
        self.failures >= 2
    }

    /// Is looked at now, or once more if it is being looked at.
    pub(super) fn hurry(&mut self, now: Instant) {
        self.due = now;
        self.again = self.flying;
    }

    /// Notes how an attempt ended, and when the next one is due. Who waits for it is to be woken
    /// once that is in force.
    pub(super) fn landed(
        &mut self,
        outcome: Result<(), &Unfetched>,
        rhythm: &mut Rhythm<'_>,
        refresh: Duration,
    ) -> Vec<Bell> {
        self.flying = false;
        self.urgent &= self.again;
        self.asked.last = Some(rhythm.wall);
        self.failures = match outcome {
            Ok(()) => 0,
            Err(_) => self.failures.saturating_add(1),
        };
        if outcome.is_ok() {
            self.asked.last_success = Some(rhythm.wall);
        }
        self.asked.error = outcome.err().map(|error| chain(error).into());
        let pause = match (&self.origin, outcome) {
            (Origin::File(_), _) => rhythm.pace.files,
            (Origin::Remote(_), Ok(())) => rhythm.pace.after_success(refresh, rhythm.random),
            (Origin::Remote(_), Err(_)) => {
                rhythm
                    .pace
                    .after_failure(self.failures, refresh, rhythm.random)
            }
        };
        self.due = rhythm.now + pause;
        self.asked.next = Some(rhythm.wall.after(pause));
        if std::mem::take(&mut self.again) {
            self.due = rhythm.now;
            return Vec::new();
        }
        std::mem::take(&mut self.bells)
    }
}

/// What the next attempt's time is drawn from.
#[derive(Debug)]
pub(super) struct Rhythm<'a> {
    pub(super) pace: &'a Pace,
    pub(super) random: &'a mut Random,
    pub(super) now: Instant,
    pub(super) wall: Timestamp,
}

impl Tended {
    pub(super) fn new(feed: Feed, generation: u64, now: Instant) -> Self {
        let keys = feed.keys.iter().map(|origin| (Role::Keys, origin));
        let lists = feed.revoked.iter().enumerate();
        let lists = lists.map(|(place, origin)| (Role::List(place), origin));
        let sources = keys.chain(lists).enumerate();
        let sources =
            sources.map(|(id, (role, origin))| Source::new(id, role, origin.clone(), now));
        let sources: Vec<_> = sources.collect();
        Self {
            next: sources.len(),
            sources,
            feed,
            generation,
            asking: Vec::new(),
            keys: None,
            written: Arc::default(),
            revoked: Arc::default(),
        }
    }

    /// Goes on under newer files that name the same origins.
    pub(super) fn adopt(&mut self, feed: Feed, now: Instant, wall: Timestamp) {
        let soonest = now.checked_add(feed.refresh).unwrap_or(now);
        let named = feed.keys.iter().chain(&feed.revoked);
        let configured = self
            .sources
            .iter_mut()
            .filter(|it| !matches!(it.role, Role::CardList { .. }));
        for (source, origin) in configured.zip(named) {
            source.origin = origin.clone();
            if let Origin::File(_) = origin {
                source.due = now;
            } else if soonest < source.due {
                source.due = soonest;
                source.asked.next = Some(wall.after(feed.refresh));
            }
        }
        self.feed = feed;
        self.renew_supply();
    }

    pub(super) fn keys_source(&mut self) -> Option<&mut Source> {
        let mut sources = self.sources.iter_mut();
        sources.find(|source| source.role == Role::Keys)
    }

    /// Takes in what an origin holds, as of `wall`.
    pub(super) fn take(&mut self, id: usize, sight: Sight, wall: Timestamp, now: Instant) {
        let Some(source) = self.sources.iter_mut().find(|it| it.id == id) else {
            return;
        };
        source.asked.last_success = Some(wall);
        match sight {
            Sight::Same => {}
            Sight::Keys(found, memo) => {
                source.memo = memo;
                let keys = KeySet::new(found.keys, Supply::Files).without(found.rejected);
                self.keys = Some(Arc::new(keys));
                self.follow_card_lists(now);
            }
            Sight::List(list, memo) => {
                source.memo = memo;
                source.list = Some(Arc::new(list));
                self.unite_lists();
            }
        }
        self.renew_supply();
    }

    /// A success that is still to come was one by a wrong clock: it counts as of now, so that keys
    /// serve no longer than they may. Returns whether there was one.
    pub(super) fn heed(&mut self, wall: Timestamp) -> bool {
        let mut early = false;
        for source in &mut self.sources {
            if source.asked.last_success.is_some_and(|last| last > wall) {
                source.asked.last_success = Some(wall);
                early = true;
            }
        }
        if early {
            self.renew_supply();
        }
        early
    }

    /// The keys as they serve since they could last be had.
    fn renew_supply(&mut self) {
        let source = self.sources.iter().find(|it| it.role == Role::Keys);
        let last = source.and_then(|source| source.asked.last_success);
        let (Some(keys), Some(last)) = (&self.keys, last) else {
            return;
        };
        let supply = match (&self.feed.keys, self.feed.when_stale) {
            (Some(Origin::Remote(_)), WhenStale::Reject) => Supply::Fetched {
                serve_until: Some(last.after(self.feed.max_stale)),
            },
            (Some(Origin::Remote(_)), WhenStale::Accept) => Supply::Fetched { serve_until: None },
            (Some(Origin::File(_)) | None, _) => Supply::Files,
        };
        if keys.supply != supply {
            self.keys = Some(Arc::new(keys.supplied(supply)));
        }
    }

    pub(super) fn unite_lists(&mut self) {
        let lists = self.sources.iter().filter_map(|it| it.list.clone());
        self.revoked = Arc::new(Revocations::united(lists));
    }

    /// What was taken back stays so while its list is had anew, of an issuer some of whose origins
    /// are others now.
    pub(super) fn inherit_lists(&mut self, before: &Self) {
        let had = |source: &Source| {
            let mut lists = before.sources.iter();
            lists.find(|it| it.list.is_some() && it.origin.told() == source.origin.told())
        };
        for source in self.sources.iter_mut().filter(|it| it.list.is_none()) {
            if let Some(had) = had(source) {
                source.list.clone_from(&had.list);
                source.memo = had.memo.of_list();
            }
        }
        self.unite_lists();
    }

    /// Gives the issuer of the configuration what was fetched for it. What the files hold it has
    /// from there already.
    pub(super) fn dress(&self, issuer: &mut Issuer) {
        issuer.keys = match (&self.feed.keys, &self.keys) {
            _ if self.is_unlisted() => Arc::new(KeySet::new([], Supply::Awaited)),
            (None, _) | (Some(Origin::File(_)), None) => Arc::clone(&self.written),
            (Some(_), Some(keys)) => Arc::clone(keys),
            (Some(Origin::Remote(_)), None) => Arc::new(KeySet::new([], Supply::Awaited)),
        };
        if self.sources.iter().any(|source| source.list.is_some()) {
            issuer.revoked = Arc::clone(&self.revoked);
        }
    }

    /// Whether a list is missing without which the keys may not serve.
    pub(super) fn is_unlisted(&self) -> bool {
        let mut lists = self.sources.iter().filter(|it| it.role != Role::Keys);
        self.feed.when_unlisted == WhenUnlisted::Reject && lists.any(|it| it.list.is_none())
    }

    /// Whether the keys have one of that name; for a code that names none, any may be new.
    pub(super) fn has(&self, key: Option<&str>) -> bool {
        match (&self.keys, key) {
            (Some(keys), Some(key)) => keys.has(key),
            _ => false,
        }
    }
}
