//! One line a scan, beside what the program logs otherwise and in the same form.

use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, Receiver, SyncSender};
use std::thread;
use std::time::{Duration, Instant};

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
    batches: Option<SyncSender<Vec<u8>>>,
    /// What was written, to be filled again; closed when all is.
    written: Receiver<Vec<u8>>,
    share: Share,
    counts: Desks,
}

impl Log {
    /// Writes to `out` the lines of that share of the scans; of refusals it writes all.
    pub fn start(
        mut out: impl Write + Send + 'static,
        share: Share,
        counts: Desks,
    ) -> io::Result<Self> {
        let (batches, waiting) = mpsc::sync_channel::<Vec<u8>>(BATCHES);
        let (done, written) = mpsc::channel();
        let work = move || {
            for mut lines in waiting {
                // Who reads the log may be gone, and who fills it too; the scans go on.
                let _ = out.write_all(&lines);
                lines.clear();
                let _ = done.send(lines);
            }
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

impl Sink for Log {
    fn take(&mut self, events: &[ScanEvent], lost: u64) {
        if tracing::enabled!(target: TARGET, tracing::Level::INFO) {
            let share = self.share.get();
            let is_chosen = |event: &&ScanEvent| {
                event.outcome == Outcome::Rejection || event.trace.is_chosen(share)
            };
            // One is enough; what piled up while the reader was slow is given back.
            let mut lines = self.written.try_iter().last().unwrap_or_default();
            let mut scans = 0;
            for event in events.iter().filter(is_chosen) {
                // Strings and numbers always have a JSON form, and memory takes what is written to it.
                if serde_json::to_writer(&mut lines, &event.story()).is_ok() {
                    lines.push(b'\n');
                    scans += 1;
                }
            }
            let taken = self.batches.as_ref().map(|batches| batches.try_send(lines));
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
        let until = Instant::now() + FAREWELL;
        let left = || until.saturating_duration_since(Instant::now());
        while self.written.recv_timeout(left()).is_ok() {}
    }
}
