//! The files that were read, and how a byte offset in them is shown to a person.
//!
//! A place is a file and a byte range. Line, column and the line itself are worked out only when a
//! diagnostic is shown, so reading a correct file pays nothing for them.

use std::fs::File;
use std::io::Read as _;
use std::ops::Range;
use std::path::{Path, PathBuf};

use super::diagnostic::{Diagnostic, UNREADABLE};

/// The longest file read: a hundred times the largest one imaginable, and far from hurting.
pub const MAX_FILE: usize = 1024 * 1024;

/// Which of the files that were read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SourceId(usize);

/// A byte range of one file, or the file as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    source: SourceId,
    span: Option<(usize, usize)>,
}

impl Place {
    /// The bytes `span` of `source`.
    pub const fn new(source: SourceId, span: &Range<usize>) -> Self {
        let end = if span.end < span.start {
            span.start
        } else {
            span.end
        };
        Self {
            source,
            span: Some((span.start, end)),
        }
    }

    /// The file itself: for what no line can be blamed for.
    pub const fn file(source: SourceId) -> Self {
        Self { source, span: None }
    }

    /// The file.
    pub const fn source(self) -> SourceId {
        self.source
    }

    /// The byte range, unless the whole file is meant.
    pub fn span(self) -> Option<Range<usize>> {
        self.span.map(|(start, end)| start..end)
    }
}

/// A value and where it was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Spanned<T> {
    /// What was written.
    pub value: T,
    /// Where.
    pub at: Place,
}

impl<T> Spanned<T> {
    /// Ties `value` to the place it came from.
    pub const fn new(value: T, at: Place) -> Self {
        Self { value, at }
    }

    /// The same place with another reading of the value.
    pub fn map<U>(self, read: impl FnOnce(T) -> U) -> Spanned<U> {
        Spanned::new(read(self.value), self.at)
    }
}

/// One file's text.
#[derive(Debug)]
pub struct Source {
    path: PathBuf,
    text: String,
    line_starts: Vec<usize>,
}

impl Source {
    /// The path as the operator would write it.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What the file holds.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The line, from 1, in which byte `offset` stands.
    pub fn line_at(&self, offset: usize) -> usize {
        self.line_starts.partition_point(|&start| start <= offset)
    }

    /// The position of byte `offset`; offsets past the end mean the end. Takes as long as its line is.
    pub fn position(&self, offset: usize) -> Position {
        let line = self.line_at(offset);
        let start = self.line_start(line);
        let ahead = self.text.get(start..).unwrap_or_default();
        let column = ahead
            .char_indices()
            .take_while(|&(at, _)| at + start < offset)
            .count();
        Position {
            line,
            column: column + 1,
        }
    }

    /// Line `line` (from 1) without its end, and the offset it begins at.
    pub fn line(&self, line: usize) -> (&str, usize) {
        let start = self.line_start(line);
        let end = self.line_starts.get(line).copied();
        let text = self.text.get(start..end.unwrap_or(self.text.len()));
        (
            text.unwrap_or_default().trim_end_matches(['\n', '\r']),
            start,
        )
    }

    fn line_start(&self, line: usize) -> usize {
        let at = self.line_starts.get(line.saturating_sub(1));
        at.copied().unwrap_or(self.text.len())
    }
}

/// A line and a column, both from 1; columns count characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    /// The line.
    pub line: usize,
    /// The column.
    pub column: usize,
}

/// All files read so far.
#[derive(Debug, Default)]
pub struct Sources(Vec<Source>);

impl Sources {
    /// Takes a text that is already here under the name it is to be shown by.
    pub fn add(&mut self, path: &Path, text: String) -> SourceId {
        let ends = text.match_indices('\n').map(|(at, _)| at + 1);
        let line_starts = std::iter::once(0).chain(ends).collect();
        self.0.push(Source {
            path: path.to_path_buf(),
            text,
            line_starts,
        });
        SourceId(self.0.len() - 1)
    }

    /// Reads a file; whatever stands in the way becomes a diagnostic that names it.
    pub fn read(&mut self, path: &Path) -> Result<SourceId, Box<Diagnostic>> {
        let bytes = match read_bounded(path) {
            Ok(bytes) => bytes,
            Err(error) => {
                let file = Place::file(self.add(path, String::new()));
                let found = Diagnostic::error(UNREADABLE, file, error.to_string());
                return Err(Box::new(found));
            }
        };
        if bytes.len() > MAX_FILE {
            let file = Place::file(self.add(path, String::new()));
            let message = format!("larger than {MAX_FILE} bytes");
            return Err(Box::new(Diagnostic::error("too-large", file, message)));
        }
        match String::from_utf8(bytes) {
            Ok(text) => Ok(self.add(path, text)),
            Err(error) => {
                let at = error.utf8_error().valid_up_to();
                // The text up to the bad byte is kept as it is, so `at` stays a true offset.
                let shown = String::from_utf8_lossy(error.as_bytes()).into_owned();
                let at = Place::new(self.add(path, shown), &(at..at + 1));
                let found = Diagnostic::error("not-utf-8", at, "not UTF-8 text");
                Err(Box::new(found.help("save the file as UTF-8")))
            }
        }
    }

    /// The file behind an id.
    pub fn get(&self, id: SourceId) -> Option<&Source> {
        self.0.get(id.0)
    }
}

fn read_bounded(path: &Path) -> std::io::Result<Vec<u8>> {
    // Asked before opening, since opening a pipe waits for its other end.
    if !std::fs::metadata(path)?.is_file() {
        return Err(std::io::Error::other("not a file"));
    }
    let mut bytes = Vec::new();
    let limit = u64::try_from(MAX_FILE).unwrap_or(u64::MAX);
    File::open(path)?.take(limit + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, offset: usize, line: usize, column: usize, shown: &str) {
        let mut sources = Sources::default();
        let id = sources.add(Path::new("f"), text.to_owned());
        let source = sources.get(id).unwrap();
        let position = source.position(offset);
        assert_eq!((position.line, position.column), (line, column));
        assert_eq!(source.line(line).0, shown);
    }

    #[test]
    fn columns_count_characters_and_lines_end_either_way() {
        check("", 0, 1, 1, "");
        check("a = 1\r\nb = 2\n", 7, 2, 1, "b = 2");
        check("名 = \"挂号\" # x", 6, 1, 5, "名 = \"挂号\" # x");
        check("a\nb", 99, 2, 2, "b");
        check("a\n", 2, 2, 1, "");
    }

    #[test]
    fn a_file_that_cannot_be_text_says_why() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("routes.toml");
        let mut sources = Sources::default();
        let gone = sources.read(&path).unwrap_err();
        assert_eq!(gone.code, "unreadable");
        std::fs::write(&path, b"a = 1\nb = \"\xb9\xd2\"\n").unwrap();
        let latin = sources.read(&path).unwrap_err();
        let span = latin.at.span().unwrap();
        assert_eq!((latin.code, span.start), ("not-utf-8", 11));
        std::fs::write(&path, vec![b'#'; MAX_FILE + 1]).unwrap();
        assert_eq!(sources.read(&path).unwrap_err().code, "too-large");
        // Nobody ever writes to it: whoever opened it would wait for ever.
        let pipe = folder.path().join("pipe.toml");
        let mode = rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR;
        rustix::fs::mkfifoat(rustix::fs::CWD, &pipe, mode).unwrap();
        assert_eq!(sources.read(&pipe).unwrap_err().code, "unreadable");
    }
}
