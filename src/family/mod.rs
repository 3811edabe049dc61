//! Code families: what a text must look like, and what can be read out of it.
//!
//! A family is data first: [`shape`] says which texts it claims, [`layout`] which captures mean
//! what. Only where a text must be decoded, a native reader does it ([`emv`], [`gs1`], [`token`]).
//! Nothing here is believed yet: that is `trust`'s work.

pub mod checksum;
pub mod emv;
pub mod gs1;
pub mod kind;
pub mod layout;
pub mod mask;
pub mod purpose;
pub mod reader;
pub mod region;
pub mod shape;
pub mod signature;
pub mod token;

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::time::Timestamp;

pub use self::checksum::Checksum;
pub use self::kind::{Kind, KindSet};
pub use self::layout::Layout;
pub use self::mask::Mask;
pub use self::purpose::{Purpose, PurposeSet};
pub use self::reader::Reader;
pub use self::region::Region;
pub use self::shape::{Capture, CaptureNames, Match, Shape};
pub use self::signature::{Algorithm, AlgorithmSet, Encoding, Form, Signed};

/// One code family, as its file declares it.
#[derive(Debug)]
pub struct Family {
    /// The file's stem; what routes and metrics call the family.
    pub id: Box<str>,
    /// What people call it.
    pub names: Names,
    /// What it is a code for.
    pub kind: Kind,
    /// How much of a text may be shown.
    pub mask: Mask,
    /// What makes a code of this family believable.
    pub trust: Trust,
    /// The texts it claims.
    pub shapes: Box<[Shape]>,
    /// The names of the shapes' captures.
    pub captures: CaptureNames,
    /// Checksums a claimed text must satisfy.
    pub checks: Box<[Check]>,
    /// How a claimed text is read.
    pub reader: Reader,
    /// The bounds on the time of issue.
    pub validity: Validity,
    /// Its place among the gateway's families, which the gateway sets.
    pub index: usize,
}

/// A thing's names in the two languages of the manual.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Names {
    /// English.
    pub en: Box<str>,
    /// Chinese.
    pub zh: Box<str>,
}

/// What makes a code believable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trust {
    /// The word of the issuer's platform.
    Introspection {
        /// Which platform, by its place in the configuration.
        by: usize,
    },
    /// A signature by a key of the issuer.
    Signature,
    /// Nothing that could be verified here: the backend has the last word.
    Structure,
}

/// A checksum over one capture.
#[derive(Clone, Copy, Debug)]
pub struct Check {
    /// The rule.
    pub checksum: Checksum,
    /// The part it covers.
    pub of: Capture,
}

/// Bounds on the time of issue, each side on its own: one symmetric window would double it.
#[derive(Clone, Copy, Debug)]
pub struct Validity {
    /// How long after its issue a code is good, where the family says so.
    pub max_age: Option<Duration>,
    /// How far ahead of our clock an issuer's may run.
    pub max_future: Duration,
    /// Whether a code is good for one use, and how that is told.
    pub one_time: Option<OneTime>,
}

/// A code of such a family is good for one use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OneTime {
    /// How long it is remembered after its use, if it names no end itself.
    pub lasting: Option<Duration>,
}

impl Default for Validity {
    fn default() -> Self {
        Self {
            max_age: None,
            max_future: DEFAULT_MAX_FUTURE,
            one_time: None,
        }
    }
}

/// Clocks kept by NTP differ by well under a second; half a minute forgives a badly kept one.
pub const DEFAULT_MAX_FUTURE: Duration = Duration::from_secs(30);

impl Family {
    /// Reads a text that one of the shapes claimed.
    pub fn read<'a>(&'a self, matched: &Match<'a>) -> Result<Code<'a>, ParseError> {
        self.reader.read(self, matched)
    }

    /// The parts of a claimed text, in the order they stand.
    pub fn fields(&self, matched: &Match<'_>) -> Vec<Field<'_>> {
        let mut fields = self.reader.fields(self, matched);
        fields.sort_by_key(|field| (field.range.start, field.range.end));
        fields
    }

    /// Whether every checksum of the family agrees with the text.
    pub fn checks_hold(&self, matched: &Match<'_>) -> bool {
        self.checks.iter().all(|check| {
            matched
                .get(check.of)
                .is_none_or(|part| check.checksum.holds(part))
        })
    }

    /// Whether a text that this family claims has stood a test a random text would fail.
    pub fn is_checked(&self) -> bool {
        !self.checks.is_empty() || self.reader.is_checked()
    }

    /// How many departments' accounts a code of this family carries.
    pub fn account_count(&self) -> usize {
        match &self.reader {
            Reader::Declared(layout) => layout.account_count(),
            Reader::Token(layout) => layout.account_count(),
            Reader::EmvConsumer | Reader::EmvMerchant | Reader::Gs1 => 1,
        }
    }
}

/// A code: what its text says, still unbelieved.
#[derive(Clone)]
pub struct Code<'a> {
    /// The family that read it.
    pub family: &'a Family,
    /// The cleaned text.
    pub text: &'a str,
    /// Who says to have issued it.
    pub issuer: Option<Cow<'a, str>>,
    /// The key it says to be signed with.
    pub key_id: Option<Cow<'a, str>>,
    /// Whether it was made for this moment.
    pub freshness: Freshness,
    /// When it was issued.
    pub issued_at: Option<Timestamp>,
    /// The first instant at which it is good, if it says another than that of its issue.
    pub not_before: Option<Timestamp>,
    /// The first instant at which it is no longer good (RFC 7519, section 4.1.4).
    pub expires_at: Option<Timestamp>,
    /// What makes it one of a kind; lists of revoked codes name it.
    pub nonce: Option<Cow<'a, str>>,
    /// Where its holder is insured or its issuer sits.
    pub region: Option<Region>,
    /// What each department knows the holder by.
    pub accounts: Accounts<'a>,
    /// What it states, where a key may be for some statements only.
    pub purposes: PurposeSet,
    /// The signature and what it covers.
    pub signed: Option<Signed<'a>>,
}

