//! How findings look: to a person, `file:line:column`, the line and a caret; to a program, JSON.
//!
//! No line is shown with a secret in it: the readers mark every value that should have been a
//! reference, and where a file could not even be parsed whatever might be one is hidden with its whole line.

use std::fmt::{self, Write as _};
use std::ops::Range;

use serde::Serialize;

use super::diagnostic::{Diagnostic, Diagnostics, SYNTAX, Severity};
use super::redact::is_secret_name;
use super::source::{Place, Source};

/// Characters of a long line that are shown around the place.
const WINDOW: usize = 120;

/// What stands for a hidden value, whatever its length.
const HIDDEN: &str = "***";

/// With or without terminal colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// ANSI colours.
    Colour,
    /// Text alone.
    Plain,
}

impl Style {
    const fn paint(self, ansi: &'static str) -> &'static str {
        match self {
            Self::Colour => ansi,
            Self::Plain => "",
        }
    }
}

/// The colour of carets, and the end of it.
#[derive(Clone, Copy)]
struct Ink(&'static str, &'static str);

impl Diagnostics {
    /// All findings for a person.
    pub fn render(&self, style: Style) -> String {
        let mut out = String::new();
        for finding in self.iter() {
            // Writing to a string cannot fail.
            let _ = self.write_one(&mut out, finding, style);
        }
        if self.omitted > 0 {
            let _ = writeln!(out, "and {} more", self.omitted);
        }
        out
    }

    /// All findings for a program: an array of objects.
    pub fn to_json(&self) -> serde_json::Value {
        let shown: Vec<_> = self.iter().map(|finding| self.as_json(finding)).collect();
        serde_json::to_value(shown).unwrap_or_default()
    }

    /// A place as `file:line:column`.
    pub fn locate(&self, at: Place) -> String {
        let Some(source) = self.sources.get(at.source()) else {
            return String::new();
        };
        let path = source.path().display();
        match at.span() {
            Some(span) => {
                let position = source.position(span.start);
                format!("{path}:{}:{}", position.line, position.column)
            }
            None => path.to_string(),
        }
    }

    fn write_one(&self, out: &mut String, found: &Diagnostic, style: Style) -> fmt::Result {
        let (bold, plain) = (style.paint("\u{1b}[1m"), style.paint("\u{1b}[0m"));
        let severity = style.paint(match found.severity {
            Severity::Error => "\u{1b}[1;31m",
            Severity::Warning => "\u{1b}[1;33m",
            Severity::Note => "\u{1b}[1;36m",
        });
        let cyan = style.paint("\u{1b}[36m");
        let place = self.locate(found.at);
        let name = found.severity.name();
        let message = &found.message;
        writeln!(
            out,
            "{bold}{place}:{plain} {severity}{name}:{plain} {message}"
        )?;
        self.write_line(out, found.at, found.code, Ink(severity, plain))?;
        for (at, label) in &found.related {
            writeln!(out, "{}: note: {label}", self.locate(*at))?;
            self.write_line(out, *at, found.code, Ink(cyan, plain))?;
        }
        if let Some(help) = &found.help {
            writeln!(out, "{cyan}help:{plain} {help}")?;
        }
        Ok(())
    }

    fn write_line(&self, out: &mut String, at: Place, code: &str, ink: Ink) -> fmt::Result {
        let (Some(source), Some(span)) = (self.sources.get(at.source()), at.span()) else {
            return Ok(());
        };
        let line = source.line_at(span.start);
        let hidden = self.hidden(source, at, line, code);
        let shown = Excerpt::of(source, line, &span, &hidden);
        let (indent, carets) = (" ".repeat(shown.indent), "^".repeat(shown.carets));
        let margin = " ".repeat(line.to_string().len());
        writeln!(out, " {line} | {}", shown.text)?;
        writeln!(out, " {margin} | {indent}{}{carets}{}", ink.0, ink.1)
    }

    /// The bytes of a line that must not be shown.
    fn hidden(&self, source: &Source, at: Place, line: usize, code: &str) -> Vec<Range<usize>> {
        let (text, start) = source.line(line);
        if matches!(code, SYNTAX | "not-utf-8") && may_hold_secret(source, line) {
            return std::iter::once(start..start + text.len()).collect();
        }
        let of_this_file = self.masked.iter().filter(|one| one.source() == at.source());
        of_this_file
            .filter_map(|one| one.span())
            .filter(|one| one.start < start + text.len() && one.end > start)
            .collect()
    }

