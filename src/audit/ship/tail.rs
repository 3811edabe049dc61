//! Reading behind the writer, up to what is on disk.

use std::io;

use crate::audit::chain::{Frames, Next};
use crate::audit::folder::{Folder, Segment};
use crate::audit::record::Line;

/// So many records are sent at once, some hundred kilobytes.
const MOST: usize = 500;

/// A place in the trail.
#[derive(Debug)]
pub(super) struct Reader {
    segment: Segment,
    frames: Frames,
    /// The last record that was read, or need not be.
    last: u64,
}

impl Reader {
    /// Behind this record, or at the oldest that is kept.
    pub(super) fn open(folder: &Folder, behind: u64) -> io::Result<Self> {
        let mut segments = folder.segments()?;
        let next = behind.saturating_add(1);
        let place = segments.iter().rposition(|segment| segment.first <= next);
        let place = place.unwrap_or_default();
        if place >= segments.len() {
            return Err(io::ErrorKind::NotFound.into());
        }
        let segment = segments.swap_remove(place);
        Ok(Self {
            frames: Frames::open(&segment.path)?,
            segment,
            last: behind,
        })
    }

    /// The next records, not beyond the one that is on disk.
    pub(super) fn batch(&mut self, folder: &Folder, durable: u64) -> io::Result<Vec<Line>> {
        self.frames.refresh()?;
        let mut lines = Vec::new();
        while lines.len() < MOST && self.last < durable {
            let Some(line) = self.next()? else {
                if !self.turn(folder)? {
                    break;
                }
                continue;
            };
            let seq = line.seq();
            if seq > self.last && seq <= durable {
                self.last = seq;
                lines.push(line);
            }
        }
        Ok(lines)
    }

    /// The next record of this segment. What is no record is passed over: `verify` tells of it.
    fn next(&mut self) -> io::Result<Option<Line>> {
        loop {
            match self.frames.next()? {
                Next::Frame(frame) => {
                    if let Some(line) = Line::read(&frame.record) {
                        return Ok(Some(line));
                    }
                }
                Next::End | Next::Short { .. } | Next::Odd { .. } => return Ok(None),
            }
        }
    }

    /// Goes to the next segment; false if there is none.
    fn turn(&mut self, folder: &Folder) -> io::Result<bool> {
        let mut segments = folder.segments()?.into_iter();
        let Some(segment) = segments.find(|segment| segment.first > self.segment.first) else {
            return Ok(false);
        };
        self.frames = Frames::open(&segment.path)?;
        self.segment = segment;
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::chain::{FIRST, append};
    use crate::audit::field::Field;
    use crate::audit::record::{About, Record};

    fn put(bytes: &mut Vec<u8>, seq: u64, terminal: &str) {
        let record = Record {
            terminal: Some(terminal.into()),
            ..Record::default()
        };
        let about = About { seq, node: "a" };
        append(&FIRST, bytes, |bytes| record.write(about, bytes));
    }

    #[test]
    fn what_was_cut_off_again_is_not_sent() {
        let place = tempfile::tempdir().unwrap();
        let folder = Folder::new(place.path());
        let path = folder.segment(1).path;
        let mut bytes = Vec::new();
        put(&mut bytes, 1, "stays");
        let durable = bytes.len();
        put(&mut bytes, 2, "fails");
        std::fs::write(&path, &bytes).unwrap();
        let mut reader = Reader::open(&folder, 0).unwrap();
        let first = reader.batch(&folder, 1).unwrap();
        // The sync failed: it is written again, with something before it.
        bytes.truncate(durable);
        put(&mut bytes, 2, "says so");
        put(&mut bytes, 3, "fails");
        std::fs::write(&path, &bytes).unwrap();
        let then = reader.batch(&folder, 3).unwrap();
        let lines = first.iter().chain(&then);
        let terminals: Vec<_> = lines.map(|line| line.text(Field::Terminal)).collect();
        assert_eq!(terminals, [Some("stays"), Some("says so"), Some("fails")]);
    }
}
