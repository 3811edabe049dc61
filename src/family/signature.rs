//! Where a signature stands and what it covers, as a family declares it.

use std::fmt;

use super::shape::{Capture, Match};

/// A signature algorithm. It is a property of the key, never of the message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Algorithm {
    /// HMAC with SHA-256 (RFC 2104, FIPS 180-4).
    HmacSha256,
    /// HMAC with SM3 (RFC 2104, GB/T 32905).
    HmacSm3,
}

impl Algorithm {
    /// Every algorithm.
    pub const ALL: [Self; 2] = [Self::HmacSha256, Self::HmacSm3];

    /// The word for it in files and answers.
    pub const fn name(self) -> &'static str {
        match self {
            Self::HmacSha256 => "hmac-sha256",
            Self::HmacSm3 => "hmac-sm3",
        }
    }

    /// The algorithm of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|algorithm| algorithm.name() == name)
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
}

/// The signature part of a family's layout.
#[derive(Clone, Debug)]
pub struct SignatureLayout {
    /// The capture whose bytes are signed.
    pub over: Capture,
    /// The capture that holds the signature.
    pub value: Capture,
    /// How the signature is written.
    pub encoding: Encoding,
    /// The algorithms a key of this family may have.
    pub algorithms: Box<[Algorithm]>,
}

impl SignatureLayout {
    /// The signature of one text, if both captures took part in the match.
    pub fn read<'a>(&'a self, matched: &Match<'a>) -> Option<Signed<'a>> {
        Some(Signed {
            bytes: matched.get(self.over)?.as_bytes(),
            signature: matched.get(self.value)?,
            encoding: self.encoding,
            algorithms: &self.algorithms,
        })
    }
}

/// A signature and what it covers, unchecked.
#[derive(Clone, Copy)]
pub struct Signed<'a> {
    /// The signed bytes.
    pub bytes: &'a [u8],
    /// The signature as written.
    pub signature: &'a str,
    /// How it is written.
    pub encoding: Encoding,
    /// The algorithms the family allows.
    pub algorithms: &'a [Algorithm],
}

impl fmt::Debug for Signed<'_> {
    /// Shows lengths only: signed bytes are personal data.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "Signed({} bytes by {} characters)",
            self.bytes.len(),
            self.signature.len()
        )
    }
}
