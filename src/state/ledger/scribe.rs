//! The thread that writes: whatever waits at once, in one transaction with one sync.
//!
//! What cannot be written stays at the desk and is tried again after a pause, with the file opened
//! anew: redb refuses everything after a failure. Until something is on disk again the ledger is away.

use std::fmt::Display;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use super::desk::Desk;
use super::shelf::{Line, Swept};
use super::slot::Waiter;
use super::{Shared, snapshot};
use crate::state::{Away, State};

/// So many records are written in one transaction: a few milliseconds' work.
const MOST_LINES: usize = 1_024;

/// What nobody waits for is written after at most this.
const LEISURE: Duration = Duration::from_millis(100);

/// After a failure the disk is tried again after this.
const PAUSE: Duration = Duration::from_millis(500);

/// How often old records are looked for.
const SWEEP: Duration = Duration::from_secs(1);

/// So many old records are removed at a time: a terminal may be waiting for the next transaction.
const BITE: usize = 256;

/// Tells the scribe what to do.
#[derive(Debug, Default)]
pub(super) struct Bell {
    rung: Mutex<Rung>,
    bell: Condvar,
}

#[derive(Debug, Default)]
struct Rung {
    urgent: bool,
    /// Nobody listens any more.
    deaf: bool,
    end: Option<End>,
}

/// How the scribe is to end.
#[derive(Debug)]
pub(super) enum End {
    /// Everything is written, the claims too; whether that worked is told.
    Close(oneshot::Sender<Result<(), Away>>),
    /// What is at the desk is written.
    Drop,
}

impl Bell {
    /// Somebody waits.
    pub(super) fn urge(&self) {
        self.ring(|rung| rung.urgent = true);
    }

    /// It is over. The first end counts.
    pub(super) fn end(&self, end: End) {
        self.ring(|rung| {
            // Dropped otherwise: whoever waits for it is told so by that.
            if rung.end.is_none() && !rung.deaf {
                rung.end = Some(end);
            }
        });
    }

    fn deafen(&self) {
        self.ring(|rung| {
            rung.deaf = true;
            rung.end = None;
        });
    }

    fn ring(&self, tell: impl FnOnce(&mut Rung)) {
        tell(&mut self.rung.lock().unwrap_or_else(PoisonError::into_inner));
        self.bell.notify_one();
    }

    fn wait(&self, most: Duration) -> Option<End> {
        let rung = self.rung.lock().unwrap_or_else(PoisonError::into_inner);
        let idle = |rung: &mut Rung| !rung.urgent && rung.end.is_none();
        let waited = self.bell.wait_timeout_while(rung, most, idle);
        let (mut rung, _) = waited.unwrap_or_else(PoisonError::into_inner);
        rung.urgent = false;
        rung.end.take()
    }
}

/// The thread's own.
pub(super) struct Scribe {
    pub(super) shared: Arc<Shared>,
    pub(super) path: PathBuf,
}

/// Whatever ends the thread, nobody waits for it any more.
struct Leaving<'a>(&'a Shared);

impl Drop for Leaving<'_> {
    fn drop(&mut self) {
        let mut desk = self.0.desk();
        desk.closed = true;
        desk.give_up("the ledger is closed");
        drop(desk);
        self.0.bell.deafen();
        self.0.shelf.close();
    }
}

impl Scribe {
    /// Writes until the end.
    pub(super) fn run(self) {
        let leaving = Leaving(&self.shared);
        let (mut swept, mut tried) = (Instant::now(), None::<Instant>);
        let end = loop {
            let away = self.shared.desk().away.is_some();
            if let Some(end) = self.shared.bell.wait(if away { PAUSE } else { LEISURE }) {
                break end;
            }
            let too_soon = |tried: Instant| tried.elapsed() < PAUSE;
            if away && tried.is_some_and(too_soon) {
                continue;
            }
            if !self.work() {
                tried = Some(Instant::now());
            } else if swept.elapsed() >= SWEEP && self.sweep() < BITE {
                swept = Instant::now();
            } else {
                tried = None;
            }
        };
        let written = self.work();
        match end {
            End::Close(told) => {
                let carried = written && snapshot::write(&self.shared, &self.path).is_ok();
                drop(leaving);
                // Whoever closed it may have gone away.
                let _ = told.send(if carried { Ok(()) } else { Err(Away) });
            }
            End::Drop => drop(leaving),
        }
    }

