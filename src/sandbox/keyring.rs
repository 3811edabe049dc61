//! The keys of a sandbox in a file, so that who makes codes and who verifies them have the same: a
//! demonstration and the load tester that asks it.

use std::fmt;
use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::hmac;
use ring::rand::{SecureRandom as _, SystemRandom};
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::signer::{SigningError, SigningKey};
use crate::family::Algorithm;
use crate::trust::verifier::DEFAULT_SM2_ID;

/// Bytes of what all is derived from that can be.
const SEED_BYTES: usize = 32;

/// A pair of each algorithm with public keys that can be made, and secrets by name.
pub struct Keyring {
    seed: Zeroizing<Vec<u8>>,
    es256: Zeroizing<Vec<u8>>,
    es384: Zeroizing<Vec<u8>>,
}

impl Keyring {
    /// Makes one.
    pub fn make() -> Result<Self, SigningError> {
        let mut seed = Zeroizing::new(vec![0; SEED_BYTES]);
        let filled = SystemRandom::new().fill(&mut seed);
        filled.map_err(|_| SigningError::NoRandom)?;
        Ok(Self {
            seed,
            es256: SigningKey::make_pkcs8(Algorithm::Es256)?,
            es384: SigningKey::make_pkcs8(Algorithm::Es384)?,
        })
    }

    /// The one in the file; if there is no file, one is made and kept there, for its owner alone.
    pub fn kept(path: &Path) -> io::Result<Self> {
        match std::fs::read(path) {
            Ok(text) => Self::read(&Zeroizing::new(text))
                .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, NO_KEYRING)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let made = Self::make().map_err(io::Error::other)?;
                let mut options = OpenOptions::new();
                let mut file = options
                    .write(true)
                    .create_new(true)
                    .mode(0o600)
                    .open(path)?;
                file.write_all(&made.text())?;
                Ok(made)
            }
            Err(error) => Err(error),
        }
    }

    /// The pair of an algorithm, if there is one.
    pub fn pair(&self, algorithm: Algorithm) -> Result<Arc<SigningKey>, SigningError> {
        let pair = match algorithm {
            Algorithm::Es256 => SigningKey::ecdsa(algorithm, &self.es256),
            Algorithm::Es384 => SigningKey::ecdsa(algorithm, &self.es384),
            Algorithm::EdDsa => SigningKey::ed25519(&self.secret("pair ed25519")),
            Algorithm::Sm2 => SigningKey::sm2(&self.secret("pair sm2"), DEFAULT_SM2_ID),
            _ => Err(SigningError::CannotMake { algorithm }),
        };
        pair.map(Arc::new)
    }

    /// The secret of that name.
    pub fn secret(&self, name: &str) -> Zeroizing<[u8; 32]> {
        let key = hmac::Key::new(hmac::HMAC_SHA256, &self.seed);
        let mut bytes = Zeroizing::new([0; 32]);
        let tag = hmac::sign(&key, name.as_bytes());
        for (to, from) in bytes.iter_mut().zip(tag.as_ref()) {
            *to = *from;
        }
        bytes
    }

    fn read(text: &[u8]) -> Option<Self> {
        let file: Value = serde_json::from_slice(text).ok()?;
        let part = |name: &str| {
            let text = file.get(name)?.as_str()?;
            STANDARD.decode(text).ok().map(Zeroizing::new)
        };
        Some(Self {
            seed: part("seed").filter(|seed| seed.len() == SEED_BYTES)?,
            es256: part("es256")?,
            es384: part("es384")?,
        })
    }

    fn text(&self) -> Zeroizing<Vec<u8>> {
        let part = |bytes: &[u8]| STANDARD.encode(bytes);
        let file = json!({
            "seed": part(&self.seed), "es256": part(&self.es256), "es384": part(&self.es384),
        });
        Zeroizing::new(format!("{file:#}\n").into_bytes())
    }
}

/// What a file that is no keyring is told.
const NO_KEYRING: &str = "found no keyring, expected a file that `demo --keys` made";

impl fmt::Debug for Keyring {
    /// Shows nothing of it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keyring").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::family::Form;

    #[test]
    fn what_is_kept_is_the_same_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("sandbox.key");
        let (made, read) = (Keyring::kept(&path).unwrap(), Keyring::kept(&path).unwrap());
        assert_eq!(made.secret("a"), read.secret("a"));
        assert_ne!(made.secret("a"), made.secret("b"));
        for algorithm in [
            Algorithm::Es256,
            Algorithm::Es384,
            Algorithm::EdDsa,
            Algorithm::Sm2,
        ] {
            let (made, read) = (made.pair(algorithm).unwrap(), read.pair(algorithm).unwrap());
            assert_eq!(made.jwk("1"), read.jwk("1"), "{algorithm}");
            let signature = made.sign(Form::Raw, b"words").unwrap();
            assert!(read.verifier().verifies(Form::Raw, b"words", &signature));
        }
        std::fs::write(&path, "{}").unwrap();
        assert!(Keyring::kept(&path).is_err());
    }
}
