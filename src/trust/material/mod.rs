//! Published keys: JWK Sets, single JSON Web Keys, PEM and DER, as files and servers hold them.
//!
//! What is no key set at all is refused whole; one bad key in a set is listed with its fault, and
//! the good ones load. Deliberately absent: chains. A certificate is trusted because it is in the
//! file, as the trust lists of credentials are made.

mod certificate;
mod jwk;
mod pem;

use super::verifier::DEFAULT_SM2_ID;
use super::{Key, KeyFault};
use crate::family::Algorithm;
use crate::printable::printable;

pub use self::certificate::MAX_CERTIFICATE_BYTES;
pub use self::jwk::MAX_KEY_ID_BYTES;

/// The longest file or answer with keys. The largest published list, of all DCC countries, has
/// 400 KiB; a server that sends more is not read to its end.
pub const MAX_MATERIAL_BYTES: usize = 1024 * 1024;

/// The most keys in one set: as many as a mebibyte of the shortest sensible ones holds.
pub const MAX_KEYS: usize = 4_096;

/// The longest label of a key in a list of faults.
const MAX_LABEL_CHARS: usize = 64;

/// What keys mean that do not say it themselves.
#[derive(Clone, Debug)]
pub struct Reading {
    /// For RSA keys without an algorithm: [`Algorithm::Ps256`] or [`Algorithm::Rs256`].
    pub rsa: Algorithm,
    /// Whom SM2 keys sign as.
    pub sm2_id: Box<str>,
    /// Where the bytes are from.
    pub from: Origin,
}

/// Who could have read the bytes before us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The operator's own files: shared secrets may stand in them, private keys are read as their
    /// public part.
    File,
    /// Others: what is secret is refused.
    Network,
}

/// Everything that was read.
#[derive(Debug, Default)]
pub struct Material {
    /// The keys that load.
    pub keys: Vec<Key>,
    /// Those that do not.
    pub rejected: Vec<RejectedKey>,
}

/// A key that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RejectedKey {
    /// Its id, made printable and cut, or its place: `key 3`.
    pub label: Box<str>,
    /// What is wrong.
    pub fault: KeyFault,
}

/// Why bytes are no set of keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MaterialError {
    /// JSON that is not well-formed, or has a member twice.
    #[error("broken JSON in line {line}, column {column}")]
    Json {
        /// Where.
        line: usize,
        /// Where in the line.
        column: usize,
    },
    /// Above [`MAX_MATERIAL_BYTES`].
    #[error("{found} bytes where at most {MAX_MATERIAL_BYTES} are read")]
    Large {
        /// How many.
        found: usize,
    },
    /// Above [`MAX_KEYS`].
    #[error("{found} keys where at most {MAX_KEYS} are read")]
    ManyKeys {
        /// How many.
        found: usize,
    },
    /// Something else.
    #[error("{found} where a JWK Set, PEM or DER is expected")]
    NoKeys {
        /// What it looks like.
        found: &'static str,
    },
}

/// Reads whatever form of key material `bytes` are.
pub fn read(bytes: &[u8], reading: &Reading) -> Result<Material, MaterialError> {
    if bytes.len() > MAX_MATERIAL_BYTES {
        let found = bytes.len();
        return Err(MaterialError::Large { found });
    }
    let text = bytes
        .strip_prefix(b"\xEF\xBB\xBF")
        .unwrap_or(bytes)
        .trim_ascii_start();
    match text {
        [] => Err(MaterialError::NoKeys { found: "nothing" }),
        [b'{', ..] => jwk::read(text, reading),
        [b'<', ..] => Err(MaterialError::NoKeys {
            found: "HTML or XML",
        }),
        _ if memchr::memmem::find(text, b"-----BEGIN ").is_some() => pem::read(text, reading),
        [certificate::SEQUENCE, ..] => {
            let mut material = Material::default();
            material.add_der(bytes, reading);
            Ok(material)
        }
        _ => Err(MaterialError::NoKeys {
            found: "something else",
        }),
    }
}

impl Default for Reading {
    /// The operator's own files, with what is usual in them.
    fn default() -> Self {
        Self {
            rsa: Algorithm::Ps256,
            sm2_id: DEFAULT_SM2_ID.into(),
            from: Origin::File,
        }
    }
}

impl Material {
    /// Takes a certificate or a public key. What is wrong with a certificate is told under its id.
    fn add_der(&mut self, der: &[u8], reading: &Reading) {
        let key = certificate::read(der, reading);
        let id = key.is_err().then(|| certificate::id(der)).flatten();
        self.add(id.as_deref(), key);
    }

    /// Takes one key of the set, under its id if it is known by one.
    fn add(&mut self, id: Option<&str>, key: Result<Key, KeyFault>) {
        let place = self.keys.len() + self.rejected.len() + 1;
        match key {
            Ok(key) => self.keys.push(key),
            Err(fault) => self.rejected.push(RejectedKey {
                label: label(id, place),
                fault,
            }),
        }
    }
}

fn label(id: Option<&str>, place: usize) -> Box<str> {
    match id.filter(|id| !id.is_empty()) {
        Some(id) => {
            let start: String = id.chars().take(MAX_LABEL_CHARS).collect();
            printable(&start).into()
        }
        None => format!("key {place}").into(),
    }
}
