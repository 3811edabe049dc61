//! The page of two reports compared.

use super::escape::escape;
use super::parts::{Cell, Tone, banner, card, table, word};
use super::{pictures, shell};
use crate::report::compare::{Change, Comparison, Part};
use crate::report::number;
use crate::report::types::Report;

/// Regressions that the headline names: more than these nobody reads there.
const MOST_LISTED: usize = 8;

/// The whole page. Worse is what exceeds the tolerance.
pub fn comparison(before: &Report, after: &Report, tolerance: f64) -> String {
    let found = Comparison::of(before, after);
    let curves = [
        ("before".to_owned(), &before.latency),
        ("after".to_owned(), &after.latency),
    ];
    let mut cards = String::new();
    cards.extend(
        pictures::curves("curve", "Latency by percentile, all answers", &curves)
            .map(|chart| chart.html()),
    );
    let parts: Vec<&Part> = std::iter::once(&found.all).chain(&found.series).collect();
    cards.push_str(&card("Changes", true, &changes(&parts, tolerance)));
    cards.push_str(&refusals(&found));
    cards.push_str(&only(&found));
    let body = format!(
        "{}{}<div class=\"cards\">{cards}</div>",
        verdict(&found, tolerance),
        warnings(&found)
    );
    let title = if before.scenario.name == after.scenario.name {
        after.scenario.name.clone()
    } else {
        format!("{} and {}", before.scenario.name, after.scenario.name)
    };
    let facts = format!(
        "<ul class=\"facts\">{}{}</ul>",
        fact("before", before),
        fact("after", after)
    );
    shell("load tests compared", &title, &facts, &body, &after.tool)
}

fn fact(which: &str, report: &Report) -> String {
    format!(
        "<li><b>{which}</b> {}, {}, {}/s offered</li>",
        escape(&report.started),
        number::duration(report.duration_us),
        number::rate(report.rate.offered)
    )
}

fn verdict(found: &Comparison, tolerance: f64) -> String {
    let regressions = found.regressions(tolerance);
    let percent = number::percent(tolerance);
    if regressions.is_empty() {
        return banner(
            Tone::Ok,
            &format!("Nothing is worse by more than {percent}"),
            "",
        );
    }
    let line = |(name, change): &(&str, &Change)| {
        format!("<li>{}: {}</li>", escape(name), escape(&change.words()))
    };
    let mut worse: Vec<String> = regressions.iter().take(MOST_LISTED).map(line).collect();
    if let Some(more @ 1..) = regressions.len().checked_sub(MOST_LISTED) {
        worse.push(format!("<li>and {more} more, marked below</li>"));
    }
    let worse = worse.concat();
    let headline = match regressions.len() {
        1 => format!("One measure is worse by more than {percent}"),
        count => format!("{count} measures are worse by more than {percent}"),
    };
    banner(Tone::Bad, &headline, &format!("<ul>{worse}</ul>"))
}

fn warnings(found: &Comparison) -> String {
    if found.warnings.is_empty() {
        return String::new();
    }
    let warnings = found
        .warnings
        .iter()
        .map(|warning| format!("<li>{}</li>", escape(warning)));
    let warnings: String = warnings.collect();
    banner(
        Tone::Warn,
        "The two runs may not be comparable",
        &format!("<ul>{warnings}</ul>"),
    )
}

fn changes(parts: &[&Part], tolerance: f64) -> String {
    let mut rows = Vec::new();
    for part in parts {
        let mut name = part.name.as_str();
        for change in &part.changes {
            rows.push(row(name, change, tolerance));
            name = "";
        }
    }
    table(
        "Changes by series",
        &["series", "measure", "#before → after", "change"],
        &rows,
        false,
    )
}

fn row(name: &str, change: &Change, tolerance: f64) -> Vec<Cell> {
    let tone = if change.regressed(tolerance) {
        Tone::Bad
    } else if change.improved(tolerance) {
        Tone::Ok
    } else {
        Tone::Plain
    };
    let few = if change.too_few() {
        " <small>too few answers to judge</small>"
    } else {
        ""
    };
    vec![
        Cell::Head(escape(name)),
        Cell::Words(escape(&change.what)),
        Cell::Number(escape(&change.numbers())),
        Cell::Words(word(tone, &change.direction()) + few),
    ]
}

fn refusals(found: &Comparison) -> String {
    if found.refusals.is_empty() {
        return String::new();
    }
    let rows: Vec<_> = found
        .refusals
        .iter()
        .map(|change| {
            vec![
                Cell::Head(escape(&change.what)),
                Cell::Number(escape(&change.numbers())),
                Cell::Words(word(Tone::Plain, &change.direction())),
            ]
        })
        .collect();
    let table = table(
        "Refusals by reason",
        &["reason", "#of all answers", "change"],
        &rows,
        false,
    );
    card("Refusals by reason", true, &table)
}

fn only(found: &Comparison) -> String {
    let only = [(&found.only_before, "before"), (&found.only_after, "after")];
    let items = only.iter().flat_map(|(names, which)| {
        names
            .iter()
            .map(move |name| format!("<li>{} <b>only {which}</b></li>", escape(name)))
    });
    let items: String = items.collect();
    if items.is_empty() {
        return String::new();
    }
    card(
        "Series in one report only",
        true,
        &format!("<ul>{items}</ul>"),
    )
}
