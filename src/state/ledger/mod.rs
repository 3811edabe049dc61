//! The store in this process.
//!
//! What is under way and what has just ended is in memory, at the [`desk`]; where there is
//! a file, a thread of its own writes what has to last, many at a time. A worker waits for the disk
//! only where its scene asks that, and never with the lock held.

mod desk;
mod fence;
mod held;
mod keeping;
mod scribe;
mod setting;
mod shelf;
mod slot;
mod snapshot;

use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use rustc_hash::FxHashSet;
use tokio::sync::oneshot;
use tokio::time::timeout;

use self::desk::{Desk, Found, Rules, Step, View};
use self::fence::Fence;
pub(super) use self::held::Held;
use self::held::PATIENCE;
use self::scribe::{Bell, End, Scribe};
pub use self::setting::{LedgerError, LedgerSetting, LedgerStanding};
use self::shelf::{Recovered, Shelf};
use super::claims::ClaimSet;
use super::{About, Away, Entry, Keep, Name, Record, Reserved, Seals, Standing, Ticket};
use crate::time::Moment;

/// Records and claims of one gateway.
#[derive(Debug)]
pub struct Ledger {
    shared: Arc<Shared>,
}

/// What worker and scribe share.
#[derive(Debug)]
struct Shared {
    seals: Arc<Seals>,
    desk: Mutex<Desk>,
    shelf: Shelf,
    bell: Bell,
}

impl Shared {
    fn desk(&self) -> MutexGuard<'_, Desk> {
        // A panic inside a step would be a mistake of ours; refusing everything helps nobody.
        self.desk.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What the file says of a name.
    async fn read(self: &Arc<Self>, name: Name) -> Result<Option<Record>, Away> {
        let shared = Arc::clone(self);
        self.blocking(move || shared.shelf.read(name, &shared.seals))
            .await
    }

    /// The disk may be slow; a worker must not wait for it.
    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, Away> + Send + 'static,
    ) -> Result<T, Away> {
        let done = tokio::task::spawn_blocking(work).await;
        done.unwrap_or(Err(Away))
    }
}

/// How often a file that another process has is tried again.
const TRY_AGAIN: Duration = Duration::from_millis(20);

impl Ledger {
    /// Opens the ledger. If it has a file, that is made where there is none, and waited for if
    /// another process has it.
    pub fn open(setting: LedgerSetting, now: Moment) -> Result<Arc<Self>, LedgerError> {
        let rules = Rules {
            keep: setting.keep,
            double_read: setting.double_read,
            bytes: setting.bytes,
            records: setting.records,
            filed: setting.file.is_some(),
        };
        let shelf = Shelf::default();
        let claims = ClaimSet::new(setting.claims);
        let mut desk = Desk::new(rules, claims, Some(Fence::at(now)), now);
        if let Some(path) = &setting.file {
            let recovered = wait_for(&shelf, path, &setting)?;
            desk.unknown_filed = recovered.unknown;
            let id = recovered.snapshot;
            let carried = snapshot::read(path, id, &setting.seals, setting.claims, now);
            if let Some(carried) = carried {
                (desk.claims, desk.fence) = (carried.claims, carried.fence);
            } else if recovered.new {
                desk.fence = None;
            }
        }
        let shared = Arc::new(Shared {
            seals: setting.seals,
            desk: Mutex::new(desk),
            shelf,
            bell: Bell::default(),
        });
        if let Some(path) = setting.file {
            let shared = Arc::clone(&shared);
            let scribe = Scribe { shared, path };
            let thread = thread::Builder::new().name("ledger".to_owned());
            let started = thread.spawn(move || scribe.run());
            started.map_err(LedgerError::Io)?;
        }
        Ok(Arc::new(Self { shared }))
    }

    /// Writes everything, the claims too, and gives the file up. Whatever is asked of the ledger
    /// afterwards is refused; tickets that are still held are unknown to the next process.
    pub async fn close(&self, now: Moment) -> Result<(), Away> {
        {
            let mut desk = self.shared.desk();
            desk.advance(now);
            desk.closed = true;
            if !desk.rules.filed {
                return Ok(());
            }
        }
        let (tell, told) = oneshot::channel();
        self.shared.bell.end(End::Close(tell));
        told.await.unwrap_or(Err(Away))
    }

    /// How it does.
    pub fn standing(&self) -> LedgerStanding {
        let desk = self.shared.desk();
        LedgerStanding {
            away: desk.away.clone(),
            claims: desk.claims.live(),
            most_claims: desk.claims.most(),
            records: desk.held(),
            most_records: desk.rules.records,
            unwritten: desk.dirty.len(),
            unknown: desk.unknown_filed.saturating_add(desk.unknown_unfiled()),
        }
    }

