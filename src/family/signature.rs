//! Where a signature stands and what it covers, as a family declares it.

use std::borrow::Cow;
use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};

use super::shape::{Capture, Match};

/// A signature algorithm. It is a property of the key, never of the message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Algorithm {
    /// HMAC with SHA-256 (RFC 2104, FIPS 180-4).
    HmacSha256,
    /// HMAC with SHA-384.
    HmacSha384,
    /// HMAC with SHA-512.
    HmacSha512,
    /// HMAC with SM3 (RFC 2104, GB/T 32905).
    HmacSm3,
    /// ECDSA on P-256 with SHA-256 (FIPS 186-5).
    Es256,
    /// ECDSA on P-384 with SHA-384 (FIPS 186-5).
    Es384,
    /// Ed25519 (RFC 8032).
    EdDsa,
    /// RSASSA-PSS with SHA-256, MGF1 with the same, a salt of 32 bytes (RFC 8017).
    Ps256,
    /// RSASSA-PKCS1-v1_5 with SHA-256 (RFC 8017).
    Rs256,
    /// SM2 with SM3 (GB/T 32918.2, GM/T 0003.2).
    Sm2,
}

impl Algorithm {
    /// Every algorithm.
    pub const ALL: [Self; Self::COUNT] = [
        Self::HmacSha256,
        Self::HmacSha384,
        Self::HmacSha512,
        Self::HmacSm3,
        Self::Es256,
        Self::Es384,
        Self::EdDsa,
        Self::Ps256,
        Self::Rs256,
        Self::Sm2,
    ];

    /// How many there are.
    pub const COUNT: usize = 10;

    /// The word for it in files and answers.
    pub const fn name(self) -> &'static str {
        match self {
            Self::HmacSha256 => "hmac-sha256",
            Self::HmacSha384 => "hmac-sha384",
            Self::HmacSha512 => "hmac-sha512",
            Self::HmacSm3 => "hmac-sm3",
            Self::Es256 => "es256",
            Self::Es384 => "es384",
            Self::EdDsa => "eddsa",
            Self::Ps256 => "ps256",
            Self::Rs256 => "rs256",
            Self::Sm2 => "sm2",
        }
    }

    /// The algorithm of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|algorithm| algorithm.name() == name)
    }

    /// Whether the key that verifies also signs, and so must stay secret.
    pub const fn is_symmetric(self) -> bool {
        matches!(
            self,
            Self::HmacSha256 | Self::HmacSha384 | Self::HmacSha512 | Self::HmacSm3
        )
    }

    /// Whether verifying takes so long that other scans should not wait for it.
    pub const fn is_heavy(self) -> bool {
        matches!(self, Self::Es384 | Self::Ps256 | Self::Rs256 | Self::Sm2)
    }

    /// Its place in [`Self::ALL`].
    const fn index(self) -> usize {
        match self {
            Self::HmacSha256 => 0,
            Self::HmacSha384 => 1,
            Self::HmacSha512 => 2,
            Self::HmacSm3 => 3,
            Self::Es256 => 4,
            Self::Es384 => 5,
            Self::EdDsa => 6,
            Self::Ps256 => 7,
            Self::Rs256 => 8,
            Self::Sm2 => 9,
        }
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A set of algorithms.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AlgorithmSet(u16);

impl AlgorithmSet {
    /// None.
    pub const EMPTY: Self = Self(0);

    /// Every algorithm.
    pub const ALL: Self = Self((1 << Algorithm::COUNT) - 1);

    /// The set of that one.
    pub const fn only(algorithm: Algorithm) -> Self {
        Self(1 << algorithm.index())
    }

    /// Whether `algorithm` is one of them.
    pub const fn contains(self, algorithm: Algorithm) -> bool {
        self.0 & (1 << algorithm.index()) != 0
    }

    /// Adds one.
    pub const fn insert(&mut self, algorithm: Algorithm) {
        self.0 |= 1 << algorithm.index();
    }

    /// What is in both.
    #[must_use]
    pub const fn intersection(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// Whether there is none.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The algorithms in it.
    pub fn iter(self) -> impl Iterator<Item = Algorithm> {
        Algorithm::ALL
            .into_iter()
            .filter(move |&algorithm| self.contains(algorithm))
    }
}

impl FromIterator<Algorithm> for AlgorithmSet {
    fn from_iter<I: IntoIterator<Item = Algorithm>>(algorithms: I) -> Self {
        let mut set = Self::EMPTY;
        for algorithm in algorithms {
            set.insert(algorithm);
        }
        set
    }
}

/// How the two numbers of an ECDSA or SM2 signature stand in its bytes. Other algorithms have one
/// form only.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Form {
    /// One behind the other at their full width (IEEE P1363; RFC 7518, section 3.4).
    #[default]
    Raw,
    /// A DER `SEQUENCE` of two `INTEGER`s (RFC 3279, section 2.2.3; GM/T 0009).
    Der,
}

impl Form {
    /// Both forms.
    pub const ALL: [Self; 2] = [Self::Raw, Self::Der];

    /// The word for it in files.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Raw => "raw",
            Self::Der => "der",
        }
    }

    /// The form of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|form| form.name() == name)
    }
}

