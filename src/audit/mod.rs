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
mod ship;
mod told;
mod verify;
mod walk;
mod writer;

use std::fs::File;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::timeout;
use zeroize::Zeroizing;

pub use self::chain::{FIRST, LENGTH_BYTES, Link, MAX_RECORD, link};
use self::desk::{Batch, Desk};
pub use self::field::{Field, Held, hex};
pub use self::finding::{Fault, Finding};
use self::folder::Folder;
use self::note::Signer;
pub use self::note::{Checkpoint, PublicKey, Signed};
pub use self::query::{Lines, Query};
pub use self::record::{Class, Line, Record};
use self::resume::Seal;
pub use self::ship::{Form, Shipping, Sink, Token};
use self::ship::{Shipper, Tail};
pub use self::verify::{Asked, Report, verify};
use self::writer::Writer;
use crate::metrics::AuditCounts;
use crate::time::Timestamp;

/// What a trail is kept by.
#[derive(Debug)]
pub struct Setting {
    /// Where it lies.
    pub folder: PathBuf,
    /// What this gateway is called in it.
    pub node: Box<str>,
    /// What checkpoints are signed with.
    pub key: Key,
    /// How long segments are kept.
    pub keep: Duration,
    /// Bytes after which another segment begins.
    pub segment: u64,
    /// The age at which another segment begins.
    pub rotate: Duration,
    /// How long a record stays unsigned at most, while there is nothing wrong.
    pub checkpoint: Duration,
    /// How many records stay unsigned at most.
    pub checkpoint_records: u64,
    /// Bytes of the disk that only what must be written may take.
    pub least_free: u64,
    /// How long anybody waits for the disk.
    pub patience: Duration,
    /// How long is waited for another process to let go of the folder.
    pub takeover: Duration,
    /// Records that may wait in memory.
    pub queue: usize,
    /// Where it is sent as well.
    pub sinks: Vec<Sink>,
    /// The clock.
    pub clock: fn() -> Timestamp,
    /// What is counted.
    pub counts: AuditCounts,
}

/// What checkpoints are signed with.
#[derive(Clone)]
pub enum Key {
    /// This seed of an Ed25519 key (RFC 8032, section 5.1.5).
    Given(Zeroizing<[u8; 32]>),
    /// The folder's own; this one, if it has none yet.
    Own(Zeroizing<[u8; 32]>),
    /// One is named and not there: nothing is written.
    Missing,
}

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Key")
    }
}

impl Setting {
    /// Six months, and some days to spare.
    pub const KEEP: Duration = Duration::from_secs(190 * 24 * 60 * 60);
    /// A quarter of a million records: read in a second.
    pub const SEGMENT: u64 = 64 * 1024 * 1024;
    /// A segment a day can be found by its date.
    pub const ROTATE: Duration = Duration::from_secs(24 * 60 * 60);
    /// What a crash and a forger with the disk may take unseen.
    pub const CHECKPOINT: Duration = Duration::from_secs(1);
    /// The same, under load.
    pub const CHECKPOINT_RECORDS: u64 = 10_000;
    /// Some hours of payments.
    pub const LEAST_FREE: u64 = 256 * 1024 * 1024;
    /// A disk that takes longer has failed.
    pub const PATIENCE: Duration = Duration::from_secs(1);
    /// A predecessor takes its work back after 20 seconds.
    pub const TAKEOVER: Duration = Duration::from_secs(15);
    /// Three seconds of all that two cores can serve; some 40 MB.
    pub const QUEUE: usize = 65_536;

    /// A trail in this folder with everything else as usual.
    pub fn new(folder: PathBuf, node: &str, key: Key, clock: fn() -> Timestamp) -> Self {
        Self {
            folder,
            node: node.into(),
            key,
            keep: Self::KEEP,
            segment: Self::SEGMENT,
            rotate: Self::ROTATE,
            checkpoint: Self::CHECKPOINT,
            checkpoint_records: Self::CHECKPOINT_RECORDS,
            least_free: Self::LEAST_FREE,
            patience: Self::PATIENCE,
            takeover: Self::TAKEOVER,
            queue: Self::QUEUE,
            sinks: Vec::new(),
            clock,
            counts: AuditCounts::default(),
        }
    }

    /// Whose checkpoints they are.
    fn origin(&self) -> String {
        // A signed note's names have neither spaces nor pluses.
        let plain = |letter: char| {
            if letter.is_whitespace() || letter == '+' {
                '-'
            } else {
                letter
            }
        };
        format!(
            "multicode-audit/{}",
            self.node.chars().map(plain).collect::<String>()
        )
    }
}

/// Why a trail cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process writes to it.
    #[error("another process has the folder open")]
    Held,
    /// The system would not have it.
    #[error("cannot use {}", folder.display())]
    Io {
        /// The folder.
        folder: PathBuf,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// A key is named and not there.
    #[error("the key is not set")]
    NoKey,
}

/// Why a record is not on disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unwritten {
    /// The disk cannot be written to, or nobody writes.
    #[error("the audit trail cannot be written")]
    Away,
    /// Too many wait.
    #[error("too many wait for the audit trail")]
    Full,
    /// It took too long.
    #[error("the audit trail takes too long")]
    Late,
}

/// How it stands with a trail.
#[derive(Clone, Debug, Default)]
pub struct Standing {
    /// Whether records can be written.
    pub up: bool,
    /// The last record on disk.
    pub records: u64,
    /// Its link.
    pub head: Link,
    /// The last checkpoint: when, and up to which record.
    pub checkpoint: Option<(Timestamp, u64)>,
    /// Records there was no room for, since the start of the process.
    pub lost: u64,
    /// Records that somebody waited for in vain.
    pub refused: u64,
    /// Records that wait to be written.
    pub waiting: usize,
    /// Why nothing can be written.
    pub trouble: Option<Box<str>>,
    /// What will be in the way soon.
    pub warning: Option<&'static str>,
    /// How it stands with each place it is sent to.
    pub ships: Vec<Shipping>,
}

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
        let mut desk = shared.desk();
        let most = shared.setting.queue;
        let records = records.into_iter();
        let lost = records
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
        let mut desk = this.desk();
        (desk.open, desk.ending, desk.trouble) = (true, false, None);
        // The first records are the trail's own.
        desk.urgent = true;
        drop(desk);
        let thread = thread::Builder::new().name("audit".to_owned());
        let writer = thread.spawn(move || writer.run()).map_err(failed)?;
        let shipper = Shipper::start(this).map_err(failed)?;
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
