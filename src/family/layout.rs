//! What the captures of a declared family mean.

use std::borrow::Cow;

use super::shape::{Capture, Match};
use super::signature::SignatureLayout;
use super::{Accounts, Code, Family, Freshness, Kind, ParseError, Region};
use crate::time::Timestamp;

/// The meaning of a declared family's captures. Each may be missing from some of its shapes.
#[derive(Clone, Debug, Default)]
pub struct Layout {
    /// Who issued the code.
    pub issuer: Option<Issuer>,
    /// The key it is signed with.
    pub key_id: Option<Capture>,
    /// The region, two, four or six digits or a longer reference that begins with four.
    pub region: Option<Capture>,
    /// When it was issued.
    pub issued_at: Option<Instant>,
    /// When it ends.
    pub expires_at: Option<Instant>,
    /// What makes it one of a kind.
    pub nonce: Option<Capture>,
    /// Whether it is dynamic.
    pub freshness: FreshnessRule,
    /// Each department's account; none: the whole text is the account of the family's own kind.
    pub accounts: Box<[(Kind, Capture)]>,
    /// The signature.
    pub signature: Option<SignatureLayout>,
}

/// Where an issuer's name comes from.
#[derive(Clone, Debug)]
pub enum Issuer {
    /// The text says it.
    Capture(Capture),
    /// The family has only one.
    Constant(Box<str>),
}

/// Digits that count time since the Unix epoch.
#[derive(Clone, Copy, Debug)]
pub struct Instant {
    /// The digits.
    pub capture: Capture,
    /// What they count.
    pub unit: Unit,
}

/// What an instant's digits count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Milliseconds.
    Milliseconds,
    /// Seconds.
    Seconds,
}

/// How a text tells whether it is dynamic.
#[derive(Clone, Debug, Default)]
pub enum FreshnessRule {
    /// A capture says so.
    Capture {
        /// The capture.
        of: Capture,
        /// Its values in dynamic codes.
        dynamic: Box<[Box<str>]>,
        /// Its values in static codes.
        fixed: Box<[Box<str>]>,
    },
    /// The shape says so, or nothing does.
    #[default]
    Shape,
}

impl Layout {
    /// How many departments' accounts a code carries.
    pub fn account_count(&self) -> usize {
        self.accounts.len().max(1)
    }

    /// Reads a claimed text.
    pub fn read<'a>(
        &'a self,
        family: &'a Family,
        matched: &Match<'a>,
    ) -> Result<Code<'a>, ParseError> {
        Ok(Code {
            issuer: match &self.issuer {
                Some(Issuer::Capture(capture)) => matched.get(*capture).map(Cow::Borrowed),
                Some(Issuer::Constant(name)) => Some(Cow::Borrowed(name)),
                None => None,
            },
            key_id: part(matched, self.key_id).map(Cow::Borrowed),
            freshness: self.freshness(matched),
            issued_at: instant(matched, self.issued_at)?,
            expires_at: instant(matched, self.expires_at)?,
            nonce: part(matched, self.nonce).map(Cow::Borrowed),
            region: part(matched, self.region).and_then(Region::leading),
            accounts: self.accounts(family.kind, matched),
            signed: self
                .signature
                .as_ref()
                .and_then(|layout| layout.read(matched)),
            ..Code::opaque(family, matched.text)
        })
    }

    fn freshness(&self, matched: &Match<'_>) -> Freshness {
        let by_shape = matched.shape.freshness.unwrap_or(Freshness::Unknown);
        let FreshnessRule::Capture { of, dynamic, fixed } = &self.freshness else {
            return by_shape;
        };
        let is_one_of =
            |values: &[Box<str>], value: &str| values.iter().any(|known| **known == *value);
        match matched.get(*of) {
            Some(value) if is_one_of(dynamic, value) => Freshness::Dynamic,
            Some(value) if is_one_of(fixed, value) => Freshness::Static,
            _ => by_shape,
        }
    }

    fn accounts<'a>(&self, kind: Kind, matched: &Match<'a>) -> Accounts<'a> {
        if self.accounts.is_empty() {
            return Accounts::only(kind, matched.text);
        }
        let mut accounts = Accounts::default();
        for &(kind, capture) in &self.accounts {
            accounts.set(kind, matched.get(capture).unwrap_or_default());
        }
        accounts
    }
}

fn part<'a>(matched: &Match<'a>, capture: Option<Capture>) -> Option<&'a str> {
    matched.get(capture?)
}

fn instant(matched: &Match<'_>, instant: Option<Instant>) -> Result<Option<Timestamp>, ParseError> {
    let Some(Instant { capture, unit }) = instant else {
        return Ok(None);
    };
    let Some(digits) = matched.get(capture) else {
        return Ok(None);
    };
    let at = matched.range(capture).map_or(0, |range| range.start);
    let count = digits.parse().map_err(|_| ParseError::Unexpected {
        at,
        expected: "a count of time",
    })?;
    Ok(Some(match unit {
        Unit::Milliseconds => Timestamp::from_millis(count),
        Unit::Seconds => Timestamp::from_seconds(count),
    }))
}
