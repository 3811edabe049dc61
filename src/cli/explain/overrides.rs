//! Keys that stand in for those of the issuers, for one code or one line.
//!
//! They are anybody's: whoever a code says it is from, what counts is its signature and its times.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use crate::keyfile::{self, FileError};
use crate::trust::material::Reading;
use crate::trust::standing::chain;
use crate::trust::{Issuer, KeySet, Keys, Supply};

/// Files and folders remembered at once: every issuer in the world, or a credential each for a
/// while. Beyond them all are read anew.
const MAX_REMEMBERED: usize = 1_024;

/// What was read so far: lines of one call tend to name the same files.
pub(super) struct Overrides {
    reading: Reading,
    read: HashMap<String, Result<Keys, String>>,
}

/// Why there are no keys in a place.
#[derive(Debug, thiserror::Error)]
#[error("{}: {why}", path.display())]
pub(super) struct NoKeys {
    path: PathBuf,
    why: String,
    /// The system would not have it read.
    pub(super) unreadable: bool,
}

impl Overrides {
    pub(super) fn new(reading: Reading) -> Self {
        let read = HashMap::new();
        Self { reading, read }
    }

    /// The keys of a file or folder, whoever the issuer is; or why there are none.
    pub(super) fn get(&mut self, path: &str) -> Result<&Keys, &str> {
        if self.read.len() >= MAX_REMEMBERED && !self.read.contains_key(path) {
            self.read.clear();
        }
        let remembered = self.read.entry(path.to_owned());
        let reading = &self.reading;
        let keys = remembered.or_insert_with_key(|path| {
            read(Path::new(path), reading).map_err(|error| error.to_string())
        });
        keys.as_ref().map_err(String::as_str)
    }
}

/// Reads the keys of a file or folder; there must be one.
pub(super) fn read(path: &Path, reading: &Reading) -> Result<Keys, NoKeys> {
    let none = |why: &str, unreadable| NoKeys {
        path: path.into(),
        why: why.to_owned(),
        unreadable,
    };
    let found = keyfile::read(path, reading).map_err(|error| {
        let unreadable = matches!(error, FileError::Read(_));
        none(&chain(&error), unreadable)
    })?;
    if found.keys.is_empty() {
        let first = found.rejected.first();
        return Err(match first {
            Some(one) => none(
                &format!("no key of it can be used: {}: {}", one.id, one.reason),
                false,
            ),
            None => none("holds no keys", false),
        });
    }
    Ok(Keys::of_anyone(Issuer {
        keys: KeySet::new(found.keys, Supply::Files)
            .without(found.rejected)
            .into(),
        ..Issuer::default()
    }))
}