/// How signature bytes are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// RFC 4648, section 4, with padding.
    Base64,
    /// RFC 4648, section 5, without padding.
    Base64Url,
    /// Hexadecimal digits of either case.
    Hex,
}

impl Encoding {
    /// Every encoding.
    pub const ALL: [Self; 3] = [Self::Base64, Self::Base64Url, Self::Hex];

    /// The word for it in files.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Base64 => "base64",
            Self::Base64Url => "base64url",
            Self::Hex => "hex",
        }
    }

    /// The encoding of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|encoding| encoding.name() == name)
    }

    /// Writes bytes down.
    pub fn encode(self, bytes: &[u8]) -> String {
        match self {
            Self::Base64 => STANDARD.encode(bytes),
            Self::Base64Url => URL_SAFE_NO_PAD.encode(bytes),
            Self::Hex => {
                let halves = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
                let digits = halves.filter_map(|half| char::from_digit(half.into(), 16));
                digits.collect()
            }
        }
    }

    /// Decodes strictly: no stray padding, no spare bits, so that one signature has one spelling.
    fn decode(self, text: &str, buffer: &mut [u8]) -> Option<usize> {
        match self {
            Self::Base64 => STANDARD.decode_slice(text, buffer).ok(),
            Self::Base64Url => URL_SAFE_NO_PAD.decode_slice(text, buffer).ok(),
            Self::Hex => decode_hex(text, buffer),
        }
    }
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

/// The signature part of a family's layout.
#[derive(Clone, Debug)]
pub struct SignatureLayout {
    /// The capture whose bytes are signed.
    pub over: Capture,
    /// The capture that holds the signature.
    pub value: Capture,
    /// How the signature's bytes are written.
    pub encoding: Encoding,
    /// How its two numbers stand in them.
    pub form: Form,
    /// The algorithms a key of this family may have.
    pub algorithms: AlgorithmSet,
}

impl SignatureLayout {
    /// The signature of one text, if both captures took part in the match.
    pub fn read<'a>(&self, matched: &Match<'a>) -> Option<Signed<'a>> {
        Some(Signed {
            bytes: matched.get(self.over)?.as_bytes().into(),
            signature: Signature::Text {
                text: matched.get(self.value)?,
                encoding: self.encoding,
            },
            form: self.form,
            algorithms: self.algorithms,
            message: AlgorithmSet::ALL,
        })
    }
}

/// The longest signature any algorithm makes: RSA with 8,192 bits.
pub const MAX_SIGNATURE_BYTES: usize = 1_024;

/// A signature and what it covers, unchecked.
#[derive(Clone)]
pub struct Signed<'a> {
    /// The signed bytes.
    pub bytes: Cow<'a, [u8]>,
    /// The signature.
    pub signature: Signature<'a>,
    /// How its two numbers stand in its bytes.
    pub form: Form,
    /// The algorithms the family allows.
    pub algorithms: AlgorithmSet,
    /// The algorithms the message leaves open: all if it names none. It can only exclude.
    pub message: AlgorithmSet,
}

/// A signature as it came.
#[derive(Clone)]
pub enum Signature<'a> {
    /// Its bytes.
    Bytes(Cow<'a, [u8]>),
    /// Its bytes, written down.
    Text {
        /// The text.
        text: &'a str,
        /// How it is written.
        encoding: Encoding,
    },
}

impl Signature<'_> {
    /// Its bytes; `None` if the text is not of its encoding or longer than any signature.
    pub fn decode<'b>(&'b self, buffer: &'b mut [u8; MAX_SIGNATURE_BYTES]) -> Option<&'b [u8]> {
        match self {
            Self::Bytes(bytes) => Some(bytes),
            Self::Text { text, encoding } => {
                let length = encoding.decode(text, buffer)?;
                buffer.get(..length)
            }
        }
    }
}

impl fmt::Debug for Signature<'_> {
    /// Shows nothing: it is part of the text.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Signature")
    }
}

impl fmt::Debug for Signed<'_> {
    /// Shows a length only: signed bytes are personal data.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Signed({} bytes)", self.bytes.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn algorithms_have_one_name_and_one_place_each() {
        for (place, algorithm) in Algorithm::ALL.into_iter().enumerate() {
            assert_eq!(algorithm.index(), place);
            assert_eq!(Algorithm::from_name(algorithm.name()), Some(algorithm));
            let only = AlgorithmSet::only(algorithm);
            assert_eq!(only.iter().collect::<Vec<_>>(), [algorithm]);
            assert_eq!(AlgorithmSet::ALL.intersection(only), only);
        }
        assert_eq!(AlgorithmSet::from_iter(Algorithm::ALL), AlgorithmSet::ALL);
        assert!(AlgorithmSet::EMPTY.is_empty() && AlgorithmSet::EMPTY.iter().next().is_none());
        assert_eq!(Algorithm::from_name("none"), None);
        assert_eq!(Form::from_name("der"), Some(Form::Der));
    }
}
