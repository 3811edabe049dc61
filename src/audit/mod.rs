//! The audit trail: who scanned what where, what was decided, what was sent, and what came of it, so
//! that nothing can be changed, left out or put in later without being seen.
//!
//! Records go into segments on disk, each linked to the one before by a digest (`chain`, `record`);
//! now and then the last link is signed (`note`). One thread writes (`writer`), everything that
//! waits at once with one sync; `resume` goes on after a crash, `walk` and `verify` look at a whole
//! trail, `ship` sends it elsewhere. `docs/audit.md` says exactly what the files hold.

mod chain;
mod desk;
mod field;
mod finding;
mod folder;
mod note;
mod query;
mod record;
mod resume;
mod retention;
mod setting;
mod ship;
mod standing;
mod told;
mod verify;
mod walk;
mod writer;

use std::fs::File;
use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::timeout;

pub use self::chain::{FIRST, LENGTH_BYTES, Link, MAX_RECORD, link};
use self::desk::{Batch, Desk};
pub use self::field::{Field, Held};
pub use self::finding::{Fault, Finding};
use self::folder::Folder;
use self::note::Signer;
pub use self::note::{Checkpoint, PublicKey, Signed};
pub use self::query::{Lines, Query};
pub use self::record::{Class, Line, Record};
use self::resume::Seal;
pub use self::setting::{Key, Setting};
pub use self::ship::{Form, Shipping, Sink, Token};
use self::ship::{Shipper, Tail};
pub use self::standing::{OpenError, Standing, Unwritten};
pub use self::verify::{Asked, Report, verify};
use self::writer::Writer;

/// A trail; clones share it.
#[derive(Clone, Debug)]
pub struct Audit(Arc<Handle>);

#[derive(Debug)]
struct Handle {
    shared: Arc<Shared>,
    hold: Mutex<Option<Hold>>,
}

/// What is held while a folder is written to.
#[derive(Debug)]
struct Hold {
    writer: JoinHandle<()>,
    shipper: Option<Shipper>,
    /// Let go of last.
    lock: File,
}

#[derive(Debug)]
struct Shared {
    setting: Setting,
    desk: Mutex<Desk>,
    bell: Condvar,
    /// The last record on disk.
    durable: watch::Sender<u64>,
    tails: Vec<Arc<Tail>>,
}

impl Audit {
    /// A trail nobody writes to yet: ordinary records wait, others are refused.
    pub fn new(setting: Setting) -> Self {
        let tail = |sink: &Sink| Arc::new(Tail::new(sink.clone(), setting.counts.sink(&sink.name)));
        let missing = matches!(setting.key, Key::Missing);
        let desk = Desk {
            trouble: missing.then(|| "the key of the audit trail is not set".into()),
            ..Desk::default()
        };
        Self(Arc::new(Handle {
            shared: Arc::new(Shared {
                tails: setting.sinks.iter().map(tail).collect(),
                desk: Mutex::new(desk),
                bell: Condvar::new(),
                durable: watch::Sender::new(0),
                setting,
            }),
            hold: Mutex::new(None),
        }))
    }

    /// The same, opened.
    pub fn start(setting: Setting) -> Result<Self, OpenError> {
        let audit = Self::new(setting);
        audit.open()?;
        Ok(audit)
    }

    /// Takes the folder, when whoever has it lets go, and begins to write. Blocks.
    pub fn open(&self) -> Result<(), OpenError> {
        let mut hold = self.0.hold.lock().unwrap_or_else(PoisonError::into_inner);
        if hold.is_none() {
            *hold = Some(Shared::open(&self.0.shared)?);
        }
        Ok(())
    }

    /// Writes what waits, signs it, and lets go of the folder. It may be opened again. Blocks.
    pub fn close(&self) {
        self.0.close();
    }

    /// Takes records without waiting; gives how many there was no room for.
    pub fn submit(&self, records: impl IntoIterator<Item = Record>) -> usize {
        let shared = &self.0.shared;
        let most = shared.setting.queue;
        // Whatever it takes to make them, nobody waits for the desk meanwhile.
        let records: Vec<_> = records.into_iter().collect();
        let mut desk = shared.desk();
        let lost = records
            .into_iter()
            .map(|record| usize::from(!desk.lay(record, most)))
            .sum();
        let urgent = desk.urgent;
        drop(desk);
        if urgent {
            shared.bell.notify_one();
        }
        shared.setting.counts.lost(lost);
        lost
    }

    /// Waits until a record is on disk. What is refused is not in the trail, or not for long.
    pub async fn commit(&self, record: Record) -> Result<(), Unwritten> {
        let shared = &self.0.shared;
        let written = shared.commit(record).await;
        if written.is_err() {
            let mut desk = shared.desk();
            desk.refused_ever = desk.refused_ever.saturating_add(1);
            drop(desk);
            shared.setting.counts.refused();
        }
        written
    }

    /// How it stands.
    pub fn standing(&self) -> Standing {
        let shared = &self.0.shared;
        let desk = shared.desk();
        let durable = desk.records;
        Standing {
            up: desk.open && desk.trouble.is_none(),
            records: durable,
            head: desk.head,
            checkpoint: desk.checkpoint,
            lost: desk.lost_ever,
            refused: desk.refused_ever,
            waiting: desk.waiting(),
            trouble: desk.trouble.clone(),
            warning: desk.warning,
            ships: shared
                .tails
                .iter()
                .map(|tail| tail.standing(durable))
                .collect(),
        }
    }
}