    pub(super) fn seals(&self) -> &Seals {
        &self.shared.seals
    }

    pub(super) async fn look(
        &self,
        name: Name,
        fingerprint: Option<Name>,
        now: Moment,
    ) -> Result<Option<Standing>, Away> {
        let mut asking = Asking::new(&self.shared);
        loop {
            let found = {
                let mut desk = self.shared.desk();
                let found = desk.look(name, fingerprint, &asking.view, now);
                asking.note(&mut desk, &found);
                found
            };
            match found {
                Found::Free => return Ok(None),
                Found::Known(standing) => return Ok(Some(standing)),
                Found::Read(name) => asking.read(name).await?,
            }
        }
    }

    pub(super) async fn reserve(&self, entry: &Entry, now: Moment) -> Result<Reserved, Away> {
        let shared = &self.shared;
        let mut asking = Asking::new(shared);
        let mut written = None;
        let step = loop {
            let step = {
                let mut desk = shared.desk();
                let step = desk.reserve(entry, &asking.view, now)?;
                if let Step::Read(name) = step {
                    asking.note(&mut desk, &Found::Read(name));
                } else if let Step::Joined(_) = step
                    && entry.keyed
                    && entry.keep == Keep::Durably
                {
                    written = desk.written(entry.name);
                }
                step
            };
            match step {
                Step::Read(name) => asking.read(name).await?,
                step => break step,
            }
        };
        drop(asking);
        if let Some(written) = written {
            shared.bell.urge();
            let mut same = Held::new(Arc::clone(shared), entry.name);
            if timeout(PATIENCE, written).await != Ok(Ok(Ok(()))) {
                return Err(Away);
            }
            same.over = true;
        }
        Ok(match step {
            Step::Begun => {
                let held = Held::new(Arc::clone(shared), entry.name);
                Reserved::Begun(Ticket(super::Held::Local(held)))
            }
            Step::Full => Reserved::Full,
            Step::Joined(name) => Reserved::Joined(name),
            Step::Known(standing) => Reserved::Known(standing),
            Step::Read(_) => return Err(Away),
            Step::Refresh => Reserved::Refresh,
            Step::Replayed => Reserved::Replayed,
        })
    }

    pub(super) async fn unknown(
        &self,
        most: usize,
        now: Moment,
    ) -> Result<Vec<(Name, About)>, Away> {
        let (mut listed, wall, filed) = {
            let mut desk = self.shared.desk();
            let listed = desk.unknown(most, now);
            (listed, desk.calm_wall(), desk.rules.filed)
        };
        if filed {
            let shared = Arc::clone(&self.shared);
            let read = move || shared.shelf.unknown(most, wall, &shared.seals);
            let here: FxHashSet<_> = listed.iter().map(|(name, _)| *name).collect();
            let filed = self.shared.blocking(read).await?;
            listed.extend(filed.into_iter().filter(|(name, _)| !here.contains(name)));
            listed.sort_by_key(|(name, about)| (about.since, *name));
            listed.truncate(most);
        }
        Ok(listed)
    }
}

impl Drop for Ledger {
    fn drop(&mut self) {
        self.shared.bell.end(End::Drop);
    }
}

/// Opens the file as soon as a predecessor gives it up.
fn wait_for(shelf: &Shelf, path: &Path, setting: &LedgerSetting) -> Result<Recovered, LedgerError> {
    let began = Instant::now();
    loop {
        match shelf.open(path, &setting.seals) {
            Err(LedgerError::Taken) if began.elapsed() < setting.patience => {
                thread::sleep(TRY_AGAIN);
            }
            opened => return opened,
        }
    }
}

/// Names the file is asked for in the course of one step.
struct Asking<'a> {
    shared: &'a Arc<Shared>,
    names: Vec<Name>,
    view: View,
}

impl<'a> Asking<'a> {
    const fn new(shared: &'a Arc<Shared>) -> Self {
        Self {
            shared,
            names: Vec::new(),
            view: View::new(),
        }
    }

    /// From now on nothing of the name leaves the memory unseen.
    fn note(&mut self, desk: &mut Desk, found: &Found) {
        if let Found::Read(name) = found {
            desk.ask(*name);
            self.names.push(*name);
        }
    }

    async fn read(&mut self, name: Name) -> Result<(), Away> {
        let record = self.shared.read(name).await?;
        self.view.push((name, record));
        Ok(())
    }
}

impl Drop for Asking<'_> {
    fn drop(&mut self) {
        if self.names.is_empty() {
            return;
        }
        let mut desk = self.shared.desk();
        for name in &self.names {
            desk.answered(*name);
        }
    }
}
