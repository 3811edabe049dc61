//! Rules that a run has to obey: `p99<50ms`, `errors < 0.1%`, `p99{scene=settlement}<=80ms`.
//!
//! A rule is a measure, perhaps the series it is about, a comparison and a limit. Measures:
//!
//! | measure | is | limit |
//! |---|---|---|
//! | `p50` `p90` `p95` `p99` `p99.9` `p99.99` `min` `mean` `max` | latency | a time: `ns`, `us`, `µs`, `ms`, `s` |
//! | `errors` `dropped` | requests without an answer, or never sent | a number, or `%` of those due |
//! | `unexpected` `refused` | answers | a number, or `%` of the answers |
//! | `achieved` | answers per second, as a share of the rate offered | `0.99` or `99%` |
//! | `rate` | answers per second | a number |
//!
//! Latencies and `unexpected` may be asked of some series alone, by `scene`, `case` and `decision`. Several series
//! that fit are each held to the limit, and the worst is what was measured: percentiles of parts cannot be added
//! up. For `unexpected` they are summed. Where none fits the rule is broken: a name misspelt must not pass.

use std::fmt;
use std::str::FromStr;

use super::latency::Latency;
use super::number;
use super::types::{Held, Report, Series, Unit};

mod parse;

pub use parse::RuleError;

/// One rule. It is read by [`FromStr`] and printed as it was written.
#[derive(Clone, Debug, PartialEq)]
pub struct Rule {
    written: String,
    measure: Measure,
    only: Selector,
    comparison: Comparison,
    limit: f64,
    unit: Unit,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Measure {
    Latency(Statistic),
    Errors,
    Dropped,
    Unexpected,
    Refused,
    Achieved,
    Rate,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Statistic {
    Min,
    Mean,
    P50,
    P90,
    P95,
    P99,
    P999,
    P9999,
    Max,
}

/// Which series; nothing named is all of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Selector {
    scene: Option<String>,
    case: Option<String>,
    decision: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Comparison {
    Less,
    AtMost,
    Equal,
    Unequal,
    AtLeast,
    More,
}

/// All measures and their names.
const MEASURES: [(&str, Measure); 15] = [
    ("p50", Measure::Latency(Statistic::P50)),
    ("p90", Measure::Latency(Statistic::P90)),
    ("p95", Measure::Latency(Statistic::P95)),
    ("p99", Measure::Latency(Statistic::P99)),
    ("p99.9", Measure::Latency(Statistic::P999)),
    ("p99.99", Measure::Latency(Statistic::P9999)),
    ("min", Measure::Latency(Statistic::Min)),
    ("mean", Measure::Latency(Statistic::Mean)),
    ("max", Measure::Latency(Statistic::Max)),
    ("errors", Measure::Errors),
    ("dropped", Measure::Dropped),
    ("unexpected", Measure::Unexpected),
    ("refused", Measure::Refused),
    ("achieved", Measure::Achieved),
    ("rate", Measure::Rate),
];

/// Comparisons and how they are written, the longer first.
const COMPARISONS: [(&str, Comparison); 6] = [
    ("<=", Comparison::AtMost),
    (">=", Comparison::AtLeast),
    ("==", Comparison::Equal),
    ("!=", Comparison::Unequal),
    ("<", Comparison::Less),
    (">", Comparison::More),
];

impl Measure {
    /// Whether it is known of each series.
    const fn by_series(self) -> bool {
        matches!(self, Self::Latency(_) | Self::Unexpected)
    }
}

impl Statistic {
    const fn of(self, latency: &Latency) -> u64 {
        match self {
            Self::Min => latency.min_us,
            Self::Mean => latency.mean_us,
            Self::P50 => latency.p50_us,
            Self::P90 => latency.p90_us,
            Self::P95 => latency.p95_us,
            Self::P99 => latency.p99_us,
            Self::P999 => latency.p999_us,
            Self::P9999 => latency.p9999_us,
            Self::Max => latency.max_us,
        }
    }
}

impl Selector {
    const fn is_all(&self) -> bool {
        self.scene.is_none() && self.case.is_none() && self.decision.is_none()
    }

    fn fits(&self, series: &Series) -> bool {
        let fits = |wanted: &Option<String>, found: &String| {
            wanted.as_ref().is_none_or(|wanted| wanted == found)
        };
        fits(&self.scene, &series.scene)
            && fits(&self.case, &series.case)
            && fits(&self.decision, &series.decision)
    }
}

impl Comparison {
    /// Exactly, as written: a limit of `0` is met by no error at all.
    #[expect(
        clippy::float_cmp,
        reason = "a count is compared with the count that was written"
    )]
    fn holds(self, measured: f64, limit: f64) -> bool {
        match self {
            Self::Less => measured < limit,
            Self::AtMost => measured <= limit,
            Self::Equal => measured == limit,
            Self::Unequal => measured != limit,
            Self::AtLeast => measured >= limit,
            Self::More => measured > limit,
        }
    }
}

