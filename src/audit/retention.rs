//! Segments that need not be kept any longer.
//!
//! How old they are the wall clock says, and that may be set to anything. Nothing is removed before it
//! has gone for a while as the steady clock does.

use std::io;
use std::time::{Duration, Instant};

use super::Shared;
use super::chain::{Frames, Next};
use super::folder::{Folder, Segment};
use super::record::Line;
use crate::time::Timestamp;

/// So far the clocks may part, which they do slowly where the time is kept by small steps.
const APART: Duration = Duration::from_secs(60);

/// Since when the wall clock goes as the steady one does, by both.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    wall: Timestamp,
    steady: Instant,
}

impl Pace {
    /// Since now.
    pub(super) const fn new(wall: Timestamp, steady: Instant) -> Self {
        Self { wall, steady }
    }

    /// How long it has; since now if the wall clock was set meanwhile.
    fn kept(&mut self, wall: Timestamp, steady: Instant) -> Duration {
        let passed = steady.saturating_duration_since(self.steady);
        let forward = wall.since(self.wall).abs_diff(passed) > APART;
        if forward || self.wall.since(wall) > APART {
            *self = Self::new(wall, steady);
            return Duration::ZERO;
        }
        passed
    }
}

/// Removes the oldest segments as long as they are old enough and everybody has them.
pub(super) fn sweep(shared: &Shared, folder: &Folder, pace: &mut Pace) {
    let now = (shared.setting.clock)();
    if pace.kept(now, Instant::now()) < shared.setting.settle {
        return;
    }
    if let Err(error) = try_sweep(shared, folder, now) {
        tracing::warn!(%error, "old segments of the audit trail cannot be removed");
    }
}

fn try_sweep(shared: &Shared, folder: &Folder, now: Timestamp) -> io::Result<()> {
    let before = now.before(shared.setting.keep);
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

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    #[test]
    fn a_clock_that_was_set_is_believed_later() {
        let (wall, steady) = (Timestamp::from_millis(1_795_312_800_000), Instant::now());
        let mut pace = Pace::new(wall, steady);
        let mut at = |minutes: u32, wall: Timestamp| {
            let passed = MINUTE * minutes;
            pace.kept(wall.after(passed), steady + passed).as_secs() / 60
        };
        assert_eq!((at(0, wall), at(59, wall), at(90, wall)), (0, 59, 90));
        // A year ahead for half a minute, and back.
        let ahead = wall.after(MINUTE * 525_600);
        assert_eq!((at(91, ahead), at(92, wall), at(93, wall)), (0, 0, 1));
        // A year ahead for good: an hour later.
        assert_eq!((at(94, ahead), at(154, ahead)), (0, 60));
        // Some seconds are nothing.
        let little = ahead.after(Duration::from_secs(30));
        assert_eq!((at(155, little), at(156, ahead)), (61, 62));
    }
}
