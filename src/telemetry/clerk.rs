//! The thread that passes on what workers tell.

use std::io;
use std::sync::Arc;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use super::{ScanEvent, Trays};

/// How often trays are emptied: soon enough for eyes, seldom enough to cost nothing.
const ROUND: Duration = Duration::from_millis(20);

/// Somebody who is told of scans.
pub trait Sink: Send {
    /// Takes note of these; `lost` more could not be told.
    fn take(&mut self, events: &[Arc<ScanEvent>], lost: u64);
}

/// The thread. Dropped, it passes on what is there and ends.
#[derive(Debug)]
pub struct Clerk {
    end: Option<mpsc::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Clerk {
    /// Begins to empty `trays` into `sinks`.
    pub fn start(trays: Trays, mut sinks: Vec<Box<dyn Sink>>) -> io::Result<Self> {
        let (end, ended) = mpsc::channel();
        let work = move || {
            loop {
                let over = ended.recv_timeout(ROUND) != Err(RecvTimeoutError::Timeout);
                trays.empty(|events, lost| {
                    let events: Vec<_> = events.drain(..).map(Arc::new).collect();
                    for sink in &mut sinks {
                        sink.take(&events, lost);
                    }
                });
                if over {
                    return;
                }
            }
        };
        let thread = thread::Builder::new().name("clerk".to_owned());
        Ok(Self {
            end: Some(end),
            thread: Some(thread.spawn(work)?),
        })
    }
}

impl Drop for Clerk {
    fn drop(&mut self) {
        self.end = None;
        if let Some(thread) = self.thread.take() {
            // What it panicked about was logged then.
            let _ = thread.join();
        }
    }
}
