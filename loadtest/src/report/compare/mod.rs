//! Two reports held against each other: what has become better, what worse, and whether they can be compared.
//!
//! A [`Comparison`] says all of it in words; [`Comparison::regressions`] says what of it is worse than a tolerance,
//! which is what an exit code is made of. Not everything is judged. A percentile that rests on too few answers is
//! shown and not judged: it would differ between two runs of the same program. Refusals are not, for whether more
//! of them are good or bad is the scenario's to say: it counts the wrong ones as unexpected. A rate is not where
//! another was offered.

use super::number;
use super::types::{Report, Series, Unit};

mod text;
mod words;

/// How much worse than before is still the same, if nobody says otherwise: two runs on a quiet machine stay within.
pub const TOLERANCE: f64 = 0.10;

/// Answers that must be slower than a percentile before it is judged: with fewer it is the luck of single ones.
const ANSWERS_BEYOND: f64 = 10.0;

/// How far offered rates may be apart and still be the same.
const SAME_RATE: f64 = 0.01;

/// Two reports, the earlier one first.
#[derive(Clone, Debug, PartialEq)]
pub struct Comparison {
    /// Why the two may not be comparable at all.
    pub warnings: Vec<String>,
    /// All answers together.
    pub all: Part,
    /// Series that are in both.
    pub series: Vec<Part>,
    /// Refusals by reason, as shares of all answers.
    pub refusals: Vec<Change>,
    /// Names of series that are only in the earlier one.
    pub only_before: Vec<String>,
    /// Names of series that are only in the later one.
    pub only_after: Vec<String>,
}

/// What has changed in one series, or in all answers together.
#[derive(Clone, Debug, PartialEq)]
pub struct Part {
    /// Which.
    pub name: String,
    /// Each measure.
    pub changes: Vec<Change>,
}

/// One number, before and after.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// What was measured.
    pub what: String,
    /// Before.
    pub before: f64,
    /// After.
    pub after: f64,
    /// What both count.
    pub unit: Unit,
    /// Whether a rise is bad, good or neither.
    pub rise: Rise,
    /// Whether there is enough behind both to judge them.
    pub judged: bool,
}

/// What it means that a number rises.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rise {
    /// Latencies, errors.
    Bad,
    /// Rates.
    Good,
    /// Refusals.
    Neither,
}

impl Change {
    /// Whether it would be judged, had there been more answers.
    pub fn too_few(&self) -> bool {
        !self.judged && self.unit == Unit::Micros
    }

    /// Whether it is better by more than this share.
    pub fn improved(&self, tolerance: f64) -> bool {
        let turned = Self {
            before: self.after,
            after: self.before,
            ..self.clone()
        };
        turned.regressed(tolerance)
    }

    /// Whether it is worse by more than this share.
    pub fn regressed(&self, tolerance: f64) -> bool {
        self.judged
            && match self.rise {
                Rise::Bad => self.after > self.before * (1.0 + tolerance),
                Rise::Good => self.after < self.before * (1.0 - tolerance),
                Rise::Neither => false,
            }
    }
}

impl Comparison {
    /// Compares two reports.
    pub fn of(before: &Report, after: &Report) -> Self {
        let pairs = || {
            before
                .series
                .iter()
                .filter_map(|old| Some((old, find(&after.series, old)?)))
        };
        let missing = |from: &Report, of: &Report| {
            let absent = from
                .series
                .iter()
                .filter(|series| find(&of.series, series).is_none());
            absent.map(name).collect()
        };
        Self {
            warnings: words::warnings(before, after),
            all: all(before, after),
            series: pairs()
                .map(|(old, new)| part(old, new, before, after))
                .collect(),
            refusals: refusals(before, after),
            only_before: missing(before, after),
            only_after: missing(after, before),
        }
    }

    /// Everything that is worse by more than this share, with the name of its part.
    pub fn regressions(&self, tolerance: f64) -> Vec<(&str, &Change)> {
        let parts = std::iter::once(&self.all).chain(&self.series);
        parts
            .flat_map(|part| {
                part.changes
                    .iter()
                    .map(|change| (part.name.as_str(), change))
            })
            .filter(|(_, change)| change.regressed(tolerance))
            .collect()
    }
}

