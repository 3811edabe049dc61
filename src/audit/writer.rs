//! The thread that writes: whatever waits at once, in one write with one sync.
//!
//! After a failure nothing that was not synced counts: the file is opened anew, cut where it was
//! durable, and the records are written again. Until that works whoever waits is refused.

use std::fs::File;
use std::io::{self, Write as _};
use std::os::unix::fs::MetadataExt as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::Shared;
use super::chain::{Link, append};
use super::desk::Batch;
use super::field::{Field, Held};
use super::folder::{Folder, Segment, make, open_behind};
use super::note::{Checkpoint, Signer};
use super::record::{About, note};
use super::resume::{Resume, add_note};
use super::retention::{self, Pace};
use crate::time::Timestamp;

/// So many records are written at once: a millisecond's work.
const MOST: usize = 2_048;

/// What nobody waits for is written after at most this.
const LEISURE: Duration = Duration::from_millis(100);

/// After a failure the disk is tried again after this, then after twice as long, and so on.
const PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(4);

/// How often it is looked how much room there is.
const LOOK: Duration = Duration::from_secs(1);

/// How often it is told how many were lost, while there is hardly any room.
const TELL: Duration = Duration::from_secs(60);

/// How often old segments are looked for.
const SWEEP: Duration = Duration::from_secs(30);

/// What the trail says of itself, until it is written.
pub(super) type Saying = (&'static str, Vec<(Field, Held)>);

/// The thread's own.
#[derive(Debug)]
pub(super) struct Writer {
    shared: Arc<Shared>,
    folder: Folder,
    signer: Signer,
    origin: Box<str>,
    segment: Segment,
    file: Option<File>,
    /// Whether this process made the segment's file.
    made: bool,
    /// Its bytes that are on disk.
    length: u64,
    began: Timestamp,
    next: u64,
    head: Link,
    sayings: Vec<Saying>,
    signed: u64,
    /// None: this segment has no checkpoint yet.
    signed_when: Option<Instant>,
    buffer: Vec<u8>,
    only_required: bool,
    /// When it was told last how many were lost.
    told: Option<Instant>,
    pause: Duration,
}

/// Whatever ends the thread, nobody waits for it any more.
struct Leaving<'a>(&'a Shared);

impl Drop for Leaving<'_> {
    fn drop(&mut self) {
        let mut desk = self.0.desk();
        desk.open = false;
        desk.refuse_all();
        self.0.setting.counts.stands(false, desk.waiting());
    }
}

impl Writer {
    pub(super) fn new(shared: &Arc<Shared>, signer: Signer, resume: Resume) -> Self {
        let setting = &shared.setting;
        let folder = Folder::new(&setting.folder);
        let origin = setting.origin();
        let mut sayings: Vec<Saying> = Vec::new();
        for repaired in resume.repaired {
            sayings.push(("recovery", repaired));
        }
        let key = signer.public().line(&origin);
        let start = vec![
            (
                Field::Program,
                Held::Text(concat!("multicode ", env!("CARGO_PKG_VERSION")).into()),
            ),
            (Field::PublicKey, Held::Text(key.into())),
        ];
        sayings.push(("start", start));
        Self {
            segment: folder.segment(resume.next),
            shared: Arc::clone(shared),
            folder,
            signer,
            origin: origin.into(),
            file: None,
            made: false,
            length: 0,
            began: (setting.clock)(),
            next: resume.next,
            head: resume.head,
            sayings,
            signed: 0,
            signed_when: None,
            buffer: Vec::new(),
            only_required: false,
            told: None,
            pause: PAUSE,
        }
    }