impl fmt::Debug for Code<'_> {
    /// Names the family only: the rest is personal data.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Code({})", self.family.id)
    }
}

impl<'a> Code<'a> {
    /// A code of which only the text is known, its account being the whole text.
    pub fn opaque(family: &'a Family, text: &'a str) -> Self {
        Self {
            family,
            text,
            issuer: None,
            key_id: None,
            freshness: Freshness::Unknown,
            issued_at: None,
            not_before: None,
            expires_at: None,
            nonce: None,
            region: None,
            accounts: Accounts::only(family.kind, text),
            purposes: PurposeSet::EMPTY,
            signed: None,
        }
    }

    /// The first instant at which it is no longer good by its own end or its family's bound.
    pub fn end(&self) -> Option<Timestamp> {
        let oldest = self.family.validity.max_age;
        let aged = self.issued_at.zip(oldest).map(|(at, age)| at.after(age));
        match (self.expires_at, aged) {
            (Some(one), Some(other)) => Some(one.min(other)),
            (one, other) => one.or(other),
        }
    }

    /// Whether it is no older than `limit`; one that does not say when it was issued is.
    pub fn is_within(&self, limit: Duration, now: Timestamp) -> bool {
        self.issued_at
            .is_some_and(|issued| now <= issued.after(limit))
    }
}

/// Whether a code was made for one moment or for years.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Freshness {
    /// Made for this moment.
    Dynamic,
    /// The same for years.
    Static,
    /// The text does not say.
    Unknown,
}

impl Freshness {
    /// The word for it in files and answers.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Dynamic => "dynamic",
            Self::Static => "static",
            Self::Unknown => "unknown",
        }
    }
}

/// The account references a code carries, one for each department's kind.
#[derive(Clone, Default)]
pub struct Accounts<'a>([Option<Cow<'a, str>>; Kind::COUNT]);

impl fmt::Debug for Accounts<'_> {
    /// Names the kinds only: the accounts are personal data.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.kinds()).finish()
    }
}

impl<'a> Accounts<'a> {
    /// One account for one kind.
    pub fn only(kind: Kind, account: impl Into<Cow<'a, str>>) -> Self {
        let mut accounts = Self::default();
        accounts.set(kind, account);
        accounts
    }

    /// Adds the account of one kind; an empty one is no account.
    pub fn set(&mut self, kind: Kind, account: impl Into<Cow<'a, str>>) {
        if let Some(slot) = self.0.get_mut(kind.index()) {
            *slot = Some(account.into()).filter(|account| !account.is_empty());
        }
    }

    /// What the departments of this kind know the holder by.
    pub fn of(&self, kind: Kind) -> Option<&str> {
        self.0.get(kind.index())?.as_deref()
    }

    /// The kinds there is an account for.
    pub fn kinds(&self) -> impl Iterator<Item = Kind> + '_ {
        Kind::ALL
            .into_iter()
            .filter(|&kind| self.of(kind).is_some())
    }
}

/// A part of a text, for `explain`: a name and a place, never a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field<'a> {
    /// What the part is called.
    pub name: Cow<'a, str>,
    /// Where it stands, in bytes.
    pub range: Range<usize>,
}

/// Why a claimed text could not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParseError {
    /// A part of a credential that was split over several codes.
    #[error(
        "holds a part of a credential that is split over several codes, expected one whole code"
    )]
    Chunked,
    /// A check digit or CRC does not agree.
    #[error("the check digits at byte {at} do not agree with what they cover")]
    Checksum {
        /// Where the check digits stand.
        at: usize,
    },
    /// The text breaks its format.
    #[error("expected {expected} at byte {at}")]
    Unexpected {
        /// Where.
        at: usize,
        /// What should stand there.
        expected: &'static str,
    },
}

impl ParseError {
    /// The same, seen from a text in which this much stands in front.
    #[must_use]
    pub(crate) const fn behind(self, front: usize) -> Self {
        match self {
            Self::Chunked => self,
            Self::Checksum { at } => Self::Checksum { at: front + at },
            Self::Unexpected { at, expected } => Self::Unexpected {
                at: front + at,
                expected,
            },
        }
    }
}
