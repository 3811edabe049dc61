//! Keyed hashes. A key's inner state is computed once and cloned for each text; the comparison is
//! `hmac`'s own, in constant time.

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Sha256, Sha384, Sha512};
use sm3::Sm3;
use zeroize::Zeroizing;

use crate::family::Algorithm;
use crate::trust::KeyFault;

/// The shortest secret a key may have: 128 bits, below which guessing becomes thinkable.
pub const MIN_SECRET_BYTES: usize = 16;

/// A secret and the state it leads to.
pub(in crate::trust) struct HmacKey {
    /// Kept for the near misses only: the state tells whoever reads memory as much.
    secret: Zeroizing<Vec<u8>>,
    state: State,
}

enum State {
    Sha256(Hmac<Sha256>),
    Sha384(Hmac<Sha384>),
    Sha512(Hmac<Sha512>),
    Sm3(Hmac<Sm3>),
}

impl HmacKey {
    pub(super) fn new(algorithm: Algorithm, secret: &[u8]) -> Result<Self, KeyFault> {
        let guessable = KeyFault::guessable(secret.len());
        if secret.len() < MIN_SECRET_BYTES {
            return Err(guessable);
        }
        let state = match algorithm {
            Algorithm::HmacSha256 => Hmac::new_from_slice(secret).map(State::Sha256),
            Algorithm::HmacSha384 => Hmac::new_from_slice(secret).map(State::Sha384),
            Algorithm::HmacSha512 => Hmac::new_from_slice(secret).map(State::Sha512),
            Algorithm::HmacSm3 => Hmac::new_from_slice(secret).map(State::Sm3),
            _ => return Err(KeyFault::NotSymmetric { algorithm }),
        };
        Ok(Self {
            secret: secret.to_vec().into(),
            state: state.map_err(|_| guessable)?,
        })
    }

    pub(super) const fn algorithm(&self) -> Algorithm {
        match self.state {
            State::Sha256(_) => Algorithm::HmacSha256,
            State::Sha384(_) => Algorithm::HmacSha384,
            State::Sha512(_) => Algorithm::HmacSha512,
            State::Sm3(_) => Algorithm::HmacSm3,
        }
    }

    /// The same secret under another hash.
    pub(in crate::trust) fn under(&self, algorithm: Algorithm) -> Result<Self, KeyFault> {
        Self::new(algorithm, &self.secret)
    }

    /// Whether the tag is this key's. Its length must be the hash's own: a shortened one is not
    /// accepted.
    pub(super) fn verifies(&self, bytes: &[u8], tag: &[u8]) -> bool {
        match &self.state {
            State::Sha256(state) => holds(state, bytes, tag),
            State::Sha384(state) => holds(state, bytes, tag),
            State::Sha512(state) => holds(state, bytes, tag),
            State::Sm3(state) => holds(state, bytes, tag),
        }
    }

    pub(super) fn sign(&self, bytes: &[u8]) -> Vec<u8> {
        match &self.state {
            State::Sha256(state) => tag(state, bytes),
            State::Sha384(state) => tag(state, bytes),
            State::Sha512(state) => tag(state, bytes),
            State::Sm3(state) => tag(state, bytes),
        }
    }
}

fn holds<M: Mac + Clone>(state: &M, bytes: &[u8], tag: &[u8]) -> bool {
    let mut mac = state.clone();
    mac.update(bytes);
    mac.verify_slice(tag).is_ok()
}

fn tag<M: Mac + Clone>(state: &M, bytes: &[u8]) -> Vec<u8> {
    let mut mac = state.clone();
    mac.update(bytes);
    mac.finalize().into_bytes().to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a key's inner state is made of: a feature of these crates, which nothing else asks for.
    #[test]
    fn what_a_secret_leads_to_is_wiped() {
        const fn is_wiped<T: zeroize::ZeroizeOnDrop>() {}

        is_wiped::<Sha256>();
        is_wiped::<Sha384>();
        is_wiped::<Sha512>();
        is_wiped::<Sm3>();
    }
}
