//! The rows of latencies, whoever shows them.

use super::number;
use super::types::{Report, Series};

/// What the columns are called: words first, then numbers.
pub(super) const WORDS: [&str; 3] = ["scene", "case", "decision"];
pub(super) const NUMBERS: [&str; 11] = [
    "count",
    "unexpected",
    "min",
    "mean",
    "p50",
    "p90",
    "p95",
    "p99",
    "p99.9",
    "p99.99",
    "max",
];

/// One row.
pub(super) struct Row {
    pub(super) words: [String; WORDS.len()],
    pub(super) numbers: [String; NUMBERS.len()],
}

/// A row for each series, and one for all of them.
pub(super) fn rows(report: &Report) -> Vec<Row> {
    let all = Series {
        scene: "all".to_owned(),
        case: String::new(),
        decision: String::new(),
        count: report.totals.answered,
        unexpected: report.totals.unexpected,
        latency: report.latency.clone(),
    };
    report.series.iter().chain([&all]).map(row).collect()
}

fn row(series: &Series) -> Row {
    let latency = &series.latency;
    Row {
        words: [&series.scene, &series.case, &series.decision].map(String::clone),
        numbers: [
            number::count(series.count),
            number::count(series.unexpected),
            number::micros(latency.min_us),
            number::micros(latency.mean_us),
            number::micros(latency.p50_us),
            number::micros(latency.p90_us),
            number::micros(latency.p95_us),
            number::micros(latency.p99_us),
            number::micros(latency.p999_us),
            number::micros(latency.p9999_us),
            number::micros(latency.max_us),
        ],
    }
}
