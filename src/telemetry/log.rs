//! One line a scan, beside what the program logs otherwise and in the same form.

use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, Receiver, SyncSender};
use std::thread;
use std::time::Duration;

use super::story::TARGET;
use super::{Outcome, ScanEvent, Sink};
use crate::metrics::{Desks, Lost};

/// The share of scans that get a line, which a reload may change; clones share it.
#[derive(Clone, Debug)]
pub struct Share(Arc<AtomicU64>);

impl Share {
    /// From none, 0, to all, 1.
    pub fn new(share: f64) -> Self {
        Self(Arc::new(AtomicU64::new(share.to_bits())))
    }

    /// Changes it.
    pub fn set(&self, share: f64) {
        self.0.store(share.to_bits(), Ordering::Relaxed);
    }

    fn get(&self) -> f64 {
        f64::from_bits(self.0.load(Ordering::Relaxed))
    }
}

impl Default for Share {
    fn default() -> Self {
        Self::new(1.0)
    }
}

/// Batches of lines that may wait for whoever reads the log: some seconds of it.
const BATCHES: usize = 256;

/// How long the last lines may take at the end.
const FAREWELL: Duration = Duration::from_secs(1);

/// Writes the lines, on a thread of its own: who reads the log may not, and nobody waits for that.
#[derive(Debug)]
pub struct Log {
    batches: Option<SyncSender<Batch>>,
    written: Receiver<()>,
    share: Share,
    counts: Desks,
}

/// Lines, and how many.
#[derive(Debug, Default)]
struct Batch {
    lines: Vec<u8>,
    scans: u64,
}

impl Log {
    /// Writes to `out` the lines of that share of the scans; of refusals it writes all.
    pub fn start(
        mut out: impl Write + Send + 'static,
        share: Share,
        counts: Desks,
    ) -> io::Result<Self> {
        let (batches, waiting) = mpsc::sync_channel::<Batch>(BATCHES);
        let (done, written) = mpsc::channel();
        let work = move || {
            for batch in waiting {
                // Who reads the log may be gone; the scans go on.
                let _ = out.write_all(&batch.lines);
            }
            let _ = done.send(());
        };
        thread::Builder::new().name("log".to_owned()).spawn(work)?;
        Ok(Self {
            batches: Some(batches),
            written,
            share,
            counts,
        })
    }
}

impl Batch {
    fn add(&mut self, event: &ScanEvent) {
        // Strings and numbers always have a JSON form, and memory takes what is written to it.
        if serde_json::to_writer(&mut self.lines, &event.story()).is_ok() {
            self.lines.push(b'\n');
            self.scans += 1;
        }
    }
}

impl Sink for Log {
    fn take(&mut self, events: &[ScanEvent], lost: u64) {
        if tracing::enabled!(target: TARGET, tracing::Level::INFO) {
            let (share, mut batch) = (self.share.get(), Batch::default());
            for event in events {
                let chosen = event.outcome == Outcome::Rejection || event.trace.is_chosen(share);
                if chosen {
                    batch.add(event);
                }
            }
            let scans = batch.scans;
            let taken = self.batches.as_ref().map(|batches| batches.try_send(batch));
            if !matches!(taken, Some(Ok(()))) {
                self.counts.lost(Lost::Log, scans);
            }
        }
        self.counts.lost(Lost::Log, lost);
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        self.batches = None;
        // Whether all is written by then or not.
        let _ = self.written.recv_timeout(FAREWELL);
    }
}
