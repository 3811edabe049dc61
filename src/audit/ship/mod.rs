//! The trail sent elsewhere: at least once, in its order, off the path of every request.
//!
//! A place has a file in the folder with the last record it acknowledged. What is on disk behind that is
//! sent again until a batch is answered with 2xx. Whoever receives tells repetitions by node and number.

mod form;
mod post;
mod tail;

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use rustls::ClientConfig;
use tokio::runtime::Builder;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use zeroize::Zeroizing;

pub use self::form::Form;
use self::post::Line;
use self::tail::Reader;
use super::Shared;
use super::folder::Folder;
use crate::metrics::SinkCounts;

/// How long a batch waits for company.
const LINGER: Duration = Duration::from_millis(200);

/// How long one answer may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// After a failure it is tried again after this, then after twice as long, and so on.
const PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// A place the trail is sent to.
#[derive(Clone)]
pub struct Sink {
    /// Its name; its file is named by it.
    pub name: Box<str>,
    /// A name or an address, without brackets.
    pub host: Box<str>,
    /// The port.
    pub port: u16,
    /// Path and query.
    pub path: Box<str>,
    /// How to tell it from another; none: clear text.
    pub tls: Option<Arc<ClientConfig>>,
    /// What is sent.
    pub form: Form,
    /// What it knows this gateway by.
    pub token: Option<Token>,
    /// How long after a failure it is tried again, at first.
    pub pause: Duration,
}

/// A header with a secret.
#[derive(Clone)]
pub struct Token {
    /// The header's name.
    pub header: Box<str>,
    /// Its value.
    pub value: Zeroizing<String>,
}

impl Sink {
    /// How long after a failure it is tried again, at first.
    pub const PAUSE: Duration = PAUSE;
}

impl std::fmt::Debug for Sink {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sink")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Token")
    }
}

/// How it stands with a place.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Shipping {
    /// Its name.
    pub name: Box<str>,
    /// The last record it has.
    pub acknowledged: u64,
    /// Records on disk that it has not.
    pub behind: u64,
    /// Why it did not take the last batch.
    pub trouble: Option<Box<str>>,
}

/// What is remembered of a place.
#[derive(Debug)]
pub(super) struct Tail {
    sink: Sink,
    counts: SinkCounts,
    acknowledged: AtomicU64,
    trouble: Mutex<Option<Box<str>>>,
}

impl Tail {
    pub(super) fn new(sink: Sink, counts: SinkCounts) -> Self {
        Self {
            sink,
            counts,
            acknowledged: AtomicU64::new(0),
            trouble: Mutex::new(None),
        }
    }

    fn file(&self) -> String {
        format!("ship.{}.cursor", self.sink.name)
    }

    /// Reads what the place has; one that was never written has nothing.
    pub(super) fn remember(&self, folder: &Folder) -> io::Result<()> {
        let text = folder.read(&self.file())?;
        let seq = text.and_then(|text| text.trim_ascii().parse().ok());
        self.acknowledged
            .store(seq.unwrap_or_default(), Ordering::Release);
        Ok(())
    }

    /// The last record the place has.
    pub(super) fn acknowledged(&self) -> u64 {
        self.acknowledged.load(Ordering::Acquire)
    }

    /// How it stands, where that is the last record on disk.
    pub(super) fn standing(&self, durable: u64) -> Shipping {
        let acknowledged = self.acknowledged();
        let trouble = self.trouble.lock().unwrap_or_else(PoisonError::into_inner);
        Shipping {
            name: self.sink.name.clone(),
            acknowledged,
            behind: durable.saturating_sub(acknowledged),
            trouble: trouble.clone(),
        }
    }

    fn note(&self, why: Option<String>) {
        let mut trouble = self.trouble.lock().unwrap_or_else(PoisonError::into_inner);
        match (&*trouble, &why) {
            (None, Some(why)) => {
                tracing::warn!(sink = %self.sink.name, why, "the audit trail is not taken");
            }
            (Some(_), None) => {
                tracing::info!(sink = %self.sink.name, "the audit trail is taken again");
            }
            _ => {}
        }
        *trouble = why.map(Into::into);
    }
}

