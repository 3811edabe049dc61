//! Options that several commands share, and values that read themselves.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};

use crate::family::{Algorithm, Kind, Region};
use crate::time::Timestamp;

/// The configuration a command works on.
#[derive(Args, Clone, Debug)]
pub(super) struct Config {
    /// The configuration; `plugins/` and `routes.d/` are found beside it.
    #[arg(long, value_name = "FILE", default_value = "routes.toml")]
    pub(super) config: PathBuf,
}

/// How a command prints what it found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// For people.
    #[default]
    Human,
    /// For programs.
    Json,
}

/// Reads a span such as `20ms`, `2s`, `5m` or `1h`.
pub(super) fn duration(text: &str) -> Result<Duration, &'static str> {
    const EXPECTED: &str = "expected a number and its unit, such as 20ms, 2s or 5m";
    let unit_at = text
        .find(|letter: char| !letter.is_ascii_digit())
        .ok_or(EXPECTED)?;
    let (number, unit) = text.split_at(unit_at);
    let millis = match unit {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        _ => return Err(EXPECTED),
    };
    let number: u64 = number.parse().map_err(|_| EXPECTED)?;
    number
        .checked_mul(millis)
        .map(Duration::from_millis)
        .ok_or(EXPECTED)
}

/// Reads an instant in either spelling.
pub(super) fn instant(text: &str) -> Result<Timestamp, &'static str> {
    Timestamp::parse(text).ok_or("expected Unix seconds or an RFC 3339 date-time")
}

/// Reads a share of the whole.
pub(super) fn share(text: &str) -> Result<f64, &'static str> {
    let share: Option<f64> = text.parse().ok();
    let share = share.filter(|share| (0.0..=1.0).contains(share));
    share.ok_or("expected a number from 0 to 1")
}

/// Reads a region's two, four or six digits.
pub(super) fn region(text: &str) -> Result<Region, &'static str> {
    Region::parse(text).ok_or("expected 2, 4 or 6 digits of GB/T 2260")
}

/// Reads the word for one of the two algorithms of RSA keys.
pub(super) fn rsa(text: &str) -> Result<Algorithm, &'static str> {
    match text {
        "ps256" => Ok(Algorithm::Ps256),
        "rs256" => Ok(Algorithm::Rs256),
        _ => Err("expected ps256 or rs256"),
    }
}

/// Reads `kind=value`.
pub(super) fn account(text: &str) -> Result<(Kind, String), String> {
    let (kind, value) = text.split_once('=').ok_or("expected kind=value")?;
    let known = || Kind::ALL.map(Kind::name).join(", ");
    let kind = Kind::from_name(kind)
        .ok_or_else(|| format!("no such kind: expected one of {}", known()))?;
    Ok((kind, value.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Option<u64>) {
        let millis = duration(text).ok().map(|span| span.as_millis());
        assert_eq!(millis, expected.map(u128::from), "{text}");
    }

    #[test]
    fn spans_have_a_number_and_a_unit() {
        check("20ms", Some(20));
        check("0s", Some(0));
        check("2m", Some(120_000));
        check("1h", Some(3_600_000));
        check("2", None);
        check("s", None);
        check("-2s", None);
        check("1.5s", None);
        check("99999999999999999h", None);
    }
}
