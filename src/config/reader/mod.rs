//! Reads tables key by key, keeping the place of every value and collecting every mistake.
//!
//! A reader asks for the keys it knows; `finish` reports what nobody asked for. What is asked for
//! and unreadable is reported where it stands and read as absent, so that one mistake does not hide
//! the next.

mod network;
mod scalar;
mod syntax;

use toml::de::{DeTable, DeValue};

use super::diagnostic::{Collector, Diagnostic, UNREADABLE};
use super::source::{Place, SourceId, Spanned};
use super::suggest::{help, quoted};
pub(crate) use network::{
    Address, Destination, Endpoint, Scheme, Sender, address, cidr, destination, endpoint,
    listening_address, mode, sender, socket_address,
};
pub(crate) use scalar::{
    boolean, choice, duration, instant, integer, parsed, share, size, span, string,
};

/// Which file is being read, and where findings go.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Context<'r> {
    source: SourceId,
    collector: &'r Collector,
    /// The text did not parse whole: what seems absent may only be unreadable.
    damaged: bool,
}

impl Context<'_> {
    /// Notes a finding, unless a syntax error stands at the same place and explains it.
    pub(crate) fn report(&self, diagnostic: Diagnostic) {
        if !self.damaged || !self.collector.is_spoiled(diagnostic.at) {
            self.collector.push(diagnostic);
        }
    }

    /// Hides bytes from every later display.
    pub(crate) fn mask(&self, at: Place) {
        self.collector.mask(at);
    }
}

/// Parses a file's text; every syntax error is noted and the rest is still read.
pub(crate) fn parse<'r>(source: SourceId, text: &'r str, collector: &'r Collector) -> Document<'r> {
    let (root, errors) = match syntax::parse(text) {
        syntax::Parsed::Values(root, errors) => (root, errors),
        refused => {
            let (code, message) = match refused {
                syntax::Parsed::NoThread => (UNREADABLE, "no thread to parse it on"),
                _ => ("too-deep", "tables and arrays are nested too deep"),
            };
            collector.push(Diagnostic::error(code, Place::file(source), message));
            return Document::empty(source, collector);
        }
    };
    syntax::report(source, text, &errors, collector);
    let context = Context {
        source,
        collector,
        damaged: !errors.is_empty(),
    };
    Document {
        root: Table::new(root, Place::file(source), "the file".into(), context),
        damaged: context.damaged,
    }
}

/// A parsed file.
#[derive(Debug)]
pub(crate) struct Document<'r> {
    /// The keys outside any table, and the tables.
    pub(crate) root: Table<'r>,
    /// Whether the text held syntax errors.
    pub(crate) damaged: bool,
}

impl<'r> Document<'r> {
    fn empty(source: SourceId, collector: &'r Collector) -> Self {
        let context = Context {
            source,
            collector,
            damaged: true,
        };
        let name = String::new();
        Self {
            root: Table::new(DeTable::new(), Place::file(source), name, context),
            damaged: true,
        }
    }
}

/// A table of which some keys were read.
#[derive(Debug)]
pub(crate) struct Table<'r> {
    entries: DeTable<'r>,
    at: Place,
    name: String,
    asked: Vec<&'static str>,
    discreet: bool,
    context: Context<'r>,
}

impl<'r> Table<'r> {
    const fn new(entries: DeTable<'r>, at: Place, name: String, context: Context<'r>) -> Self {
        Self {
            entries,
            at,
            name,
            asked: Vec::new(),
            discreet: false,
            context,
        }
    }

    /// Where the table begins.
    pub(crate) const fn at(&self) -> Place {
        self.at
    }

