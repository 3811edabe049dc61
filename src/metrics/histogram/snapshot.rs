//! A histogram as it stood at one moment.

use std::fmt;
use std::time::Duration;

use super::layout::Layout;

/// A histogram as it stood at one moment, or what came to it between two.
#[derive(Clone)]
pub struct Snapshot {
    layout: &'static Layout,
    pub(super) cells: Box<[u64]>,
    sum: u64,
}

impl fmt::Debug for Snapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Snapshot")
            .field("count", &self.count())
            .field("sum", &self.sum())
            .finish_non_exhaustive()
    }
}

impl Snapshot {
    pub(super) const fn new(layout: &'static Layout, cells: Box<[u64]>, sum: u64) -> Self {
        Self { layout, cells, sum }
    }

    /// How many were counted.
    pub fn count(&self) -> u64 {
        self.cells.iter().sum()
    }

    /// How long all of them took together.
    pub const fn sum(&self) -> Duration {
        Duration::from_nanos(self.sum)
    }

    /// The same without what `older` had already.
    #[must_use]
    pub fn since(&self, older: &Self) -> Self {
        let cells = self.cells.iter().zip(&older.cells);
        Self {
            layout: self.layout,
            cells: cells.map(|(now, then)| now.saturating_sub(*then)).collect(),
            sum: self.sum.saturating_sub(older.sum),
        }
    }

    /// Both together; histograms of other buckets cannot be added, and leave this as it is.
    #[must_use]
    pub fn and(&self, other: &Self) -> Self {
        if !std::ptr::eq(self.layout, other.layout) {
            return self.clone();
        }
        let cells = self.cells.iter().zip(&other.cells);
        Self {
            layout: self.layout,
            cells: cells
                .map(|(one, other)| one.saturating_add(*other))
                .collect(),
            sum: self.sum.saturating_add(other.sum),
        }
    }

    /// The duration that `share` of all did not exceed, within 9 %; none if nothing was counted.
    pub fn quantile(&self, share: f64) -> Option<Duration> {
        let rank = rank(self.count(), share)?;
        let mut before = 0_u64;
        for (cell, &count) in self.cells.iter().enumerate() {
            if before + count >= rank {
                let (start, end) = self.layout.span(cell);
                let within = u128::from(rank - before) * u128::from(end - start);
                let within = within / u128::from(count.max(1));
                let nanos = start + u64::try_from(within).unwrap_or_default();
                return Some(Duration::from_nanos(nanos));
            }
            before += count;
        }
        None
    }

    /// The counts of the classic buckets, each without those before it.
    pub(super) fn classic(&self) -> Vec<(f64, u64)> {
        let bounds = self.layout.bounds.iter();
        let mut buckets: Vec<_> = bounds.map(|&bound| (bound, 0)).collect();
        for (cell, count) in self.cells.iter().enumerate() {
            if let Some(bucket) = buckets.get_mut(self.layout.classic(cell)) {
                bucket.1 += count;
            }
        }
        buckets
    }

    /// What is in the zero bucket, and the native buckets that hold something.
    pub(super) fn native(&self) -> (u64, Vec<(i32, u64)>) {
        let (mut zero, mut buckets) = (0, Vec::<(i32, u64)>::new());
        for (cell, &count) in self.cells.iter().enumerate().filter(|cell| *cell.1 > 0) {
            match (self.layout.native(cell), buckets.last_mut()) {
                (None, _) => zero += count,
                (Some(index), Some(last)) if last.0 == index => last.1 += count,
                (Some(index), _) => buckets.push((index, count)),
            }
        }
        (zero, buckets)
    }
}

/// Which one it is, counted from the shortest.
fn rank(count: u64, share: f64) -> Option<u64> {
    // In millionths, so that whole numbers do.
    let share = Duration::try_from_secs_f64(share.clamp(0.0, 1.0)).ok()?;
    let rank = (u128::from(count) * share.as_micros()).div_ceil(1_000_000);
    (count > 0).then(|| u64::try_from(rank).unwrap_or(count).clamp(1, count))
}
