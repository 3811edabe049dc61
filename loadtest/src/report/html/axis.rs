//! Axes: where a value stands, and ticks at round numbers.

use crate::report::number;

/// Steps of an axis of seconds, which people do not count in tens.
const SECONDS: [f64; 17] = [
    1.0, 2.0, 5.0, 10.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 900.0, 1_800.0, 3_600.0, 7_200.0,
    14_400.0, 28_800.0, 86_400.0,
];

/// Percentiles that have a name.
const PERCENTILES: [f64; 7] = [0.0, 50.0, 90.0, 99.0, 99.9, 99.99, 99.999];

/// A slower answer than this many times the usual leaves no room for the usual one on an axis from zero.
const WIDE: f64 = 20.0;

/// What an axis has to hold.
#[derive(Clone, Copy, Debug)]
pub(super) enum Range {
    /// Numbers of requests, from 0.
    Counts { highest: f64 },
    /// Latencies, the usual one seen well.
    Micros {
        lowest: u64,
        usual: u64,
        highest: u64,
    },
    /// Seconds of a run.
    Seconds { from: f64, to: f64 },
    /// Percentiles from 0.
    Percentiles { last: f64 },
}

impl Range {
    /// The axis, with about this many ticks.
    pub(super) fn axis(self, about: f64) -> Axis {
        match self {
            Self::Counts { highest } => Axis::linear(highest, about, label_count),
            Self::Micros {
                lowest,
                usual,
                highest,
            } => Axis::micros(lowest, usual, highest, about),
            Self::Seconds { from, to } => Axis::seconds(from, to, about),
            Self::Percentiles { last } => Axis::percentiles(last),
        }
    }
}

/// A line with ticks.
#[derive(Clone, Debug)]
pub(super) struct Axis {
    scale: Scale,
    from: f64,
    to: f64,
    /// Values and what is written at them, from low to high.
    pub(super) ticks: Vec<(f64, String)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scale {
    Linear,
    Log,
    /// Each step as long again brings ten times fewer answers that are slower.
    Percentile,
}

impl Scale {
    fn apply(self, value: f64) -> f64 {
        match self {
            Self::Linear => value,
            Self::Log => value.max(f64::MIN_POSITIVE).log10(),
            Self::Percentile => -(1.0 - value / 100.0).max(1e-9).log10(),
        }
    }
}

impl Axis {
    /// From zero to a round number at or above the highest value, with about this many ticks.
    fn linear(highest: f64, about: f64, label: fn(f64) -> String) -> Self {
        let step = round_step(highest.max(1e-9) / about);
        let steps = (highest / step - 1e-9).ceil().max(1.0);
        Self {
            scale: Scale::Linear,
            from: 0.0,
            to: step * steps,
            ticks: (0..=number::whole(steps))
                .map(|at| step * number::float(at))
                .map(|value| (value, label(value)))
                .collect(),
        }
    }

    /// Microseconds: from zero, or by powers of ten where the highest would press the usual to the ground.
    fn micros(lowest: u64, usual: u64, highest: u64, about: f64) -> Self {
        let (lowest, highest) = (number::float(lowest.max(1)), number::float(highest.max(1)));
        if highest <= number::float(usual.max(1)) * WIDE {
            return Self::linear(highest, about, label_micros);
        }
        let (from, to) = (round_below(lowest), round_above(highest));
        let decades = (to / from).log10();
        let digits: &[f64] = if decades * 3.0 <= about * 1.6 {
            &[1.0, 2.0, 5.0]
        } else {
            &[1.0]
        };
        let first = from.log10().floor();
        let all = (0..=number::whole(decades.ceil())).flat_map(|decade| {
            let power = ten_to(first + number::float(decade));
            digits.iter().map(move |digit| power * digit)
        });
        let ticks = all.filter(|value| (from * 0.999..=to * 1.001).contains(value));
        let ticks = ticks.map(|value| (value, label_micros(value))).collect();
        Self {
            scale: Scale::Log,
            from,
            to,
            ticks,
        }
    }

    /// Seconds of a run.
    fn seconds(from: f64, to: f64, about: f64) -> Self {
        let to = to.max(from + 1.0);
        let wanted = (to - from) / about;
        let step = SECONDS
            .into_iter()
            .find(|step| *step >= wanted)
            .unwrap_or(86_400.0);
        let first = (from / step - 1e-9).ceil();
        let last = (to / step + 1e-9).floor();
        let count = number::whole(last - first);
        let ticks = (0..=count).map(|at| (first + number::float(at)) * step);
        Self {
            scale: Scale::Linear,
            from,
            to,
            ticks: ticks
                .map(|value| (value, label_seconds(value, step)))
                .collect(),
        }
    }

    /// Percentiles, up to the last point of a curve.
    fn percentiles(last: f64) -> Self {
        let last = last.max(50.0);
        let ticks = PERCENTILES
            .into_iter()
            .filter(|percentile| *percentile <= last);
        Self {
            scale: Scale::Percentile,
            from: 0.0,
            to: last,
            ticks: ticks
                .map(|percentile| (percentile, format!("{percentile} %")))
                .collect(),
        }
    }

