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
    /// The code is good; nothing else was said.
    pub const ACTIVE: Self = Self {
        active: true,
        index: None,
        region: None,
        expires_at: None,
    };

    /// The code is not good.
    pub const INACTIVE: Self = Self {
        active: false,
        ..Self::ACTIVE
    };

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

/// The longest name of a holder that is taken; those seen have 32 to 64 characters.
const MAX_INDEX_BYTES: usize = 256;

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
    /// Reads an answer; `None` if it does not say whether the code is good, or until when in a way
    /// nobody understands. Of a code that is not good nothing else is read.
    pub fn read(&self, answer: &Value) -> Option<Introspected> {
        let verdict = text(self.valid.find(answer)?)?;
        if !self.good.iter().any(|good| **good == *verdict) {
            return Some(Introspected::INACTIVE);
        }
        let of = |pointer: &Option<Pointer>| {
            let found = text(pointer.as_ref()?.find(answer)?)?;
            (!found.is_empty()).then_some(found)
        };
        let expires_at = match of(&self.expires_at) {
            Some(written) => Some(instant(&written)?),
            None => None,
        };
        Some(Introspected {
            active: true,
            index: of(&self.index).filter(|index| index.len() <= MAX_INDEX_BYTES),
            region: of(&self.region).and_then(|region| Region::leading(&region)),
            expires_at,
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

/// Unix seconds are below this until the year 5138, and milliseconds above it since March 1973.
const LEAST_MILLIS: i64 = 100_000_000_000;

/// Unix seconds or milliseconds, RFC 3339, or `yyyy-MM-dd HH:mm:ss` on a wall clock in China.
fn instant(text: &str) -> Option<Timestamp> {
    match text.parse::<i64>() {
        Ok(millis) if millis >= LEAST_MILLIS => Some(Timestamp::from_millis(millis)),
        _ => Timestamp::parse(text).or_else(|| Timestamp::parse(&format!("{text}+08:00"))),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn layout() -> AnswerLayout {
        let at = |text: &str| Pointer::parse(text).unwrap();
        AnswerLayout {
            valid: at("/code"),
            good: ["0".into(), "true".into()].into(),
            index: Some(at("/data/index")),
            region: Some(at("/data/region")),
            expires_at: Some(at("/data/end")),
        }
    }

    #[track_caller]
    fn check_end(written: &Value, expected: Option<i64>) {
        let answer = json!({ "code": 0, "data": { "end": written } });
        let end = layout().read(&answer).map(|told| told.expires_at.unwrap());
        assert_eq!(end.map(Timestamp::millis), expected, "{written}");
    }

    #[test]
    fn an_answer_is_read_where_the_layout_says() {
        let answer =
            json!({ "code": "0", "data": { "index": "E1", "region": 350_200, "end": null } });
        let told = Introspected {
            index: Some("E1".into()),
            region: Region::parse("350200"),
            ..Introspected::ACTIVE
        };
        assert_eq!(layout().read(&answer), Some(told));
    }

    #[test]
    fn only_the_values_listed_are_good() {
        let check = |answer: Value, active: Option<bool>| {
            let told = layout().read(&answer).map(|told| told.active);
            assert_eq!(told, active, "{answer}");
        };
        check(json!({ "code": 0 }), Some(true));
        check(json!({ "code": true }), Some(true));
        check(
            json!({ "code": 3004, "data": { "end": "soon" } }),
            Some(false),
        );
        check(json!({ "code": "" }), Some(false));
        check(json!({ "code": 0.0 }), Some(false));
        check(json!({ "code": null }), None);
        check(json!({ "code": [0] }), None);
        check(json!({ "data": {} }), None);
        check(json!("0"), None);
    }

    #[test]
    fn an_end_is_read_in_every_way_platforms_write_it() {
        let end = 1_795_309_200_000;
        check_end(&json!(1_795_309_200), Some(end));
        check_end(&json!("1795309200"), Some(end));
        check_end(&json!(1_795_309_200_000_i64), Some(end));
        check_end(&json!("2026-11-22T01:00:00Z"), Some(end));
        check_end(&json!("2026-11-22T09:00:00+08:00"), Some(end));
        check_end(&json!("2026-11-22 09:00:00"), Some(end));
        check_end(&json!(1_795_309_200.25), Some(end + 250));
    }

    #[test]
    fn an_end_nobody_understands_makes_the_answer_worthless() {
        check_end(&json!("soon"), None);
        check_end(&json!("2026-13-01 00:00:00"), None);
    }

    #[test]
    fn what_is_empty_or_too_long_is_not_there() {
        let long = "x".repeat(MAX_INDEX_BYTES + 1);
        let answer = json!({ "code": 0, "data": { "index": long, "region": "?", "end": "" } });
        assert_eq!(layout().read(&answer), Some(Introspected::ACTIVE));
    }

    #[test]
    fn the_holder_is_not_debugged() {
        let told = Introspected {
            index: Some("E1B2".into()),
            ..Introspected::ACTIVE
        };
        assert!(!format!("{told:?}").contains("E1B2"));
    }
}
