//! Sees the files change, and has them read again when whoever changes them has come to an end.
//!
//! The kernel tells of every change in the folders that matter; that is only the call to look. What
//! counts is what is in the files: they are read again when their contents are others than those last
//! read, have been the same for a moment, and nobody is known to be in the middle of writing.
//! Editors, `mv`, package managers and Kubernetes, which moves a whole folder by one symbolic link,
//! all come down to that. Where the kernel cannot tell, as on most network file systems, the files are
//! looked at every few seconds.

mod folders;
mod inotify;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use self::folders::around;
use self::inotify::Inotify;
use crate::config::Fingerprint;
use crate::config::fingerprint::{folders, read_from};
use crate::reload::Reloader;
use crate::time::Timestamp;

/// How long the files must be as they are: longer than an editor or a script takes between two of
/// them, shorter than anybody waits to see what came of a change.
const QUIET: Duration = Duration::from_millis(300);

/// How long a file is waited for that was written to and not closed. A log that somebody keeps open
/// in the same folder must not hold up everything else.
const UNCLOSED: Duration = Duration::from_secs(2);

/// What happens together is looked at once: a log in the same folder may be written to all the time.
const GATHER: Duration = Duration::from_millis(50);

/// How often it is looked without having been called.
const SELDOM: Duration = Duration::from_secs(30);

/// The same where the kernel does not call.
const OFTEN: Duration = Duration::from_secs(3);

/// How often the log says that files do not come to rest.
const COMPLAINT: Duration = Duration::from_secs(60);

/// Watches from a thread of its own until it is dropped; what it is doing then it does to the end.
#[derive(Debug)]
pub struct Watch {
    over: Arc<AtomicBool>,
}

impl Watch {
    /// A watch and what its thread has to do, which does not come back.
    pub fn new(reloader: Arc<Reloader>, clock: fn() -> Timestamp) -> (Self, impl FnOnce() + Send) {
        let over = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&over);
        let watch = move || Watcher::new(&reloader, clock).watch(&told);
        (Self { over }, watch)
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
    }
}

struct Watcher<'r> {
    reloader: &'r Reloader,
    clock: fn() -> Timestamp,
    /// None where the kernel has none to give, or cannot watch all folders.
    inotify: Option<Inotify>,
    complained: Option<Instant>,
}

impl<'r> Watcher<'r> {
    fn new(reloader: &'r Reloader, clock: fn() -> Timestamp) -> Self {
        let inotify = Inotify::new();
        let inotify = inotify.inspect_err(poll_instead);
        Self {
            reloader,
            clock,
            inotify: inotify.ok(),
            complained: None,
        }
    }

    fn watch(mut self, over: &AtomicBool) {
        self.follow();
        while !over.load(Ordering::Relaxed) {
            // Whatever happened before the folders were watched is seen here, and nothing after
            // that is missed.
            if self.is_other(self.reloader.fingerprint()) {
                let settled = self.settle(over);
                if !over.load(Ordering::Relaxed) && self.is_other(settled) {
                    self.reloader.reload_seen(settled, (self.clock)());
                    // They may name files in folders nobody has watched so far.
                    self.follow();
                    continue;
                }
            }
            let seldom = if self.inotify.is_some() {
                SELDOM
            } else {
                OFTEN
            };
            self.wait(seldom);
        }
    }

    fn is_other(&self, fingerprint: Fingerprint) -> bool {
        self.reloader.seen() != Some(fingerprint)
    }

    /// Waits until the files are whole: the same for a moment, and nobody still writing.
    fn settle(&mut self, over: &AtomicBool) -> Fingerprint {
        let mut last = self.reloader.fingerprint();
        let mut since = Instant::now();
        while !over.load(Ordering::Relaxed) {
            let quiet = QUIET.saturating_sub(since.elapsed());
            if !quiet.is_zero() {
                self.wait(quiet);
            }
            let now = self.reloader.fingerprint();
            if now != last {
                (last, since) = (now, Instant::now());
                self.complain();
                continue;
            }
            let writing = self.inotify.as_ref().is_some_and(Inotify::is_writing);
            if since.elapsed() >= UNCLOSED || (since.elapsed() >= QUIET && !writing) {
                self.complained = None;
                return now;
            }
            if writing && quiet.is_zero() {
                self.wait(QUIET);
            }
        }
        last
    }

    /// Who changes files without end has to know why nothing comes of it.
    fn complain(&mut self) {
        let at = *self.complained.get_or_insert_with(Instant::now);
        if at.elapsed() > COMPLAINT {
            self.complained = Some(Instant::now());
            tracing::warn!("the files are changed again and again, they are read when that ends");
        }
    }

    /// Until the kernel tells of something, or so long.
    fn wait(&mut self, at_most: Duration) {
        let Some(inotify) = &mut self.inotify else {
            return std::thread::sleep(at_most);
        };
        match inotify.wait(at_most) {
            Ok(false) => {}
            // Folders may have come, gone, or be others under the same names.
            Ok(true) => {
                std::thread::sleep(GATHER);
                self.follow();
            }
            Err(error) => self.give_up(&error),
        }
    }

    /// Watches the folders of the files as they are now.
    fn follow(&mut self) {
        let Some(inotify) = &mut self.inotify else {
            return;
        };
        let main = self.reloader.path();
        let mut files = read_from(main);
        files.extend(self.reloader.named());
        // A file may come into a folder in which there is none.
        let places = folders(main).map(|folder| folder.join("any"));
        let all = files.iter().chain(&places);
        if let Err(error) = inotify.follow(&around(all)) {
            self.give_up(&error);
        }
    }

    fn give_up(&mut self, error: &std::io::Error) {
        self.inotify = None;
        poll_instead(error);
    }
}

fn poll_instead(error: &std::io::Error) {
    let seconds = OFTEN.as_secs();
    tracing::warn!(%error, seconds, "the kernel does not tell of changes, the files are looked at every few seconds");
}