    /// Where a value stands: 0 at the start, 1 at the end.
    pub(super) fn place(&self, value: f64) -> f64 {
        let [from, to, at] = [self.from, self.to, value].map(|value| self.scale.apply(value));
        let place = (at - from) / (to - from);
        // Also where a report from elsewhere holds numbers that are none.
        if place.is_nan() {
            0.0
        } else {
            place.clamp(0.0, 1.0)
        }
    }
}

fn ten_to(power: f64) -> f64 {
    10_f64.powf(power)
}

/// 1, 2 or 5 times a power of ten, not above this.
fn round_below(value: f64) -> f64 {
    let power = ten_to((value * 1.000_001).log10().floor());
    let fitting = [5.0, 2.0]
        .into_iter()
        .find(|digit| power * digit <= value * 1.000_001);
    power * fitting.unwrap_or(1.0)
}

/// 1, 2 or 5 times a power of ten, not below this.
fn round_above(value: f64) -> f64 {
    let power = ten_to((value * 0.999_999).log10().floor());
    let fitting = [1.0, 2.0, 5.0]
        .into_iter()
        .find(|digit| power * digit >= value * 0.999_999);
    power * fitting.unwrap_or(10.0)
}

/// 1, 2, 2.5 or 5 times a power of ten, not below this.
fn round_step(at_least: f64) -> f64 {
    let power = ten_to(at_least.log10().floor());
    let digits = [1.0, 2.0, 2.5, 5.0, 10.0];
    let digit = digits
        .into_iter()
        .find(|digit| power * digit >= at_least * 0.999_999);
    power * digit.unwrap_or(10.0)
}

fn label_micros(micros: f64) -> String {
    let (value, unit) = match micros {
        ..0.5 => return "0".to_owned(),
        0.5..999.5 => (micros, "µs"),
        999.5..999_500.0 => (micros / 1e3, "ms"),
        _ => (micros / 1e6, "s"),
    };
    format!("{} {unit}", number::trimmed(&format!("{value:.2}")))
}

fn label_seconds(seconds: f64, step: f64) -> String {
    let (value, unit) = match step {
        ..60.0 => (seconds, "s"),
        60.0..3_600.0 => (seconds / 60.0, "min"),
        _ => (seconds / 3_600.0, "h"),
    };
    format!("{} {unit}", number::trimmed(&format!("{value:.1}")))
}

/// Requests, whole or with a fraction where they are few.
fn label_count(value: f64) -> String {
    if value < 10.0 {
        number::trimmed(&format!("{value:.2}")).to_owned()
    } else {
        number::count(number::whole(value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(axis: &Axis, expected: &[&str]) {
        let labels: Vec<&str> = axis.ticks.iter().map(|(_, label)| label.as_str()).collect();
        assert_eq!(labels, expected);
        let places: Vec<f64> = axis
            .ticks
            .iter()
            .map(|(value, _)| axis.place(*value))
            .collect();
        assert!(
            places.is_sorted() && places.iter().all(|place| (0.0..=1.0).contains(place)),
            "{places:?}"
        );
    }

    #[test]
    fn ticks_are_at_round_numbers() {
        check(
            &Axis::linear(5_230.0, 5.0, label_count),
            &["0", "2,000", "4,000", "6,000"],
        );
        check(
            &Axis::linear(1.0, 5.0, label_count),
            &["0", "0.2", "0.4", "0.6", "0.8", "1"],
        );
        check(&Axis::linear(0.0, 5.0, label_count), &["0", "0"]);
        check(
            &Axis::linear(12_000.0, 5.0, label_micros),
            &["0", "2.5 ms", "5 ms", "7.5 ms", "10 ms", "12.5 ms"],
        );
    }

    #[test]
    fn a_long_tail_is_shown_by_powers_of_ten() {
        let expected = [
            "50 µs", "100 µs", "200 µs", "500 µs", "1 ms", "2 ms", "5 ms", "10 ms", "20 ms",
            "50 ms",
        ];
        check(&Axis::micros(80, 900, 30_000, 8.0), &expected);
        check(
            &Axis::micros(80, 900, 3_000_000, 6.0),
            &["100 µs", "1 ms", "10 ms", "100 ms", "1 s"],
        );
        check(
            &Axis::micros(80, 900, 3_000, 4.0),
            &["0", "1 ms", "2 ms", "3 ms"],
        );
        check(
            &Axis::micros(0, 0, 0, 4.0),
            &["0", "0", "0.5 µs", "0.75 µs", "1 µs"],
        );
    }

    #[test]
    fn seconds_are_counted_as_people_count_them() {
        check(
            &Axis::seconds(0.0, 59.0, 6.0),
            &["0 s", "10 s", "20 s", "30 s", "40 s", "50 s"],
        );
        check(
            &Axis::seconds(0.0, 28_800.0, 6.0),
            &["0 h", "2 h", "4 h", "6 h", "8 h"],
        );
        check(&Axis::seconds(7.0, 7.0, 6.0), &["7 s", "8 s"]);
        check(
            &Axis::seconds(0.0, 900.0, 6.0),
            &["0 min", "5 min", "10 min", "15 min"],
        );
    }

    #[test]
    fn each_decade_of_percentiles_is_as_long() {
        let axis = Axis::percentiles(99.99);
        check(&axis, &["0 %", "50 %", "90 %", "99 %", "99.9 %", "99.99 %"]);
        for (percentile, place) in [(90.0, 0.25), (99.0, 0.5), (99.9, 0.75)] {
            assert!(
                (axis.place(percentile) - place).abs() < 1e-6,
                "{percentile}: {}",
                axis.place(percentile)
            );
        }
        assert!(
            Axis::percentiles(0.0).place(50.0) > 0.99,
            "one answer still has an axis"
        );
    }

    #[test]
    fn no_value_leaves_the_picture() {
        let axis = Axis::micros(80, 900, 30_000, 8.0);
        for value in [-1.0, 0.0, 1e12, f64::INFINITY, f64::NAN] {
            let place = axis.place(value);
            assert!((0.0..=1.0).contains(&place), "{value}: {place}");
        }
    }
}
