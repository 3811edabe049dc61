//! Just enough of Rust's grammar to know which paths a file names.

use std::fs;
use std::path::{Path, PathBuf};

/// A file of `src/` without its tests.
#[derive(Debug)]
pub(crate) struct Source {
    /// Relative to the repository.
    pub(crate) name: String,
    /// Where it stands among the modules: `["route", "matcher"]`; empty for `lib.rs`.
    pub(crate) module: Vec<String>,
    /// What the compiler sees outside of tests, comments and strings blanked out.
    pub(crate) code: String,
}

/// A path in a source, such as `crate::scan::Scan`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Named {
    /// The line, from 1.
    pub(crate) line: usize,
    /// The path's words.
    pub(crate) path: Vec<String>,
}

/// The repository.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every source, tests left out.
pub(crate) fn all() -> Vec<Source> {
    let mut files = Vec::new();
    collect(&root().join("src"), &mut files);
    files.sort();
    files.iter().map(|path| read(path)).collect()
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let stem = path.file_stem().unwrap().to_str().unwrap();
        if stem == "tests" {
            continue;
        }
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|end| end == "rs") {
            files.push(path);
        }
    }
}

fn read(path: &Path) -> Source {
    let name = path.strip_prefix(root()).unwrap().to_str().unwrap();
    let module = name.trim_start_matches("src/").trim_end_matches(".rs");
    let module = module.trim_end_matches("/mod");
    let text = fs::read_to_string(path).unwrap();
    let code = blank(&text);
    // By house rule tests come last.
    let tests = code.find("#[cfg(test)]\nmod tests {");
    Source {
        name: name.to_owned(),
        module: match module {
            "lib" => Vec::new(),
            module => module.split('/').map(str::to_owned).collect(),
        },
        code: code.split_at(tests.unwrap_or(code.len())).0.to_owned(),
    }
}

impl Source {
    /// Every path of two words or more, those within `use a::{b, c}` one by one.
    pub(crate) fn paths(&self) -> Vec<Named> {
        let mut reader = Reader {
            rest: &self.code,
            line: 1,
            found: Vec::new(),
        };
        while !reader.rest.is_empty() {
            if reader.at_word() {
                reader.path(&[]);
            } else {
                reader.skip(1);
            }
        }
        reader.found
    }

    /// The paths that lead into a module of the crate, which comes first in each.
    pub(crate) fn inward(&self) -> Vec<Named> {
        let named = self.paths().into_iter();
        named
            .filter_map(|named| self.within_crate(&named))
            .collect()
    }

    fn within_crate(&self, named: &Named) -> Option<Named> {
        let ups = named.path.iter().take_while(|word| *word == "super");
        let ups = ups.count();
        let start = match named.path[0].as_str() {
            // The program's own file sees the library from outside.
            "crate" | "multicode" => 1,
            "super" if ups == self.module.len() => ups,
            _ => return None,
        };
        let path = named.path.get(start..).filter(|path| !path.is_empty())?;
        Some(Named {
            line: named.line,
            path: path.to_vec(),
        })
    }
}

struct Reader<'a> {
    rest: &'a str,
    line: usize,
    found: Vec<Named>,
}

impl Reader<'_> {
    fn at_word(&self) -> bool {
        self.rest
            .starts_with(|c: char| c.is_alphabetic() || c == '_')
    }

    fn skip(&mut self, chars: usize) {
        for c in self.rest.chars().take(chars) {
            self.line += usize::from(c == '\n');
            self.rest = self.rest.split_at(c.len_utf8()).1;
        }
    }

    fn skip_spaces(&mut self) {
        while self.rest.starts_with(char::is_whitespace) {
            self.skip(1);
        }
    }

    fn word(&mut self) -> String {
        let end = self.rest.find(|c: char| !c.is_alphanumeric() && c != '_');
        let (word, rest) = self.rest.split_at(end.unwrap_or(self.rest.len()));
        self.rest = rest;
        word.to_owned()
    }

    /// Reads a path that continues `prefix`, groups and all.
    fn path(&mut self, prefix: &[String]) {
        let line = self.line;
        let mut path = prefix.to_vec();
        path.push(self.word());
        while self.rest.starts_with("::") {
            self.skip(2);
            if self.at_word() {
                path.push(self.word());
            } else if self.rest.starts_with('{') {
                return self.group(&path);
            } else {
                break;
            }
        }
        if path.len() > 1 {
            self.found.push(Named { line, path });
        }
    }

    fn group(&mut self, prefix: &[String]) {
        self.skip(1);
        loop {
            self.skip_spaces();
            if self.rest.is_empty() || self.rest.starts_with('}') {
                return self.skip(1);
            }
            if self.at_word() {
                self.path(prefix);
            }
            // Past ` as Name`, up to the next one.
            while !self.rest.is_empty() && !self.rest.starts_with([',', '}']) {
                self.skip(1);
            }
            if self.rest.starts_with(',') {
                self.skip(1);
            }
        }
    }
}

