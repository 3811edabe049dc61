//! What has changed, in words.

use super::{Change, Report, Rise, same_rate};
use crate::report::number;
use crate::report::types::Unit;

/// A change of less than this share is none: histograms are as coarse as that.
const UNCHANGED: f64 = 0.005;

impl Change {
    /// Both numbers: `12.3 ms → 18.9 ms`.
    pub fn numbers(&self) -> String {
        format!("{} → {}", self.shown(self.before), self.shown(self.after))
    }

    /// How they are to each other: `1.54x slower`.
    pub fn direction(&self) -> String {
        let (less, more) = match (self.unit, self.rise) {
            (Unit::Micros, _) => ("faster", "slower"),
            (Unit::PerSecond, _) | (_, Rise::Good) => ("lower", "higher"),
            (Unit::Share | Unit::Count, _) => ("fewer", "more"),
        };
        if (self.after - self.before).abs() <= self.before * UNCHANGED {
            return "the same".to_owned();
        }
        if self.before <= 0.0 {
            return "none before".to_owned();
        }
        if self.after <= 0.0 {
            return "none any more".to_owned();
        }
        let (ratio, word) = if self.after < self.before {
            (self.before / self.after, less)
        } else {
            (self.after / self.before, more)
        };
        format!("{}x {word}", number::three_digits(ratio))
    }

    /// Everything: `p99 12.3 ms → 18.9 ms, 1.54x slower`.
    pub fn words(&self) -> String {
        format!("{} {}, {}", self.what, self.numbers(), self.direction())
    }

    fn shown(&self, value: f64) -> String {
        match self.unit {
            Unit::Micros => number::micros(number::whole(value)),
            Unit::Share => number::percent(value),
            Unit::Count => number::count(number::whole(value)),
            Unit::PerSecond => format!("{}/s", number::rate(value)),
        }
    }
}

/// Everything that makes two reports hard to compare.
pub(super) fn warnings(before: &Report, after: &Report) -> Vec<String> {
    let mut warnings = Vec::new();
    let mut differ = |what: &str, old: String, new: String| {
        if old != new {
            warnings.push(format!("the {what} differs: {old} before, {new} after"));
        }
    };
    let quoted = |text: &str| format!("\"{text}\"");
    differ(
        "scenario",
        quoted(&before.scenario.name),
        quoted(&after.scenario.name),
    );
    differ(
        "model of arrivals",
        before.scenario.model.clone(),
        after.scenario.model.clone(),
    );
    let spoken = |report: &Report| {
        let over = if report.target.tls {
            "with TLS"
        } else {
            "without TLS"
        };
        format!("{} {over}", report.target.protocol)
    };
    differ("protocol", spoken(before), spoken(after));
    if !same_rate(before, after) {
        let offered = |report: &Report| format!("{}/s", number::rate(report.rate.offered));
        differ("offered rate", offered(before), offered(after));
    }
    for (report, which) in [(before, "before"), (after, "after")] {
        if report.driver.limited {
            warnings.push(format!(
                "{which}, the driver was the limit and not the gateway: {}",
                report.driver.says
            ));
        }
        if report.totals.answered == 0 {
            warnings.push(format!("{which}, there was no answer at all"));
        }
    }
    warnings
}
