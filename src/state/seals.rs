//! Names and seals, both from one secret.

use std::fmt;

use data_encoding::HEXLOWER;
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::hkdf::{HKDF_SHA256, KeyType, Okm, Prk, Salt};
use ring::hmac;
use ring::rand::{SecureRandom, SystemRandom};
use zeroize::Zeroizing;

/// Stands for a thing without telling it: the first half of an HMAC-SHA256 (RFC 2104), which nobody
/// can guess who has not the secret.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Name([u8; Self::LENGTH]);

impl Name {
    /// Its bytes. Of 2^40 names two are alike with a probability of 2^-49.
    pub const LENGTH: usize = 16;

    /// A name read back.
    pub const fn from_bytes(bytes: [u8; Self::LENGTH]) -> Self {
        Self(bytes)
    }

    /// The name as bytes.
    pub const fn as_bytes(&self) -> &[u8; Self::LENGTH] {
        &self.0
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        HEXLOWER.encode_display(&self.0).fmt(f)
    }
}

/// Makes names and seals records.
#[derive(Debug)]
pub struct Seals {
    names: hmac::Key,
    records: LessSafeKey,
    random: SystemRandom,
}

/// The system gives no randomness, or a cipher refuses its input.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("cannot be sealed")]
pub struct Unsealable;

struct Length(usize);

impl KeyType for Length {
    fn len(&self) -> usize {
        self.0
    }
}

impl Seals {
    /// Derives both keys from the secret (HKDF, RFC 5869).
    pub fn new(secret: &[u8]) -> Result<Self, Unsealable> {
        let prk = Salt::new(HKDF_SHA256, b"multicode state 1").extract(secret);
        let names = derive(&prk, b"names")?;
        let records = UnboundKey::new(&AES_256_GCM, derive(&prk, b"records")?.as_slice());
        Ok(Self {
            names: hmac::Key::new(hmac::HMAC_SHA256, names.as_slice()),
            records: LessSafeKey::new(records.map_err(|_| Unsealable)?),
            random: SystemRandom::new(),
        })
    }

    /// With a secret of this process alone, for what does not outlive it.
    pub fn of_this_process() -> Result<Self, Unsealable> {
        let mut secret = Zeroizing::new([0; 32]);
        SystemRandom::new()
            .fill(secret.as_mut_slice())
            .map_err(|_| Unsealable)?;
        Self::new(secret.as_slice())
    }

    /// The name of a thing of this sort. Every part is preceded by its length, so that no two lists
    /// of parts are one.
    pub fn name<'a>(&self, sort: &str, parts: impl IntoIterator<Item = &'a [u8]>) -> Name {
        let mut context = hmac::Context::with_key(&self.names);
        let mut add = |part: &[u8]| {
            context.update(&u64::try_from(part.len()).unwrap_or(u64::MAX).to_le_bytes());
            context.update(part);
        };
        add(sort.as_bytes());
        parts.into_iter().for_each(add);
        let tag = context.sign();
        let mut name = [0; Name::LENGTH];
        for (to, from) in name.iter_mut().zip(tag.as_ref()) {
            *to = *from;
        }
        Name(name)
    }

    /// A name nothing else has.
    pub fn fresh_name(&self) -> Result<Name, Unsealable> {
        let mut name = [0; Name::LENGTH];
        self.random.fill(&mut name).map_err(|_| Unsealable)?;
        Ok(Name(name))
    }

    /// Seals bytes that only open under the same name.
    pub fn seal(&self, name: Name, plain: &[u8]) -> Result<Vec<u8>, Unsealable> {
        let mut nonce = [0; NONCE_LEN];
        self.random.fill(&mut nonce).map_err(|_| Unsealable)?;
        let mut body = plain.to_vec();
        self.records
            .seal_in_place_append_tag(
                Nonce::assume_unique_for_key(nonce),
                Aad::from(name.as_bytes()),
                &mut body,
            )
            .map_err(|_| Unsealable)?;
        Ok([&nonce[..], &body].concat())
    }

    /// Opens what was sealed under this name with this secret; nothing else.
    pub fn open(&self, name: Name, sealed: &[u8]) -> Option<Vec<u8>> {
        let (nonce, body) = sealed.split_first_chunk::<NONCE_LEN>()?;
        let mut body = body.to_vec();
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let length = self
            .records
            .open_in_place(nonce, Aad::from(name.as_bytes()), &mut body)
            .ok()?
            .len();
        body.truncate(length);
        Some(body)
    }
}

fn derive(prk: &Prk, what: &[u8]) -> Result<Zeroizing<[u8; 32]>, Unsealable> {
    let mut key = Zeroizing::new([0; 32]);
    let info = [what];
    let okm: Okm<'_, Length> = prk.expand(&info, Length(32)).map_err(|_| Unsealable)?;
    okm.fill(key.as_mut_slice()).map_err(|_| Unsealable)?;
    Ok(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seals(secret: &[u8]) -> Seals {
        Seals::new(secret).unwrap()
    }

    #[test]
    fn parts_cannot_be_moved_into_one_another() {
        let seals = seals(&[7; 32]);
        let of = |parts: &[&[u8]]| seals.name("test", parts.iter().copied());
        assert_eq!(of(&[b"ab", b"c"]), of(&[b"ab", b"c"]));
        assert_ne!(of(&[b"ab", b"c"]), of(&[b"a", b"bc"]));
        assert_ne!(of(&[b"ab"]), of(&[b"ab", b""]));
        assert_ne!(of(&[b"ab"]), seals.name("other", [&b"ab"[..]]));
    }

    #[test]
    fn a_seal_opens_under_its_own_name_and_secret_only() {
        let (seals, other) = (seals(&[7; 32]), seals(&[8; 32]));
        let (name, wrong) = (Name([1; 16]), Name([2; 16]));
        let mut sealed = seals.seal(name, b"an answer").unwrap();
        assert_eq!(
            seals.open(name, &sealed).as_deref(),
            Some(&b"an answer"[..])
        );
        assert_eq!(seals.open(wrong, &sealed), None);
        assert_eq!(other.open(name, &sealed), None);
        *sealed.last_mut().unwrap() ^= 1;
        assert_eq!(seals.open(name, &sealed), None);
        assert_eq!(seals.open(name, b"short"), None);
    }

    #[test]
    fn the_same_bytes_are_sealed_differently_each_time() {
        let seals = seals(&[7; 32]);
        let name = Name([1; 16]);
        assert_ne!(
            seals.seal(name, b"x").unwrap(),
            seals.seal(name, b"x").unwrap()
        );
    }
}
