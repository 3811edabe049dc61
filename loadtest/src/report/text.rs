//! A report in a terminal, and a line for each second while it runs.

use super::number;
use super::rows::{NUMBERS, Row, WORDS, rows};
use super::table::{Align, Table, padded, printable};
use super::threshold;
use super::types::{Report, Second};

/// Whether words may be coloured: only where a person looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Colour {
    /// As on a terminal.
    On,
    /// As in a file.
    Off,
}

impl Colour {
    pub(super) fn good(self, text: &str) -> String {
        self.paint("32", text)
    }

    pub(super) fn bad(self, text: &str) -> String {
        self.paint("1;31", text)
    }

    pub(super) fn careful(self, text: &str) -> String {
        self.paint("33", text)
    }

    fn strong(self, text: &str) -> String {
        self.paint("1", text)
    }

    fn paint(self, code: &str, text: &str) -> String {
        match self {
            Self::On => format!("\u{1b}[{code}m{text}\u{1b}[0m"),
            Self::Off => text.to_owned(),
        }
    }
}

/// The columns of the live table and how wide they are, which cannot wait for the rows.
const LIVE: [(&str, usize); 8] = [
    ("second", 6),
    ("offered", 9),
    ("answered", 9),
    ("refused", 8),
    ("errors", 7),
    ("p50", 8),
    ("p99", 8),
    ("in flight", 9),
];

/// The headings above [`live_row`]s.
pub fn live_header() -> String {
    let cells = LIVE.map(|(heading, width)| padded(heading, width, Align::Right));
    cells.join("  ")
}

/// One second, as it passes.
pub fn live_row(second: &Second) -> String {
    let time = |micros| {
        if second.answered == 0 {
            "–".to_owned()
        } else {
            number::micros(micros)
        }
    };
    let cells = [
        second.at_s.to_string(),
        number::count(second.offered),
        number::count(second.answered),
        number::count(second.refused),
        number::count(second.errors),
        time(second.p50_us),
        time(second.p99_us),
        number::count(second.in_flight),
    ];
    let cells = cells.iter().zip(LIVE);
    let cells: Vec<String> = cells
        .map(|(cell, (_, width))| padded(cell, width, Align::Right))
        .collect();
    cells.join("  ")
}

/// The whole report, line by line: what was run, what came of it, how long it took, what was broken.
pub fn summary(report: &Report, colour: Colour) -> String {
    let mut lines = head(report, colour);
    lines.push(String::new());
    lines.extend(headed(&latencies(report), colour));
    for table in [refusals(report), errors(report), probes(report)]
        .into_iter()
        .flatten()
    {
        lines.push(String::new());
        lines.extend(headed(&table, colour));
    }
    lines.push(String::new());
    lines.extend(verdict(report, colour));
    lines.push(String::new());
    lines.join("\n")
}

fn headed(table: &Table, colour: Colour) -> Vec<String> {
    let mut lines = table.lines();
    if let Some(first) = lines.first_mut() {
        *first = colour.strong(first);
    }
    lines
}

fn head(report: &Report, colour: Colour) -> Vec<String> {
    let (rate, totals) = (&report.rate, &report.totals);
    let share = if rate.offered > 0.0 {
        rate.achieved / rate.offered
    } else {
        0.0
    };
    let tls = if report.target.tls { " over TLS" } else { "" };
    let scenario = format!(
        "{} ({}, seed {}) against {}, {}{tls}",
        report.scenario.name,
        report.scenario.model,
        report.scenario.seed,
        report.target.url,
        report.target.protocol
    );
    let speed = format!(
        "{}: {}/s offered, {}/s achieved ({})",
        number::duration(report.duration_us),
        number::rate(rate.offered),
        number::rate(rate.achieved),
        number::percent(share)
    );
    let came = format!(
        "sent {}, answered {} (as expected {}, unexpected {}), errors {}, dropped {}",
        number::count(totals.sent),
        number::count(totals.answered),
        number::count(totals.as_expected),
        number::count(totals.unexpected),
        number::count(totals.errors),
        number::count(totals.dropped)
    );
    vec![
        colour.strong(&printable(&scenario)),
        printable(&speed),
        came,
    ]
}

fn latencies(report: &Report) -> Table {
    let words = WORDS.map(|heading| (heading, Align::Left));
    let numbers = NUMBERS.map(|heading| (heading, Align::Right));
    let columns: Vec<_> = words.into_iter().chain(numbers).collect();
    let mut table = Table::new(&columns);
    for Row { words, numbers } in rows(report) {
        table.row(words.into_iter().chain(numbers));
    }
    table
}

fn refusals(report: &Report) -> Option<Table> {
    let mut table = Table::new(&[
        ("refused because", Align::Left),
        ("count", Align::Right),
        ("of all answers", Align::Right),
    ]);
    for refusal in &report.refusals {
        let share = number::share(refusal.count, report.totals.answered);
        table.row([
            refusal.reason.clone(),
            number::count(refusal.count),
            number::percent(share),
        ]);
    }
    (!report.refusals.is_empty()).then_some(table)
}