    /// Writes everything that waits; false if that failed.
    fn work(&self) -> bool {
        let shared = &self.shared;
        let was_away = shared.desk().away.is_some();
        if was_away
            && !shared.shelf.is_open()
            && let Err(why) = self.open_again()
        {
            shared.desk().give_up(&why);
            return false;
        }
        let mut wrote = false;
        loop {
            let (lines, waiters) = shared.desk().take(MOST_LINES);
            if lines.is_empty() && (wrote || !was_away) {
                shared.desk().away = None;
                return true;
            }
            // Without lines this tells whether anything can be written again.
            let written = guarded(|| shared.shelf.write(&lines, &shared.seals));
            let Err(why) = written else {
                shared.desk().filed(&lines);
                for waiter in waiters {
                    tell(waiter, Ok(()));
                }
                wrote = true;
                continue;
            };
            shared.desk().back(&lines);
            self.fail(&why, waiters);
            return false;
        }
    }

    fn sweep(&self) -> usize {
        let shared = &self.shared;
        let wall = shared.desk().calm_wall();
        match guarded(|| shared.shelf.sweep(wall, BITE, &shared.seals)) {
            Ok(Swept { lines, unknown }) => {
                let mut desk = shared.desk();
                desk.unknown_filed = desk.unknown_filed.saturating_sub(unknown);
                lines
            }
            Err(why) => {
                self.fail(&why, Vec::new());
                0
            }
        }
    }

    /// Notes that nothing can be written, and tells those who waited for it. What was written before can be read as soon as the file
    /// is open again.
    fn fail(&self, why: &str, waiters: Vec<Waiter>) {
        self.shared.desk().give_up(why);
        for waiter in waiters {
            tell(waiter, Err(Away));
        }
        if self.open_again().is_err() {
            self.shared.shelf.close();
        }
    }

    fn open_again(&self) -> Result<(), String> {
        guarded(|| self.shared.shelf.open_again(&self.path, &self.shared.seals))
    }
}

impl Desk {
    /// What waits to be written, and who waits for it.
    fn take(&mut self, most: usize) -> (Vec<Line>, Vec<Waiter>) {
        let mut waiters = Vec::new();
        let count = self.dirty.len().min(most);
        let names: Vec<_> = self.dirty.drain(..count).collect();
        let lines = names.into_iter().filter_map(|name| {
            let slot = self.slots.get_mut(&name)?;
            slot.dirty = false;
            // From now on it may be, whatever becomes of the transaction.
            slot.on_disk = true;
            slot.writing = true;
            waiters.append(&mut slot.waiters);
            let before = slot.filed_since.replace(slot.record.about.since);
            Some(Line {
                name,
                record: slot.written().cloned(),
                since: slot.record.about.since,
                before,
            })
        });
        (lines.collect(), waiters)
    }

    /// These are on disk.
    fn filed(&mut self, lines: &[Line]) {
        for line in lines {
            let Some(slot) = self.slots.get_mut(&line.name) else {
                continue;
            };
            slot.writing = false;
            slot.on_disk = line.record.is_some();
            let unknown = |line: &Line| {
                let record = line.record.as_ref();
                record.is_some_and(|record| record.state == State::Unknown)
            };
            if unknown(line) && !slot.counted {
                slot.counted = true;
                self.unknown_filed = self.unknown_filed.saturating_add(1);
            }
            self.let_go(line.name);
        }
    }

    /// These could not be written, and wait again.
    fn back(&mut self, lines: &[Line]) {
        for line in lines.iter().rev() {
            let Some(slot) = self.slots.get_mut(&line.name) else {
                continue;
            };
            slot.writing = false;
            if !slot.dirty {
                slot.dirty = true;
                self.dirty.push_front(line.name);
            }
        }
    }

    /// Nothing can be written for now; nobody waits for it.
    fn give_up(&mut self, why: &str) {
        self.away = Some(why.into());
        for name in &self.dirty {
            let Some(slot) = self.slots.get_mut(name) else {
                continue;
            };
            for waiter in slot.waiters.drain(..) {
                tell(waiter, Err(Away));
            }
        }
    }
}

fn tell(waiter: Waiter, written: Result<(), Away>) {
    // Whoever waited may have gone away.
    let _ = waiter.send(written);
}

/// A panic of the database is one more way for the file to fail.
fn guarded<T, E: Display>(work: impl FnOnce() -> Result<T, E>) -> Result<T, String> {
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(done) => done.map_err(|error| error.to_string()),
        Err(_) => Err("the database failed".to_owned()),
    }
}
