//! Where secrets come from: a variable of the environment or a file, never the text of the
//! configuration.
//!
//! The one place that reads the environment. What is read is wiped when dropped and shown by
//! nothing.

use std::fmt;
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use data_encoding::HEXLOWER_PERMISSIVE;
use zeroize::Zeroizing;

use crate::keyfile::open_to_others;
use crate::trust::verifier::MIN_SECRET_BYTES;

/// The longest secret read; the longest ones in use are a few kilobytes of PEM.
const MAX_SECRET: usize = 64 * 1024;

/// Where a secret is.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum SecretRef {
    /// A variable of the environment.
    Env(String),
    /// A file, as written: relative to the folder of `routes.toml`.
    File(PathBuf),
}

impl SecretRef {
    /// Reads `env:NAME` or `file:PATH`; anything else may be a secret itself and is not repeated.
    pub fn parse(text: &str) -> Option<Self> {
        if let Some(name) = text.strip_prefix("env:") {
            let plain = |one: u8| one.is_ascii_alphanumeric() || one == b'_';
            let fits = !name.is_empty() && name.len() <= 128 && name.bytes().all(plain);
            return fits.then(|| Self::Env(name.to_owned()));
        }
        let path = text.strip_prefix("file:")?;
        let fits = !path.is_empty() && !path.contains(char::is_control);
        fits.then(|| Self::File(PathBuf::from(path)))
    }
}

impl fmt::Display for SecretRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Env(name) => write!(f, "env:{name}"),
            Self::File(path) => write!(f, "file:{}", path.display()),
        }
    }
}

/// A secret's bytes: wiped when dropped, invisible in `Debug`.
#[derive(Clone)]
pub struct Secret(Zeroizing<Vec<u8>>);

impl Secret {
    /// Takes the bytes over.
    pub fn new(bytes: impl Into<Zeroizing<Vec<u8>>>) -> Self {
        Self(bytes.into())
    }

    /// The bytes, for the one who computes with them.
    pub fn expose(&self) -> &[u8] {
        &self.0
    }

    /// The secret as text, for a header or a template.
    pub fn expose_text(&self) -> Result<&str, SecretError> {
        std::str::from_utf8(&self.0).map_err(|_| SecretError::NotText)
    }

