//! The thread that passes on what workers tell.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use super::{ScanEvent, Trays};

/// How often trays are emptied: soon enough for eyes, seldom enough to cost nothing.
const ROUND: Duration = Duration::from_millis(20);

/// Somebody who is told of scans.
pub trait Sink: Send {
    /// Takes note of these; `lost` more could not be told.
    fn take(&mut self, events: &[ScanEvent], lost: u64);
}

/// The thread. Dropped, it passes on what is there and ends.
#[derive(Debug)]
pub struct Clerk {
    asked: Option<mpsc::Sender<mpsc::Sender<()>>>,
    thread: Option<JoinHandle<()>>,
}

impl Clerk {
    /// Begins to empty `trays` into `sinks`.
    pub fn start(trays: Trays, mut sinks: Vec<Box<dyn Sink>>) -> io::Result<Self> {
        let (asked, asks) = mpsc::channel::<mpsc::Sender<()>>();
        let work = move || {
            loop {
                let said = asks.recv_timeout(ROUND);
                let over = matches!(said, Err(RecvTimeoutError::Disconnected));
                trays.empty(|events, lost| {
                    for sink in &mut sinks {
                        // One that fails keeps nobody else from being told; the panic is logged.
                        let taken = AssertUnwindSafe(|| sink.take(events, lost));
                        drop(catch_unwind(taken));
                    }
                });
                if let Ok(done) = said {
                    // Who asked may not wait any more.
                    let _ = done.send(());
                }
                if over {
                    return;
                }
            }
        };
        let thread = thread::Builder::new().name("clerk".to_owned());
        Ok(Self {
            asked: Some(asked),
            thread: Some(thread.spawn(work)?),
        })
    }
}

impl Clerk {
    /// Passes on what is there by now. Blocks.
    pub fn finish(&self) {
        let (done, is_done) = mpsc::channel();
        if let Some(asked) = &self.asked
            && asked.send(done).is_ok()
        {
            // A clerk that is gone has nothing left to pass on.
            let _ = is_done.recv();
        }
    }
}

impl Drop for Clerk {
    fn drop(&mut self) {
        self.asked = None;
        if let Some(thread) = self.thread.take() {
            // What it panicked about was logged then.
            let _ = thread.join();
        }
    }
}