    /// Writes until the end.
    pub(super) fn run(mut self) {
        let shared = Arc::clone(&self.shared);
        let leaving = Leaving(&shared);
        let (mut looked, mut swept) = (None::<Instant>, None::<Instant>);
        let mut tried = None::<Instant>;
        let mut pace = Pace::new((shared.setting.clock)(), Instant::now());
        loop {
            let due = |last: Option<Instant>, every| last.is_none_or(|it| it.elapsed() >= every);
            if due(looked, LOOK) {
                self.look();
                looked = Some(Instant::now());
            }
            if due(swept, SWEEP) {
                retention::sweep(&shared, &self.folder, &mut pace);
                swept = Some(Instant::now());
            }
            let ending = shared.wait(if tried.is_some() { self.pause } else { LEISURE });
            if tried.is_some() && !ending && !due(tried, self.pause) {
                continue;
            }
            match self.work(ending) {
                Ok(()) => {
                    (tried, self.pause) = (None, PAUSE);
                    shared.recovered();
                }
                Err(error) => {
                    if tried.is_some() {
                        self.pause = self.pause.saturating_mul(2).min(LONGEST_PAUSE);
                    } else {
                        let why = vec![(Field::Why, Held::Text(error.to_string().into()))];
                        self.sayings.push(("recovery", why));
                    }
                    self.file = None;
                    tried = Some(Instant::now());
                    shared.failed(&error);
                }
            }
            if ending {
                break;
            }
        }
        drop(leaving);
    }

    /// Writes everything that waits, and signs if it is time to.
    fn work(&mut self, ending: bool) -> io::Result<()> {
        let shared = Arc::clone(&self.shared);
        self.turn()?;
        loop {
            let tell = ending || !self.only_required || self.is_time_to_tell();
            let batch = shared.desk().take(MOST, self.only_required, tell);
            if batch.is_empty() && self.sayings.is_empty() {
                break;
            }
            if let Err(error) = self.write(&batch) {
                // Whoever waited must find the trail away when told.
                shared.failed(&error);
                shared.desk().back(batch);
                return Err(error);
            }
            shared.written(&batch, self.next.saturating_sub(1), self.head);
            for waiter in batch
                .required
                .into_iter()
                .filter_map(|wanted| wanted.waiter)
            {
                // Whoever waited may have gone away.
                let _ = waiter.send(()).is_ok();
            }
            if self.is_time_to_sign() {
                self.sign()?;
            }
            self.turn()?;
        }
        if ending {
            self.sayings.push(("stop", Vec::new()));
            self.write_own()?;
        }
        if ending || self.is_time_to_sign() {
            self.sign()?;
        }
        Ok(())
    }

    /// Writes what the trail says of itself.
    fn write_own(&mut self) -> io::Result<()> {
        let batch = Batch::default();
        self.write(&batch)?;
        self.shared
            .written(&batch, self.next.saturating_sub(1), self.head);
        Ok(())
    }

    /// Begins another segment if this one is large or old.
    fn turn(&mut self) -> io::Result<()> {
        let setting = &self.shared.setting;
        let age = (setting.clock)().since(self.began);
        let full = self.length >= setting.segment || age >= setting.rotate;
        if self.length == 0 || !full {
            return Ok(());
        }
        self.sign()?;
        self.begin();
        Ok(())
    }

    fn begin(&mut self) {
        self.segment = self.folder.segment(self.next);
        (self.file, self.made, self.length) = (None, false, 0);
        self.began = (self.shared.setting.clock)();
        self.signed_when = None;
    }

    /// Writes a batch; on disk when it returns.
    fn write(&mut self, batch: &Batch) -> io::Result<()> {
        let mut file = self.open()?;
        let (next, head) = self.encode(batch);
        file.write_all(&self.buffer)?;
        file.sync_data()?;
        let length = u64::try_from(self.buffer.len()).unwrap_or(u64::MAX);
        self.length = self.length.saturating_add(length);
        self.file = Some(file);
        let count = next.saturating_sub(self.next);
        let records = batch.records().count();
        let own = count.saturating_sub(u64::try_from(records).unwrap_or(count));
        self.shared.setting.counts.wrote_own(own);
        (self.next, self.head) = (next, head);
        self.sayings.clear();
        if batch.lost.is_some() {
            self.told = Some(Instant::now());
        }
        Ok(())
    }