fn errors(report: &Report) -> Option<Table> {
    let mut table = Table::new(&[
        ("failed with", Align::Left),
        ("count", Align::Right),
        ("of all sent", Align::Right),
    ]);
    for fault in &report.errors {
        let share = number::share(fault.count, report.totals.sent);
        table.row([
            fault.kind.clone(),
            number::count(fault.count),
            number::percent(share),
        ]);
    }
    (!report.errors.is_empty()).then_some(table)
}

fn probes(report: &Report) -> Option<Table> {
    let found = report.find_max.as_ref()?;
    let mut table = Table::new(&[
        ("tried", Align::Right),
        ("p99", Align::Right),
        ("goal", Align::Left),
    ]);
    for probe in &found.probes {
        let goal = if probe.held { "held" } else { "broken" };
        let rate = format!("{}/s", number::rate(probe.rate));
        table.row([rate, number::micros(probe.p99_us), goal.to_owned()]);
    }
    Some(table)
}

fn verdict(report: &Report, colour: Colour) -> Vec<String> {
    let mut lines = Vec::new();
    for rule in &report.thresholds {
        let measured = threshold::measured(rule);
        let rule_text = printable(&rule.rule);
        lines.push(if rule.held {
            format!(
                "{}  {rule_text}  (measured {measured})",
                colour.good("held  ")
            )
        } else {
            format!(
                "{}  {rule_text}  (measured {measured})",
                colour.bad("BROKEN")
            )
        });
    }
    if let Some(found) = &report.find_max {
        let goal = printable(&found.goal);
        lines.push(format!(
            "highest rate with {goal}: {}/s",
            number::rate(found.rate)
        ));
    }
    let says = printable(&report.driver.says);
    lines.push(if report.driver.limited {
        colour.careful(&says)
    } else {
        says
    });
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn the_summary_says_everything_and_is_aligned() {
        let text = summary(&sample::report(), Colour::Off);
        for said in [
            "a hospital's morning (poisson, seed 42) against https://gateway.hospital.example:8443, h2 over TLS",
            "60 s: 5,008/s offered, 4,998/s achieved (99.82 %)",
            "sent 299,920, answered 299,900 (as expected 299,897, unexpected 3), errors 20, dropped 530",
            "医保电子凭证",
            "unknown-issuer     300           0.1 %",
            "timeout",
            "BROKEN  unexpected==0  (measured 3)",
            "BROKEN  p99{scene=ward}<80ms  (measured nothing, for no series is meant)",
            "held    errors<0.1%  (measured 0.007 %)",
            "highest rate with p99<50ms and errors<0.1%: 6,500/s",
            "The driver was busy for 41 %",
        ] {
            assert!(text.contains(said), "{said} is not in\n{text}");
        }
        assert!(!text.contains('\u{1b}'), "{text}");
        assert!(text.ends_with('\n'));
        assert!(text.lines().all(|line| line.trim_end() == line), "{text}");
    }

    #[test]
    fn colour_only_adds_to_the_words() {
        let report = sample::report();
        let mut painted = summary(&report, Colour::On);
        assert!(painted.contains("\u{1b}[1;31mBROKEN\u{1b}[0m"));
        for code in ["0", "1", "32", "33", "1;31"] {
            painted = painted.replace(&format!("\u{1b}[{code}m"), "");
        }
        assert_eq!(painted, summary(&report, Colour::Off));
    }

    #[test]
    fn names_from_outside_stay_in_their_line() {
        let mut report = sample::report();
        let lines = summary(&report, Colour::Off).lines().count();
        let nasty = "\u{1b}]0;x\u{7}\n\u{202e}".to_owned();
        report.scenario.name.clone_from(&nasty);
        report.series[0].case.clone_from(&nasty);
        report.refusals[0].reason.clone_from(&nasty);
        report.thresholds[0].rule.clone_from(&nasty);
        report.driver.says.clone_from(&nasty);
        report.find_max.as_mut().unwrap().goal = nasty;
        let text = summary(&report, Colour::Off);
        assert_eq!(text.lines().count(), lines);
        assert!(!text.contains(['\u{1b}', '\u{7}', '\u{202e}']));
    }

    #[test]
    fn live_rows_stand_below_their_headings() {
        let mut second = sample::report().timeline[7];
        assert_eq!(
            live_row(&second).chars().count(),
            live_header().chars().count()
        );
        second.answered = 0;
        assert!(
            live_row(&second).contains("       –"),
            "{}",
            live_row(&second)
        );
    }

    #[test]
    fn a_report_without_answers_can_be_shown() {
        let mut report = sample::report();
        report.series.clear();
        report.refusals.clear();
        report.errors.clear();
        report.thresholds.clear();
        report.find_max = None;
        report.totals.answered = 0;
        report.rate.offered = 0.0;
        let text = summary(&report, Colour::Off);
        assert!(
            !text.contains("NaN") && !text.contains("refused because"),
            "{text}"
        );
    }
}
