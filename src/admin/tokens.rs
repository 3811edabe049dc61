//! Who an operator is: two tokens, kept as digests.
//!
//! Those that nobody named are made at the first start and kept in a file of the owner's alone.

use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::hmac::{self, HMAC_SHA256};
use ring::rand::{SecureRandom, SystemRandom};
use serde::Deserialize;
use thiserror::Error;
use zeroize::{Zeroize, Zeroizing};

use crate::keyfile::{open_to_others, room};

/// Where tokens are kept that nobody named, seen from the folder of the files.
pub const PLACE: &str = "state/admin-tokens";

/// A token that is made: 256 bits.
const TOKEN_BYTES: usize = 32;

/// Far beyond two tokens and a comment.
const MAX_FILE: u64 = 16 * 1024;

/// What somebody may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// Look at everything.
    Viewer,
    /// Reload, have keys fetched, end the gateway as well.
    Operator,
}

impl Role {
    /// The word for it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Operator => "operator",
        }
    }
}

/// The tokens as text; wiped when dropped.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TokenTexts {
    /// Of those who may look.
    pub viewer: Option<String>,
    /// Of those who may also act.
    pub operator: Option<String>,
}

impl fmt::Debug for TokenTexts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenTexts")
    }
}

impl Drop for TokenTexts {
    fn drop(&mut self) {
        self.viewer.zeroize();
        self.operator.zeroize();
    }
}

/// Why there are no tokens.
#[derive(Debug, Error)]
pub enum TokenError {
    /// The file is no such file.
    #[error("{} does not hold `viewer` and `operator`", .0.display())]
    Content(PathBuf),
    /// The file could not be read or made.
    #[error("{} cannot be read or made", path.display())]
    File {
        /// Its path.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Others on this machine can read the file.
    #[error("{} can be read by others (mode {mode:04o}): chmod 600 it, and have other tokens made", path.display())]
    Open {
        /// Its path.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// The system gave no random bytes.
    #[error("the system gave no random bytes")]
    Randomness,
}

/// Knows an operator by a token.
pub struct Tokens {
    key: hmac::Key,
    viewer: Option<hmac::Tag>,
    operator: Option<hmac::Tag>,
}

impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tokens")
    }
}

impl Tokens {
    /// Knows these.
    pub fn of(texts: &TokenTexts) -> Result<Self, TokenError> {
        let key = hmac::Key::generate(HMAC_SHA256, &SystemRandom::new());
        let key = key.map_err(|_| TokenError::Randomness)?;
        let tag = |text: &String| hmac::sign(&key, text.as_bytes());
        Ok(Self {
            viewer: texts.viewer.as_ref().map(tag),
            operator: texts.operator.as_ref().map(tag),
            key,
        })
    }

    /// Whose token that is. Takes as long for every text of its length.
    pub(super) fn role(&self, token: &[u8]) -> Option<Role> {
        let is = |tag: &Option<hmac::Tag>| {
            let tag = tag.as_ref();
            tag.is_some_and(|tag| hmac::verify(&self.key, token, tag.as_ref()).is_ok())
        };
        let (operator, viewer) = (is(&self.operator), is(&self.viewer));
        match (operator, viewer) {
            (true, _) => Some(Role::Operator),
            (false, true) => Some(Role::Viewer),
            (false, false) => None,
        }
    }
}

/// The tokens in a file, which is made if it is not there.
pub fn keep(path: &Path) -> Result<TokenTexts, TokenError> {
    match read(path) {
        Err(TokenError::File { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
            make(path)?;
            read(path)
        }
        other => other,
    }
}

/// The tokens in a file.
pub fn read(path: &Path) -> Result<TokenTexts, TokenError> {
    let fault = |source| TokenError::File {
        path: path.to_owned(),
        source,
    };
    let file = File::open(path).map_err(fault)?;
    let found = file.metadata().map_err(fault)?;
    if let Some(mode) = open_to_others(&found) {
        let path = path.to_owned();
        return Err(TokenError::Open { path, mode });
    }
    let limit = usize::try_from(MAX_FILE).unwrap_or(usize::MAX);
    let mut text = Zeroizing::new(String::with_capacity(room(&found, limit)));
    let read = file.take(MAX_FILE).read_to_string(&mut text);
    read.map_err(fault)?;
    let content = |_| TokenError::Content(path.to_owned());
    let texts: TokenTexts = toml::from_str(&text).map_err(content)?;
    if texts.viewer.is_none() && texts.operator.is_none() {
        return Err(TokenError::Content(path.to_owned()));
    }
    Ok(texts)
}

/// A token nobody can guess.
pub fn random() -> Result<Zeroizing<String>, TokenError> {
    let mut bytes = Zeroizing::new([0; TOKEN_BYTES]);
    let filled = SystemRandom::new().fill(bytes.as_mut_slice());
    filled.map_err(|_| TokenError::Randomness)?;
    Ok(Zeroizing::new(URL_SAFE_NO_PAD.encode(bytes.as_slice())))
}

/// Makes the file whole or not at all; whoever comes second finds the first one's.
fn make(path: &Path) -> Result<(), TokenError> {
    let (viewer, operator) = (random()?, random()?);
    let text = Zeroizing::new(format!(
        "# Made at the first start: what operators show to get in. Whoever reads it is one.\n\
         viewer   = \"{}\"\noperator = \"{}\"\n",
        *viewer, *operator
    ));
    let beside = path.with_extension(format!("{}.new", std::process::id()));
    let written = write(path, &beside, text.as_bytes());
    // It has its name, or is not wanted.
    let _ = fs::remove_file(&beside);
    match written {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        other => other.map_err(|source| TokenError::File {
            path: path.to_owned(),
            source,
        }),
    }
}

fn write(path: &Path, beside: &Path, text: &[u8]) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    // What another process of this number left behind.
    let _ = fs::remove_file(beside);
    let mut options = OpenOptions::new();
    let mut file = options
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(beside)?;
    file.write_all(text)?;
    file.sync_all()?;
    fs::hard_link(beside, path)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn tokens_are_made_once_and_for_their_owner_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(PLACE);
        let made = keep(&path).unwrap();
        let found = fs::metadata(&path).unwrap();
        assert_eq!(found.permissions().mode() & 0o777, 0o600);
        let again = keep(&path).unwrap();
        assert_eq!(made.viewer, again.viewer);
        assert_ne!(made.viewer, made.operator);
        assert_eq!(made.viewer.as_ref().unwrap().len(), 43);
        let left = fs::read_dir(path.parent().unwrap()).unwrap().count();
        assert_eq!(left, 1);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        assert!(matches!(
            keep(&path),
            Err(TokenError::Open { mode: 0o640, .. })
        ));
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        fs::write(&path, "viewer = 7").unwrap();
        let error = keep(&path).unwrap_err();
        assert!(matches!(error, TokenError::Content(_)), "{error}");
    }

    #[test]
    fn a_token_is_one_of_one_role() {
        let texts = TokenTexts {
            viewer: Some("see".into()),
            operator: Some("act".into()),
        };
        let tokens = Tokens::of(&texts).unwrap();
        assert_eq!(tokens.role(b"see"), Some(Role::Viewer));
        assert_eq!(tokens.role(b"act"), Some(Role::Operator));
        for other in ["", "se", "seen", "ACT"] {
            assert_eq!(tokens.role(other.as_bytes()), None);
        }
        let nobody = TokenTexts {
            viewer: None,
            operator: None,
        };
        assert_eq!(Tokens::of(&nobody).unwrap().role(b""), None);
        assert_eq!(format!("{tokens:?}{texts:?}"), "TokensTokenTexts");
    }
}
