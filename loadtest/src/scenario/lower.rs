//! From what is written to what is meant.

use std::path::{Path, PathBuf};
use std::time::Duration;

use multicode::config::Diagnostic;
use multicode::config::source::{Place, SourceId};
use multicode::family::{Algorithm, Freshness, Region};
use multicode::sandbox::mint::Flaw;
use serde_json::{Map, Value};
use toml::Spanned;

use super::file::{self, File};
use super::{Case, Expect, Scenario, Shown, Terminals, Wanted, load_of, names};
use crate::answer::is_decision;
use crate::numbers::{SPAN_EXPECTED, span};
use crate::report::threshold::Rule;

/// How long a code is good unless the scenario says otherwise.
const VALID_FOR: Duration = Duration::from_secs(120);

/// Repetitions of one request; more is a flood and no retry.
const MOST_REPEATS: u64 = 16;

/// Collects what is wrong.
pub(super) struct Desk {
    source: SourceId,
    folder: PathBuf,
    found: Vec<Diagnostic>,
}

/// The scenario, unless something is wrong with it.
pub(super) fn lower(
    file: File,
    path: &Path,
    source: SourceId,
) -> (Option<Scenario>, Vec<Diagnostic>) {
    let mut desk = Desk {
        source,
        folder: path.parent().unwrap_or_else(|| Path::new("")).to_owned(),
        found: Vec::new(),
    };
    let load = load_of::load(&file.load, &mut desk);
    let terminals = desk.terminals(&file.terminals);
    let thresholds = file
        .thresholds
        .iter()
        .filter_map(|rule| desk.threshold(rule));
    let thresholds = thresholds.collect();
    let known: Vec<&str> = file
        .cases
        .iter()
        .map(|case| &*case.get_ref().name)
        .collect();
    let cases: Vec<Case> = file
        .cases
        .iter()
        .enumerate()
        .filter_map(|(index, case)| desk.case(case, index, &known))
        .collect();
    if !cases.iter().any(|case| case.share > 0.0) {
        desk.found.push(Diagnostic::error(
            "no-cases",
            Place::file(source),
            "found no [[case]] with a share above 0, expected at least one",
        ));
    }
    let scenario = load.map(|load| Scenario {
        name: file.name,
        config: desk.folder.join(&file.config),
        seed: file.seed,
        load,
        terminals,
        cases,
        thresholds,
    });
    let scenario = scenario.filter(|_| desk.found.is_empty());
    (scenario, desk.found)
}

impl Desk {
    /// Where something is written.
    pub(super) fn at<T>(&self, written: &Spanned<T>) -> Place {
        Place::new(self.source, &written.span())
    }

    /// Notes a mistake.
    pub(super) fn wrong<T>(&mut self, written: &Spanned<T>, message: impl Into<String>) {
        let at = self.at(written);
        self.found.push(Diagnostic::error("scenario", at, message));
    }

    /// A span, or the note that it is none.
    pub(super) fn span(&mut self, written: &Spanned<String>) -> Option<Duration> {
        let read = span(written.get_ref());
        if read.is_none() {
            let text = written.get_ref();
            self.wrong(written, format!("found `{text}`, expected {SPAN_EXPECTED}"));
        }
        read
    }

    fn threshold(&mut self, written: &Spanned<String>) -> Option<Rule> {
        let read = written.get_ref().parse::<Rule>();
        read.map_err(|error| self.wrong(written, error.to_string()))
            .ok()
    }

