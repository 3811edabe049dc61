//! The pictures without a clock: latency by percentile, and the rates that were tried.

use super::axis::Range;
use super::chart::{Chart, Line, Mark, Span};
use crate::report::latency::Latency;
use crate::report::number;
use crate::report::types::{FindMax, Report};

/// Looks of lines that are told apart; `k0` is that of all answers together.
pub(super) const LOOKS: [&str; 7] = ["k0", "k1", "k2", "k3", "k4", "k5", "k6"];

/// The percentiles that are marked on a curve.
const MARKED: [(&str, f64); 5] = [
    ("p50", 50.0),
    ("p90", 90.0),
    ("p99", 99.0),
    ("p99.9", 99.9),
    ("p99.99", 99.99),
];

/// How long answers took at every percentile: all together, and the series with the most answers.
pub(super) fn curve(report: &Report) -> Option<Chart> {
    let mut series: Vec<_> = report
        .series
        .iter()
        .filter(|series| series.count > 0)
        .collect();
    series.sort_by_key(|series| std::cmp::Reverse(series.count));
    let mut lines = vec![("all".to_owned(), &report.latency)];
    if series.len() > 1 {
        let name = |scene: &str, case: &str| format!("{scene} / {case}");
        lines.extend(
            series
                .iter()
                .map(|one| (name(&one.scene, &one.case), &one.latency)),
        );
    }
    curves("curve", "Latency by percentile", &lines)
}

/// One line for each latency; as many as can be told apart.
pub(super) fn curves(id: &'static str, title: &str, all: &[(String, &Latency)]) -> Option<Chart> {
    let shown: Vec<_> = all
        .iter()
        .zip(LOOKS)
        .map(|((name, latency), look)| (name, *latency, look))
        .collect();
    let (_, first, _) = shown.first()?;
    let points = || shown.iter().flat_map(|(_, latency, _)| &latency.curve);
    let last = points().map(|point| point.percentile).fold(0.0, f64::max);
    let highest = points().map(|point| point.micros).max()?;
    let lowest = points().map(|point| point.micros).min()?;
    let mut says: Vec<String> = shown
        .iter()
        .map(|(name, latency, _)| words(name, latency))
        .collect();
    says.insert(0, "Percentiles to the right, latency upwards.".to_owned());
    Some(Chart {
        id,
        span: Span::Row,
        title: title.to_owned(),
        says: says.join(" "),
        x: Range::Percentiles { last },
        y: Range::Micros {
            lowest,
            usual: first.p50_us,
            highest,
        },
        x_name: "percentile",
        y_name: "latency",
        lines: shown
            .iter()
            .map(|(name, latency, look)| Line {
                name: (*name).clone(),
                look,
                runs: vec![
                    latency
                        .curve
                        .iter()
                        .map(|point| (point.percentile, number::float(point.micros)))
                        .collect(),
                ],
            })
            .collect(),
        marks: marks(first),
        columns: Vec::new(),
    })
}

fn words(name: &str, latency: &Latency) -> String {
    format!(
        "{name}: half within {}, 99 % within {}, the slowest {}.",
        number::micros(latency.p50_us),
        number::micros(latency.p99_us),
        number::micros(latency.max_us)
    )
}

/// The named percentiles, as far as the curve goes.
fn marks(latency: &Latency) -> Vec<Mark> {
    let last = latency.curve.last().map_or(0.0, |point| point.percentile);
    let values = [
        latency.p50_us,
        latency.p90_us,
        latency.p99_us,
        latency.p999_us,
        latency.p9999_us,
    ];
    let marks = MARKED
        .into_iter()
        .zip(values)
        .filter(|((_, percentile), _)| *percentile <= last);
    marks
        .map(|((name, percentile), micros)| Mark {
            x: percentile,
            y: number::float(micros),
            look: "dot",
            label: number::micros(micros),
            words: format!("{name}: {}", number::micros(micros)),
        })
        .collect()
}

/// The rates that were tried in search of the highest, and what 99 % of the answers took at each.
pub(super) fn probes(found: &FindMax) -> Option<Chart> {
    let mut probes = found.probes.clone();
    probes.sort_by(|one, other| one.rate.total_cmp(&other.rate));
    let highest = probes.iter().map(|probe| probe.p99_us).max()?;
    let lowest = probes.iter().map(|probe| probe.p99_us).min()?;
    let fastest = probes.last()?.rate;
    let marks = probes.iter().map(|probe| Mark {
        x: probe.rate,
        y: number::float(probe.p99_us),
        look: if probe.held { "held" } else { "broken" },
        label: String::new(),
        words: format!(
            "{}/s: p99 {}, goal {}",
            number::rate(probe.rate),
            number::micros(probe.p99_us),
            if probe.held { "held" } else { "broken" }
        ),
    });
    Some(Chart {
        id: "probes",
        span: Span::Half,
        title: "Search for the highest rate".to_owned(),
        says: format!(
            "p99 at each rate that was tried. The goal held up to {}/s.",
            number::rate(found.rate)
        ),
        x: Range::Counts { highest: fastest },
        y: Range::Micros {
            lowest,
            usual: lowest,
            highest,
        },
        x_name: "requests per second",
        y_name: "p99",
        marks: marks.collect(),
        lines: vec![Line {
            name: "p99".to_owned(),
            look: "k9",
            runs: vec![
                probes
                    .iter()
                    .map(|probe| (probe.rate, number::float(probe.p99_us)))
                    .collect(),
            ],
        }],
        columns: Vec::new(),
    })
}
