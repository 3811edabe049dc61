//! Where a trail goes on: behind its last sound record.
//!
//! Only what no checkpoint has signed may be missing after a crash: records that were being written,
//! and of which nobody was told that they are on disk. That is cut off. Where something signed is
//! gone or changed, nothing is touched: the file is evidence, and the trail goes on in a new one.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use super::chain::{FIRST, Link};
use super::field::{Field, Held};
use super::folder::{Folder, Segment, open_behind};
use super::note::{Checkpoint, PublicKey, Signer};
use super::walk::{Extent, Stage, Walk};
use crate::time::Timestamp;

/// What the lines of a whole checkpoint end in, counted.
const NOTE_LINES: usize = 7;

/// Where the next record goes.
#[derive(Debug)]
pub(super) struct Resume {
    /// Its number.
    pub(super) next: u64,
    /// The link it follows.
    pub(super) head: Link,
    /// What the trail has to say of how it was found.
    pub(super) repaired: Vec<Vec<(Field, Held)>>,
}

/// What signs, and by which keys it is seen what was signed.
#[derive(Debug)]
pub(super) struct Seal<'s> {
    pub(super) signer: &'s Signer,
    pub(super) keys: &'s [PublicKey],
    pub(super) origin: &'s str,
    pub(super) now: Timestamp,
}

/// Looks at the newest segment, and repairs what a crash left behind. `shipped` is the last record
/// that somebody else has.
pub(super) fn resume(folder: &Folder, seal: &Seal<'_>, shipped: u64) -> io::Result<Resume> {
    let mut repaired = Vec::new();
    let mut segments = folder.segments()?;
    let (next, head) = loop {
        let Some(segment) = segments.pop() else {
            break (1, FIRST);
        };
        let mut walk = Walk::new(seal.keys, None);
        let extent = walk.segment(&segment, Stage::Last, &mut |_| {})?;
        let length = fs::metadata(&segment.path)?.len();
        let signed = extent.signed.as_ref().map_or(0, |it| it.size);
        match extent.sound {
            None if signed == 0 => {
                if length > 0 {
                    let last = segment.first.saturating_sub(1);
                    repaired.push(torn(&segment, last, length));
                }
                folder.remove(&segment)?;
            }
            Some((bytes, seq, head)) if seq >= signed => {
                if length > bytes {
                    repaired.push(torn(&segment, seq, length.saturating_sub(bytes)));
                }
                drop(open_behind(&segment.path, bytes)?);
                mend(folder, &segment, &extent, seal)?;
                break (seq.saturating_add(1), head);
            }
            sound => {
                let last = sound.map_or_else(|| segment.first.saturating_sub(1), |it| it.1);
                repaired.push(damaged(&segment, last));
                let signed = extent.signed.map(|it| (it.size, it.head));
                let (seq, head) = extent.reached.max(signed).unwrap_or((last, FIRST));
                break (seq.saturating_add(1), head);
            }
        }
    };
    if shipped >= next {
        repaired.push(vec![
            (Field::Last, Held::Number(next.saturating_sub(1))),
            (
                Field::Why,
                Held::Text("records that were shipped are gone".into()),
            ),
        ]);
    }
    Ok(Resume {
        next: next.max(shipped.saturating_add(1)),
        head,
        repaired,
    })
}

fn torn(segment: &Segment, last: u64, cut: u64) -> Vec<(Field, Held)> {
    vec![
        (Field::Segment, Held::Text(segment.name().into())),
        (Field::Last, Held::Number(last)),
        (Field::Cut, Held::Number(cut)),
        (Field::Why, Held::Text("a torn tail was cut off".into())),
    ]
}

fn damaged(segment: &Segment, last: u64) -> Vec<(Field, Held)> {
    let why = "signed records are changed or gone; the segment was left as it is";
    vec![
        (Field::Segment, Held::Text(segment.name().into())),
        (Field::Last, Held::Number(last)),
        (Field::Why, Held::Text(why.into())),
    ]
}

/// Signs the last record of a segment that was never finished.
fn mend(folder: &Folder, segment: &Segment, extent: &Extent, seal: &Seal<'_>) -> io::Result<()> {
    if let Some(offset) = extent.notes_broken {
        let bytes = fs::read(&segment.checkpoints)?;
        let from = usize::try_from(offset).unwrap_or(usize::MAX);
        let rest = bytes.get(from..).unwrap_or_default();
        let lines = rest.split(|byte| *byte == b'\n').count();
        if lines > NOTE_LINES {
            // A crash does not leave that behind.
            return Ok(());
        }
        drop(open_behind(&segment.checkpoints, offset)?);
    }
    let signed = extent.signed.as_ref().map_or(0, |it| it.size);
    match extent.sound {
        Some((_, size, head)) if size > signed => {
            let checkpoint = Checkpoint {
                origin: seal.origin.into(),
                size,
                head,
                at: seal.now,
            };
            add_note(folder, &segment.checkpoints, &seal.signer.sign(&checkpoint))
        }
        _ => Ok(()),
    }
}

/// Puts a checkpoint behind the others, on disk; a part of it is taken away again.
pub(super) fn add_note(folder: &Folder, path: &Path, note: &str) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.create(true).append(true).mode(0o600);
    let mut file = options.open(path)?;
    let length = file.metadata()?.len();
    let written = file.write_all(note.as_bytes());
    if let Err(error) = written.and_then(|()| file.sync_data()) {
        // What remains of it is cut off at the next start.
        let _ = file.set_len(length).is_ok();
        return Err(error);
    }
    if length == 0 {
        folder.sync()?;
    }
    Ok(())
}
