//! One segment after the other, every link and every checkpoint computed again.
//!
//! Behind something wrong the walk goes on where it can, so that each fault is told once and where it
//! is. Nothing is kept of a record that was passed.

use std::io;

use super::chain::{Frame, Frames, Link, Next, link};
use super::field::{Field, Held};
use super::finding::{Fault, Finding};
use super::folder::{Segment, file_name};
use super::note::{self, Checkpoint, Notes, PublicKey, Signed};
use super::record::Line;
use crate::time::Timestamp;

/// A number that jumps further than this was changed; no trail is so long.
const LEAP: u64 = 1 << 40;

/// Takes what is found.
pub(super) type Tell<'t> = &'t mut dyn FnMut(Finding);

/// How far a segment goes.
#[derive(Clone, Debug, Default)]
pub(super) struct Extent {
    /// The bytes, the last record and its link up to where nothing is wrong.
    pub(super) sound: Option<(u64, u64, Link)>,
    /// The last record that could be read, and the link behind it.
    pub(super) reached: Option<(u64, Link)>,
    /// The last checkpoint whose signature holds.
    pub(super) signed: Option<Checkpoint>,
    /// Where its checkpoints cannot be read any more.
    pub(super) notes_broken: Option<u64>,
    /// When the last record was written.
    pub(super) at: Timestamp,
    /// Whether everything was sound.
    pub(super) whole: bool,
}

/// What is known between two segments.
#[derive(Debug)]
pub(super) struct Walk<'k> {
    pub(super) keys: &'k [PublicKey],
    /// A checkpoint that is held elsewhere, until it is met.
    pub(super) from: Option<Signed>,
    /// The number the next record should have, if that is known.
    pub(super) next: Option<u64>,
    /// The last record's link.
    head: Option<Link>,
    /// What the link would be if the last record's own was changed.
    computed: Option<Link>,
}

/// Which segment it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// Another one follows.
    Closed,
    /// It is the last one, and nobody writes.
    Last,
    /// It is the last one and may be written to at this moment.
    Live,
}

impl<'k> Walk<'k> {
    pub(super) const fn new(keys: &'k [PublicKey], from: Option<Signed>) -> Self {
        Self {
            keys,
            from,
            next: None,
            head: None,
            computed: None,
        }
    }

    /// Looks at the next segment.
    pub(super) fn segment(
        &mut self,
        segment: &Segment,
        stage: Stage,
        tell: Tell<'_>,
    ) -> io::Result<Extent> {
        // The checkpoints first: what they sign is then in the segment already.
        let notes = Notes::open(&segment.checkpoints)?;
        let frames = Frames::open(&segment.path)?;
        let mut pass = Pass {
            walk: self,
            segment,
            stage,
            tell,
            notes,
            due: None,
            last_note: 0,
            extent: Extent {
                whole: true,
                ..Extent::default()
            },
        };
        pass.due = pass.note()?;
        pass.records(frames)?;
        pass.finish()?;
        Ok(pass.extent)
    }

    fn follows(&self, frame: &Frame) -> bool {
        let heads = [self.head, self.computed];
        heads
            .iter()
            .flatten()
            .any(|head| link(head, &frame.record) == frame.link)
    }
}

struct Pass<'w, 'k, 't> {
    walk: &'w mut Walk<'k>,
    segment: &'w Segment,
    stage: Stage,
    tell: Tell<'t>,
    notes: Notes,
    /// The next checkpoint to be met.
    due: Option<Signed>,
    last_note: u64,
    extent: Extent,
}

