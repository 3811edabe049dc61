//! Spans of time and numbers as people write them, and the few conversions that lose something.

use std::time::Duration;

use multicode::random::Random;

/// A number as a float; beyond 2^53 the nearest one.
#[expect(
    clippy::cast_precision_loss,
    clippy::as_conversions,
    reason = "counts and microseconds of a run stay far below 2^53"
)]
pub const fn float(number: u64) -> f64 {
    number as f64
}

/// A float as a whole number: cut off, nothing below 0.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::as_conversions,
    reason = "such a conversion saturates, which is what is wanted"
)]
pub const fn whole(number: f64) -> u64 {
    number as u64
}

/// A number as an index or a size of this machine.
pub fn size(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

/// A size as a number.
pub fn count(size: usize) -> u64 {
    u64::try_from(size).unwrap_or(u64::MAX)
}

/// Whole microseconds.
pub fn micros(span: Duration) -> u64 {
    u64::try_from(span.as_micros()).unwrap_or(u64::MAX)
}

/// A number of seconds as a span; what is no span is none.
pub fn seconds(number: f64) -> Duration {
    Duration::try_from_secs_f64(number).unwrap_or_default()
}

/// Reads a span such as `500us`, `20ms`, `1.5s`, `2m` or `1h`.
pub fn span(text: &str) -> Option<Duration> {
    let unit_at = text.find(|letter: char| !letter.is_ascii_digit() && letter != '.')?;
    let (number, unit) = text.split_at_checked(unit_at)?;
    let factor = match unit {
        "us" => 1e-6,
        "ms" => 1e-3,
        "s" => 1.0,
        "m" => 60.0,
        "h" => 3600.0,
        _ => return None,
    };
    let number: f64 = number.parse().ok()?;
    Duration::try_from_secs_f64(number * factor).ok()
}

/// What is expected where a span is read.
pub const SPAN_EXPECTED: &str = "a number and its unit, such as 500us, 20ms, 1.5s, 2m or 1h";

/// A number above 0 and up to 1.
pub const fn unit(random: &mut Random) -> f64 {
    // 53 bits, as many as a float holds.
    (float(random.next() >> 11) + 1.0) / 9_007_199_254_740_992.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_read_with_their_unit_only() {
        assert_eq!(span("500us"), Some(Duration::from_micros(500)));
        assert_eq!(span("1.5s"), Some(Duration::from_millis(1500)));
        assert_eq!(span("2m"), Some(Duration::from_secs(120)));
        for wrong in [
            "",
            "5",
            "s",
            "5 s",
            "1.2.3s",
            "-1s",
            "5d",
            "99999999999999999999h",
        ] {
            assert_eq!(span(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_unit_is_never_nothing_and_never_more_than_one() {
        let mut random = Random::seeded(3);
        let all: Vec<f64> = (0..10_000).map(|_| unit(&mut random)).collect();
        assert!(all.iter().all(|one| *one > 0.0 && *one <= 1.0));
        let mean = all.iter().sum::<f64>() / 10_000.0;
        assert!((0.48..0.52).contains(&mean), "{mean}");
    }
}
