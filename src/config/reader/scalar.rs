//! Single values: words, numbers, spans of time, sizes, instants, choices.

#![expect(
    clippy::needless_pass_by_value,
    reason = "a reader uses its value up, so that nobody reads it twice"
)]

use std::ops::RangeInclusive;
use std::time::Duration;

use toml::de::DeValue;

use super::Value;
use crate::config::diagnostic::Diagnostic;
use crate::config::source::Spanned;
use crate::config::suggest::{help, quoted};
use crate::time::Timestamp;

/// Any string.
pub(crate) fn string(value: Value<'_>) -> Option<Spanned<String>> {
    let at = value.at();
    match value.written {
        DeValue::String(text) => Some(Spanned::new(text.into_owned(), at)),
        _ => value.mismatch("a string"),
    }
}

/// A string that `parse` understands; `expected` says what that is.
pub(crate) fn parsed<T>(
    value: Value<'_>,
    expected: &str,
    parse: impl FnOnce(&str) -> Option<T>,
) -> Option<Spanned<T>> {
    let DeValue::String(text) = value.get() else {
        return value.mismatch(expected);
    };
    match parse(text) {
        Some(meant) => Some(Spanned::new(meant, value.at())),
        None => value.invalid(&format!("must be {expected}")),
    }
}

/// `true` or `false`.
pub(crate) fn boolean(value: Value<'_>) -> Option<Spanned<bool>> {
    match value.get() {
        DeValue::Boolean(is) => Some(Spanned::new(*is, value.at())),
        _ => value.mismatch("true or false"),
    }
}

/// A whole number within bounds.
pub(crate) fn integer<'r, N>(range: RangeInclusive<N>) -> impl Fn(Value<'r>) -> Option<Spanned<N>>
where
    N: Copy + PartialOrd + TryFrom<i64> + std::fmt::Display,
{
    move |value| {
        let DeValue::Integer(number) = value.get() else {
            return value.mismatch("an integer");
        };
        let number = i64::from_str_radix(number.as_str(), number.radix()).ok();
        let number = number.and_then(|number| N::try_from(number).ok());
        match number.filter(|number| range.contains(number)) {
            Some(number) => Some(Spanned::new(number, value.at())),
            None => value.invalid(&format!(
                "must be between {} and {}",
                range.start(),
                range.end()
            )),
        }
    }
}

/// A part of the whole: from 0 to 1.
pub(crate) fn share(value: Value<'_>) -> Option<Spanned<f64>> {
    let number = match value.get() {
        DeValue::Float(number) => number.as_str().parse().ok(),
        DeValue::Integer(number) => number.as_str().parse().ok(),
        _ => return value.mismatch("a number from 0 to 1"),
    };
    match number.filter(|number| (0.0..=1.0).contains(number)) {
        Some(number) => Some(Spanned::new(number, value.at())),
        None => value.invalid("must be from 0 to 1"),
    }
}

/// A span of time that is not nothing: `"250ms"`, `"2s"`, `"3m"`, `"1h"`, `"1d"`.
pub(crate) fn duration(value: Value<'_>) -> Option<Spanned<Duration>> {
    match value.get() {
        DeValue::String(text) if parse_span(text) == Some(Duration::ZERO) => {
            value.invalid("must be longer than nothing")
        }
        _ => span(value),
    }
}

/// A span of time, `"0s"` included.
pub(crate) fn span(value: Value<'_>) -> Option<Spanned<Duration>> {
    let expected = "a duration such as \"250ms\", \"2s\", \"3m\", \"1h\" or \"1d\"";
    parsed(value, expected, parse_span)
}

/// A number of bytes: `"512B"`, `"16KiB"`, `"1MiB"`.
pub(crate) fn size(value: Value<'_>) -> Option<Spanned<usize>> {
    let expected = "a size such as \"512B\", \"16KiB\" or \"1MiB\"";
    parsed(value, expected, parse_size)
}

/// An instant: a string or a bare TOML date-time, with an offset in either case.
pub(crate) fn instant(value: Value<'_>) -> Option<Spanned<Timestamp>> {
    const EXPECTED: &str = "an instant such as \"2026-01-01T00:00:00+08:00\"";
    let parsed = match value.get() {
        DeValue::String(text) => Timestamp::parse(text),
        DeValue::Datetime(datetime) => Timestamp::parse(&datetime.to_string()),
        _ => return value.mismatch(EXPECTED),
    };
    match parsed {
        Some(instant) => Some(Spanned::new(instant, value.at())),
        None => value.invalid(&format!("must be {EXPECTED}")),
    }
}

/// One of a closed list of words.
pub(crate) fn choice<'r, 't, T: Copy>(
    words: &'t [(&'t str, T)],
) -> impl Fn(Value<'r>) -> Option<Spanned<T>> + 't {
    move |value| {
        let DeValue::String(text) = value.get() else {
            return value.mismatch("a string");
        };
        if let Some((_, meant)) = words.iter().find(|(word, _)| word == text) {
            return Some(Spanned::new(*meant, value.at()));
        }
        let message = format!("{} cannot be {}", value.shown_name(), quoted(text));
        let near = help(text, words.iter().map(|&(word, _)| word));
        let found = Diagnostic::error("bad-value", value.at(), message);
        value.context().report(found.help_if(near));
        None
    }
}

fn parse_span(text: &str) -> Option<Duration> {
    let (number, unit) = split_unit(text)?;
    let millis = match unit {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return None,
    };
    number.checked_mul(millis).map(Duration::from_millis)
}

fn parse_size(text: &str) -> Option<usize> {
    let (number, unit) = split_unit(text)?;
    let bytes = match unit {
        "B" => 1,
        "KiB" => 1_024,
        "MiB" => 1_024 * 1_024,
        "GiB" => 1_024 * 1_024 * 1_024,
        _ => return None,
    };
    usize::try_from(number.checked_mul(bytes)?).ok()
}

/// Digits, then letters, with nothing between them.
fn split_unit(text: &str) -> Option<(u64, &str)> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at_checked(digits)?;
    Some((number.parse().ok()?, unit))
}
