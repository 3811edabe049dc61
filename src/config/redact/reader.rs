//! Goes over a text that may be TOML, JSON, XML or an address, and hides what stands under names of
//! secrets. Whatever the text, no part of it is looked at more often than a few times: files have a
//! megabyte, and drafts of them come over the network.

use super::names::is_secret_name;
use super::{hidden, value};

/// Texts within texts that are looked into; what is deeper is hidden.
const DEEPEST: usize = 8;

/// Names in a row, `a."b" . c`, that are looked at; what is behind more of them is hidden.
const NAMES: usize = 32;

/// The longest placeholder. `${secret.NAME}` has a name in it that a person gave.
const GAP: usize = 128;

/// Characters behind which a name may begin while the value of a secret is read.
const BEFORE_NAMES: [char; 11] = ['?', '&', ';', ',', '{', '[', '(', '<', '|', '"', '\''];

/// Goes over a text that may be TOML.
pub(super) struct Reader<'t> {
    rest: &'t str,
    out: String,
    /// Whether what is read next belongs to a secret's name.
    secret: bool,
    /// Whether the table does.
    table: bool,
    /// The same of each open bracket.
    open: Vec<bool>,
    /// Whether something but blanks was seen on this line.
    began: bool,
    /// Where the name that is read was cut off, if it goes on further than is looked at.
    cut: Option<usize>,
    /// How many texts it stands within.
    depth: usize,
}

/// A name with everything in front of it, `a."b" . c`.
struct Key {
    length: usize,
    secret: bool,
    /// Whether there are more names than are looked at.
    goes_on: bool,
}

impl<'t> Reader<'t> {
    /// Begins with a whole text.
    pub(super) fn new(rest: &'t str) -> Self {
        Self::within(rest, false, 0)
    }

    fn within(rest: &'t str, table: bool, depth: usize) -> Self {
        Self {
            rest,
            out: String::with_capacity(rest.len()),
            secret: table,
            table,
            open: Vec::new(),
            began: false,
            cut: None,
            depth,
        }
    }

    /// The text as it may be shown.
    pub(super) fn read(mut self) -> String {
        while let Some(first) = self.rest.chars().next() {
            if first == '[' && !self.began && self.header() || self.key() {
                continue;
            }
            match first {
                '\n' => self.line(),
                '#' if self.is_comment() => self.comment(),
                '$' if self.rest.starts_with("${") => self.gap(),
                '[' | '{' => {
                    self.open.push(self.secret);
                    self.took(1);
                }
                ']' | '}' => {
                    self.open.pop();
                    self.secret = self.around();
                    self.take(1);
                }
                ',' => {
                    self.secret = self.around();
                    self.take(1);
                }
                one if is_word(one) => self.word(),
                // Where a run of these has no meaning, no part of it has one.
                ' ' | '\t' => self.take(run(self.rest, &[' ', '\t'])),
                one => match mark(self.rest) {
                    Some(mark) => self.string(mark),
                    None if one == '\\' => self.took(run(self.rest, &['\\'])),
                    None if one.is_whitespace() => self.take(one.len_utf8()),
                    None => self.took(one.len_utf8()),
                },
            }
        }
        self.out
    }

    /// A text within this one.
    fn inside(&self, text: &str, table: bool) -> String {
        if self.depth >= DEEPEST {
            return hidden(text);
        }
        Reader::within(text, table, self.depth + 1).read()
    }

    /// Whether whatever encloses this place is a secret's.
    fn around(&self) -> bool {
        self.open.last().copied().unwrap_or(self.table)
    }

    /// Passes bytes on.
    fn take(&mut self, bytes: usize) {
        let (taken, rest) = self.rest.split_at_checked(bytes).unwrap_or((self.rest, ""));
        self.out.push_str(taken);
        self.rest = rest;
    }

    /// Passes bytes on that are no blanks.
    fn took(&mut self, bytes: usize) {
        self.began = true;
        self.take(bytes);
    }

    fn line(&mut self) {
        self.secret = self.around();
        self.began = false;
        self.cut = None;
        self.take(1);
    }

    /// Addresses have fragments.
    fn is_comment(&self) -> bool {
        let last = self.out.chars().next_back();
        !last.is_some_and(|it| is_word(it) || matches!(it, '/' | '=' | '&' | '?'))
    }

    fn comment(&mut self) {
        let (line, rest) = split(self.rest, self.rest.find('\n'));
        let inside = line.trim_start_matches('#');
        let shown = self.inside(inside, self.table);
        self.take(line.len() - inside.len());
        self.out.push_str(&shown);
        self.rest = rest;
    }

    /// What is filled in is named, and no secret.
    fn gap(&mut self) {
        let mut near = self.rest.bytes().take(GAP);
        let end = near.position(|one| matches!(one, b'}' | b'\n'));
        let end = end.filter(|end| self.rest.as_bytes().get(*end) == Some(&b'}'));
        self.took(end.map_or(2, |end| end + 1));
    }

    /// Passes a table's header on, if this is one. The header of secrets is one wherever it stands,
    /// for a bracket in front of it may be open by mistake.
    fn header(&mut self) -> bool {
        let (line, _) = split(self.rest, self.rest.find('\n'));
        let names = line.trim_start_matches(['[', ' ', '\t']);
        let Some(key) = key(names) else {
            return false;
        };
        let after = names.get(key.length..).unwrap_or_default().trim_start();
        let end = after.trim_start_matches([']', ' ', '\t', '\r']);
        let ends = after.starts_with(']') && (end.is_empty() || end.starts_with('#'));
        if !ends || !(self.open.is_empty() || key.secret) {
            return false;
        }
        self.open.clear();
        self.table = key.secret;
        self.secret = self.table;
        self.took(line.len() - end.len());
        true
    }