/// Turns comments, strings and character literals into spaces; lines stay lines.
fn blank(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let length = literal(rest);
        let (taken, after) = rest.split_at(length.unwrap_or_else(|| first.len_utf8()));
        match length {
            None => out.push(first),
            Some(_) => out.extend(taken.chars().map(|c| if c == '\n' { c } else { ' ' })),
        }
        rest = after;
    }
    out
}

/// The length of the comment or literal a text begins with.
fn literal(text: &str) -> Option<usize> {
    let until = |opening: &str, end: &str| {
        let inside = text.strip_prefix(opening)?;
        Some(opening.len() + inside.find(end)? + end.len())
    };
    if text.starts_with("//") {
        return Some(text.find('\n').unwrap_or(text.len()));
    }
    if text.starts_with("/*") {
        return until("/*", "*/");
    }
    if text.starts_with('"') {
        return until_quote(text, '"');
    }
    if text.starts_with("'\\") {
        return until_quote(text, '\'');
    }
    let mut chars = text.chars();
    match (chars.next()?, chars.next(), chars.next()) {
        ('\'', Some(one), Some('\'')) => return Some(one.len_utf8() + 2),
        ('r', _, _) => {}
        _ => return None,
    }
    let count = text
        .bytes()
        .skip(1)
        .take_while(|&byte| byte == b'#')
        .count();
    let hashes = "#".repeat(count);
    (count > 0).then(|| until(&format!("r{hashes}\""), &format!("\"{hashes}")))?
}

fn until_quote(text: &str, quote: char) -> Option<usize> {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        if c == quote && !escaped {
            return Some(at + 1);
        }
        escaped = c == '\\' && !escaped;
    }
    None
}

#[track_caller]
fn check(code: &str, expected: &[(usize, &str)]) {
    let source = Source {
        name: String::new(),
        module: vec!["a".to_owned(), "b".to_owned()],
        code: blank(code),
    };
    let found = source.inward().into_iter();
    let found: Vec<_> = found
        .map(|named| (named.line, named.path.join("::")))
        .collect();
    let expected: Vec<_> = expected
        .iter()
        .map(|(line, path)| (*line, (*path).to_owned()))
        .collect();
    assert_eq!(found, expected, "{code}");
}

#[test]
fn paths_are_found_wherever_they_stand() {
    check("use crate::scan::Scan;", &[(1, "scan::Scan")]);
    check(
        "use crate::{\n    scan,\n    trust::{self, Keys as K},\n};",
        &[(2, "scan"), (3, "trust::self"), (3, "trust::Keys")],
    );
    check("fn f(x: crate::time::T) {}", &[(1, "time::T")]);
    check("use super::super::scan::X;", &[(1, "scan::X")]);
    check("use super::c::X; use std::fmt;", &[]);
    check("pub(crate) struct S; pub(in crate::a) x", &[(1, "a")]);
}

#[test]
fn comments_and_literals_name_nothing() {
    check("// crate::x\n/* crate::y */ crate::z::A", &[(2, "z::A")]);
    check("\"// crate::x\"; crate::z::A", &[(1, "z::A")]);
    check("r#\"crate::\"x\"#; '\"'; crate::z::A", &[(1, "z::A")]);
    check(
        "fn f<'a>(x: &'a str) { '\\''; crate::z::A }",
        &[(1, "z::A")],
    );
}