impl Rule {
    /// Holds a report to the rule.
    pub fn judge(&self, report: &Report) -> Held {
        let measured = if self.only.is_all() {
            Some(self.of_all(report))
        } else {
            self.of_series(report)
        };
        Held {
            rule: self.written.clone(),
            measured,
            unit: self.unit,
            held: measured.is_some_and(|measured| self.comparison.holds(measured, self.limit)),
        }
    }

    fn of_all(&self, report: &Report) -> f64 {
        let totals = &report.totals;
        let due = totals.sent + totals.dropped;
        match self.measure {
            Measure::Latency(statistic) => number::float(statistic.of(&report.latency)),
            Measure::Errors => self.counted(totals.errors, due),
            Measure::Dropped => self.counted(totals.dropped, due),
            Measure::Unexpected => self.counted(totals.unexpected, totals.answered),
            Measure::Refused => self.counted(report.refused(), totals.answered),
            Measure::Achieved if report.rate.offered > 0.0 => {
                report.rate.achieved / report.rate.offered
            }
            Measure::Achieved => 0.0,
            Measure::Rate => report.rate.achieved,
        }
    }

    /// Nothing where no series fits, or those that do hold no answer.
    fn of_series(&self, report: &Report) -> Option<f64> {
        let series = report.series.iter();
        let fitting: Vec<&Series> = series
            .filter(|series| self.only.fits(series) && series.count > 0)
            .collect();
        let Measure::Latency(statistic) = self.measure else {
            let answers: u64 = fitting.iter().map(|series| series.count).sum();
            let unexpected = fitting.iter().map(|series| series.unexpected).sum();
            return (answers > 0).then(|| self.counted(unexpected, answers));
        };
        let measured = fitting
            .iter()
            .map(|series| number::float(statistic.of(&series.latency)));
        self.worst(measured)
    }

    /// The one that breaks the rule if one does, else the one nearest to it.
    fn worst(&self, measured: impl Iterator<Item = f64>) -> Option<f64> {
        match self.comparison {
            Comparison::Less | Comparison::AtMost => measured.reduce(f64::max),
            Comparison::More | Comparison::AtLeast => measured.reduce(f64::min),
            Comparison::Equal | Comparison::Unequal => measured.reduce(|worst, one| {
                if self.comparison.holds(worst, self.limit) {
                    one
                } else {
                    worst
                }
            }),
        }
    }

    fn counted(&self, part: u64, of: u64) -> f64 {
        if self.unit == Unit::Share {
            number::share(part, of)
        } else {
            number::float(part)
        }
    }
}

/// What was measured of a rule, in words.
pub(super) fn measured(rule: &Held) -> String {
    let Some(measured) = rule.measured else {
        return "nothing, for no series is meant".to_owned();
    };
    match rule.unit {
        Unit::Micros => number::micros(number::whole(measured)),
        Unit::Share => number::percent(measured),
        Unit::Count => number::count(number::whole(measured)),
        Unit::PerSecond => format!("{}/s", number::rate(measured)),
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.written)
    }
}

impl FromStr for Rule {
    type Err = RuleError;

    fn from_str(text: &str) -> Result<Self, RuleError> {
        parse::rule(text)
    }
}

#[cfg(test)]
mod tests;
