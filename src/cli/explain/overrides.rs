//! Keys that stand in for those of the issuers, for one code or one line.

use std::collections::HashMap;
use std::path::Path;

use crate::keyfile;
use crate::trust::material::Reading;
use crate::trust::standing::chain;
use crate::trust::{Issuer, KeySet, Keys, Supply};

/// Files and folders remembered at once: every issuer in the world, or a credential each for a
/// while. Beyond them all are read anew.
const MAX_REMEMBERED: usize = 1_024;

/// What was read so far: lines of one call tend to name the same files.
#[derive(Default)]
pub(super) struct Overrides(HashMap<String, Result<Keys, String>>);

impl Overrides {
    /// The keys of a file or folder, whoever the issuer is; or why there are none.
    pub(super) fn get(&mut self, path: &str) -> Result<&Keys, &str> {
        if self.0.len() >= MAX_REMEMBERED && !self.0.contains_key(path) {
            self.0.clear();
        }
        let remembered = self.0.entry(path.to_owned());
        let keys = remembered.or_insert_with_key(|path| read(Path::new(path)));
        keys.as_ref().map_err(String::as_str)
    }
}

/// Reads the keys of a file or folder; there must be one.
pub(super) fn read(path: &Path) -> Result<Keys, String> {
    let told = |fault: &str| format!("{}: {fault}", path.display());
    let found = keyfile::read(path, &Reading::default());
    let found = found.map_err(|error| told(&chain(&error)))?;
    if found.keys.is_empty() {
        let first = found.rejected.first();
        return Err(told(first.map_or("holds no keys", |one| &one.reason)));
    }
    Ok(Keys::of_anyone(Issuer {
        keys: KeySet::new(found.keys, Supply::Files).into(),
        ..Issuer::default()
    }))
}
