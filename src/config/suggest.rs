//! "Did you mean": the nearest of the names that would have been right.

use std::fmt::Write as _;

/// Names listed when none is near; a longer list helps nobody.
const LISTED: usize = 12;

/// The characters of a name that are shown; a file may hold a name of a megabyte.
const SHOWN: usize = 48;

/// Help for an unknown `name`: the nearest of `known`, or the whole list while it is short.
pub(crate) fn help<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<String> {
    let mut known: Vec<&str> = known.into_iter().collect();
    known.sort_unstable();
    known.dedup();
    if let Some(near) = nearest(name, &known) {
        return Some(format!("did you mean {}?", quoted(near)));
    }
    if known.is_empty() || known.len() > LISTED {
        return None;
    }
    let mut text = String::from("known: ");
    for (at, one) in known.iter().enumerate() {
        let comma = if at == 0 { "" } else { ", " };
        let _ = write!(text, "{comma}{one}");
    }
    Some(text)
}

/// The nearest of `known`: at most a third of the letters differ (at least one may), swapped
/// neighbours count once, case and `_` for `-` not at all; failing that, the only name that
/// begins with, or is the beginning of, three letters or more of what was written.
pub(crate) fn nearest<'a>(name: &str, known: &[&'a str]) -> Option<&'a str> {
    if name.len() > 4 * SHOWN {
        return None;
    }
    let plain = |text: &str| text.to_lowercase().replace('_', "-");
    let name = plain(name);
    let allowed = (name.chars().count() / 3).max(1);
    let by_distance = known
        .iter()
        .map(|one| (strsim::damerau_levenshtein(&name, &plain(one)), *one))
        .filter(|&(distance, one)| distance <= allowed && distance < one.chars().count())
        .min();
    if let Some((_, near)) = by_distance {
        return Some(near);
    }
    let mut extending = known.iter().filter(|one| {
        let one = plain(one);
        let shorter = name.chars().count().min(one.chars().count());
        shorter >= 3 && (one.starts_with(&name) || name.starts_with(&one))
    });
    let only = extending.next()?;
    extending.next().is_none().then_some(*only)
}

/// A name in quotation marks: controls escaped, cut when it is absurdly long.
pub(crate) fn quoted(name: &str) -> String {
    quoted_within(name, SHOWN)
}

/// As [`quoted`], with a limit of the caller's.
pub(crate) fn quoted_within(name: &str, limit: usize) -> String {
    let mut shown: String = name.chars().take(limit).collect();
    if shown.len() < name.len() {
        shown.push('…');
    }
    format!("\"{}\"", shown.replace('"', "\\\"").escape_controls())
}

/// Escapes what a terminal could mistake for an order, and nothing else.
trait EscapeControls {
    fn escape_controls(&self) -> String;
}

impl EscapeControls for String {
    fn escape_controls(&self) -> String {
        let mut text = Self::with_capacity(self.len());
        for one in self.chars() {
            if one.is_control() {
                text.extend(one.escape_default());
            } else {
                text.push(one);
            }
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(name: &str, known: &[&str], expected: Option<&str>) {
        assert_eq!(nearest(name, known), expected, "{name}");
    }

    #[test]
    fn a_slip_finds_the_name_that_was_meant() {
        let known = ["endpoints", "connect_timeout", "timeout", "idle", "ca"];
        check("endpoint", &known, Some("endpoints"));
        check("timoeut", &known, Some("timeout"));
        check("connect-timeout", &known, Some("connect_timeout"));
        check("Idle", &known, Some("idle"));
        check("ac", &known, Some("ca"));
        check("weight", &known, None);
        check("bank", &["bank-pay", "insurance"], Some("bank-pay"));
        check("bank", &["bank-pay", "bank-old"], None);
        check("挂号", &["挂号处"], Some("挂号处"));
    }

    #[test]
    fn short_lists_are_shown_whole_and_controls_never() {
        assert_eq!(help("zzz", ["b", "a"]).unwrap(), "known: a, b");
        assert_eq!(help("zzz", []), None);
        assert_eq!(quoted("a\u{1b}[2J\"挂"), "\"a\\u{1b}[2J\\\"挂\"");
        assert!(quoted(&"x".repeat(1_000_000)).len() < 64);
    }
}
