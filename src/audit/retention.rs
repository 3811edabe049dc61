//! Segments that need not be kept any longer.

use std::io;

use super::Shared;
use super::chain::{Frames, Next};
use super::folder::{Folder, Segment};
use super::record::Line;
use crate::time::Timestamp;

/// Removes the oldest segments as long as they are old enough and everybody has them.
pub(super) fn sweep(shared: &Shared, folder: &Folder) {
    if let Err(error) = try_sweep(shared, folder) {
        tracing::warn!(%error, "old segments of the audit trail cannot be removed");
    }
}

fn try_sweep(shared: &Shared, folder: &Folder) -> io::Result<()> {
    let before = (shared.setting.clock)().before(shared.setting.keep);
    let acknowledged = shared.acknowledged();
    let segments = folder.segments()?;
    // The last one is written to; the one after another says when that one ended.
    for pair in segments.windows(2) {
        let [segment, following] = pair else { break };
        let last = following.first.saturating_sub(1);
        let had = acknowledged.is_none_or(|acknowledged| last <= acknowledged);
        let old = began(following)?.is_some_and(|began| began < before);
        if !had || !old {
            break;
        }
        folder.remove(segment)?;
        tracing::info!(
            segment = segment.name(),
            "removed an old segment of the audit trail"
        );
    }
    Ok(())
}

/// When the first record of a segment was written.
fn began(segment: &Segment) -> io::Result<Option<Timestamp>> {
    Ok(match Frames::open(&segment.path)?.next()? {
        Next::Frame(frame) => Line::read(&frame.record).map(|line| line.at()),
        _ => None,
    })
}