    /// The file and the collector.
    pub(crate) const fn context(&self) -> Context<'r> {
        self.context
    }

    /// Declares that secrets are written here: what stands under a mistyped key is not shown.
    pub(crate) const fn discreet(&mut self) {
        self.discreet = true;
    }

    /// Whether a key is there and not yet read.
    pub(crate) fn has(&self, key: &str) -> bool {
        self.entries.contains_key(key)
    }

    /// Reads a key that may be absent.
    pub(crate) fn optional<T>(
        &mut self,
        key: &'static str,
        read: impl FnOnce(Value<'r>) -> Option<T>,
    ) -> Option<T> {
        self.take(key).and_then(read)
    }

    /// Reads a key that must be there.
    pub(crate) fn required<T>(
        &mut self,
        key: &'static str,
        read: impl FnOnce(Value<'r>) -> Option<T>,
    ) -> Option<T> {
        let Some(value) = self.take(key) else {
            self.missing(key);
            return None;
        };
        read(value)
    }

    /// Reads `[key.<name>]` tables; a name whose table is unreadable is kept with `None`, so that
    /// those who refer to it are not blamed.
    pub(crate) fn named<T>(
        &mut self,
        key: &'static str,
        read: impl Fn(&Spanned<String>, Self) -> Option<T>,
    ) -> Vec<(Spanned<String>, Option<T>)> {
        let Some(outer) = self.optional(key, Value::table) else {
            return Vec::new();
        };
        let mut all = Vec::new();
        for (name, value) in outer.into_entries() {
            check_name(&name, value.context);
            let body = value.named(format!("[{key}.{}]", name.value)).table();
            let body = body.and_then(|table| read(&name, table));
            all.push((name, body));
        }
        // Tables come by name; the order of the file reads better in reports.
        all.sort_by_key(|(name, _)| name.at);
        all
    }

    /// Reads `[[key]]` tables; unreadable ones are left out.
    pub(crate) fn array<T>(
        &mut self,
        key: &'static str,
        read: impl Fn(Self) -> Option<T>,
    ) -> Vec<T> {
        let tables = list(|value: Value<'r>| {
            let table = value.named(format!("[[{key}]]")).table()?;
            read(table)
        });
        self.optional(key, tables).unwrap_or_default()
    }

    /// Every key with its value, for tables whose keys are free.
    pub(crate) fn into_entries(self) -> impl Iterator<Item = (Spanned<String>, Value<'r>)> {
        let context = self.context;
        self.entries.into_iter().map(move |(key, value)| {
            let key_at = Place::new(context.source, &key.span());
            let key = key.into_inner().into_owned();
            let value = Value::new(key.clone(), value, context);
            (Spanned::new(key, key_at), value)
        })
    }

    /// As [`Self::into_entries`], in the order written.
    pub(crate) fn in_order(self) -> impl Iterator<Item = (Spanned<String>, Value<'r>)> {
        let mut entries: Vec<_> = self.into_entries().collect();
        entries.sort_by_key(|(key, _)| key.at);
        entries.into_iter()
    }

    /// Reports the keys nobody asked for.
    pub(crate) fn finish(self) {
        let (context, name, discreet) = (self.context, self.name.clone(), self.discreet);
        let asked = self.asked.clone();
        for (key, value) in self.into_entries() {
            let near = help(&key.value, asked.iter().copied());
            if discreet {
                context.mask(value.at);
            }
            let message = format!("{name} has no key {}", quoted(&key.value));
            context.report(Diagnostic::error("unknown-key", key.at, message).help_if(near));
        }
    }

    /// Says that a key must be there.
    pub(crate) fn missing(&self, key: &str) {
        if !self.context.damaged {
            let message = format!("{} needs \"{key}\"", self.name);
            let found = Diagnostic::error("missing-key", self.at, message);
            self.context.report(found);
        }
    }

    fn take(&mut self, key: &'static str) -> Option<Value<'r>> {
        self.asked.push(key);
        let value = self.entries.remove(key)?;
        Some(Value::new(key.to_owned(), value, self.context))
    }
}

/// A value nobody has interpreted yet.
#[derive(Debug)]
pub(crate) struct Value<'r> {
    written: DeValue<'r>,
    at: Place,
    name: String,
    context: Context<'r>,
}

