//! Names in little more memory than they came in, however many there are.

use memchr::memchr;

use super::{ListError, MAX_ENTRIES};
use crate::time::Timestamp;

/// Ends a name's line.
const END: u8 = b'\n';

/// Stands before a name's time.
const BLANK: u8 = b' ';

/// Names, of some only the codes issued before a time. A server's list is kept in them: a name costs its
/// bytes and five more, and one that is there a million times is looked at once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Names {
    /// A line each: the name, and behind a blank the Unix milliseconds of its time. No name has either
    /// in it.
    lines: Vec<u8>,
    /// Where each begins; in the order of the names once they are sorted.
    starts: Vec<u32>,
}

impl Names {
    /// None yet, in room for so many bytes at once: as it fills, it takes memory.
    pub(super) fn with_room(bytes: usize) -> Self {
        Self {
            lines: Vec::with_capacity(bytes),
            starts: Vec::new(),
        }
    }

    /// Adds a name without white space; without a time all its codes are meant.
    pub(super) fn add(&mut self, name: &str, before: Option<Timestamp>) -> Result<(), ListError> {
        if self.starts.len() == MAX_ENTRIES {
            return Err(ListError::TooMany);
        }
        let start = u32::try_from(self.lines.len()).map_err(|_| ListError::TooLong)?;
        self.starts.push(start);
        self.lines.extend_from_slice(name.as_bytes());
        if let Some(before) = before {
            self.lines.push(BLANK);
            let mut millis = itoa::Buffer::new();
            let millis = millis.format(before.millis());
            self.lines.extend_from_slice(millis.as_bytes());
        }
        self.lines.push(END);
        Ok(())
    }

    /// Makes them ready to be looked up; of one name the entry counts that means most codes.
    pub(super) fn sort(&mut self) {
        let Self { lines, starts } = self;
        starts.sort_unstable_by(|one, other| {
            let names = name(lines, *one).cmp(name(lines, *other));
            names.then_with(|| width(lines, *other).cmp(&width(lines, *one)))
        });
        starts.dedup_by(|one, other| name(lines, *one) == name(lines, *other));
        starts.shrink_to_fit();
        lines.shrink_to_fit();
    }

    pub(super) const fn len(&self) -> usize {
        self.starts.len()
    }

    /// Whether the name is among them, for what was issued then.
    pub(super) fn hold(&self, wanted: &str, issued: Option<Timestamp>) -> bool {
        let Self { lines, starts } = self;
        let wanted = wanted.as_bytes();
        let place = starts.partition_point(|start| name(lines, *start) < wanted);
        let found = starts.get(place).copied();
        let found = found.filter(|start| name(lines, *start) == wanted);
        found.is_some_and(|start| match (until(lines, start), issued) {
            (Some(end), Some(issued)) => issued.millis() < end,
            (None, _) | (_, None) => true,
        })
    }
}

fn line(lines: &[u8], start: u32) -> &[u8] {
    let start = usize::try_from(start).unwrap_or(usize::MAX);
    let rest = lines.get(start..).unwrap_or_default();
    let end = memchr(END, rest).unwrap_or(rest.len());
    rest.get(..end).unwrap_or_default()
}

fn name(lines: &[u8], start: u32) -> &[u8] {
    let line = line(lines, start);
    let end = memchr(BLANK, line).unwrap_or(line.len());
    line.get(..end).unwrap_or_default()
}

/// The time before which codes of that name are meant, if only those are.
fn until(lines: &[u8], start: u32) -> Option<i64> {
    let line = line(lines, start);
    let millis = line.get(memchr(BLANK, line)? + 1..)?;
    std::str::from_utf8(millis).ok()?.parse().ok()
}

/// How many codes an entry means, to be compared.
fn width(lines: &[u8], start: u32) -> (bool, Option<i64>) {
    let until = until(lines, start);
    (until.is_none(), until)
}
