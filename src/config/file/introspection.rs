//! Platforms that are asked about codes.

use std::time::Duration;

use super::{Word, words};
use crate::config::reader::{Table, Value, duration, integer, parsed, span, string};
use crate::config::source::Spanned;
use crate::pointer::Pointer;

/// `[introspection.*]`.
#[derive(Debug)]
pub(crate) struct Introspection {
    pub(crate) families: Vec<Word>,
    pub(crate) upstream: Option<Word>,
    pub(crate) contract: Option<Word>,
    pub(crate) answer: Option<Answer>,
    pub(crate) keep: Option<Spanned<Duration>>,
    pub(crate) timeout: Option<Spanned<Duration>>,
    pub(crate) at_once: Option<Spanned<u16>>,
}

/// `answer = { … }`.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) valid: Pointer,
    pub(crate) good: Vec<Word>,
    pub(crate) index: Option<Pointer>,
    pub(crate) region: Option<Pointer>,
    pub(crate) expires_at: Option<Pointer>,
}

impl Introspection {
    /// Reads one introspection.
    pub(crate) fn read(mut table: Table<'_>) -> Self {
        let introspection = Self {
            families: table.required("families", words).unwrap_or_default(),
            upstream: table.required("upstream", string),
            contract: table.required("contract", string),
            answer: table.required("answer", answer),
            keep: table.optional("keep", span),
            timeout: table.optional("timeout", duration),
            at_once: table.optional("at_once", integer(1..=4_096)),
        };
        table.finish();
        introspection
    }
}

fn answer(value: Value<'_>) -> Option<Answer> {
    let mut table = value.table()?;
    let valid = table.required("valid", pointer);
    let good = table.required("good", words);
    let mut optional = |key| table.optional(key, pointer);
    let (index, region) = (optional("index"), optional("region"));
    let expires_at = optional("expires_at");
    table.finish();
    Some(Answer {
        valid: valid?,
        good: good?,
        index,
        region,
        expires_at,
    })
}

fn pointer(value: Value<'_>) -> Option<Pointer> {
    let expected = "a JSON pointer such as \"/rsp/resultCode\"";
    parsed(value, expected, |text| Pointer::parse(text).ok()).map(|it| it.value)
}