    fn as_json<'d>(&'d self, found: &'d Diagnostic) -> Finding<'d> {
        let related = found.related.iter();
        Finding {
            severity: found.severity.name(),
            code: found.code,
            message: &found.message,
            at: self.spot(found.at),
            help: found.help.as_deref(),
            related: related
                .map(|(at, label)| Related {
                    at: self.spot(*at),
                    label,
                })
                .collect(),
        }
    }

    fn spot(&self, at: Place) -> Spot {
        let source = self.sources.get(at.source());
        let position = |offset| source.map(|source| source.position(offset));
        let (start, end) = match at.span() {
            Some(span) => (position(span.start), position(span.end)),
            None => (None, None),
        };
        Spot {
            file: source.map_or_else(String::new, |source| source.path().display().to_string()),
            line: start.map(|at| at.line),
            column: start.map(|at| at.column),
            end_line: end.map(|at| at.line),
            end_column: end.map(|at| at.column),
        }
    }
}

/// A finding as JSON.
#[derive(Serialize)]
struct Finding<'d> {
    severity: &'static str,
    code: &'static str,
    message: &'d str,
    #[serde(flatten)]
    at: Spot,
    help: Option<&'d str>,
    related: Vec<Related<'d>>,
}

/// Another place as JSON.
#[derive(Serialize)]
struct Related<'d> {
    #[serde(flatten)]
    at: Spot,
    label: &'d str,
}

/// A place as JSON; without lines when the whole file is meant.
#[derive(Serialize)]
struct Spot {
    file: String,
    line: Option<usize>,
    column: Option<usize>,
    end_line: Option<usize>,
    end_column: Option<usize>,
}

/// Whether the line, or one above it in the same table, speaks of secrets: a value may begin on any of them.
/// Asked only of text that is no TOML, where nothing better than its words is known.
fn may_hold_secret(source: &Source, line: usize) -> bool {
    for number in (1..=line).rev() {
        let text = source.line(number).0;
        if words(text).any(is_secret_name) {
            return true;
        }
        if number != line && is_header(text) {
            return false;
        }
    }
    false
}

/// What may be names in it. An escape may spell any letter.
fn words(text: &str) -> impl Iterator<Item = &str> {
    let apart = |one: char| !one.is_alphanumeric() && !matches!(one, '_' | '-' | '\\');
    text.split(apart).filter(|word| !word.is_empty())
}

/// Whether a table begins here. What has quotes may be an array within a value.
fn is_header(text: &str) -> bool {
    let text = text.split('#').next().unwrap_or_default().trim();
    text.starts_with('[') && text.ends_with(']') && !text.contains(['"', '\'', ','])
}

/// A line made fit to be shown, and where the carets under it go, in terminal cells.
struct Excerpt {
    text: String,
    indent: usize,
    carets: usize,
}

impl Excerpt {
    fn of(source: &Source, line: usize, span: &Range<usize>, hidden: &[Range<usize>]) -> Self {
        let (text, start) = source.line(line);
        let column = source.position(span.start).column;
        let skipped = if text.chars().count() > WINDOW {
            column.saturating_sub(WINDOW / 2)
        } else {
            0
        };
        let mut excerpt = Self {
            text: String::new(),
            indent: 0,
            carets: 0,
        };
        if skipped > 0 {
            excerpt.text.push('…');
        }
        let mut cells = usize::from(skipped > 0);
        let mut shown = text.char_indices().skip(skipped);
        for (at, one) in shown.by_ref().take(WINDOW) {
            let at = start + at;
            let cut = hidden.iter().find(|range| range.contains(&at));
            let wide = match cut {
                Some(range) if at == range.start || excerpt.text.is_empty() => {
                    excerpt.text.push_str(HIDDEN);
                    HIDDEN.len()
                }
                Some(_) => 0,
                None => excerpt.push(one),
            };
            if at < span.start {
                excerpt.indent = cells + wide;
            } else if at < span.end {
                excerpt.carets += wide;
            }
            cells += wide;
        }
        if shown.next().is_some() {
            excerpt.text.push('…');
        }
        excerpt.indent = excerpt.indent.max(usize::from(skipped > 0));
        excerpt.carets = excerpt.carets.max(1);
        excerpt
    }

