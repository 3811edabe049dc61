//! Numbers as people read them, and the two conversions that Rust leaves to a cast.

/// A count as a floating-point number, for shares and pictures.
#[expect(
    clippy::as_conversions,
    clippy::cast_precision_loss,
    reason = "beyond 2^53 the nearest number is near enough for a share or a picture"
)]
pub(super) const fn float(count: u64) -> f64 {
    count as f64
}

/// The nearest whole number; 0 below.
#[expect(
    clippy::as_conversions,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the cast saturates, and nothing is negative here"
)]
pub(super) fn whole(value: f64) -> u64 {
    value.round() as u64
}

/// A share of a whole; 0 of nothing.
pub(super) fn share(part: u64, of: u64) -> f64 {
    if of == 0 {
        0.0
    } else {
        float(part) / float(of)
    }
}

/// A count with a comma at every thousand.
pub(super) fn count(count: u64) -> String {
    let digits = count.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// Three digits in the unit that suits: `87 µs`, `1.20 ms`, `45.6 s`.
pub(super) fn micros(micros: u64) -> String {
    match micros {
        0..1_000 => format!("{micros} µs"),
        1_000..999_500 => format!("{} ms", three_digits(float(micros) / 1e3)),
        _ => format!("{} s", three_digits(float(micros) / 1e6)),
    }
}

/// Requests per second, without the unit.
pub(super) fn rate(rate: f64) -> String {
    if rate < 100.0 {
        trimmed(&three_digits(rate)).to_owned()
    } else {
        count(whole(rate))
    }
}

/// A share in percent. Little is never shown as nothing, and almost all never as all.
pub(super) fn percent(share: f64) -> String {
    let percent = share * 100.0;
    if percent > 0.0 && percent < 0.001 {
        return "<0.001 %".to_owned();
    }
    if percent > 99.99 && percent < 100.0 {
        return ">99.99 %".to_owned();
    }
    let text = if percent < 0.1 {
        format!("{percent:.3}")
    } else {
        format!("{percent:.2}")
    };
    format!("{} %", trimmed(&text))
}

/// A length of time as it is planned: `90 s`, `15 min`, `8 h`.
pub(super) fn duration(micros: u64) -> String {
    let seconds = float(micros) / 1e6;
    match seconds {
        ..0.001 => format!("{micros} µs"),
        0.001..1.0 => format!("{} ms", trimmed(&format!("{:.1}", seconds * 1e3))),
        1.0..120.0 => format!("{} s", trimmed(&format!("{seconds:.1}"))),
        120.0..7200.0 => format!("{} min", trimmed(&format!("{:.1}", seconds / 60.0))),
        _ => format!("{} h", trimmed(&format!("{:.1}", seconds / 3600.0))),
    }
}

/// Three significant digits above 1, two decimals below. Zeros at the end stay: they are measured too, and
/// columns of such numbers are even.
pub(super) fn three_digits(value: f64) -> String {
    match value.abs() {
        ..9.995 => format!("{value:.2}"),
        9.995..99.95 => format!("{value:.1}"),
        _ => format!("{value:.0}"),
    }
}

/// Without zeros at the end that say nothing.
pub(super) fn trimmed(text: &str) -> &str {
    if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.')
    } else {
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_have_a_comma_at_every_thousand() {
        let found = [0, 999, 1000, 12_345, 1_234_567].map(count);
        assert_eq!(found, ["0", "999", "1,000", "12,345", "1,234,567"]);
    }

    #[test]
    fn times_have_three_digits_and_a_unit() {
        let found = [
            0, 999, 1000, 1234, 45_678, 99_990, 999_499, 999_500, 1_500_000, 61_000_000,
        ]
        .map(micros);
        let expected = [
            "0 µs", "999 µs", "1.00 ms", "1.23 ms", "45.7 ms", "100 ms", "999 ms", "1.00 s",
            "1.50 s", "61.0 s",
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn little_is_not_nothing_and_almost_all_is_not_all() {
        let found = [
            0.0,
            0.000_001,
            0.000_5,
            0.012_34,
            0.5,
            0.999_99,
            0.999_999_9,
            1.0,
        ]
        .map(percent);
        assert_eq!(
            found,
            [
                "0 %", "<0.001 %", "0.05 %", "1.23 %", "50 %", ">99.99 %", ">99.99 %", "100 %"
            ]
        );
    }

    #[test]
    fn lengths_are_in_the_unit_they_are_planned_in() {
        let found = [
            250,
            1_500,
            10_000_000,
            119_900_000,
            900_000_000,
            28_800_000_000,
        ]
        .map(duration);
        assert_eq!(
            found,
            ["250 µs", "1.5 ms", "10 s", "119.9 s", "15 min", "8 h"]
        );
    }

    #[test]
    fn rates_have_three_digits_at_least() {
        assert_eq!(
            [0.0, 1.234, 99.0, 4999.6].map(rate),
            ["0", "1.23", "99", "5,000"]
        );
    }
}
