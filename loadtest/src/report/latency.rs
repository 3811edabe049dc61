//! Latencies out of a histogram, and the curve that shows them all.

use hdrhistogram::{AdditionError, Histogram};
use serde::{Deserialize, Serialize};

use super::number;

/// How long answers took, in whole microseconds. All zero, with no curve, where there was no answer.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Latency {
    /// The fastest.
    pub min_us: u64,
    /// On average.
    pub mean_us: u64,
    /// Half were as fast.
    pub p50_us: u64,
    /// 90 of 100 were.
    pub p90_us: u64,
    /// 95 of 100 were.
    pub p95_us: u64,
    /// 99 of 100 were.
    pub p99_us: u64,
    /// 999 of 1,000 were.
    pub p999_us: u64,
    /// 9,999 of 10,000 were.
    pub p9999_us: u64,
    /// The slowest.
    pub max_us: u64,
    /// The percentiles at equal distances on the axis that doubles the precision with each step.
    pub curve: Vec<Point>,
}

/// A point of the curve.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Point {
    /// The percentile, from 0 to below 100.
    pub percentile: f64,
    /// What that share of the answers did not exceed.
    pub micros: u64,
}

/// Points of the curve in each doubling of the precision: enough that straight lines between them look smooth.
const POINTS_PER_DOUBLING: u32 = 4;

/// Where the curve ends at the latest: beyond it even a million answers are ten.
const LAST_PERCENTILE: f64 = 99.999;

impl Latency {
    /// Out of a histogram of microseconds.
    pub fn of(histogram: &Histogram<u64>) -> Self {
        if histogram.is_empty() {
            return Self::default();
        }
        // Not by percentile: 99.9 / 100 is a little more than 0.999, and one answer of a thousand too far.
        let at = |quantile| histogram.value_at_quantile(quantile).min(histogram.max());
        Self {
            min_us: histogram.min(),
            mean_us: number::whole(histogram.mean()),
            p50_us: at(0.5),
            p90_us: at(0.9),
            p95_us: at(0.95),
            p99_us: at(0.99),
            p999_us: at(0.999),
            p9999_us: at(0.9999),
            max_us: histogram.max(),
            curve: percentiles(histogram.len())
                .map(|percentile| Point {
                    percentile,
                    micros: at(percentile / 100.0),
                })
                .collect(),
        }
    }

    /// Out of several histograms, as if all had been recorded in one.
    pub fn of_all<'a>(
        histograms: impl IntoIterator<Item = &'a Histogram<u64>>,
    ) -> Result<Self, AdditionError> {
        let mut histograms = histograms.into_iter();
        let Some(first) = histograms.next() else {
            return Ok(Self::default());
        };
        let mut all = first.clone();
        all.auto(true);
        for histogram in histograms {
            all.add(histogram)?;
        }
        Ok(Self::of(&all))
    }
}

/// The percentiles of the curve for this many answers: 0, 12.5, 25, 37.5, 50, 56.25, … It ends where less than
/// one answer is slower: beyond, the slowest would only be repeated.
fn percentiles(count: u64) -> impl Iterator<Item = f64> {
    let mut beyond = 100.0 / number::float(count);
    let mut doubling = 0_u32;
    let mut step = 0_u32;
    std::iter::from_fn(move || {
        let half = 100.0 / f64::from(doubling).exp2();
        let left = half - half / 2.0 * f64::from(step) / f64::from(POINTS_PER_DOUBLING);
        if beyond < 0.0 || 100.0 - left > LAST_PERCENTILE {
            return None;
        }
        if left < beyond {
            // The last one: the slowest.
            beyond = -1.0;
        }
        step += 1;
        if step == POINTS_PER_DOUBLING {
            (doubling, step) = (doubling + 1, 0);
        }
        Some(rounded(100.0 - left))
    })
}

/// To as many digits as any program reads back exactly.
fn rounded(percentile: f64) -> f64 {
    (percentile * 1e5).round() / 1e5
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recorded(values: impl IntoIterator<Item = u64>) -> Histogram<u64> {
        let mut histogram = Histogram::new(3).unwrap();
        for value in values {
            histogram.record(value).unwrap();
        }
        histogram
    }

    #[test]
    fn percentiles_are_those_of_the_histogram() {
        let latency = Latency::of(&recorded(1..=1000));
        let found = [
            latency.min_us,
            latency.mean_us,
            latency.p50_us,
            latency.p90_us,
            latency.p95_us,
        ];
        assert_eq!(found, [1, 501, 500, 900, 950]);
        let found = [
            latency.p99_us,
            latency.p999_us,
            latency.p9999_us,
            latency.max_us,
        ];
        assert_eq!(found, [990, 999, 1000, 1000]);
    }

    #[test]
    fn no_answer_is_all_zero() {
        assert_eq!(Latency::of(&recorded([])), Latency::default());
        assert_eq!(Latency::of_all([]).unwrap(), Latency::default());
    }

    #[test]
    fn the_curve_halves_what_is_left_and_ends_at_the_slowest() {
        let curve = Latency::of(&recorded(1..=1000)).curve;
        let percentiles: Vec<f64> = curve.iter().map(|point| point.percentile).collect();
        assert_eq!(percentiles[..6], [0.0, 12.5, 25.0, 37.5, 50.0, 56.25]);
        for exact in [75.0, 87.5, 93.75, 96.875, 98.4375] {
            assert!(percentiles.contains(&exact), "{exact} in {percentiles:?}");
        }
        assert!(percentiles.is_sorted());
        let slowest: Vec<u64> = curve
            .iter()
            .map(|point| point.micros)
            .filter(|micros| *micros == 1000)
            .collect();
        assert_eq!(slowest, [1000], "the slowest once, at the end");
        assert_eq!(curve.last().unwrap().micros, 1000);
    }

    #[test]
    fn many_answers_do_not_make_an_endless_curve() {
        let mut histogram = recorded([]);
        histogram.record_n(5, 1_000_000_000_000).unwrap();
        let curve = Latency::of(&histogram).curve;
        let last = curve.last().unwrap().percentile;
        assert!((99.99..=99.999).contains(&last), "{last}");
        assert!(curve.len() < 80, "{}", curve.len());
    }

    #[test]
    fn one_answer_has_a_curve_as_well() {
        let curve = Latency::of(&recorded([7])).curve;
        let points: Vec<_> = curve
            .iter()
            .map(|point| (point.percentile, point.micros))
            .collect();
        assert_eq!(points, [(0.0, 7), (12.5, 7)]);
    }

    #[test]
    fn several_histograms_are_as_one() {
        // The second is wider than the first was made for.
        let mut narrow = Histogram::new_with_max(100, 3).unwrap();
        narrow.record_n(50, 900).unwrap();
        let wide = recorded((0..100).map(|_| 5_000_000));
        let all = Latency::of_all([&narrow, &wide]).unwrap();
        assert_eq!((all.min_us, all.p90_us), (50, 50));
        assert!(all.p99_us.abs_diff(5_000_000) < 5_000, "{}", all.p99_us);
        assert_eq!(Latency::of_all([&wide, &narrow]).unwrap(), all);
    }
}
