//! Reads a rule from left to right. What is wrong is said with its place, counted in characters from 1.

use thiserror::Error;

use super::{COMPARISONS, Comparison, MEASURES, Measure, Rule, Selector};
use crate::report::types::Unit;

/// Why a rule cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("rule \"{rule}\", character {at}: {found} where {expected} was expected")]
pub struct RuleError {
    /// The whole rule.
    pub rule: String,
    /// The character where it goes wrong, from 1.
    pub at: usize,
    /// What is there, in quotes, or that it ends.
    pub found: String,
    /// What could have been there.
    pub expected: String,
}

/// Times and what one of each is in microseconds.
const TIMES: [(&str, f64); 6] = [
    ("ns", 1e-3),
    ("us", 1.0),
    ("µs", 1.0),
    ("μs", 1.0),
    ("ms", 1e3),
    ("s", 1e6),
];

pub(super) fn rule(text: &str) -> Result<Rule, RuleError> {
    let mut reader = Reader { text, rest: text };
    let measure = reader.measure()?;
    let only = reader.selector(measure)?;
    let comparison = reader.comparison(only == Selector::default() && measure.by_series())?;
    let (limit, unit) = reader.limit(measure)?;
    reader.end()?;
    Ok(Rule {
        written: text.trim().to_owned(),
        measure,
        only,
        comparison,
        limit,
        unit,
    })
}

struct Reader<'a> {
    text: &'a str,
    rest: &'a str,
}

impl<'a> Reader<'a> {
    /// What is wrong here, in front of what is left.
    fn wrong(&self, expected: impl Into<String>) -> RuleError {
        let taken = self.text.chars().count() - self.rest.chars().count();
        let found = self.rest.split_whitespace().next();
        RuleError {
            rule: self.text.to_owned(),
            at: taken + 1,
            found: found.map_or_else(|| "the end".to_owned(), |word| format!("\"{word}\"")),
            expected: expected.into(),
        }
    }

    fn spaces(&mut self) {
        self.rest = self.rest.trim_start();
    }

    /// Takes this text if it is next.
    fn next_is(&mut self, text: &str) -> bool {
        self.spaces();
        let rest = self.rest.strip_prefix(text);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    /// Takes all characters of a kind; perhaps none.
    fn taken(&mut self, kind: impl Fn(char) -> bool) -> &'a str {
        self.spaces();
        let end = self
            .rest
            .find(|c: char| !kind(c))
            .unwrap_or(self.rest.len());
        let (taken, rest) = self.rest.split_at(end);
        self.rest = rest;
        taken
    }

    fn measure(&mut self) -> Result<Measure, RuleError> {
        self.spaces();
        let before = self.rest;
        let name = self.taken(|c| c.is_alphanumeric() || c == '.' || c == '_');
        let known = MEASURES.into_iter().find(|(known, _)| *known == name);
        let Some((_, measure)) = known else {
            self.rest = before;
            return Err(self.wrong(format!(
                "one of {}",
                MEASURES.map(|(name, _)| name).join(", ")
            )));
        };
        Ok(measure)
    }

    /// `{scene=settlement, case="voucher of another town"}`, or nothing.
    fn selector(&mut self, measure: Measure) -> Result<Selector, RuleError> {
        let mut only = Selector::default();
        self.spaces();
        let before = self.rest;
        if !self.next_is("{") {
            return Ok(only);
        }
        if !measure.by_series() {
            self.rest = before;
            return Err(self.wrong("a comparison (this is not known of single series)"));
        }
        loop {
            let field = self.field(&mut only)?;
            if !self.next_is("=") {
                return Err(self.wrong("\"=\""));
            }
            *field = Some(self.value()?);
            if self.next_is("}") {
                return Ok(only);
            }
            if !self.next_is(",") {
                return Err(self.wrong("\",\" or \"}\""));
            }
        }
    }

    /// The field that is named next, if it has no value yet.
    fn field<'b>(&mut self, only: &'b mut Selector) -> Result<&'b mut Option<String>, RuleError> {
        self.spaces();
        let before = self.rest;
        let name = self.taken(char::is_alphabetic);
        let field = match name {
            "scene" => &mut only.scene,
            "case" => &mut only.case,
            "decision" => &mut only.decision,
            _ => {
                self.rest = before;
                return Err(self.wrong("scene, case or decision"));
            }
        };
        if field.is_some() {
            self.rest = before;
            return Err(self.wrong("another field, this one a second time"));
        }
        Ok(field)
    }

    fn value(&mut self) -> Result<String, RuleError> {
        if self.next_is("\"") {
            let Some((value, rest)) = self.rest.split_once('"') else {
                return Err(self.wrong("a name with \" at its end"));
            };
            self.rest = rest;
            return Ok(value.to_owned());
        }
        let value = self.taken(|c| !c.is_whitespace() && !matches!(c, ',' | '}' | '{' | '=' | '"'));
        if value.is_empty() {
            return Err(self.wrong("a name"));
        }
        Ok(value.to_owned())
    }

    fn comparison(&mut self, selectable: bool) -> Result<Comparison, RuleError> {
        let found = COMPARISONS
            .into_iter()
            .find(|(written, _)| self.next_is(written));
        let Some((_, comparison)) = found else {
            let all = COMPARISONS.map(|(written, _)| written).join(", ");
            let or = if selectable { ", or {scene=…}" } else { "" };
            return Err(self.wrong(format!("one of {all}{or}")));
        };
        Ok(comparison)
    }

    fn limit(&mut self, measure: Measure) -> Result<(f64, Unit), RuleError> {
        self.spaces();
        let before = self.rest;
        let digits = self.taken(|c| c.is_ascii_digit() || c == '.');
        let Ok(number) = digits.parse::<f64>() else {
            self.rest = before;
            return Err(self.wrong("a number"));
        };
        Ok(match measure {
            Measure::Latency(_) => (number * self.time()?, Unit::Micros),
            Measure::Rate => (number, Unit::PerSecond),
            _ if self.next_is("%") => (number / 100.0, Unit::Share),
            Measure::Achieved => (number, Unit::Share),
            _ => (number, Unit::Count),
        })
    }

    /// A unit of time, in microseconds.
    fn time(&mut self) -> Result<f64, RuleError> {
        self.spaces();
        let before = self.rest;
        let name = self.taken(char::is_alphabetic);
        let Some((_, micros)) = TIMES.into_iter().find(|(known, _)| *known == name) else {
            self.rest = before;
            return Err(self.wrong("a unit of time: ns, us, µs, ms or s"));
        };
        Ok(micros)
    }

    fn end(&mut self) -> Result<(), RuleError> {
        self.spaces();
        if self.rest.is_empty() {
            Ok(())
        } else {
            Err(self.wrong("the end"))
        }
    }
}
