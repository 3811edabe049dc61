//! A histogram of durations that nobody waits for: two additions count one.
//!
//! Every thread counts in one of a few shards, so that workers do not take a line of memory out of
//! each other's hands; whoever reads adds them up. Beside the counts stands, for each classic bucket,
//! the trace that was seen there last.

mod expose;
mod layout;
mod mark;
mod snapshot;

use std::fmt;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use self::layout::Layout;
pub(super) use self::mark::{Mark, Marks};
pub use self::snapshot::Snapshot;
use crate::time::Timestamp;

/// Threads beyond that share shards.
const SHARDS: usize = 4;

/// From 0.5 ms to 10 s: what terminals and departments see.
static LONG: LazyLock<Layout> = LazyLock::new(|| {
    Layout::new(&[
        500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000,
        2_500_000, 5_000_000, 10_000_000,
    ])
});

/// From 10 µs to 250 ms: what the program itself does.
static SHORT: LazyLock<Layout> = LazyLock::new(|| {
    Layout::new(&[
        10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 50_000, 250_000,
    ])
});

/// How long something takes; clones count in the same one.
#[derive(Clone)]
pub struct Histogram(Arc<Inner>);

struct Inner {
    layout: &'static Layout,
    shards: Box<[Shard]>,
    marks: Marks,
}

/// One thread's counts, on lines of memory of their own.
#[repr(align(64))]
struct Shard {
    /// In nanoseconds; enough for 584 years.
    sum: AtomicU64,
    cells: Box<[AtomicU64]>,
}

impl fmt::Debug for Histogram {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let snapshot = self.snapshot();
        f.debug_struct("Histogram")
            .field("count", &snapshot.count())
            .field("sum", &snapshot.sum())
            .finish()
    }
}

/// This thread's shard.
fn shard() -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    thread_local! {
        static MINE: usize = NEXT.fetch_add(1, Ordering::Relaxed) % SHARDS;
    }
    // A thread that is ending has none any more.
    MINE.try_with(|mine| *mine).unwrap_or_default()
}

impl Histogram {
    /// For what a terminal waits for: buckets from 0.5 ms to 10 s.
    pub fn long() -> Self {
        Self::of(&LONG)
    }

    /// For what the program itself does: buckets from 10 µs to 250 ms.
    pub fn short() -> Self {
        Self::of(&SHORT)
    }

    fn of(layout: &'static Layout) -> Self {
        let shards = (0..SHARDS).map(|_| Shard {
            sum: AtomicU64::new(0),
            cells: (0..layout.len()).map(|_| AtomicU64::new(0)).collect(),
        });
        Self(Arc::new(Inner {
            layout,
            shards: shards.collect(),
            marks: Marks::of(layout.bounds.len()),
        }))
    }

    /// Counts one that took this long.
    pub fn observe(&self, took: Duration) {
        let nanos = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        self.count(self.0.layout.cell(nanos), nanos);
    }

    /// The same, and remembers its trace, unless somebody looks at these traces just now.
    pub fn observe_traced(&self, took: Duration, trace: &[u8; 16], at: Timestamp) {
        let nanos = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        let cell = self.0.layout.cell(nanos);
        self.count(cell, nanos);
        let bucket = self.0.layout.classic(cell);
        let bound = self.0.layout.bounds.get(bucket);
        let mark = Mark {
            bound: bound.copied().unwrap_or(f64::INFINITY),
            trace: *trace,
            took,
            at,
        };
        self.0.marks.leave(bucket, mark);
    }

    fn count(&self, cell: usize, nanos: u64) {
        let Some(shard) = self.0.shards.get(shard()) else {
            return;
        };
        if let Some(count) = shard.cells.get(cell) {
            count.fetch_add(1, Ordering::Relaxed);
            shard.sum.fetch_add(nanos, Ordering::Relaxed);
        }
    }

    /// How it stands at the moment.
    pub fn snapshot(&self) -> Snapshot {
        let mut cells = vec![0_u64; self.0.layout.len()];
        let mut sum = 0_u64;
        for shard in &self.0.shards {
            sum = sum.wrapping_add(shard.sum.load(Ordering::Relaxed));
            for (cell, count) in cells.iter_mut().zip(&shard.cells) {
                *cell = cell.wrapping_add(count.load(Ordering::Relaxed));
            }
        }
        Snapshot::new(self.0.layout, cells.into(), sum)
    }

    /// The traces it remembers, by classic bucket.
    pub(in crate::metrics) fn marks(&self) -> &Marks {
        &self.0.marks
    }
}

#[cfg(test)]
mod tests;