    fn open(&mut self) -> io::Result<File> {
        if let Some(file) = self.file.take() {
            return Ok(file);
        }
        if !self.made {
            let file = make(&self.segment.path)?;
            self.made = true;
            self.folder.sync()?;
            return Ok(file);
        }
        match open_behind(&self.segment.path, self.length) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                self.vanished();
                self.open()
            }
            opened => opened,
        }
    }

    /// Somebody removed the segment that is written: that is said, in another one.
    fn vanished(&mut self) {
        let gone = vec![
            (Field::Segment, Held::Text(self.segment.name().into())),
            (
                Field::Why,
                Held::Text("the segment was removed while it was written".into()),
            ),
        ];
        self.sayings.push(("recovery", gone));
        self.begin();
    }

    /// Lays the batch into the buffer as it will stand in the file.
    fn encode(&mut self, batch: &Batch) -> (u64, Link) {
        let setting = &self.shared.setting;
        let (mut seq, mut head) = (self.next, self.head);
        let mut buffer = std::mem::take(&mut self.buffer);
        buffer.clear();
        let now = (setting.clock)();
        let mut put = |write: &mut dyn FnMut(About<'_>, &mut Vec<u8>)| {
            let node = &*setting.node;
            head = append(&head, &mut buffer, |bytes| {
                write(About { seq, node }, bytes);
            });
            seq = seq.saturating_add(1);
        };
        let mut say = |what: &str, fields: &[(Field, Held)]| {
            put(&mut |about, bytes| note(about, what, now, fields, bytes));
        };
        if self.length == 0 {
            let header = [
                (Field::Previous, Held::Bytes(self.head.into())),
                (Field::Format, Held::Number(1)),
            ];
            say("segment", &header);
        }
        for (what, fields) in &self.sayings {
            say(what, fields);
        }
        if let Some(lost) = batch.lost {
            let fields = [
                (Field::Lost, Held::Number(lost.count)),
                (Field::Since, Held::Millis(lost.since.millis())),
            ];
            say("lost", &fields);
        }
        for record in batch.records() {
            put(&mut |about, bytes| record.write(about, bytes));
        }
        self.buffer = buffer;
        (seq, head)
    }

    fn is_time_to_tell(&self) -> bool {
        self.told.is_none_or(|told| told.elapsed() >= TELL)
    }

    fn is_time_to_sign(&self) -> bool {
        let setting = &self.shared.setting;
        let unsigned = self.next.saturating_sub(1).saturating_sub(self.signed);
        let long_ago = |when: Instant| when.elapsed() >= setting.checkpoint;
        unsigned >= setting.checkpoint_records
            || unsigned > 0 && self.signed_when.is_none_or(long_ago)
    }

    /// Signs how far the trail goes.
    fn sign(&mut self) -> io::Result<()> {
        let size = self.next.saturating_sub(1);
        if self.length == 0 || size == self.signed {
            return Ok(());
        }
        let links = self.file.as_ref().map(File::metadata).transpose()?;
        if links.is_some_and(|found| found.nlink() == 0) {
            self.vanished();
            return Ok(());
        }
        let checkpoint = Checkpoint {
            origin: self.origin.clone(),
            size,
            head: self.head,
            at: (self.shared.setting.clock)(),
        };
        let note = self.signer.sign(&checkpoint);
        add_note(&self.folder, &self.segment.checkpoints, &note)?;
        (self.signed, self.signed_when) = (size, Some(Instant::now()));
        self.shared.desk().checkpoint = Some((checkpoint.at, size));
        Ok(())
    }

    /// Looks how much room the disk has.
    fn look(&mut self) {
        let least = self.shared.setting.least_free;
        // Without an answer the next write tells.
        let free = self.folder.free().unwrap_or(u64::MAX);
        self.only_required = free < least;
        self.shared.desk().warning = if free < least {
            Some("the disk is full but for what is reserved; ordinary records wait")
        } else if free < least.saturating_mul(2) {
            Some("the disk is nearly full")
        } else {
            None
        };
    }
}
