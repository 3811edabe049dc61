//! Signature algorithms at work.
//!
//! A key's inner state is computed once and cloned for each message. Comparison is constant-time
//! (`hmac`'s own). Asymmetric algorithms take their place as further variants of [`Secret`].

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Sha256, Sha384, Sha512};
use sm3::Sm3;

use super::KeyFault;
pub use super::verifier::MIN_SECRET_BYTES;
use crate::family::{Algorithm, Encoding, Signed};

/// The longest signature any algorithm makes: RSA with 4,096 bits.
const MAX_SIGNATURE_BYTES: usize = 512;

/// A key ready to verify and, in the sandbox, to sign.
#[derive(Clone)]
pub enum Secret {
    /// HMAC with SHA-256.
    HmacSha256(Hmac<Sha256>),
    /// HMAC with SHA-384.
    HmacSha384(Hmac<Sha384>),
    /// HMAC with SHA-512.
    HmacSha512(Hmac<Sha512>),
    /// HMAC with SM3.
    HmacSm3(Hmac<Sm3>),
}

impl fmt::Debug for Secret {
    /// Shows the algorithm only.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secret({})", self.algorithm().name())
    }
}

impl Secret {
    /// Prepares a key of `algorithm` from its secret bytes.
    pub fn new(algorithm: Algorithm, bytes: &[u8]) -> Result<Self, KeyFault> {
        let short = KeyFault::guessable(bytes.len());
        if bytes.len() < MIN_SECRET_BYTES {
            return Err(short);
        }
        let key = match algorithm {
            Algorithm::HmacSha256 => Hmac::new_from_slice(bytes).map(Self::HmacSha256),
            Algorithm::HmacSha384 => Hmac::new_from_slice(bytes).map(Self::HmacSha384),
            Algorithm::HmacSha512 => Hmac::new_from_slice(bytes).map(Self::HmacSha512),
            Algorithm::HmacSm3 => Hmac::new_from_slice(bytes).map(Self::HmacSm3),
            _ => return Err(KeyFault::NotSymmetric { algorithm }),
        };
        key.map_err(|_| short)
    }

    /// The algorithm it is for.
    pub const fn algorithm(&self) -> Algorithm {
        match self {
            Self::HmacSha256(_) => Algorithm::HmacSha256,
            Self::HmacSha384(_) => Algorithm::HmacSha384,
            Self::HmacSha512(_) => Algorithm::HmacSha512,
            Self::HmacSm3(_) => Algorithm::HmacSm3,
        }
    }

    /// Whether the signature is this key's over these bytes. Its length must be the algorithm's
    /// own: a shortened one is not accepted.
    pub fn verifies(&self, signed: &Signed<'_>) -> bool {
        let mut buffer = [0; MAX_SIGNATURE_BYTES];
        let Some(signature) = decode(signed.encoding, signed.signature, &mut buffer) else {
            return false;
        };
        match self {
            Self::HmacSha256(state) => holds(state, signed.bytes, signature),
            Self::HmacSha384(state) => holds(state, signed.bytes, signature),
            Self::HmacSha512(state) => holds(state, signed.bytes, signature),
            Self::HmacSm3(state) => holds(state, signed.bytes, signature),
        }
    }

    /// Signs `bytes` as an issuer would; only the sandbox mints codes.
    pub fn sign(&self, encoding: Encoding, bytes: &[u8]) -> String {
        match self {
            Self::HmacSha256(state) => encode(encoding, &tag(state, bytes)),
            Self::HmacSha384(state) => encode(encoding, &tag(state, bytes)),
            Self::HmacSha512(state) => encode(encoding, &tag(state, bytes)),
            Self::HmacSm3(state) => encode(encoding, &tag(state, bytes)),
        }
    }
}

fn holds<M: Mac + Clone>(state: &M, bytes: &[u8], signature: &[u8]) -> bool {
    let mut mac = state.clone();
    mac.update(bytes);
    mac.verify_slice(signature).is_ok()
}

fn tag<M: Mac + Clone>(state: &M, bytes: &[u8]) -> Vec<u8> {
    let mut mac = state.clone();
    mac.update(bytes);
    mac.finalize().into_bytes().to_vec()
}

fn encode(encoding: Encoding, bytes: &[u8]) -> String {
    match encoding {
        Encoding::Base64 => STANDARD.encode(bytes),
        Encoding::Base64Url => URL_SAFE_NO_PAD.encode(bytes),
        Encoding::Hex => bytes
            .iter()
            .flat_map(|&byte| [byte >> 4, byte & 15])
            .filter_map(hex_digit)
            .collect(),
    }
}

fn hex_digit(value: u8) -> Option<char> {
    char::from_digit(value.into(), 16)
}

/// Decodes strictly: no stray padding, no spare bits, so that one signature has one spelling.
fn decode<'b>(encoding: Encoding, text: &str, buffer: &'b mut [u8]) -> Option<&'b [u8]> {
    let length = match encoding {
        Encoding::Base64 => STANDARD.decode_slice(text, buffer).ok()?,
        Encoding::Base64Url => URL_SAFE_NO_PAD.decode_slice(text, buffer).ok()?,
        Encoding::Hex => decode_hex(text, buffer)?,
    };
    buffer.get(..length)
}

fn decode_hex(text: &str, buffer: &mut [u8]) -> Option<usize> {
    let digit = |byte: u8| char::from(byte).to_digit(16);
    let pairs = text.as_bytes().chunks(2);
    let length = pairs.len();
    for (pair, slot) in pairs.zip(buffer.get_mut(..length)?) {
        let &[high, low] = pair else { return None };
        *slot = u8::try_from(digit(high)? * 16 + digit(low)?).ok()?;
    }
    Some(length)
}