    /// Adds a character as a terminal may see it and says how many cells it takes.
    fn push(&mut self, one: char) -> usize {
        match one {
            '\t' => self.text.push_str("    "),
            one if one.is_control() => self.text.push('\u{fffd}'),
            one => self.text.push(one),
        }
        match one {
            '\t' => 4,
            '\u{1100}'..='\u{115f}'
            | '\u{2e80}'..='\u{a4cf}'
            | '\u{ac00}'..='\u{d7a3}'
            | '\u{f900}'..='\u{faff}'
            | '\u{fe30}'..='\u{fe6f}'
            | '\u{ff00}'..='\u{ff60}'
            | '\u{ffe0}'..='\u{ffe6}'
            | '\u{1f300}'..='\u{1faff}'
            | '\u{20000}'..='\u{3fffd}' => 2,
            _ => 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config::diagnostic::Collector;
    use crate::config::source::{SourceId, Sources};

    #[track_caller]
    fn check(
        text: &str,
        make: impl FnOnce(SourceId, &Collector) -> Diagnostic,
        expected: &str,
    ) -> Diagnostics {
        let mut sources = Sources::default();
        let id = sources.add(Path::new("routes.toml"), text.to_owned());
        let collector = Collector::default();
        collector.push(make(id, &collector));
        let diagnostics = collector.finish(sources);
        assert_eq!(diagnostics.render(Style::Plain), expected);
        diagnostics
    }

    #[test]
    fn the_line_is_shown_with_carets_under_the_place() {
        let text = "# 挂号\n中 = { up = \"bank\" }\n";
        let bank = text.find("\"bank").unwrap();
        let found = check(
            text,
            |id, _| {
                let at = Place::new(id, &(bank..bank + 6));
                Diagnostic::error("unknown-name", at, "unknown upstream \"bank\"")
                    .help("did you mean \"bank-pay\"?")
                    .related(Place::new(id, &(0..1)), "first named here")
            },
            "routes.toml:2:12: error: unknown upstream \"bank\"\n \
             2 | 中 = { up = \"bank\" }\n   |             ^^^^^^\n\
             routes.toml:1:1: note: first named here\n \
             1 | # 挂号\n   | ^\n\
             help: did you mean \"bank-pay\"?\n",
        );
        let json = found.to_json();
        assert_eq!(json[0]["file"], "routes.toml");
        assert_eq!(json[0]["line"], 2);
        assert_eq!(json[0]["end_column"], 18);
        assert_eq!(json[0]["related"][0]["label"], "first named here");
        assert!(found.render(Style::Colour).contains("\u{1b}[1;31merror:"));
    }

    #[test]
    fn a_masked_value_is_never_shown() {
        let text = "secret = \"hunter22\" # x\n";
        check(
            text,
            |id, collector| {
                let at = Place::new(id, &(9..19));
                collector.mask(at);
                Diagnostic::error("plain-secret", at, "a secret in plain text")
            },
            "routes.toml:1:10: error: a secret in plain text\n \
             1 | secret = *** # x\n   |          ^^^\n",
        );
        check(
            "[contract.a.secrets]\ntoken = \"hunter2\n",
            |id, _| Diagnostic::error("syntax", Place::new(id, &(37..37)), "unterminated"),
            "routes.toml:2:17: error: unterminated\n 2 | ***\n   |    ^\n",
        );
    }

    #[test]
    fn long_lines_are_cut_and_controls_are_defused() {
        let text = format!("x{}\u{1b}[2J{}", "a".repeat(500), "b".repeat(500));
        let at = 501;
        let shown = {
            let mut sources = Sources::default();
            let id = sources.add(Path::new("f"), text);
            let collector = Collector::default();
            let place = Place::new(id, &(at..at + 1));
            collector.push(Diagnostic::error("syntax", place, "x"));
            collector.finish(sources).render(Style::Plain)
        };
        assert!(shown.len() < 500, "{shown}");
        assert!(!shown.contains('\u{1b}'));
        let lines: Vec<Vec<char>> = shown.lines().map(|line| line.chars().collect()).collect();
        let caret = lines[2].iter().position(|&one| one == '^').unwrap();
        assert_eq!(lines[1][caret], '\u{fffd}');
    }
}