fn find<'a>(all: &'a [Series], wanted: &Series) -> Option<&'a Series> {
    all.iter().find(|series| {
        (&series.scene, &series.case, &series.decision)
            == (&wanted.scene, &wanted.case, &wanted.decision)
    })
}

fn name(series: &Series) -> String {
    format!("{} / {} / {}", series.scene, series.case, series.decision)
}

/// Whether both runs were asked for the same.
fn same_rate(before: &Report, after: &Report) -> bool {
    (before.rate.offered - after.rate.offered).abs() <= before.rate.offered * SAME_RATE
}

fn all(before: &Report, after: &Report) -> Part {
    let totals = |report: &Report| Series {
        scene: String::new(),
        case: String::new(),
        decision: String::new(),
        count: report.totals.answered,
        unexpected: report.totals.unexpected,
        latency: report.latency.clone(),
    };
    let mut all = part(&totals(before), &totals(after), before, after);
    "all".clone_into(&mut all.name);
    let share = |what: &str, rise, of: fn(&Report) -> f64| Change {
        what: what.to_owned(),
        before: of(before),
        after: of(after),
        unit: Unit::Share,
        rise,
        judged: rise != Rise::Neither,
    };
    all.changes.extend([
        share("errors", Rise::Bad, |report| {
            number::share(report.totals.errors, report.totals.sent)
        }),
        share("refused", Rise::Neither, |report| {
            number::share(report.refused(), report.totals.answered)
        }),
    ]);
    all
}

fn part(old: &Series, new: &Series, before: &Report, after: &Report) -> Part {
    let fewest = number::float(old.count.min(new.count));
    let time = |what: &str, beyond: f64, old: u64, new: u64| Change {
        what: what.to_owned(),
        before: number::float(old),
        after: number::float(new),
        unit: Unit::Micros,
        rise: Rise::Bad,
        judged: fewest * beyond >= ANSWERS_BEYOND,
    };
    let rate = Change {
        what: "rate".to_owned(),
        before: per_second(old.count, before),
        after: per_second(new.count, after),
        unit: Unit::PerSecond,
        rise: Rise::Good,
        judged: same_rate(before, after) && fewest >= ANSWERS_BEYOND,
    };
    let unexpected = Change {
        what: "unexpected".to_owned(),
        before: number::share(old.unexpected, old.count),
        after: number::share(new.unexpected, new.count),
        unit: Unit::Share,
        rise: Rise::Bad,
        judged: true,
    };
    let (then, now) = (&old.latency, &new.latency);
    Part {
        name: name(old),
        changes: vec![
            rate,
            time("p50", 0.5, then.p50_us, now.p50_us),
            time("p99", 0.01, then.p99_us, now.p99_us),
            time("p99.9", 0.001, then.p999_us, now.p999_us),
            unexpected,
        ],
    }
}

fn per_second(count: u64, report: &Report) -> f64 {
    if report.duration_us == 0 {
        0.0
    } else {
        number::float(count) * 1e6 / number::float(report.duration_us)
    }
}

/// Every reason that either has, the earlier one's first.
fn refusals(before: &Report, after: &Report) -> Vec<Change> {
    let share = |report: &Report, reason: &str| {
        let of_it = report
            .refusals
            .iter()
            .filter(|refusal| refusal.reason == reason);
        number::share(
            of_it.map(|refusal| refusal.count).sum(),
            report.totals.answered,
        )
    };
    let mut reasons: Vec<&str> = Vec::new();
    for refusal in before.refusals.iter().chain(&after.refusals) {
        if !reasons.contains(&refusal.reason.as_str()) {
            reasons.push(&refusal.reason);
        }
    }
    let changes = reasons.into_iter().map(|reason| Change {
        what: reason.to_owned(),
        before: share(before, reason),
        after: share(after, reason),
        unit: Unit::Share,
        rise: Rise::Neither,
        judged: false,
    });
    changes.collect()
}

#[cfg(test)]
mod tests;
