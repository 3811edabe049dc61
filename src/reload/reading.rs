//! Reading several files as one, while somebody may be changing them.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::thread::sleep;
use std::time::Duration;

use super::{Reloader, lock};
use crate::config::fingerprint::folders;
use crate::config::{self, Fingerprint, Loaded};
use crate::trial::{self, Outcome};

/// How often files are read that change while they are being read, and the pause in between.
const READINGS: usize = 5;
const PAUSE: Duration = Duration::from_millis(50);

/// The files as they were read.
#[derive(Debug)]
pub(super) struct Seen {
    pub(super) fingerprint: Fingerprint,
    /// Files that are named in them.
    pub(super) named: BTreeSet<PathBuf>,
}

impl Reloader {
    /// What the files come to now.
    pub fn fingerprint(&self) -> Fingerprint {
        Fingerprint::of(&self.path, &self.named())
    }

    /// What they came to when they were last read, with or without success.
    pub fn seen(&self) -> Fingerprint {
        lock(&self.seen).fingerprint
    }

    /// The files that are named in those in force and in those that were last read.
    pub fn named(&self) -> BTreeSet<PathBuf> {
        lock(&self.seen).named.clone()
    }

    /// A folder that is gone is a disk that is not there or a move half done, and no wish to have
    /// no routes any more.
    fn look_for_folders(&self) -> Result<(), String> {
        let in_force = self.written.load();
        let mut folders = folders(&self.path).into_iter();
        let gone = folders.find(|folder| {
            let mut files = in_force.files.iter();
            files.any(|file| file.path.parent() == Some(folder)) && !folder.is_dir()
        });
        gone.map_or(Ok(()), |folder| {
            let folder = folder.display();
            Err(format!(
                "{folder} is gone, and its files are in force: an empty folder takes them out"
            ))
        })
    }

    /// Reads the files and runs their tests. Somebody may be changing them at this moment: what is
    /// read of several files counts only if all of them are afterwards what they were before, so
    /// that old ones and new ones are never mixed.
    pub(super) fn read(&self) -> Result<(Loaded, Vec<Outcome>), String> {
        let mut named = lock(&self.seen).named.clone();
        for _ in 0..READINGS {
            let fingerprint = Fingerprint::of(&self.path, &named);
            let loaded = config::load(&self.path, &*self.secrets);
            let trials = trial::run(&self.path, &*self.secrets);
            let in_force = self.written.load();
            let all = in_force.named.union(&loaded.written.named);
            let all: BTreeSet<_> = all.cloned().collect();
            *lock(&self.seen) = Seen {
                fingerprint,
                named: named.clone(),
            };
            if !all.is_subset(&named) {
                // Some were not looked at.
                named = all;
                continue;
            }
            let gone = self.look_for_folders();
            if self.fingerprint() == fingerprint {
                return gone.map(|()| (loaded, trials));
            }
            sleep(PAUSE);
        }
        Err("the files were changed again and again while they were read".to_owned())
    }
}
