//! The chain: `h(i) = SHA-256(h(i-1) | record)`, each record in the file between its length and its link.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek as _, SeekFrom};
use std::path::Path;

use ring::digest::{Context, SHA256};

use super::record::Line;

/// A link of the chain.
pub type Link = [u8; 32];

/// What stands before the first record of a trail.
pub const FIRST: Link = [0; 32];

/// The longest record: all its words at their longest are a third of this.
pub const MAX_RECORD: usize = 16 * 1024;

/// Before the record: its length, in network order.
pub const LENGTH_BYTES: usize = 4;

/// The link that follows `before` by this record.
pub fn link(before: &Link, record: &[u8]) -> Link {
    let mut context = Context::new(&SHA256);
    context.update(before);
    context.update(record);
    context.finish().as_ref().try_into().unwrap_or(FIRST)
}

/// Puts a record, written by `write`, behind what `bytes` holds; gives its link.
pub(super) fn append(before: &Link, bytes: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) -> Link {
    let start = bytes.len();
    bytes.extend_from_slice(&[0; LENGTH_BYTES]);
    write(bytes);
    let body = start.saturating_add(LENGTH_BYTES);
    let record = bytes.get(body..).unwrap_or_default();
    let length = u32::try_from(record.len()).unwrap_or(u32::MAX);
    let after = link(before, record);
    if let Some(place) = bytes.get_mut(start..body) {
        place.copy_from_slice(&length.to_be_bytes());
    }
    bytes.extend_from_slice(&after);
    after
}

/// One record as it stands in a file.
#[derive(Clone, Debug)]
pub(super) struct Frame {
    /// Where it begins.
    pub(super) offset: u64,
    pub(super) record: Vec<u8>,
    /// The link behind it.
    pub(super) link: Link,
}

/// What comes next in a file.
#[derive(Debug)]
pub(super) enum Next {
    Frame(Frame),
    /// The file ends where it may.
    End,
    /// The file ends within a record that begins there.
    Short {
        offset: u64,
        bytes: u64,
    },
    /// No record can be so long.
    Odd {
        offset: u64,
    },
}

/// The records of a file, one after the other.
#[derive(Debug)]
pub(super) struct Frames {
    input: BufReader<File>,
    offset: u64,
}

impl Frames {
    /// From the beginning.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let input = BufReader::with_capacity(64 * 1024, File::open(path)?);
        Ok(Self { input, offset: 0 })
    }

    /// Forgets what was read ahead: the writer may have cut it off, and written something else there.
    pub(super) fn refresh(&mut self) -> io::Result<()> {
        self.input.seek(SeekFrom::Start(self.offset))?;
        Ok(())
    }

    /// Where the next record begins.
    pub(super) const fn offset(&self) -> u64 {
        self.offset
    }

    /// The next record.
    pub(super) fn next(&mut self) -> io::Result<Next> {
        let offset = self.offset;
        let mut length = Vec::with_capacity(LENGTH_BYTES);
        let head = take(&mut self.input, LENGTH_BYTES, &mut length)?;
        if head == 0 {
            return Ok(Next::End);
        }
        let Ok(length) = <[u8; LENGTH_BYTES]>::try_from(&*length) else {
            return Ok(Next::Short {
                offset,
                bytes: wide(head),
            });
        };
        let length = usize::try_from(u32::from_be_bytes(length)).unwrap_or(usize::MAX);
        if length == 0 || length > MAX_RECORD {
            return Ok(Next::Odd { offset });
        }
        let whole = length.saturating_add(FIRST.len());
        let mut record = Vec::with_capacity(whole);
        let body = take(&mut self.input, whole, &mut record)?;
        let taken = wide(head.saturating_add(body));
        let tail = record.split_off(length.min(record.len()));
        let Ok(link) = Link::try_from(&*tail) else {
            return Ok(Next::Short {
                offset,
                bytes: taken,
            });
        };
        self.offset = offset.saturating_add(taken);
        Ok(Next::Frame(Frame {
            offset,
            record,
            link,
        }))
    }

    /// The number of the record after this one, without going there.
    pub(super) fn peek(&mut self) -> io::Result<Option<u64>> {
        let offset = self.offset;
        let next = self.next()?;
        self.offset = offset;
        self.refresh()?;
        Ok(match next {
            Next::Frame(frame) => Line::read(&frame.record).map(|line| line.seq()),
            _ => None,
        })
    }
}

fn take(input: &mut impl Read, most: usize, into: &mut Vec<u8>) -> io::Result<usize> {
    input.take(wide(most)).read_to_end(into)
}

fn wide(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_is_the_digest_of_the_one_before_and_the_record() {
        let mut bytes = Vec::new();
        let first = append(&FIRST, &mut bytes, |bytes| bytes.extend_from_slice(b"one"));
        let digest = ring::digest::digest(&SHA256, &[&FIRST[..], b"one"].concat());
        assert_eq!(digest.as_ref(), first);
        assert_eq!(bytes[..7], *b"\0\0\0\x03one");
        assert_eq!(bytes[7..], first);
        assert_ne!(append(&first, &mut bytes, |bytes| bytes.push(1)), first);
    }
}
