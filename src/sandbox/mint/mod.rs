//! Codes made to order, sound ones and flawed ones.
//!
//! A declared family is minted from its own shapes: [`generate`](mod@generate) makes a random text
//! in which issuer, key, times and accounts have their values, then the check digits are put right
//! and the signature is computed. What comes out is read back before it is handed over, so that a
//! minted code is one its family claims. Native families are built by their own builders.

mod credential;
mod flaw;
pub mod generate;
mod native;
mod plan;
mod signer;
pub mod token;
mod wishes;

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use thiserror::Error;

use self::generate::GenerateError;
use self::plan::{Plan, Task};
use crate::family::{Family, Freshness, Kind, Match, Reader, Region, Shape};
use crate::random::Random;
use crate::sandbox::signer::Signers;
use crate::time::Timestamp;
use crate::trust::Keys;

/// How often a text is made anew when its check digits cannot be put right.
const ATTEMPTS: usize = 256;

/// What a code should be.
#[derive(Clone, Debug)]
pub struct Order {
    /// The issuer; none: the first that has a key for the family.
    pub issuer: Option<String>,
    /// The issuer's key; none: the first that is good now.
    pub key_id: Option<String>,
    /// Accounts that are not to be made up.
    pub accounts: Vec<(Kind, String)>,
    /// Where the holder is insured or the issuer sits.
    pub region: Option<Region>,
    /// Whether the code was made for this moment.
    pub freshness: Option<Freshness>,
    /// From issue to end.
    pub valid_for: Duration,
    /// What is wrong with it.
    pub flaw: Flaw,
    /// The private keys of issuers whose public ones are configured.
    pub signers: Signers,
}

/// What is wrong with a minted code.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Flaw {
    /// Its time is over.
    Expired,
    /// Signed with a key the issuer does not have. If the order names an issuer that is not
    /// configured, by that issuer; if it names a key, under that key's id.
    Foreign,
    /// Nothing.
    #[default]
    None,
    /// Its time has not begun.
    NotYetValid,
    /// One character was changed after signing; without a signature: a check digit is wrong.
    Tampered,
}

/// A word that names no flaw.
#[derive(Debug, Error)]
#[error("no such flaw: expected none, expired, not-yet-valid, tampered or foreign")]
pub struct NoSuchFlaw;

/// Why a code cannot be made.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum MintError {
    /// The family's check digits were never right.
    #[error("no text of this family with sound check digits was found")]
    ChecksNeverHold,
    /// A value the order names is not one its place can have.
    #[error("the value chosen for `{capture}` is not of its shape")]
    DoesNotFit {
        /// The place's name in the family file.
        capture: String,
    },
    /// The family's expression has no text.
    #[error(transparent)]
    Generate(#[from] GenerateError),
    /// The key is configured, its secret is not there.
    #[error("the secret of key `{key}` of issuer `{issuer}` is not set")]
    KeyUnavailable {
        /// The issuer.
        issuer: String,
        /// The key.
        key: String,
    },
    /// No issuer has a key this family may be signed with at this time.
    #[error("no issuer has a key that signs this family at this time")]
    NoKey,
    /// The family has no place for something the order names.
    #[error("this family has no place for {what}")]
    NoPlace {
        /// What was ordered.
        what: &'static str,
    },
    /// A flaw that nobody could notice.
    #[error("cannot be made: nothing in this family tells {flaw} text")]
    NothingTells {
        /// The flaw.
        flaw: Flaw,
    },
    /// The text made is not one the family reads; its shapes and its reader disagree.
    #[error("the text made is not one this family reads")]
    NotRead,
    /// Keys are configured whose private halves others have.
    #[error("issuer `{issuer}` has public keys only: --lend signs with others")]
    PublicOnly {
        /// The issuer.
        issuer: String,
    },
    /// No issuer of that name is configured.
    #[error("issuer `{issuer}` is not configured")]
    UnknownIssuer {
        /// The issuer.
        issuer: String,
    },
    /// The issuer has no key of that name for this family at this time.
    #[error("issuer `{issuer}` has no key `{key}` that signs this family at this time")]
    UnknownKey {
        /// The issuer.
        issuer: String,
        /// The key.
        key: String,
    },
}

