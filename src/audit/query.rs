//! Reading a trail again: one record after the other, and which of them are wanted.

use std::io;
use std::path::Path;

use data_encoding::HEXLOWER;
use serde::Serialize;
use serde::ser::{SerializeMap as _, Serializer};

use super::chain::{Frames, Next};
use super::field::{Field, Held};
use super::folder::Folder;
use super::record::Line;
use crate::time::Timestamp;

/// Which records are wanted; all that is set must hold.
#[derive(Clone, Debug, Default)]
pub struct Query {
    /// Not before.
    pub since: Option<Timestamp>,
    /// Before.
    pub until: Option<Timestamp>,
    /// Words that fields must hold.
    pub words: Vec<(Field, Box<str>)>,
}

impl Query {
    /// Whether a record is wanted.
    pub fn wants(&self, line: &Line) -> bool {
        let at = line.at();
        self.since.is_none_or(|since| at >= since)
            && self.until.is_none_or(|until| at < until)
            && self
                .words
                .iter()
                .all(|(field, word)| line.text(*field) == Some(word))
    }
}

/// Every record of a folder that can be read, the oldest first; one is in memory at a time.
#[derive(Debug)]
pub struct Lines {
    segments: std::vec::IntoIter<super::folder::Segment>,
    frames: Option<Frames>,
}

impl Lines {
    /// From the oldest segment on.
    pub fn open(folder: &Path) -> io::Result<Self> {
        Ok(Self {
            segments: Folder::new(folder).segments()?.into_iter(),
            frames: None,
        })
    }
}

impl Iterator for Lines {
    type Item = io::Result<Line>;

    /// Passes over what cannot be read: whether it is whole, `verify` says.
    fn next(&mut self) -> Option<io::Result<Line>> {
        loop {
            let Some(frames) = &mut self.frames else {
                match Frames::open(&self.segments.next()?.path) {
                    Ok(frames) => self.frames = Some(frames),
                    Err(error) => return Some(Err(error)),
                }
                continue;
            };
            match frames.next() {
                Err(error) => return Some(Err(error)),
                Ok(Next::Frame(frame)) => {
                    if let Some(line) = Line::read(&frame.record) {
                        return Some(Ok(line));
                    }
                }
                Ok(_) => self.frames = None,
            }
        }
    }
}

impl Held {
    /// As it is shown: an instant in RFC 3339, a digest in hexadecimal.
    pub fn shown(&self) -> String {
        match self {
            Self::Number(number) => number.to_string(),
            Self::Millis(millis) => Timestamp::from_millis(*millis).to_string(),
            Self::Text(text) => text.to_string(),
            Self::Bytes(bytes) => HEXLOWER.encode(bytes),
        }
    }
}

impl Serialize for Held {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Number(number) => serializer.serialize_u64(*number),
            held => serializer.serialize_str(&held.shown()),
        }
    }
}

impl Serialize for Line {
    /// An object with the fields' names.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.fields().len()))?;
        for (field, held) in self.fields() {
            map.serialize_entry(field.name(), held)?;
        }
        map.end()
    }
}