impl<'r> Value<'r> {
    fn new(name: String, value: toml::Spanned<DeValue<'r>>, context: Context<'r>) -> Self {
        Self {
            at: Place::new(context.source, &value.span()),
            written: value.into_inner(),
            name,
            context,
        }
    }

    /// Where it stands.
    pub(crate) const fn at(&self) -> Place {
        self.at
    }

    /// The file and the collector.
    pub(crate) const fn context(&self) -> Context<'r> {
        self.context
    }

    /// What was written.
    pub(crate) const fn get(&self) -> &DeValue<'r> {
        &self.written
    }

    /// Reads it as a table.
    pub(crate) fn table(self) -> Option<Table<'r>> {
        match self.written {
            DeValue::Table(entries) => {
                let name = if self.name.starts_with('[') {
                    self.name
                } else {
                    quoted(&self.name)
                };
                Some(Table::new(entries, self.at, name, self.context))
            }
            _ => self.mismatch("a table"),
        }
    }

    /// Says that something else was expected.
    pub(crate) fn mismatch<T>(&self, expected: &str) -> Option<T> {
        self.mismatch_with(expected, None)
    }

    fn mismatch_with<T>(&self, expected: &str, help: Option<String>) -> Option<T> {
        let found = match &self.written {
            DeValue::String(_) => "a string",
            DeValue::Integer(_) => "an integer",
            DeValue::Float(_) => "a float",
            DeValue::Boolean(_) => "a boolean",
            DeValue::Datetime(_) => "a date or time",
            DeValue::Array(_) => "an array",
            DeValue::Table(_) => "a table",
        };
        let message = format!("{} must be {expected}, not {found}", self.shown_name());
        self.refuse("type-mismatch", message, help)
    }

    /// Says what is wrong with the value, in words that follow its name.
    pub(crate) fn invalid<T>(&self, complaint: &str) -> Option<T> {
        self.refuse(
            "bad-value",
            format!("{} {complaint}", self.shown_name()),
            None,
        )
    }

    fn refuse<T>(&self, code: &'static str, message: String, help: Option<String>) -> Option<T> {
        let found = Diagnostic::error(code, self.at, message);
        self.context.report(found.help_if(help));
        None
    }

    fn shown_name(&self) -> String {
        if self.name.starts_with('[') {
            self.name.clone()
        } else {
            quoted(&self.name)
        }
    }

    fn named(mut self, name: String) -> Self {
        self.name = name;
        self
    }
}

/// Reads an array whose elements are all of one sort; unreadable elements are left out.
pub(crate) fn list<'r, T>(
    read: impl Fn(Value<'r>) -> Option<T>,
) -> impl FnOnce(Value<'r>) -> Option<Vec<T>> {
    move |value| match value.written {
        DeValue::Array(elements) => {
            let (name, context) = (value.name, value.context);
            let each = elements.into_iter();
            Some(
                each.filter_map(|one| read(Value::new(name.clone(), one, context)))
                    .collect(),
            )
        }
        DeValue::String(ref text) => {
            let help = format!("write [{}]", quoted(text));
            value.mismatch_with("an array", Some(help))
        }
        _ => value.mismatch("an array"),
    }
}

/// Names end up in headers, metric labels and other files: plain characters only.
fn check_name(name: &Spanned<String>, context: Context<'_>) {
    const LONGEST: usize = 64;
    let plain = |one: char| one.is_ascii_alphanumeric() || matches!(one, '-' | '_' | '.');
    let text = &name.value;
    if text.is_empty() || text.len() > LONGEST || !text.chars().all(plain) {
        let message = format!("{} cannot be a name", quoted(text));
        let found = Diagnostic::error("bad-name", name.at, message);
        let help = "1 to 64 of the characters A-Z a-z 0-9 - _ .";
        context.report(found.help(help));
    }
}

#[cfg(test)]
mod tests;
