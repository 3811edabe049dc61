//! Whether a trail is what was written: everything there is, from the oldest segment to the newest.

use std::io;
use std::path::Path;

use super::chain::Link;
use super::finding::{Fault, Finding};
use super::folder::{Folder, Segment};
use super::note::{Checkpoint, PublicKey, Signed};
use super::walk::{Stage, Tell, Walk};

/// What the verifier knows from elsewhere.
#[derive(Clone, Debug, Default)]
pub struct Asked {
    /// The keys to be trusted; none: those in the folder.
    pub keys: Vec<PublicKey>,
    /// A checkpoint that was kept elsewhere: the trail must go through it, and is looked at from
    /// there on.
    pub from: Option<Signed>,
}

/// What was looked at.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// Files of records.
    pub segments: usize,
    /// The first record looked at, and the last one.
    pub records: Option<(u64, u64)>,
    /// The last record's link.
    pub head: Option<Link>,
    /// The last checkpoint whose signature holds.
    pub checkpoint: Option<Checkpoint>,
    /// Whether somebody writes at this moment.
    pub live: bool,
    /// What was found wrong.
    pub findings: u64,
}

impl Report {
    /// Records that no checkpoint signs yet.
    pub fn unsigned(&self) -> u64 {
        let signed = self.checkpoint.as_ref().map_or(0, |it| it.size);
        let last = self.records.map_or(0, |(_, last)| last);
        last.saturating_sub(signed)
    }
}

/// Looks at all of a folder, whether somebody writes to it or not. Memory does not grow with it.
pub fn verify(folder: &Path, asked: &Asked, tell: Tell<'_>) -> io::Result<Report> {
    let mut report = Report::default();
    let mut findings = 0;
    let mut count = |finding: Finding| {
        findings += 1;
        tell(finding);
    };
    let name = folder.display().to_string();
    let whole = |fault, seq| Finding {
        fault,
        file: name.as_str().into(),
        seq,
        offset: None,
    };
    let folder = Folder::new(folder);
    report.live = folder.is_live();
    let keys = keys(&folder, asked, &mut |fault| count(whole(fault, None)))?;
    let mut found = |fault, seq| count(whole(fault, seq));
    let segments = segments(&folder, asked, &keys, &mut found)?;
    let mut walk = Walk::new(&keys, asked.from.clone());
    let mut left = segments.len();
    for segment in segments {
        left -= 1;
        let stage = match left {
            0 if report.live => Stage::Live,
            0 => Stage::Last,
            _ => Stage::Closed,
        };
        let extent = walk.segment(&segment, stage, &mut count)?;
        report.segments += 1;
        if let Some((seq, head)) = extent.reached {
            let first = report.records.map_or(segment.first, |(first, _)| first);
            (report.records, report.head) = (Some((first, seq)), Some(head));
        }
        report.checkpoint = extent.signed.or(report.checkpoint);
    }
    let end = report.records.map_or(0, |(_, last)| last);
    let from = walk.from.map(|from| from.checkpoint.size);
    if let Some(signed) = from.filter(|signed| end < *signed) {
        count(whole(Fault::Truncated { signed }, Some(end)));
    }
    report.findings = findings;
    Ok(report)
}

/// The keys to be trusted.
fn keys(
    folder: &Folder,
    asked: &Asked,
    found: &mut dyn FnMut(Fault),
) -> io::Result<Vec<PublicKey>> {
    if !asked.keys.is_empty() {
        return Ok(asked.keys.clone());
    }
    let (known, whole) = folder.public_keys()?;
    if known.is_empty() || !whole {
        found(Fault::PublicKey);
    }
    Ok(known)
}

/// The segments to be looked at: those from the one on that holds the checkpoint kept elsewhere.
fn segments(
    folder: &Folder,
    asked: &Asked,
    keys: &[PublicKey],
    found: &mut dyn FnMut(Fault, Option<u64>),
) -> io::Result<Vec<Segment>> {
    let mut segments = folder.segments()?;
    if segments.is_empty() {
        found(Fault::Empty, None);
    }
    let Some(from) = &asked.from else {
        return Ok(segments);
    };
    let size = from.checkpoint.size;
    if !from.holds(keys) {
        found(Fault::Signature, Some(size));
    }
    if segments.first().is_some_and(|oldest| oldest.first > size) {
        found(Fault::NotKept, Some(size));
    }
    let older = segments.iter().rposition(|segment| segment.first <= size);
    segments.drain(..older.unwrap_or_default());
    Ok(segments)
}
