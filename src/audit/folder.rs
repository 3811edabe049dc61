//! The folder of a trail: what lies in it, who holds it, how files come and go.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use super::note::{PublicKey, Signer};
use crate::keyfile::open_to_others;

/// What records lie in.
const SEGMENT: &str = "audit";
/// What the checkpoints of a segment lie in.
const CHECKPOINTS: &str = "checkpoints";
/// The public keys, a line each.
const PUBLIC: &str = "audit.pub";
/// The key that is made where none is named.
const SECRET: &str = "audit.key";
/// Held by the one process that writes.
const LOCK: &str = "audit.lock";

/// Who scanned what is for the operator's user alone.
const FILE_MODE: u32 = 0o600;
const FOLDER_MODE: u32 = 0o700;

/// As many digits as the largest number has, so that names sort.
const DIGITS: usize = 20;

/// How often it is looked whether the folder is free.
const KNOCK: Duration = Duration::from_millis(50);

/// A folder that is written to, or was.
#[derive(Clone, Debug)]
pub(super) struct Folder(PathBuf);

/// One segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Segment {
    /// The number of its first record, which it is named by.
    pub(super) first: u64,
    pub(super) path: PathBuf,
    pub(super) checkpoints: PathBuf,
}

impl Segment {
    /// Its file's name.
    pub(super) fn name(&self) -> String {
        file_name(&self.path)
    }
}

/// A file's name, for people.
pub(super) fn file_name(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default();
    name.to_string_lossy().into_owned()
}

impl Folder {
    pub(super) fn new(path: &Path) -> Self {
        Self(path.to_owned())
    }

    /// Makes the folder, and those above it.
    pub(super) fn make(&self) -> io::Result<()> {
        let mut folders = DirBuilder::new();
        folders.recursive(true).mode(FOLDER_MODE).create(&self.0)
    }

