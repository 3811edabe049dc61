//! The word of an issuer's platform about one code, read out of its answer.
//!
//! Who asks, and how the question is put, is others' business; here stands what the answer means.

use serde_json::Value;

use super::Untrusted;
use crate::family::Region;
use crate::pointer::Pointer;
use crate::time::Timestamp;

/// What a platform said of a code.
#[derive(Clone, PartialEq, Eq)]
pub struct Introspected {
    /// Whether it calls the code good.
    pub active: bool,
    /// What it calls the holder.
    pub index: Option<Box<str>>,
    /// Where the holder is insured.
    pub region: Option<Region>,
    /// The first instant at which its word no longer counts.
    pub expires_at: Option<Timestamp>,
}

impl std::fmt::Debug for Introspected {
    /// Shows the verdict only: the index is personal data.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Introspected")
            .field("active", &self.active)
            .finish_non_exhaustive()
    }
}

impl Introspected {
    /// Whether the code may be believed for it.
    pub(super) fn holds(&self, now: Timestamp) -> Result<(), Untrusted> {
        if !self.active {
            return Err(Untrusted::Inactive);
        }
        match self.expires_at {
            Some(not_after) if now >= not_after => Err(Untrusted::Expired { not_after }),
            _ => Ok(()),
        }
    }
}

/// Where a platform's answer says what.
#[derive(Clone, Debug)]
pub struct AnswerLayout {
    /// What tells good codes from others.
    pub valid: Pointer,
    /// Its values for good codes, as text: `0`, `true`.
    pub good: Box<[Box<str>]>,
    /// What the holder is called.
    pub index: Option<Pointer>,
    /// Where the holder is insured.
    pub region: Option<Pointer>,
    /// When the word ends.
    pub expires_at: Option<Pointer>,
}

impl AnswerLayout {
    /// Reads an answer; `None` if it does not say whether the code is good.
    pub fn read(&self, answer: &Value) -> Option<Introspected> {
        let verdict = text(self.valid.find(answer)?)?;
        let of = |pointer: &Option<Pointer>| text(pointer.as_ref()?.find(answer)?);
        Some(Introspected {
            active: self.good.iter().any(|good| **good == *verdict),
            index: of(&self.index).filter(|index| !index.is_empty()),
            region: of(&self.region).and_then(|region| Region::leading(&region)),
            expires_at: of(&self.expires_at).and_then(|instant| Timestamp::parse(&instant)),
        })
    }
}

/// A scalar as text; containers and null are none.
fn text(value: &Value) -> Option<Box<str>> {
    match value {
        Value::Bool(flag) => Some(flag.to_string().into()),
        Value::Number(number) => Some(number.to_string().into()),
        Value::String(text) => Some(text.as_str().into()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}
