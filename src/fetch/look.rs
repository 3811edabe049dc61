//! Looking at one origin: from its bytes to keys, or to a list of what was taken back.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use sha2::{Digest as _, Sha256};
use tokio::time::timeout;

use super::client::{self, Reply};
use super::snapshot::{Shelf, Slip};
use super::{Origin, Remote, Unfetched};
use crate::keyfile::{self, FileError, Found};
use crate::time::Timestamp;
use crate::trust::material::{self, MAX_MATERIAL_BYTES, Reading};
use crate::trust::standing::chain;
use crate::trust::{Rejected, Revocations};

/// The longest list taken from a server: some three hundred thousand entries. Longer ones are files.
const MAX_REMOTE_LIST_BYTES: usize = 4 << 20;

/// The longest list of one key of a SMART Health Card issuer: some thirty thousand cards. There may be
/// [`MOST_CARD_LISTS`](super::card_lists::MOST_CARD_LISTS) of them.
const MAX_CARD_LIST_BYTES: usize = 512 << 10;

/// What is looked for.
#[derive(Clone, Debug)]
pub(super) enum Subject {
    /// Keys.
    Keys(Reading),
    /// What was taken back of the codes signed with one key of a SMART Health Card issuer.
    CardList(Box<str>),
    /// What was taken back.
    List,
}

/// What an origin held the last time, in short.
#[derive(Clone, Debug, Default)]
pub(super) struct Memo {
    etag: Option<Box<str>>,
    digest: Option<[u8; 32]>,
    fingerprint: Option<u64>,
    /// Whether it was a list that takes something back.
    takes_back: bool,
    /// The `ctr` of a card list.
    counter: u64,
}

/// What an origin holds now.
#[derive(Debug)]
pub(super) enum Sight {
    Keys(Found, Memo),
    List(Revocations, Memo),
    /// The same as the last time.
    Same,
}

/// Everything needed to look.
#[derive(Debug)]
pub(super) struct Look {
    pub(super) issuer: Box<str>,
    pub(super) origin: Origin,
    pub(super) subject: Subject,
    pub(super) memo: Memo,
    pub(super) patience: Duration,
    pub(super) shelf: Option<Arc<Shelf>>,
    pub(super) clock: fn() -> Timestamp,
}

impl Look {
    /// Looks. Reading and computing are done beside the keeper's thread, which has others to serve.
    pub(super) async fn run(self) -> Result<Sight, Unfetched> {
        let remote = match &self.origin {
            Origin::File(path) => {
                let path = path.clone();
                return beside(move || self.at_file(&path)).await;
            }
            Origin::Remote(remote) => remote.clone(),
        };
        let etag = self.memo.etag.as_deref();
        let reply = timeout(self.patience, client::get(&remote, etag, self.limit()));
        let reply = reply
            .await
            .map_err(|_| Unfetched::TimedOut(self.patience))??;
        beside(move || self.at_reply(&remote, reply)).await
    }

    const fn limit(&self) -> usize {
        match self.subject {
            Subject::Keys(_) => MAX_MATERIAL_BYTES,
            Subject::CardList(_) => MAX_CARD_LIST_BYTES,
            Subject::List => MAX_REMOTE_LIST_BYTES,
        }
    }

    /// Reads what is on this machine, if it changed.
    pub(super) fn at_file(&self, path: &Path) -> Result<Sight, Unfetched> {
        let failed = |source: FileError| Unfetched::File {
            path: path.into(),
            source,
        };
        let fingerprint = Some(keyfile::fingerprint(path).map_err(failed)?);
        if fingerprint == self.memo.fingerprint {
            return Ok(Sight::Same);
        }
        let memo = Memo {
            fingerprint,
            ..Memo::default()
        };
        match &self.subject {
            Subject::Keys(reading) => {
                let found = keyfile::read(path, reading).map_err(failed)?;
                Ok(Sight::Keys(usable(found)?, memo))
            }
            Subject::CardList(_) | Subject::List => {
                let mut list = Revocations::default();
                keyfile::read_list(path, &mut list).map_err(failed)?;
                self.listed(list, memo)
            }
        }
    }