    /// Passes the name of what follows on, if this is one.
    fn key(&mut self) -> bool {
        let last = self.out.chars().next_back();
        let begins = last.is_none_or(|it| it.is_whitespace() || BEFORE_NAMES.contains(&it));
        let line = self.out.trim_end_matches([' ', '\t']);
        if self.secret && (!begins || line.ends_with(['=', ':'])) {
            return false;
        }
        let Some(key) = key(self.rest) else {
            return false;
        };
        let after = self.rest.get(key.length..).unwrap_or_default();
        let next = after.trim_start_matches([' ', '\t']);
        if !key.goes_on && !next.starts_with(['=', ':']) {
            return false;
        }
        // A name that begins with an escape may be any.
        let cut = key.goes_on.then_some(self.out.len());
        let long = cut.or(self.cut).is_some();
        self.cut = cut;
        self.secret = self.around() || key.secret || long || last == Some('%');
        self.took(key.length);
        true
    }

    fn string(&mut self, mark: &'t str) {
        self.took(mark.len());
        let (inside, rest) = split(self.rest, end_of_string(self.rest, mark));
        let shown = self.inside(&value(inside, self.secret), false);
        self.out.push_str(&shown);
        self.rest = rest;
        if self.rest.starts_with(mark) {
            self.take(mark.len());
        }
    }

    fn word(&mut self) {
        self.began = true;
        let (word, rest) = split(self.rest, self.rest.find(|one| !is_word(one)));
        // A group of a regular expression is named as an element is.
        let group = ["?<", "?P<"].iter().any(|it| self.out.ends_with(it));
        let opens = self.out.ends_with('<') && rest.starts_with('>') && !group;
        self.rest = rest;
        if opens && is_secret_name(word) {
            self.out.push_str(word);
            self.take(1);
            let (inside, rest) = split(self.rest, self.rest.find("</"));
            self.out.push_str(&value(inside, true));
            self.rest = rest;
        } else if self.secret {
            self.out.push_str(&value(word, true));
        } else {
            self.out.push_str(word);
        }
    }
}

/// Letters of names as they stand without quotes, and of words in any language.
fn is_word(one: char) -> bool {
    one.is_alphanumeric() || matches!(one, '_' | '-' | '.')
}

/// The name at the beginning of a text, whatever follows it.
fn key(text: &str) -> Option<Key> {
    let mut rest = text;
    let mut secret = false;
    for _ in 0..NAMES {
        if let Some(mark) = mark(rest).filter(|it| !is_long(it)) {
            let after = rest.get(mark.len()..)?;
            let (name, after) = after.split_at_checked(end_of_string(after, mark)?)?;
            rest = after.strip_prefix(mark)?;
            secret |= name.split('.').any(is_secret_name);
        } else {
            let (name, after) = split(rest, rest.find(|one| !is_word(one)));
            if name.is_empty() {
                return None;
            }
            rest = after;
            secret |= name.split('.').any(is_secret_name);
            let next = rest.trim_start_matches([' ', '\t']);
            if name.ends_with('.') && !next.starts_with(['=', ':', ']']) {
                rest = next;
                continue;
            }
        }
        let length = text.len() - rest.len();
        let next = rest.trim_start_matches([' ', '\t']);
        match next.strip_prefix('.') {
            Some(next) => rest = next.trim_start_matches([' ', '\t']),
            None => {
                return Some(Key {
                    length,
                    secret,
                    goes_on: false,
                });
            }
        }
    }
    Some(Key {
        length: text.len() - rest.len(),
        secret,
        goes_on: true,
    })
}

/// How many bytes the text begins with that are one of these.
fn run(text: &str, of: &[char]) -> usize {
    text.len() - text.trim_start_matches(of).len()
}

/// What begins a string: quotes, with backslashes where the text stands within a string itself.
fn mark(text: &str) -> Option<&str> {
    let slashes = text.len() - text.trim_start_matches('\\').len();
    let quotes = text.get(slashes..)?;
    let all = ["\"\"\"", "'''", "\"", "'"];
    let mut fitting = all.iter().filter(|it| quotes.starts_with(**it));
    let quote = fitting.find(|it| slashes == 0 || it.len() == 1)?;
    text.get(..slashes + quote.len())
}

/// Whether strings with these marks go over several lines.
fn is_long(mark: &str) -> bool {
    mark.len() == 3 && !mark.starts_with('\\')
}

fn split(text: &str, at: Option<usize>) -> (&str, &str) {
    text.split_at_checked(at.unwrap_or(text.len()))
        .unwrap_or((text, ""))
}

/// Where a string with this mark ends; a short one at the line's end at the latest.
fn end_of_string(text: &str, mark: &str) -> Option<usize> {
    let long = is_long(mark);
    let quote = mark.chars().next_back()?;
    let (depth, marks) = if long {
        (0, mark)
    } else {
        (mark.len() - 1, mark.get(mark.len() - 1..)?)
    };
    let mut slashes = 0;
    for (at, one) in text.char_indices() {
        if one == '\\' {
            slashes += 1;
            continue;
        }
        // Each text within a text doubles the backslashes.
        let ends = mark.starts_with('\'') || slashes % (2 * (depth + 1)) == depth;
        slashes = 0;
        if one == '\n' && !long {
            return Some(at);
        }
        let (before, from) = split(text, Some(at));
        if one == quote && ends && from.starts_with(marks) {
            // Two quotes may stand in front of the three.
            let more = from
                .chars()
                .skip(marks.len())
                .take(if long { 2 } else { 0 });
            let more = more.take_while(|one| *one == quote).count();
            return Some(before.len() + more - depth);
        }
    }
    None
}
