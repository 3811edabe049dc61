//! One line a scan, beside what the program logs otherwise and in the same form.

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use serde::Serialize;

use super::story::EventStory;
use super::{Outcome, ScanEvent, Sink};

/// What filters and readers know these lines by.
pub const TARGET: &str = "multicode::scan";

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

/// Writes the lines.
pub struct Log<W> {
    out: W,
    share: Share,
    lines: Vec<u8>,
}

impl<W> std::fmt::Debug for Log<W> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Log")
            .field("share", &self.share)
            .finish_non_exhaustive()
    }
}

/// A line as `tracing-subscriber` writes them.
#[derive(Serialize)]
struct Line<'a> {
    timestamp: crate::time::Timestamp,
    level: &'static str,
    message: &'static str,
    #[serde(flatten)]
    story: EventStory<'a>,
    target: &'static str,
}

impl<W: Write + Send> Log<W> {
    /// Writes to `out` the lines of that share of the scans; of refusals it writes all.
    pub const fn new(out: W, share: Share) -> Self {
        Self {
            out,
            share,
            lines: Vec::new(),
        }
    }

    fn write(&mut self, event: &ScanEvent) {
        let line = Line {
            timestamp: event.at,
            level: "INFO",
            message: "scan",
            // The line has its time already.
            story: EventStory {
                at: None,
                ..event.story()
            },
            target: TARGET,
        };
        // Strings and numbers always have a JSON form, and memory takes what is written to it.
        if serde_json::to_writer(&mut self.lines, &line).is_ok() {
            self.lines.push(b'\n');
        }
    }
}

impl<W: Write + Send> Sink for Log<W> {
    fn take(&mut self, events: &[Arc<ScanEvent>], lost: u64) {
        if tracing::enabled!(target: TARGET, tracing::Level::INFO) {
            let share = self.share.get();
            for event in events {
                let chosen = event.outcome == Outcome::Rejection || event.trace.is_among(share);
                if chosen {
                    self.write(event);
                }
            }
            // Who reads the log may be gone; the scans go on.
            let _ = self.out.write_all(&self.lines);
            self.lines.clear();
        }
        if lost > 0 {
            tracing::warn!(lost, "more scans than could be told of");
        }
    }
}
