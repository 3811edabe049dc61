//! One issuer under the keeper's care: what it has, and when whom is asked for more.

use std::hash::{Hash as _, Hasher as _};
use std::sync::Arc;
use std::sync::mpsc;
use std::time::Duration;

use rustc_hash::FxHasher;
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::look::{Memo, Sight, Subject};
use super::report::Asked;
use super::{Feed, Origin, Pace, Remote, Renewal, Unfetched, WhenStale};
use crate::random::Random;
use crate::time::Timestamp;
use crate::trust::standing::chain;
use crate::trust::{Issuer, KeySet, Rejected, Revocations, Supply};

/// Lists of single keys asked for, of one issuer: a SMART Health Card issuer has a few keys.
const MOST_CARD_LISTS: usize = 64;

/// Where the keys of SMART Health Cards are ("Determining keys associated with an issuer"), and
/// where what was taken back of them ("Revocation").
const CARD_KEYS: &str = "/.well-known/jwks.json";
const CARD_LISTS: &str = "/.well-known/crl/";

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
    next: usize,
    pub(super) keys: Option<Arc<KeySet>>,
    pub(super) rejected: Arc<[Rejected]>,
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
            Self::CardList { .. } | Self::List(_) => Subject::List,
        }
    }
}

impl Source {
    fn new(id: usize, role: Role, origin: Origin, now: Instant) -> Self {
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
        self.urgent = false;
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
            revoked: Arc::default(),
            rejected: Arc::default(),
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
                self.rejected = found.rejected.into();
                self.keys = Some(Arc::new(KeySet::new(found.keys, Supply::Files)));
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

    /// SMART Health Cards, "Revocation": a key with `crlVersion` has a list of its own, to be
    /// fetched again when the number is another.
    fn follow_card_lists(&mut self, now: Instant) {
        let Some(Origin::Remote(remote)) = &self.feed.keys else {
            return;
        };
        let Some(base) = remote.path.strip_suffix(CARD_KEYS) else {
            return;
        };
        let announced = self.keys.iter().flat_map(|set| set.iter());
        let announced = announced.filter_map(|key| Some((key.id.clone()?, key.crl_version?)));
        let mut announced: Vec<_> = announced.collect();
        let all = announced.len();
        announced.retain(|(id, _)| is_plain(id));
        announced.sort();
        announced.truncate(MOST_CARD_LISTS);
        if announced.len() < all {
            let (issuer, lists) = (&*self.feed.issuer, announced.len());
            tracing::warn!(issuer, all, lists, "not every list of a key is fetched");
        }
        self.sources.retain(|source| match &source.role {
            Role::CardList { key, .. } => announced.iter().any(|(id, _)| id == key),
            Role::Keys | Role::List(_) => true,
        });
        for (id, version) in announced {
            let known = self
                .sources
                .iter_mut()
                .find(|source| matches!(&source.role, Role::CardList { key, .. } if *key == id));
            let role = Role::CardList {
                key: id.clone(),
                version,
            };
            match known {
                Some(source) if source.role == role => {}
                Some(source) => {
                    source.role = role;
                    source.hurry(now);
                }
                None => {
                    let path = format!("{base}{CARD_LISTS}{id}.json").into();
                    let origin = Origin::Remote(Remote {
                        path,
                        ..remote.clone()
                    });
                    self.sources.push(Source::new(self.next, role, origin, now));
                    self.next += 1;
                }
            }
        }
        self.unite_lists();
    }

    fn unite_lists(&mut self) {
        let lists = self.sources.iter().filter_map(|it| it.list.clone());
        self.revoked = Arc::new(Revocations::united(lists));
    }

    /// Gives the issuer of the configuration what was fetched for it. What the files hold it has
    /// from there already.
    pub(super) fn dress(&self, issuer: &mut Issuer) {
        match (&self.feed.keys, &self.keys) {
            (None, _) | (Some(Origin::File(_)), None) => {}
            (Some(_), Some(keys)) => issuer.keys = Arc::clone(keys),
            (Some(Origin::Remote(_)), None) => {
                issuer.keys = Arc::new(KeySet::new([], Supply::Awaited));
            }
        }
        if self.sources.iter().any(|source| source.list.is_some()) {
            issuer.revoked = Arc::clone(&self.revoked);
        }
    }

    /// Whether the keys have one of that name; for a code that names none, any may be new.
    pub(super) fn has(&self, key: Option<&str>) -> bool {
        match (&self.keys, key) {
            (Some(keys), Some(key)) => keys.has(key),
            _ => false,
        }
    }
}

/// A key id that can stand in a path: SMART Health Cards have the base64url of a digest.
fn is_plain(id: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    !id.is_empty() && id.bytes().all(plain)
}