    fn terminals(&mut self, file: &file::Terminals) -> Terminals {
        let terminals = Terminals {
            names: self.names(&file.names),
            organisations: self.names(&file.organisations),
            keys: Vec::new(),
        };
        let Some(written) = &file.api_keys else {
            return terminals;
        };
        let path = self.folder.join(written.get_ref());
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) => {
                let path = path.display();
                self.wrong(written, format!("{path} cannot be read: {error}"));
                return terminals;
            }
        };
        let keys = keys(&text);
        let named = |name: &String| {
            let found = keys.iter().find(|(of, _)| of == name);
            found.map_or_else(|| Err(name.clone()), |(_, key)| Ok((*key).to_owned()))
        };
        match terminals.names.iter().map(named).collect() {
            Ok(keys) => Terminals { keys, ..terminals },
            Err(name) => {
                let message =
                    format!("found no key of terminal `{name}`, expected a line `{name} KEY`");
                self.wrong(written, message);
                terminals
            }
        }
    }

    fn names(&mut self, patterns: &[Spanned<String>]) -> Vec<String> {
        let mut all = Vec::new();
        for pattern in patterns {
            match names(pattern.get_ref()) {
                Ok(names) => all.extend(names),
                Err(error) => self.wrong(pattern, error.to_string()),
            }
        }
        all
    }

    fn case(
        &mut self,
        written: &Spanned<file::Case>,
        index: usize,
        known: &[&str],
    ) -> Option<Case> {
        let case = written.get_ref();
        if known.iter().take(index).any(|name| *name == case.name) {
            self.wrong(
                written,
                format!("found `{}` twice, expected names that differ", case.name),
            );
        }
        let share = *case.share.get_ref();
        if !(share.is_finite() && share >= 0.0) {
            self.wrong(
                &case.share,
                format!("found {share}, expected a share of 0 or more"),
            );
        }
        let repeat = case.repeat.as_ref().map_or(Some(0), |repeat| {
            let times = Some(*repeat.get_ref()).filter(|times| *times <= MOST_REPEATS);
            if times.is_none() {
                let message = format!(
                    "found {}, expected at most {MOST_REPEATS}",
                    repeat.get_ref()
                );
                self.wrong(repeat, message);
            }
            times.and_then(|times| u32::try_from(times).ok())
        })?;
        let shown = self.shown(written, index, known)?;
        if repeat > 0 && !case.idempotency {
            self.wrong(written, "found `repeat` without `idempotency = true`, expected both: a repetition is known by its key");
        }
        let fields = case.fields.as_ref();
        let fields = fields.map_or_else(|| Some(Map::new()), |fields| self.fields(fields))?;
        let expect = case.expect.as_ref().map(|expect| self.expect(expect));
        Some(Case {
            name: case.name.clone(),
            share,
            shown,
            scenes: case
                .scenes
                .iter()
                .map(|scene| scene.get_ref().clone())
                .collect(),
            form: case.form,
            idempotency: case.idempotency,
            repeat,
            fields,
            expect: expect.flatten(),
            at: self.at(written),
        })
    }

    fn shown(
        &mut self,
        written: &Spanned<file::Case>,
        index: usize,
        known: &[&str],
    ) -> Option<Shown> {
        let case = written.get_ref();
        match (&case.family, &case.code, &case.replay) {
            (Some(family), None, None) => self.wanted(case, family.get_ref()).map(Shown::Minted),
            (None, Some(code), None) => Some(Shown::Text(code.get_ref().clone())),
            (None, None, Some(replay)) => {
                let of = known.iter().position(|name| name == replay.get_ref());
                let of = of.filter(|of| *of != index);
                if of.is_none() {
                    let (found, known) = (replay.get_ref(), known.join(", "));
                    self.wrong(
                        replay,
                        format!("found `{found}`, expected another case: one of {known}"),
                    );
                }
                of.map(Shown::Replayed)
            }
            _ => {
                self.wrong(written, "expected one of `family`, `code` and `replay`");
                None
            }
        }
    }

    fn wanted(&mut self, case: &file::Case, family: &str) -> Option<Wanted> {
        let region = self.word(
            case.region.as_ref(),
            Region::parse,
            "a region of 2, 4 or 6 digits",
        );
        let algorithm = self.word(
            case.algorithm.as_ref(),
            |word| Algorithm::ALL.into_iter().find(|one| one.name() == word),
            "hmac-sha256, hmac-sm3, es256, eddsa, sm2 or another algorithm of docs/routes.md",
        );
        let freshness = self.word(
            case.freshness.as_ref(),
            |word| {
                [Freshness::Dynamic, Freshness::Static]
                    .into_iter()
                    .find(|one| one.name() == word)
            },
            "dynamic or static",
        );
        let flaw = self.word(
            case.flaw.as_ref(),
            |word| word.parse::<Flaw>().ok(),
            "none, expired, not-yet-valid, tampered or foreign",
        );
        let valid_for = case.valid_for.as_ref();
        Some(Wanted {
            family: family.to_owned(),
            issuer: case.issuer.clone(),
            key: case.key.clone(),
            algorithm: algorithm?,
            region: region?,
            freshness: freshness?,
            valid_for: valid_for.map_or(Some(VALID_FOR), |written| self.span(written))?,
            flaw: flaw?.unwrap_or_default(),
        })
    }

    /// A word that stands for something; none where nothing is written, and nothing at all if it is wrong.
    #[expect(
        clippy::option_option,
        reason = "wrong, absent and read are three things"
    )]
    fn word<T>(
        &mut self,
        written: Option<&Spanned<String>>,
        read: impl Fn(&str) -> Option<T>,
        expected: &str,
    ) -> Option<Option<T>> {
        let Some(written) = written else {
            return Some(None);
        };
        let value = read(written.get_ref());
        if value.is_none() {
            let found = written.get_ref();
            self.wrong(written, format!("found `{found}`, expected {expected}"));
        }
        value.map(Some)
    }

    fn fields(&mut self, written: &Spanned<toml::Table>) -> Option<Map<String, Value>> {
        if let Ok(Value::Object(fields)) = serde_json::to_value(written.get_ref()) {
            return Some(fields);
        }
        self.wrong(written, "expected fields that JSON can write");
        None
    }

    fn expect(&mut self, written: &Spanned<file::Expect>) -> Option<Expect> {
        let file = written.get_ref();
        let ((Some(decision), None) | (None, Some(decision))) = (&file.decision, &file.reason)
        else {
            self.wrong(written, "expected either `decision` or `reason`");
            return None;
        };
        if !is_decision(decision.get_ref()) {
            let found = decision.get_ref();
            let message = format!(
                "found `{found}`, expected forward, respond, redirect, repeated or a reason of docs/reasons.md"
            );
            self.wrong(decision, message);
            return None;
        }
        Some(Expect {
            decision: decision.get_ref().clone(),
            route: file.route.clone(),
            status: file.status,
            contains: file.contains.clone(),
        })
    }
}

/// Pairs of name and key, a line each.
fn keys(text: &str) -> Vec<(&str, &str)> {
    let lines = text.lines().map(str::trim);
    lines
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .filter_map(|line| line.split_once(char::is_whitespace))
        .map(|(name, key)| (name, key.trim()))
        .collect()
}
