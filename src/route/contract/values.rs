//! What a contract's gaps are filled with.

use std::borrow::Cow;

use thiserror::Error;

use super::escape::Place;
use super::placeholder::{NowFormat, Placeholder};
use super::secrets::Secrets;
use super::sent::{Sent, SentError};
use super::template::{Presence, Slot};
use crate::family::Kind;
use crate::reason::Reason;
use crate::time::Timestamp;

/// The longest body or path a contract may grow to: the largest real request seen is 4 KiB, and
/// what a terminal can add is bounded by its own body.
pub const RENDERED_LIMIT: usize = 256 * 1024;

/// Everything one request to a backend may be made of.
#[derive(Clone, Copy, Debug)]
pub struct Values<'a> {
    /// What this department, and no other, knows the person by.
    pub account: Option<&'a str>,
    /// The code's text; `None` where this department must not see the whole code.
    pub code: Option<&'a str>,
    /// The family's id.
    pub family: &'a str,
    /// What the issuer's platform calls the holder; `None` where this department must not know.
    pub index: Option<&'a str>,
    /// The issuer's id, if the code names one.
    pub issuer: Option<&'a str>,
    /// The code's kind.
    pub kind: Kind,
    /// When the scan was decided.
    pub now: Timestamp,
    /// The organisation the terminal belongs to.
    pub organisation: Option<&'a str>,
    /// The terminal's six-digit region code.
    pub region: Option<u32>,
    /// The request's id.
    pub request_id: &'a str,
    /// The scene's name.
    pub scene: Option<&'a str>,
    /// What backends call the scene, by name.
    pub scene_codes: &'a [(Box<str>, Box<str>)],
    /// The contract's secrets, or their masked likeness for a dry run.
    pub secrets: &'a Secrets,
    /// The terminal's own request.
    pub sent: Sent<'a>,
    /// The terminal's id.
    pub terminal: Option<&'a str>,
}

/// A value found for a gap.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Value<'a> {
    /// A number or a boolean exactly as the terminal wrote it.
    Bare(&'a str),
    /// An object or an array exactly as the terminal wrote it.
    Tree(&'a str),
    /// Text.
    Text(Cow<'a, str>),
}

impl Value<'_> {
    /// The value where only text can stand; a tree cannot.
    pub(super) fn as_text(&self) -> Option<&str> {
        match self {
            Self::Bare(text) => Some(text),
            Self::Text(text) => Some(text),
            Self::Tree(_) => None,
        }
    }
}

impl<'a> Values<'a> {
    /// The value of a gap; `None` only for a gap that may stay empty.
    pub(super) fn fill(&self, slot: &Slot) -> Result<Option<Value<'a>>, RenderError> {
        let value = self.find(&slot.placeholder)?;
        if value.is_none() && slot.presence == Presence::Required {
            return Err(RenderError::Unfilled {
                placeholder: slot.placeholder.clone(),
            });
        }
        Ok(value)
    }

    /// Adds what stands in a gap, in a way that no other values are written.
    pub(super) fn mark(&self, slot: &Slot, out: &mut Vec<u8>) -> Result<(), RenderError> {
        let (sort, text) = match &self.fill(slot)? {
            None => (0, String::new()),
            Some(Value::Text(text)) => (1, text.to_string()),
            Some(Value::Bare(text)) => (2, (*text).to_owned()),
            Some(Value::Tree(text)) => (3, (*text).to_owned()),
        };
        out.push(sort);
        out.extend(text.len().to_be_bytes());
        out.extend(text.into_bytes());
        Ok(())
    }

    fn find(&self, placeholder: &Placeholder) -> Result<Option<Value<'a>>, RenderError> {
        let text = match placeholder {
            Placeholder::Body(pointer) => {
                let faulty = |fault| RenderError::Sent {
                    placeholder: placeholder.clone(),
                    fault,
                };
                return self.sent.value(pointer).map_err(faulty);
            }
            Placeholder::Now(format) => return Ok(Some(Value::Text(self.instant(*format).into()))),
            Placeholder::Region => {
                let digits = self.region.map(|region| format!("{region:06}"));
                return Ok(digits.map(|digits| Value::Text(digits.into())));
            }
            Placeholder::Account => self.account,
            Placeholder::Code => self.code,
            Placeholder::Family => Some(self.family),
            Placeholder::Index => self.index,
            Placeholder::Issuer => self.issuer,
            Placeholder::Kind => Some(self.kind.name()),
            Placeholder::Organisation => self.organisation,
            Placeholder::RequestId => Some(self.request_id),
            Placeholder::Scene => self.scene,
            Placeholder::SceneCode(name) => self.scene_code(name),
            Placeholder::Secret(name) => self.secrets.get(name),
            Placeholder::Terminal => self.terminal,
        };
        Ok(text.map(|text| Value::Text(Cow::Borrowed(text))))
    }

    fn instant(&self, format: NowFormat) -> String {
        match format {
            NowFormat::China => self.now.to_china(),
            NowFormat::Millis => self.now.millis().to_string(),
            NowFormat::Rfc3339 => self.now.to_string(),
            NowFormat::Unix => self.now.seconds().to_string(),
        }
    }

    fn scene_code(&self, name: &str) -> Option<&'a str> {
        let mut codes = self.scene_codes.iter();
        codes.find_map(|(known, code)| (**known == *name).then_some(&**code))
    }
}

/// Why a contract could not be met for this scan. Holds names, never values.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum RenderError {
    /// The path would step out of its place.
    #[error("a value would make the path climb")]
    Climbing,
    /// The field the terminal sent cannot be used.
    #[error("{placeholder} cannot be used")]
    Sent {
        /// The gap.
        placeholder: Placeholder,
        /// What is wrong with the field.
        #[source]
        fault: SentError,
    },
    /// The request would be longer than any backend's.
    #[error("the request would be longer than {RENDERED_LIMIT} bytes")]
    TooLarge,
    /// There is no value for a gap that must be filled.
    #[error("{placeholder} has no value here")]
    Unfilled {
        /// The gap.
        placeholder: Placeholder,
    },
    /// The value has characters, or a structure, its place cannot carry.
    #[error("{placeholder} cannot be written as {place}")]
    Unprintable {
        /// The gap.
        placeholder: Placeholder,
        /// Where it stands.
        place: Place,
    },
}

impl RenderError {
    /// The reason the terminal is given.
    pub fn reason(&self) -> Reason {
        match self {
            Self::Unfilled {
                placeholder: Placeholder::Secret(_),
            } => Reason::KeyUnavailable,
            Self::TooLarge => Reason::TooLarge,
            Self::Climbing
            | Self::Sent { .. }
            | Self::Unfilled { .. }
            | Self::Unprintable { .. } => Reason::ContractUnfilled,
        }
    }

    pub(super) fn unless_within_limit(out: &[u8]) -> Result<(), Self> {
        if out.len() > RENDERED_LIMIT {
            Err(Self::TooLarge)
        } else {
            Ok(())
        }
    }
}