impl Handle {
    fn close(&self) {
        let hold = self
            .hold
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        let Some(Hold {
            writer,
            shipper,
            lock,
        }) = hold
        else {
            return;
        };
        self.shared.desk().ending = true;
        self.shared.bell.notify_one();
        // A thread that panicked has let go of everything, too.
        let _ = writer.join().is_ok();
        drop(shipper);
        drop(lock);
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.close();
    }
}

impl Shared {
    fn desk(&self) -> MutexGuard<'_, Desk> {
        self.desk.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn open(this: &Arc<Self>) -> Result<Hold, OpenError> {
        let setting = &this.setting;
        let failed = |source| OpenError::Io {
            folder: setting.folder.clone(),
            source,
        };
        if matches!(setting.key, Key::Missing) {
            return Err(OpenError::NoKey);
        }
        let folder = Folder::new(&setting.folder);
        folder.make().map_err(failed)?;
        let lock = folder.lock(setting.takeover).map_err(failed)?;
        let lock = lock.ok_or(OpenError::Held)?;
        let writer = this.writer(&folder).map_err(failed)?;
        // Before anybody writes: where it fails nobody may go on without the lock.
        let shipper = Shipper::start(this).map_err(failed)?;
        let mut desk = this.desk();
        (desk.open, desk.ending, desk.trouble) = (true, false, None);
        // The first records are the trail's own.
        desk.urgent = true;
        drop(desk);
        let thread = thread::Builder::new().name("audit".to_owned());
        let writer = thread.spawn(move || writer.run()).map_err(|source| {
            this.desk().open = false;
            failed(source)
        })?;
        Ok(Hold {
            writer,
            shipper,
            lock,
        })
    }

    /// Looks at what is there, and makes the one who goes on with it.
    fn writer(self: &Arc<Self>, folder: &Folder) -> io::Result<Writer> {
        let seed = match &self.setting.key {
            Key::Given(seed) => seed.clone(),
            Key::Own(fresh) => folder.own_seed(fresh)?,
            Key::Missing => return Err(io::ErrorKind::NotFound.into()),
        };
        let signer = Signer::new(&seed).ok_or_else(|| io::Error::other("the key is none"))?;
        let origin = self.setting.origin();
        let keys = folder.publish(&signer, &origin)?;
        for tail in &self.tails {
            tail.remember(folder)?;
        }
        let shipped = self.tails.iter().map(|tail| tail.acknowledged()).max();
        let seal = Seal {
            signer: &signer,
            keys: &keys,
            origin: &origin,
            now: (self.setting.clock)(),
        };
        let resume = resume::resume(folder, &seal, shipped.unwrap_or_default())?;
        for repaired in &resume.repaired {
            tracing::warn!(found = ?repaired, "the audit trail was not as it should be");
        }
        Ok(Writer::new(self, signer, resume))
    }

    async fn commit(&self, record: Record) -> Result<(), Unwritten> {
        let receiver = {
            let mut desk = self.desk();
            if !desk.open || desk.ending || desk.trouble.is_some() {
                return Err(Unwritten::Away);
            }
            desk.wait(record).ok_or(Unwritten::Full)?
        };
        self.bell.notify_one();
        match timeout(self.setting.patience, receiver).await {
            Ok(written) => written.map_err(|_| Unwritten::Away),
            Err(_) => Err(Unwritten::Late),
        }
    }

    /// Waits for work; whether it is the last.
    fn wait(&self, most: Duration) -> bool {
        let idle = |desk: &mut Desk| !desk.urgent && !desk.ending;
        let waited = self.bell.wait_timeout_while(self.desk(), most, idle);
        let (mut desk, _) = waited.unwrap_or_else(PoisonError::into_inner);
        desk.urgent = false;
        desk.ending
    }

    /// These are on disk.
    fn written(&self, batch: &Batch, last: u64, head: Link) {
        for record in batch.records() {
            self.setting.counts.wrote(record.class.name());
        }
        let mut desk = self.desk();
        (desk.records, desk.head) = (last, head);
        drop(desk);
        self.durable.send_replace(last);
    }

    /// Nothing can be written for now.
    fn failed(&self, error: &io::Error) {
        let mut desk = self.desk();
        let first = desk.trouble.is_none();
        desk.trouble = Some(error.to_string().into());
        desk.refuse_all();
        self.setting.counts.stands(false, desk.waiting());
        drop(desk);
        if first {
            tracing::error!(%error, "the audit trail cannot be written");
        }
    }

    /// Everything is written.
    fn recovered(&self) {
        let mut desk = self.desk();
        let was_away = desk.trouble.take().is_some();
        self.setting.counts.stands(true, desk.waiting());
        drop(desk);
        if was_away {
            tracing::info!("the audit trail is written again");
        }
    }

    /// The last record that everybody has; `None` if it is sent to nobody.
    fn acknowledged(&self) -> Option<u64> {
        self.tails.iter().map(|tail| tail.acknowledged()).min()
    }
}