impl Pass<'_, '_, '_> {
    fn found(&mut self, fault: Fault, seq: Option<u64>, offset: Option<u64>) {
        self.extent.whole = false;
        (self.tell)(Finding {
            fault,
            file: self.segment.name().into(),
            seq,
            offset,
        });
    }

    fn found_in_notes(&mut self, fault: Fault, seq: Option<u64>, offset: u64) {
        (self.tell)(Finding {
            fault,
            file: file_name(&self.segment.checkpoints).into(),
            seq,
            offset: Some(offset),
        });
    }

    fn records(&mut self, mut frames: Frames) -> io::Result<()> {
        let mut first = true;
        loop {
            match frames.next()? {
                Next::Frame(frame) => {
                    if first {
                        self.begin(&frame);
                        first = false;
                    }
                    self.step(&frame, &mut frames)?;
                }
                Next::End => break,
                Next::Short { .. } if self.stage == Stage::Live => break,
                Next::Short { offset, bytes } if self.stage == Stage::Last => {
                    self.found(Fault::Torn { bytes }, self.walk.next, Some(offset));
                    break;
                }
                Next::Short { offset, .. } | Next::Odd { offset } => {
                    self.found(Fault::Unreadable, self.walk.next, Some(offset));
                    // Where the next segment should begin nobody can know.
                    (self.walk.next, self.walk.head) = (None, None);
                    self.walk.computed = None;
                    break;
                }
            }
        }
        if first && self.stage != Stage::Live && self.extent.whole {
            self.found(Fault::Header, Some(self.segment.first), Some(0));
        }
        Ok(())
    }

    /// Looks at how a segment begins, and takes the link it states.
    fn begin(&mut self, frame: &Frame) {
        let first = self.segment.first;
        match self.walk.next {
            Some(next) if next < first => {
                self.found(Fault::Missing { to: first - 1 }, Some(next), None);
            }
            Some(next) if next > first => self.found(Fault::Misplaced, Some(first), None),
            _ => {}
        }
        self.walk.next = Some(first);
        let line = Line::read(&frame.record).filter(|line| line.what() == "segment");
        let stated = line
            .as_ref()
            .and_then(|line| match line.get(Field::Previous)? {
                Held::Bytes(stated) => Link::try_from(&**stated).ok(),
                _ => None,
            });
        let Some(stated) = stated else {
            self.found(Fault::Header, Some(first), Some(frame.offset));
            return;
        };
        let known = [self.walk.head, self.walk.computed];
        let joins = known.contains(&Some(stated)) || self.walk.head.is_none();
        if !joins {
            self.found(Fault::Apart, Some(first), Some(frame.offset));
        }
        (self.walk.head, self.walk.computed) = (Some(stated), None);
    }

    fn step(&mut self, frame: &Frame, frames: &mut Frames) -> io::Result<()> {
        let expected = self.walk.next.unwrap_or(self.segment.first);
        let line = Line::read(&frame.record);
        let seq = line.as_ref().map(Line::seq);
        if seq == Some(expected) && self.walk.follows(frame) {
            if let Some(line) = line {
                self.extent.at = line.at();
            }
            self.adopt(expected, frame, None)?;
            if self.extent.whole {
                self.extent.sound = Some((frames.offset(), expected, frame.link));
            }
            return Ok(());
        }
        let place = Some(frame.offset);
        match seq {
            Some(seq) if seq < expected => {
                self.found(Fault::Misplaced, Some(seq), place);
                Ok(())
            }
            Some(seq) if seq > expected && seq - expected < LEAP => {
                if frames.peek()? == Some(expected.saturating_add(1)) {
                    self.found(Fault::Changed, Some(expected), place);
                    return self.adopt(expected, frame, None);
                }
                let to = seq - 1;
                self.found(Fault::Missing { to }, Some(expected), place);
                self.adopt(seq, frame, None)
            }
            _ => {
                self.found(Fault::Changed, Some(expected), place);
                let computed = self.walk.head.map(|head| link(&head, &frame.record));
                self.adopt(expected, frame, computed)
            }
        }
    }

    /// Goes on behind this record.
    fn adopt(&mut self, seq: u64, frame: &Frame, computed: Option<Link>) -> io::Result<()> {
        self.walk.next = Some(seq.saturating_add(1));
        self.walk.head = Some(frame.link);
        self.walk.computed = computed;
        self.extent.reached = Some((seq, frame.link));
        while let Some(due) = self.due.take_if(|due| due.checkpoint.size <= seq) {
            self.compare(&due.checkpoint, seq, frame);
            self.due = self.note()?;
        }
        let from = self.walk.from.take_if(|from| from.checkpoint.size == seq);
        if let Some(from) = from {
            self.compare(&from.checkpoint, seq, frame);
        }
        Ok(())
    }

    fn compare(&mut self, signed: &Checkpoint, seq: u64, frame: &Frame) {
        if signed.size == seq && signed.head != frame.link {
            self.found(Fault::Disagrees, Some(seq), Some(frame.offset));
        }
    }

    /// The next checkpoint that may be relied on.
    fn note(&mut self) -> io::Result<Option<Signed>> {
        loop {
            let offset = self.notes.offset();
            match self.notes.next()? {
                note::Next::End => return Ok(None),
                note::Next::Broken { .. } if self.stage == Stage::Live => return Ok(None),
                note::Next::Broken { offset } => {
                    self.extent.notes_broken = Some(offset);
                    self.found_in_notes(Fault::Note, None, offset);
                    return Ok(None);
                }
                note::Next::Note(signed) => {
                    let size = signed.checkpoint.size;
                    if !signed.holds(self.walk.keys) {
                        self.found_in_notes(Fault::Signature, Some(size), offset);
                    } else if size <= self.last_note || size < self.segment.first {
                        self.found_in_notes(Fault::NoteMisplaced, Some(size), offset);
                    } else {
                        self.last_note = size;
                        self.extent.signed = Some(signed.checkpoint.clone());
                        return Ok(Some(signed));
                    }
                }
            }
        }
    }

    /// Looks at what was signed and is not there, and at what is there and was not signed.
    fn finish(&mut self) -> io::Result<()> {
        let mut beyond = None;
        while let Some(due) = self.due.take() {
            beyond = Some(due.checkpoint.size);
            self.due = self.note()?;
        }
        let reached = self.extent.reached.map(|(seq, _)| seq);
        if let Some(signed) = beyond {
            self.found(Fault::Truncated { signed }, reached, None);
            return Ok(());
        }
        let signed = match self.stage {
            Stage::Live => true,
            Stage::Last => self.last_note > 0,
            Stage::Closed => self.walk.head.is_none() || reached == Some(self.last_note),
        };
        // What cannot be read was told already.
        if !signed && reached.is_some() {
            self.found(Fault::Unsigned, reached, None);
        }
        Ok(())
    }
}
