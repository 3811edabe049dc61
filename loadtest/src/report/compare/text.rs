//! A comparison in a terminal.

use super::{Change, Comparison, Part};
use crate::report::table::{Align, Table, printable};
use crate::report::text::Colour;

impl Comparison {
    /// Warnings first, then all answers, each series and the refusals, then what is worse than the tolerance.
    pub fn text(&self, tolerance: f64, colour: Colour) -> String {
        let mut lines = Vec::new();
        for warning in &self.warnings {
            lines.push(format!(
                "{} {}",
                colour.careful("careful:"),
                printable(warning)
            ));
        }
        if !lines.is_empty() {
            lines.push(String::new());
        }
        lines.extend(table(std::iter::once(&self.all).chain(&self.series)).lines());
        if !self.refusals.is_empty() {
            let refusals = Part {
                name: "refused".to_owned(),
                changes: self.refusals.clone(),
            };
            lines.push(String::new());
            lines.extend(table(std::iter::once(&refusals)).lines());
        }
        for (names, which) in [(&self.only_before, "before"), (&self.only_after, "after")] {
            let only = names
                .iter()
                .map(|name| printable(&format!("only {which}: {name}")));
            lines.extend(only);
        }
        lines.push(String::new());
        lines.extend(self.verdict(tolerance, colour));
        lines.push(String::new());
        lines.join("\n")
    }

    fn verdict(&self, tolerance: f64, colour: Colour) -> Vec<String> {
        let regressions = self.regressions(tolerance);
        let percent = crate::report::number::percent(tolerance);
        if regressions.is_empty() {
            return vec![format!(
                "{} nothing is worse by more than {percent}",
                colour.good("held")
            )];
        }
        let line = |(name, change): &(&str, &Change)| {
            let line = printable(&format!("{name}: {}", change.words()));
            format!("{} {line}", colour.bad("WORSE"))
        };
        let mut lines: Vec<String> = regressions.iter().map(line).collect();
        lines.push(format!(
            "worse by more than {percent}: {}",
            regressions.len()
        ));
        lines
    }
}

fn table<'a>(parts: impl Iterator<Item = &'a Part>) -> Table {
    let mut table = Table::new(&[
        ("series", Align::Left),
        ("measure", Align::Left),
        ("before → after", Align::Left),
        ("", Align::Left),
    ]);
    for part in parts {
        let mut name = part.name.as_str();
        for change in &part.changes {
            let mut direction = change.direction();
            if change.too_few() && direction != "the same" {
                direction.push_str(" (too few answers to judge)");
            }
            table.row([
                name.to_owned(),
                change.what.clone(),
                change.numbers(),
                direction,
            ]);
            // Once for all its lines.
            name = "";
        }
    }
    table
}