/// The thread that sends.
#[derive(Debug)]
pub(super) struct Shipper {
    thread: Option<JoinHandle<()>>,
    ending: watch::Sender<bool>,
}

impl Shipper {
    /// Begins to send, if there is anywhere to send to.
    pub(super) fn start(shared: &Arc<Shared>) -> io::Result<Option<Self>> {
        if shared.tails.is_empty() {
            return Ok(None);
        }
        let (ending, ended) = watch::channel(false);
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let shared = Arc::clone(shared);
        let run = move || runtime.block_on(all(&shared, &ended));
        let thread = thread::Builder::new()
            .name("audit-ship".to_owned())
            .spawn(run)?;
        Ok(Some(Self {
            thread: Some(thread),
            ending,
        }))
    }
}

impl Drop for Shipper {
    fn drop(&mut self) {
        self.ending.send_replace(true);
        if let Some(thread) = self.thread.take() {
            // A thread that panicked sends nothing more either.
            let _ = thread.join().is_ok();
        }
    }
}

async fn all(shared: &Arc<Shared>, ended: &watch::Receiver<bool>) {
    let mut tasks = JoinSet::new();
    for tail in &shared.tails {
        let sending = Sending {
            tail: Arc::clone(tail),
            folder: Folder::new(&shared.setting.folder),
            node: shared.setting.node.clone(),
            durable: shared.durable.subscribe(),
            reader: None,
            line: Line::default(),
        };
        let mut ended = ended.clone();
        tasks.spawn(async move {
            tokio::select! {
                () = sending.run() => {}
                // Whoever would tell it may be gone, too.
                _ = ended.wait_for(|ended| *ended) => {}
            }
        });
    }
    while tasks.join_next().await.is_some() {}
}

/// The sending to one place.
struct Sending {
    tail: Arc<Tail>,
    folder: Folder,
    node: Box<str>,
    durable: watch::Receiver<u64>,
    reader: Option<Reader>,
    line: Line,
}

impl Sending {
    async fn run(mut self) {
        let first = self.tail.sink.pause;
        let mut pause = first;
        loop {
            let acknowledged = self.tail.acknowledged();
            let durable = self.durable.wait_for(|durable| *durable > acknowledged);
            let Ok(durable) = durable.await.map(|durable| *durable) else {
                return;
            };
            self.tail
                .counts
                .behind(durable.saturating_sub(acknowledged));
            match self.send(acknowledged, durable).await {
                Ok(last) => {
                    pause = first;
                    self.tail.note(None);
                    self.tail.acknowledged.store(last, Ordering::Release);
                    self.tail.counts.shipped(last.saturating_sub(acknowledged));
                    self.tail.counts.behind(durable.saturating_sub(last));
                    if last >= durable {
                        sleep(LINGER).await;
                    }
                }
                Err(why) => {
                    self.tail.note(Some(why));
                    self.reader = None;
                    sleep(pause).await;
                    pause = pause.saturating_mul(2).min(LONGEST_PAUSE);
                }
            }
        }
    }

    /// Sends the next batch; gives the last record of it.
    async fn send(&mut self, acknowledged: u64, durable: u64) -> Result<u64, String> {
        let told = |error: io::Error| format!("cannot read the trail: {error}");
        let mut reader = match self.reader.take() {
            Some(reader) => reader,
            None => Reader::open(&self.folder, acknowledged).map_err(told)?,
        };
        let lines = reader.batch(&self.folder, durable).map_err(told)?;
        let Some(last) = lines.last().map(super::Line::seq) else {
            return Err("records that are on disk cannot be found".to_owned());
        };
        let sink = &self.tail.sink;
        let body = sink.form.body(&self.node, &lines);
        let sent = timeout(PATIENCE, self.line.post(sink, body)).await;
        let answer = sent.unwrap_or_else(|_| Err("it takes too long".to_owned()))?;
        sink.form.accepted(&answer)?;
        let seq = format!("{last}\n");
        let written = self.folder.write(&self.tail.file(), seq.as_bytes());
        // It is sent once more after a start.
        written.map_err(|error| format!("cannot remember what was sent: {error}"))?;
        self.reader = Some(reader);
        Ok(last)
    }
}