    fn at_reply(&self, remote: &Remote, reply: Reply) -> Result<Sight, Unfetched> {
        let slip = Slip::new(&self.issuer, remote);
        let now = (self.clock)();
        let (body, etag) = match reply {
            Reply::Content { body, etag } => (body, etag),
            Reply::Unchanged => {
                self.keep(|shelf| shelf.renew(&slip, self.limit(), now));
                return Ok(Sight::Same);
            }
        };
        let memo = Memo::of(&body, etag);
        let sight = if memo.digest == self.memo.digest {
            Sight::Same
        } else {
            self.read(&body, memo.clone())?
        };
        self.keep(|shelf| shelf.put(&slip, memo.etag.as_deref(), &body, now));
        Ok(sight)
    }

    /// What can be had without asking anybody, and as of when: a file, or what the server said to
    /// the process before.
    pub(super) fn recall(&self) -> Option<(Sight, Timestamp)> {
        let remote = match &self.origin {
            Origin::File(path) => return Some((self.at_file(path).ok()?, (self.clock)())),
            Origin::Remote(remote) => remote,
        };
        let slip = Slip::new(&self.issuer, remote);
        let kept = self.shelf.as_ref()?.get(&slip, self.limit());
        let kept = kept
            .map_err(|error| error.warn(&self.issuer))
            .ok()
            .flatten()?;
        let memo = Memo::of(&kept.body, kept.etag);
        let sight = self.read(&kept.body, memo).map_err(|error| {
            let (issuer, error) = (&*self.issuer, chain(&error));
            tracing::warn!(issuer, error, "snapshot ignored");
        });
        Some((sight.ok()?, kept.fetched_at.min((self.clock)())))
    }

    fn read(&self, body: &[u8], memo: Memo) -> Result<Sight, Unfetched> {
        match &self.subject {
            Subject::Keys(reading) => {
                let found = material::read(body, reading).map_err(Unfetched::Material)?;
                let rejected = found.rejected.iter();
                let found = Found {
                    rejected: rejected
                        .map(|key| Rejected::new(&key.label, &key.fault))
                        .collect(),
                    keys: found.keys,
                };
                Ok(Sight::Keys(usable(found)?, memo))
            }
            Subject::List => {
                let mut list = Revocations::default();
                list.read(body).map_err(Unfetched::List)?;
                self.listed(list, memo)
            }
            Subject::CardList(key) => {
                let mut list = Revocations::default();
                let counter = list.read_card(body, key).map_err(Unfetched::List)?;
                let known = self.memo.counter;
                if counter < known {
                    let found = counter;
                    return Err(Unfetched::OlderList { found, known });
                }
                self.listed(list, Memo { counter, ..memo })
            }
        }
    }

    /// What was taken back is not given back by an answer with nothing in it.
    fn listed(&self, list: Revocations, memo: Memo) -> Result<Sight, Unfetched> {
        let takes_back = !list.is_empty();
        if self.memo.takes_back && !takes_back {
            return Err(Unfetched::EmptyList);
        }
        Ok(Sight::List(list, Memo { takes_back, ..memo }))
    }

    fn keep(&self, put: impl FnOnce(&Shelf) -> Result<(), super::snapshot::ShelfError>) {
        if let Some(Err(error)) = self.shelf.as_deref().map(put) {
            error.warn(&self.issuer);
        }
    }
}

impl Memo {
    fn of(body: &[u8], etag: Option<Box<str>>) -> Self {
        Self {
            etag,
            digest: Some(Sha256::digest(body).into()),
            ..Self::default()
        }
    }

    /// What counts of it for the next list, wherever that comes from.
    pub(super) fn of_list(&self) -> Self {
        Self {
            takes_back: self.takes_back,
            counter: self.counter,
            ..Self::default()
        }
    }
}

/// A set without a usable key is none: it never takes the place of one that has some.
fn usable(found: Found) -> Result<Found, Unfetched> {
    match found.rejected.first() {
        _ if !found.keys.is_empty() => Ok(found),
        None => Err(Unfetched::Empty),
        Some(first) => Err(Unfetched::Rejected {
            keys: found.rejected.len(),
            first: first.clone(),
        }),
    }
}

async fn beside<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Unfetched> + Send + 'static,
) -> Result<T, Unfetched> {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or(Err(Unfetched::Fault))
}
