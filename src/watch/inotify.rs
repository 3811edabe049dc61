//! What the kernel tells of folders.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::ffi::CString;
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::inotify::{
    CreateFlags, ReadFlags, Reader, WatchFlags, add_watch, init, remove_watch,
};
use rustix::io::Errno;

/// Folders watched at most: a configuration has a handful, and the kernel 8,192 for a user.
const MOST_FOLDERS: usize = 1_024;

/// Files remembered as being written at most.
const MOST_UNCLOSED: usize = 1_024;

/// Room for some hundred events.
const BUFFER: usize = 16 * 1024;

/// The folders that are watched.
pub(super) struct Inotify {
    channel: OwnedFd,
    /// By their paths, each with its number.
    watched: BTreeMap<PathBuf, i32>,
    /// The files that were written to, and not closed since.
    unclosed: HashSet<(i32, CString)>,
}

impl Inotify {
    pub(super) fn new() -> io::Result<Self> {
        Ok(Self {
            channel: init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK)?,
            watched: BTreeMap::new(),
            unclosed: HashSet::new(),
        })
    }

    /// Watches these folders and no others. One that is gone by now is no mistake: its end was told,
    /// or its folder's change.
    pub(super) fn follow(&mut self, folders: &BTreeSet<PathBuf>) -> io::Result<()> {
        if folders.len() > MOST_FOLDERS {
            return Err(io::Error::other("too many folders"));
        }
        let mut watched = BTreeMap::new();
        for folder in folders {
            let changes = WatchFlags::MODIFY
                | WatchFlags::CLOSE_WRITE
                | WatchFlags::ATTRIB
                | WatchFlags::CREATE
                | WatchFlags::DELETE
                | WatchFlags::DELETE_SELF
                | WatchFlags::MOVE
                | WatchFlags::MOVE_SELF
                | WatchFlags::ONLYDIR;
            // The same folder again gives the same number.
            match add_watch(&self.channel, folder, changes) {
                Ok(number) => drop(watched.insert(folder.clone(), number)),
                Err(Errno::NOENT | Errno::NOTDIR | Errno::ACCESS | Errno::LOOP) => {}
                Err(error) => return Err(error.into()),
            }
        }
        let old = std::mem::replace(&mut self.watched, watched);
        let kept: HashSet<i32> = self.watched.values().copied().collect();
        for number in old.into_values().filter(|number| !kept.contains(number)) {
            // The kernel has done so itself if the folder is gone.
            let _ = remove_watch(&self.channel, number);
            self.unclosed.retain(|(folder, _)| *folder != number);
        }
        Ok(())
    }

    /// Waits at most so long; says whether anything happened.
    pub(super) fn wait(&mut self, at_most: Duration) -> io::Result<bool> {
        let mut channels = [PollFd::new(&self.channel, PollFlags::IN)];
        let timeout = Timespec::try_from(at_most).map_err(io::Error::other)?;
        match poll(&mut channels, Some(&timeout)) {
            Ok(0) | Err(Errno::INTR) => return Ok(false),
            Ok(_) => {}
            Err(error) => return Err(error.into()),
        }
        let mut space = [MaybeUninit::uninit(); BUFFER];
        let mut events = Reader::new(&self.channel, &mut space);
        loop {
            match events.next() {
                Ok(event) => {
                    let happened = event.events();
                    let Some(name) = event.file_name() else {
                        continue;
                    };
                    let file = (event.wd(), name.to_owned());
                    if happened.contains(ReadFlags::MODIFY) {
                        if self.unclosed.len() < MOST_UNCLOSED {
                            self.unclosed.insert(file);
                        }
                    } else if !happened.contains(ReadFlags::ATTRIB) {
                        self.unclosed.remove(&file);
                    }
                }
                Err(Errno::AGAIN) => return Ok(true),
                Err(Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Whether somebody has written to a file and not closed it.
    pub(super) fn is_writing(&self) -> bool {
        !self.unclosed.is_empty()
    }
}
