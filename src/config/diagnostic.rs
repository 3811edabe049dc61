//! What is wrong with the files: one shape for every finding, collected rather than returned.
//!
//! How a finding looks to a person or to a program is in `render`.

use std::cell::{Cell, RefCell};
use std::ops::Range;

use super::source::{Place, Sources};

/// Findings kept of one load; a file of nothing but mistakes must not fill the memory.
const MAX_FINDINGS: usize = 500;

/// The code of what is no TOML.
pub(crate) const SYNTAX: &str = "syntax";

/// The code of what cannot be read at all.
pub(crate) const UNREADABLE: &str = "unreadable";

/// Whether a finding stops the configuration from being used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// The configuration is refused.
    Error,
    /// The configuration is used; somebody should look.
    Warning,
    /// Nothing is wrong; it is as well to know.
    Note,
}

impl Severity {
    /// The word in front of the message.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Note => "note",
        }
    }
}

/// One finding.
#[derive(Clone, Debug)]
pub struct Diagnostic {
    /// Refused, or only worth a look.
    pub severity: Severity,
    /// The kebab-case name of this sort of finding; stable, so that programs may rely on it.
    pub code: &'static str,
    /// One sentence, lowercase, without full stop; never a secret's value.
    pub message: String,
    /// Where.
    pub at: Place,
    /// What to do about it.
    pub help: Option<String>,
    /// Other places that matter, each with what it is.
    pub related: Vec<(Place, String)>,
}

impl Diagnostic {
    /// A finding that refuses the configuration.
    pub fn error(code: &'static str, at: Place, message: impl Into<String>) -> Self {
        Self::new(Severity::Error, code, at, message.into())
    }

    /// A finding that lets it pass.
    pub fn warning(code: &'static str, at: Place, message: impl Into<String>) -> Self {
        Self::new(Severity::Warning, code, at, message.into())
    }

    /// Something worth knowing.
    pub fn note(code: &'static str, at: Place, message: impl Into<String>) -> Self {
        Self::new(Severity::Note, code, at, message.into())
    }

    /// Says what to do.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Says what to do, if anything is known.
    #[must_use]
    pub fn help_if(mut self, help: Option<String>) -> Self {
        self.help = help.or(self.help);
        self
    }

    /// Points at another place.
    #[must_use]
    pub fn related(mut self, at: Place, label: impl Into<String>) -> Self {
        self.related.push((at, label.into()));
        self
    }

    const fn new(severity: Severity, code: &'static str, at: Place, message: String) -> Self {
        Self {
            severity,
            code,
            message,
            at,
            help: None,
            related: Vec::new(),
        }
    }
}

/// Where readers drop their findings; shared by reference, since tables are read inside tables.
#[derive(Debug, Default)]
pub(crate) struct Collector {
    found: RefCell<Vec<Diagnostic>>,
    masked: RefCell<Vec<Place>>,
    spoiled: RefCell<Vec<Place>>,
    broken: Cell<bool>,
    omitted: Cell<usize>,
}

impl Collector {
    /// Notes a finding; beyond the limit only their number.
    pub(crate) fn push(&self, diagnostic: Diagnostic) {
        let mut found = self.found.borrow_mut();
        if diagnostic.severity == Severity::Error {
            self.broken.set(true);
        }
        if found.len() < MAX_FINDINGS {
            found.push(diagnostic);
        } else {
            self.omitted.set(self.omitted.get() + 1);
        }
    }

    /// Marks bytes that must never be shown.
    pub(crate) fn mask(&self, at: Place) {
        let mut masked = self.masked.borrow_mut();
        if masked.last() != Some(&at) {
            masked.push(at);
        }
    }

    /// Marks bytes a syntax error has spoiled: what the parser left there means nothing.
    pub(crate) fn spoil(&self, at: Place) {
        self.spoiled.borrow_mut().push(at);
    }

    /// Whether a place is spoiled, wholly or in part.
    pub(crate) fn is_spoiled(&self, at: Place) -> bool {
        let Some(span) = at.span() else { return false };
        self.spoiled.borrow().iter().any(|one| {
            let near = |bad: Range<usize>| bad.start <= span.end && span.start <= bad.end;
            one.source() == at.source() && (span == (0..0) || one.span().is_some_and(near))
        })
    }

    /// Whether an error was noted so far.
    pub(crate) const fn has_errors(&self) -> bool {
        self.broken.get()
    }

    /// The findings in the order of the files and their lines.
    pub(crate) fn finish(self, sources: Sources) -> Diagnostics {
        let mut found = self.found.into_inner();
        found.sort_by(|a, b| (a.at, a.severity, a.code).cmp(&(b.at, b.severity, b.code)));
        Diagnostics {
            sources,
            found,
            masked: self.masked.into_inner(),
            omitted: self.omitted.get(),
            broken: self.broken.get(),
        }
    }
}

/// Everything found in one load, with the files it was found in.
#[derive(Debug, Default)]
pub struct Diagnostics {
    pub(super) sources: Sources,
    pub(super) found: Vec<Diagnostic>,
    pub(super) masked: Vec<Place>,
    pub(super) omitted: usize,
    broken: bool,
}

impl Diagnostics {
    /// What others found in these files, in the order of the files and their lines.
    pub fn of(sources: Sources, found: Vec<Diagnostic>) -> Self {
        let collector = Collector::default();
        for one in found {
            collector.push(one);
        }
        collector.finish(sources)
    }

    /// Whether any finding refuses the configuration.
    pub const fn has_errors(&self) -> bool {
        self.broken
    }

    /// Whether nothing at all was found.
    pub const fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    /// The errors alone.
    #[must_use]
    pub fn errors(mut self) -> Self {
        self.found.retain(|found| found.severity == Severity::Error);
        self
    }

    /// Adds a finding that only running the configuration showed.
    pub fn push(&mut self, found: Diagnostic) {
        self.broken |= found.severity == Severity::Error;
        self.found.push(found);
    }

    /// Makes errors of all findings of this sort.
    pub fn raise(&mut self, code: &str) {
        for found in self.found.iter_mut().filter(|found| found.code == code) {
            found.severity = Severity::Error;
            self.broken = true;
        }
    }

    /// Whether a file could not be read at all, so that the system is to blame.
    pub fn has_unreadable(&self) -> bool {
        let unreadable =
            |found: &Diagnostic| found.code == UNREADABLE && found.severity == Severity::Error;
        self.found.iter().any(unreadable)
    }

    /// How many findings of a severity were kept.
    pub fn count(&self, severity: Severity) -> usize {
        let of = |found: &&Diagnostic| found.severity == severity;
        self.found.iter().filter(of).count()
    }

    /// The findings, by file and line.
    pub fn iter(&self) -> impl Iterator<Item = &Diagnostic> {
        self.found.iter()
    }

    /// The files they speak of.
    pub const fn sources(&self) -> &Sources {
        &self.sources
    }
}