/// Makes a code of `family` as ordered, signed with one of `keys` where the family is signed.
pub fn mint(
    family: &Family,
    keys: &Keys,
    order: &Order,
    random: &mut Random,
    now: Timestamp,
) -> Result<String, MintError> {
    let sound = match &family.reader {
        Reader::Declared(layout) => {
            let task = Task {
                family,
                layout,
                order,
                now,
            };
            declared(task, keys, random)?
        }
        Reader::Token(layout) => {
            let task = credential::Task {
                family,
                layout,
                order,
                now,
            };
            let text = credential::mint(task, keys, random)?;
            is_sound(family, &text)
                .then_some(text)
                .ok_or(MintError::NotRead)?
        }
        native => native::mint(family, native, order, random)?,
    };
    match order.flaw {
        Flaw::Tampered => flaw::tamper(family, &sound, random),
        _ => Ok(sound),
    }
}

/// The shape of `family` that claims `text`, whatever the scanner said about its symbology.
fn matched<'a>(family: &'a Family, text: &'a str) -> Option<Match<'a>> {
    family.shapes.iter().find_map(|shape| shape.matches(text))
}

/// Whether the family claims and reads the text, check digits included.
fn is_sound(family: &Family, text: &str) -> bool {
    matched(family, text)
        .is_some_and(|matched| family.checks_hold(&matched) && family.read(&matched).is_ok())
}

fn declared(task: Task<'_>, keys: &Keys, random: &mut Random) -> Result<String, MintError> {
    let family = task.family;
    let mut plan = Plan::new(task, keys, random)?;
    let shapes = plan.shapes(task)?;
    for _ in 0..ATTEMPTS {
        let shape = *random.pick(&shapes).ok_or(MintError::NotRead)?;
        let text = generate::generate(shape.hir(), &|name| plan.choice(name), random)?;
        if !plan.is_kept(family, shape, &text) {
            if plan.forget_accounts() {
                continue;
            }
            let chosen = |name: &str| plan.choice(name);
            let capture = generate::misfit(shape.hir(), &chosen).ok_or(MintError::NotRead)?;
            return Err(MintError::DoesNotFit { capture });
        }
        let text = plan.place_region(family, shape, text)?;
        let Some(text) = put_checks_right(family, shape, text) else {
            continue;
        };
        let text = plan.sign(shape, text)?;
        return if is_sound(family, &text) {
            Ok(text)
        } else {
            Err(MintError::NotRead)
        };
    }
    Err(MintError::ChecksNeverHold)
}

/// Tries every check character at the end of each checked part.
fn put_checks_right(family: &Family, shape: &Shape, mut text: String) -> Option<String> {
    for check in &family.checks {
        let matched = shape.matches(&text)?;
        let Some(range) = matched.range(check.of) else {
            continue;
        };
        let last = range.end.checked_sub(1)?..range.end;
        let holds = |text: &String| {
            let part = text.get(range.clone());
            part.is_some_and(|part| check.checksum.holds(part)) && shape.matches(text).is_some()
        };
        if !holds(&text) {
            let mut tried = "0123456789X".chars().map(|digit| {
                let mut tried = text.clone();
                tried.replace_range(last.clone(), digit.encode_utf8(&mut [0; 4]));
                tried
            });
            text = tried.find(holds)?;
        }
    }
    let matched = shape.matches(&text)?;
    family.checks_hold(&matched).then_some(text)
}

impl Default for Order {
    /// A sound code, good for two minutes, everything else made up.
    fn default() -> Self {
        Self {
            issuer: None,
            key_id: None,
            accounts: Vec::new(),
            region: None,
            freshness: None,
            valid_for: Duration::from_secs(120),
            signers: Signers::default(),
            flaw: Flaw::None,
        }
    }
}

impl Flaw {
    /// All flaws, by name.
    pub const ALL: [Self; 5] = [
        Self::Expired,
        Self::Foreign,
        Self::None,
        Self::NotYetValid,
        Self::Tampered,
    ];

    /// The flaw's word in files and on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Expired => "expired",
            Self::Foreign => "foreign",
            Self::None => "none",
            Self::NotYetValid => "not-yet-valid",
            Self::Tampered => "tampered",
        }
    }
}

impl FromStr for Flaw {
    type Err = NoSuchFlaw;

    fn from_str(word: &str) -> Result<Self, NoSuchFlaw> {
        let mut all = Self::ALL.into_iter();
        all.find(|flaw| flaw.name() == word).ok_or(NoSuchFlaw)
    }
}

impl fmt::Display for Flaw {
    /// As it stands in front of a noun.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Expired => "an expired",
            Self::Foreign => "a foreign",
            Self::None => "a sound",
            Self::NotYetValid => "a not yet valid",
            Self::Tampered => "a tampered",
        })
    }
}

#[cfg(test)]
mod tests;