    /// Waits until nobody else writes here, and sees to it that nobody does.
    pub(super) fn lock(&self, patience: Duration) -> io::Result<Option<File>> {
        let mut options = OpenOptions::new();
        options.create(true).truncate(false).write(true).read(true);
        let file = options.mode(FILE_MODE).open(self.0.join(LOCK))?;
        let began = Instant::now();
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(Some(file)),
                Err(TryLockError::Error(error)) => return Err(error),
                Err(TryLockError::WouldBlock) if began.elapsed() >= patience => return Ok(None),
                Err(TryLockError::WouldBlock) => thread::sleep(KNOCK),
            }
        }
    }

    /// Whether somebody writes here at this moment.
    pub(super) fn is_live(&self) -> bool {
        let lock = File::open(self.0.join(LOCK));
        lock.is_ok_and(|lock| matches!(lock.try_lock_shared(), Err(TryLockError::WouldBlock)))
    }

    /// The segment that begins with this record.
    pub(super) fn segment(&self, first: u64) -> Segment {
        let path = |ending: &str| self.0.join(format!("{first:0DIGITS$}.{ending}"));
        Segment {
            first,
            path: path(SEGMENT),
            checkpoints: path(CHECKPOINTS),
        }
    }

    /// Every segment, the oldest first.
    pub(super) fn segments(&self) -> io::Result<Vec<Segment>> {
        let mut found = Vec::new();
        for entry in fs::read_dir(&self.0)? {
            let name = entry?.file_name();
            let first = name.to_str().and_then(number);
            found.extend(first.map(|first| self.segment(first)));
        }
        found.sort_by_key(|segment| segment.first);
        Ok(found)
    }

    /// Makes what was created or removed here last.
    pub(super) fn sync(&self) -> io::Result<()> {
        File::open(&self.0)?.sync_all()
    }

    /// Removes a segment.
    pub(super) fn remove(&self, segment: &Segment) -> io::Result<()> {
        for path in [&segment.path, &segment.checkpoints] {
            match fs::remove_file(path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        self.sync()
    }

    /// Bytes there is room for.
    pub(super) fn free(&self) -> io::Result<u64> {
        let found = rustix::fs::statvfs(&self.0)?;
        Ok(found.f_bavail.saturating_mul(found.f_frsize))
    }

    /// The key of this folder; `fresh` becomes it if there is none yet.
    pub(super) fn own_seed(&self, fresh: &[u8; 32]) -> io::Result<Zeroizing<[u8; 32]>> {
        let path = self.0.join(SECRET);
        let text = match fs::read_to_string(&path) {
            Ok(text) => Zeroizing::new(text),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let text = Zeroizing::new(STANDARD.encode(fresh));
                self.write(SECRET, text.as_bytes())?;
                text
            }
            Err(error) => return Err(error),
        };
        if open_to_others(&fs::metadata(&path)?).is_some() {
            return Err(io::Error::other(
                "audit.key can be read by others: chmod 600 it",
            ));
        }
        let seed = STANDARD.decode(text.trim_ascii()).ok().map(Zeroizing::new);
        let seed = seed.and_then(|seed| <[u8; 32]>::try_from(&**seed).ok());
        let odd = || io::Error::other("audit.key is not 32 bytes in base64");
        seed.map(Zeroizing::new).ok_or_else(odd)
    }

    /// Every key that checkpoints here were ever signed with; whether every line could be read.
    pub(super) fn public_keys(&self) -> io::Result<(Vec<PublicKey>, bool)> {
        let text = match fs::read(self.0.join(PUBLIC)) {
            Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
            Err(error) => return Err(error),
        };
        let keys: Vec<_> = text.lines().map(PublicKey::parse).collect();
        let whole = keys.iter().all(Option::is_some);
        Ok((keys.into_iter().flatten().collect(), whole))
    }

    /// Adds the public half to those known here; gives them all.
    pub(super) fn publish(&self, signer: &Signer, origin: &str) -> io::Result<Vec<PublicKey>> {
        let (mut keys, _) = self.public_keys()?;
        if !keys.contains(&signer.public()) {
            let mut text = match fs::read_to_string(self.0.join(PUBLIC)) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
                read => read?,
            };
            text.push_str(&signer.public().line(origin));
            text.push('\n');
            self.write(PUBLIC, text.as_bytes())?;
            keys.push(signer.public());
        }
        Ok(keys)
    }

    /// Writes a small file whole or not at all.
    pub(super) fn write(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        let beside = self.0.join(format!("{name}.new"));
        let mut options = OpenOptions::new();
        options.create(true).truncate(true).write(true);
        let mut file = options.mode(FILE_MODE).open(&beside)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&beside, self.0.join(name))?;
        self.sync()
    }

    /// Reads such a file, if there is one.
    pub(super) fn read(&self, name: &str) -> io::Result<Option<String>> {
        match fs::read_to_string(self.0.join(name)) {
            Ok(text) => Ok(Some(text)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// Opens a file to write behind what it holds; behind `length`, if it holds more.
pub(super) fn open_behind(path: &Path, length: u64) -> io::Result<File> {
    let mut file = OpenOptions::new().write(true).open(path)?;
    if file.metadata()?.len() != length {
        file.set_len(length)?;
        file.sync_all()?;
    }
    io::Seek::seek(&mut file, io::SeekFrom::Start(length))?;
    Ok(file)
}

/// Makes a file to write into; one of this name that holds something is not touched.
pub(super) fn make(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(false);
    let file = options.mode(FILE_MODE).open(path)?;
    if file.metadata()?.len() > 0 {
        return Err(io::ErrorKind::AlreadyExists.into());
    }
    Ok(file)
}

/// The number a segment is named by.
fn number(name: &str) -> Option<u64> {
    let digits = name.strip_suffix(SEGMENT)?.strip_suffix('.')?;
    let plain = digits.len() == DIGITS && digits.bytes().all(|byte| byte.is_ascii_digit());
    plain.then(|| digits.parse().ok()).flatten()
}