    /// The key this text spells: `base64:…`, `hex:…`, or base64 without a prefix; of 16 bytes at
    /// least.
    pub fn decode_key(&self) -> Result<Self, SecretError> {
        let text = self.expose_text()?.trim();
        let bytes = if let Some(hex) = text.strip_prefix("hex:") {
            decode_hex(hex).ok_or(SecretError::NotHex)?
        } else {
            let text = text.strip_prefix("base64:").unwrap_or(text);
            decode_base64(text).ok_or(SecretError::NotBase64)?
        };
        if bytes.len() < MIN_SECRET_BYTES {
            return Err(SecretError::TooShort { bytes: bytes.len() });
        }
        Ok(Self(bytes))
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

/// Why a secret that is there cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SecretError {
    /// The file is not a file.
    #[error("is not a regular file")]
    NotAFile,
    /// The text is no base64.
    #[error("is neither base64 nor marked \"hex:\"")]
    NotBase64,
    /// The text is no hexadecimal.
    #[error("is not hexadecimal after \"hex:\"")]
    NotHex,
    /// The bytes are no UTF-8.
    #[error("is not UTF-8 text")]
    NotText,
    /// Others on this machine can read the file.
    #[error("can be read by others (mode {mode:04o})")]
    Open {
        /// The file's permission bits.
        mode: u32,
    },
    /// Longer than any secret.
    #[error("is longer than {MAX_SECRET} bytes")]
    TooLong,
    /// Too short to sign with.
    #[error("has {bytes} bytes, a key needs {MIN_SECRET_BYTES}")]
    TooShort {
        /// What it has.
        bytes: usize,
    },
    /// The file could not be read.
    #[error("cannot be read")]
    Unreadable(#[from] std::io::Error),
}

impl SecretError {
    /// What to do about it.
    pub const fn help(&self) -> &'static str {
        match self {
            Self::Open { .. } => "chmod 600 the file, owned by the user the gateway runs as",
            Self::TooShort { .. } | Self::NotBase64 | Self::NotHex => {
                "make one with: openssl rand -base64 32"
            }
            Self::NotAFile | Self::NotText | Self::TooLong | Self::Unreadable(_) => {
                "look at what the reference points to"
            }
        }
    }
}

/// Somewhere secrets are kept.
pub trait Secrets {
    /// The secret behind a reference; `None` when it is not set.
    fn resolve(&self, reference: &SecretRef) -> Result<Option<Secret>, SecretError>;
}

/// No secrets at all: every reference is unset.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoSecrets;

impl Secrets for NoSecrets {
    fn resolve(&self, _: &SecretRef) -> Result<Option<Secret>, SecretError> {
        Ok(None)
    }
}

/// The process's environment and the files beside the configuration.
#[derive(Clone, Debug)]
pub struct ProcessSecrets {
    folder: PathBuf,
}

impl ProcessSecrets {
    /// Reads files relative to the folder that holds `config`.
    pub fn beside(config: &Path) -> Self {
        let folder = config
            .parent()
            .unwrap_or_else(|| Path::new(""))
            .to_path_buf();
        Self { folder }
    }
}

impl Secrets for ProcessSecrets {
    fn resolve(&self, reference: &SecretRef) -> Result<Option<Secret>, SecretError> {
        match reference {
            SecretRef::Env(name) => read_variable(name),
            SecretRef::File(path) => read_file(&self.folder.join(path)),
        }
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the one reader of the environment"
)]
fn read_variable(name: &str) -> Result<Option<Secret>, SecretError> {
    match std::env::var(name) {
        Ok(value) if value.is_empty() => Ok(None),
        Ok(value) => Ok(Some(Secret::new(value.into_bytes()))),
        Err(std::env::VarError::NotPresent) => Ok(None),
        Err(std::env::VarError::NotUnicode(_)) => Err(SecretError::NotText),
    }
}

fn read_file(path: &Path) -> Result<Option<Secret>, SecretError> {
    let found = match std::fs::metadata(path) {
        Ok(found) => found,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    // Asked before opening, since opening a pipe waits for its other end.
    if !found.is_file() {
        return Err(SecretError::NotAFile);
    }
    let file = File::open(path)?;
    if let Some(mode) = open_to_others(&file.metadata()?) {
        return Err(SecretError::Open { mode });
    }
    let limit = u64::try_from(MAX_SECRET).unwrap_or(u64::MAX);
    // Room for all of it at once: growing would leave copies behind that nobody wipes.
    let mut bytes = Zeroizing::new(Vec::with_capacity(MAX_SECRET + 1));
    file.take(limit + 1).read_to_end(&mut bytes)?;
    if bytes.len() > MAX_SECRET {
        return Err(SecretError::TooLong);
    }
    while bytes
        .last()
        .is_some_and(|byte| matches!(byte, b'\n' | b'\r'))
    {
        bytes.pop();
    }
    Ok(Some(Secret(bytes)))
}

fn decode_base64(text: &str) -> Option<Zeroizing<Vec<u8>>> {
    [&STANDARD, &STANDARD_NO_PAD, &URL_SAFE_NO_PAD]
        .into_iter()
        .find_map(|alphabet| {
            // Room for all of it at once; what an alphabet made of it before it failed is wiped as well.
            let room = base64::decoded_len_estimate(text.len());
            let mut bytes = Zeroizing::new(Vec::with_capacity(room));
            let decoded = alphabet.decode_vec(text, &mut bytes);
            decoded.ok().map(|()| bytes)
        })
}

fn decode_hex(text: &str) -> Option<Zeroizing<Vec<u8>>> {
    let length = HEXLOWER_PERMISSIVE.decode_len(text.len()).ok()?;
    let mut bytes = Zeroizing::new(vec![0; length]);
    let decoded = HEXLOWER_PERMISSIVE.decode_mut(text.as_bytes(), &mut bytes);
    decoded.ok().map(|_| bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn key(text: &str) -> Result<Vec<u8>, String> {
        let secret = Secret::new(text.as_bytes().to_vec());
        let key = secret.decode_key().map_err(|error| error.to_string())?;
        Ok(key.expose().to_vec())
    }

    #[test]
    fn keys_are_base64_unless_marked_hex() {
        let expected = Ok(b"0123456789abcdef".to_vec());
        assert_eq!(key("MDEyMzQ1Njc4OWFiY2RlZg=="), expected);
        assert_eq!(key("base64:MDEyMzQ1Njc4OWFiY2RlZg\n"), expected);
        assert_eq!(key("hex:30313233343536373839616263646566"), expected);
        assert_eq!(
            key("hex:3031323334353637383961626364656"),
            Err("is not hexadecimal after \"hex:\"".into())
        );
        assert_eq!(
            key("hex:+0"),
            Err("is not hexadecimal after \"hex:\"".into())
        );
        assert_eq!(key("MDEy"), Err("has 3 bytes, a key needs 16".into()));
        assert_eq!(
            key("a secret!"),
            Err("is neither base64 nor marked \"hex:\"".into())
        );
    }

    #[test]
    fn only_references_are_read_as_references() {
        let env = SecretRef::Env("A_B".into());
        assert_eq!(SecretRef::parse("env:A_B"), Some(env));
        let file = SecretRef::File("certs/k".into());
        assert_eq!(SecretRef::parse("file:certs/k"), Some(file));
        for text in ["", "env:", "file:", "env:A B", "A_B", "hex:00", "file:a\0b"] {
            assert_eq!(SecretRef::parse(text), None, "{text}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_file_others_can_read_is_refused() {
        use std::os::unix::fs::PermissionsExt as _;

        let folder = tempfile::tempdir().unwrap();
        let secrets = ProcessSecrets::beside(&folder.path().join("routes.toml"));
        let reference = SecretRef::parse("file:key").unwrap();
        assert!(secrets.resolve(&reference).unwrap().is_none());
        let path = folder.path().join("key");
        std::fs::write(&path, "hunter2\n").unwrap();
        let mode = |mode| std::fs::Permissions::from_mode(mode);
        std::fs::set_permissions(&path, mode(0o644)).unwrap();
        let error = secrets.resolve(&reference).unwrap_err();
        assert_eq!(error.to_string(), "can be read by others (mode 0644)");
        std::fs::set_permissions(&path, mode(0o600)).unwrap();
        let secret = secrets.resolve(&reference).unwrap().unwrap();
        assert_eq!(secret.expose(), b"hunter2");
        assert_eq!(format!("{secret:?}"), "Secret");
        let folder = SecretRef::parse("file:.").unwrap();
        assert!(matches!(
            secrets.resolve(&folder),
            Err(SecretError::NotAFile)
        ));
    }
}
