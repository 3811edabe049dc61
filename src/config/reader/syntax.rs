//! From text to TOML values, whatever the text.
//!
//! The toml crate bounds the nesting of brackets (80) and of dotted keys (80), not their product,
//! and frees what it built by recursion. A hostile file reaches 6,400 levels, too many for the
//! stack of an ordinary thread; so parsing happens on a deep one, and nothing deep leaves it.

use std::thread;

use toml::de::{DeTable, DeValue, Error};

use crate::config::diagnostic::{Collector, Diagnostic, SYNTAX};
use crate::config::source::{Place, SourceId};
use crate::config::suggest::quoted;

/// Stack for the deepest value the parser can build, several times over.
const STACK: usize = 64 * 1024 * 1024;

/// Levels of tables and arrays in a file that means something; the deepest request template
/// known has six.
const MAX_DEPTH: usize = 32;

/// What the parser made of a text.
pub(super) enum Parsed<'t> {
    /// Values, possibly with gaps, and the syntax errors that made them.
    Values(DeTable<'t>, Vec<Error>),
    /// Nested beyond reason.
    TooDeep,
    /// The machine did not give a thread.
    NoThread,
}

/// Parses a text.
pub(super) fn parse(text: &str) -> Parsed<'_> {
    thread::scope(|scope| {
        let parser = thread::Builder::new().stack_size(STACK);
        let Ok(running) = parser.spawn_scoped(scope, || parse_here(text)) else {
            return Parsed::NoThread;
        };
        running.join().unwrap_or(Parsed::TooDeep)
    })
}

/// Reports the syntax errors. One unclosed bracket makes the parser stumble over every line that
/// follows: of errors on the same or the next line only the first is told.
pub(super) fn report(source: SourceId, text: &str, errors: &[Error], to: &Collector) {
    let mut last_line = None;
    let (mut line, mut counted) = (0, 0);
    for error in errors {
        let span = error.span().unwrap_or(text.len()..text.len());
        let since = text.get(counted..span.start).unwrap_or_default();
        line += since.matches('\n').count();
        counted = counted.max(span.start);
        let follows = last_line.is_some_and(|last| line <= last + 1);
        if !follows {
            to.push(diagnostic(source, text, error));
        }
        last_line = Some(line);
        let before = text.get(..span.start).unwrap_or_default();
        let start = before.rfind('\n').map_or(0, |at| at + 1);
        let after = text.get(span.end..).unwrap_or_default();
        let end = span.end + after.find('\n').unwrap_or(after.len());
        to.spoil(Place::new(source, &(start..end)));
    }
}

/// A syntax error in words that need no grammar beside them.
fn diagnostic(source: SourceId, text: &str, error: &Error) -> Diagnostic {
    let span = error.span().unwrap_or(text.len()..text.len());
    let at = Place::new(source, &span);
    let before = text.get(..span.start).unwrap_or_default();
    let here = text.get(span.clone()).unwrap_or_default();
    let message = if error.message() == "duplicate key" {
        format!("{} is set twice in one table", quoted(here.trim()))
    } else if here.is_empty() && before.trim_end_matches([' ', '\t']).ends_with('=') {
        "a value is missing after \"=\"".to_owned()
    } else {
        error.message().to_owned()
    };
    Diagnostic::error(SYNTAX, at, message)
}

fn parse_here(text: &str) -> Parsed<'_> {
    let (root, errors) = DeTable::parse_recoverable(text);
    let root = root.into_inner();
    if within(MAX_DEPTH, root.values().map(toml::Spanned::get_ref)) {
        Parsed::Values(root, errors)
    } else {
        Parsed::TooDeep
    }
}

fn within<'v, 't: 'v>(depth: usize, mut values: impl Iterator<Item = &'v DeValue<'t>>) -> bool {
    values.all(|value| match value {
        DeValue::Array(_) | DeValue::Table(_) if depth == 0 => false,
        DeValue::Array(elements) => {
            let elements: Vec<_> = elements.iter().map(toml::Spanned::get_ref).collect();
            within(depth - 1, elements.into_iter())
        }
        DeValue::Table(table) => {
            let values: Vec<_> = table.values().map(toml::Spanned::get_ref).collect();
            within(depth - 1, values.into_iter())
        }
        _ => true,
    })
}
