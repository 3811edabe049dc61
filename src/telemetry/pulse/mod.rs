//! The last quarter of an hour, kept in memory: what there is to see without a Prometheus.

mod sketch;
mod tally;
mod words;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rustc_hash::FxHashMap;

use self::sketch::Sketch;
use self::tally::Slots;
pub use self::tally::{Last, ReasonTally, Tally};
use super::{Outcome, ScanEvent, Sink};
use crate::reason::{Reason, Stage};

/// What is kept, in seconds.
pub const WINDOW: i64 = 900;

/// The last quarter of an hour; clones share it.
#[derive(Clone, Debug, Default)]
pub struct Pulse(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    seconds: FxHashMap<i64, Second>,
    slots: Slots,
    /// The newest second that was told of.
    newest: i64,
}

/// What a second saw.
#[derive(Clone, Debug, Default)]
struct Second {
    scans: u32,
    refused: u32,
    unknown: u32,
    total: Sketch,
    overhead: Sketch,
    forward: Sketch,
}

/// A sample a second, the oldest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Series {
    /// The second of the newest sample, since the epoch. It is over: the one after it is not yet.
    pub end: i64,
    /// Scans.
    pub scans: Vec<u32>,
    /// Those refused.
    pub refused: Vec<u32>,
    /// Those of which nobody knows what became.
    pub unknown: Vec<u32>,
    /// Half of them took no longer, in microseconds.
    pub p50: Vec<u32>,
    /// 95 in 100 took no longer.
    pub p95: Vec<u32>,
    /// 99 in 100 took no longer.
    pub p99: Vec<u32>,
    /// Of 99 in 100 the gateway's part took no longer.
    pub overhead_p99: Vec<u32>,
}

/// The last full minute.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Minute {
    /// Scans.
    pub scans: u32,
    /// Those refused.
    pub refused: u32,
    /// Half of them took no longer, in microseconds.
    pub p50: u32,
    /// 95 in 100 took no longer.
    pub p95: u32,
    /// 99 in 100 took no longer.
    pub p99: u32,
    /// The gateway's part of half of them took no longer.
    pub overhead_p50: u32,
    /// The same of 99 in 100.
    pub overhead_p99: u32,
    /// The department's part of half of those that were forwarded took no longer.
    pub upstream_p50: u32,
}

impl Pulse {
    /// A sample for each second of the window that ends before the second `now`.
    pub fn series(&self, now: i64) -> Series {
        let state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let none = Second::default();
        let of = |at: i64| state.seconds.get(&at).unwrap_or(&none);
        let each = |sample: &dyn Fn(&Second) -> u32| -> Vec<u32> {
            (now - WINDOW..now).map(|at| sample(of(at))).collect()
        };
        Series {
            end: now - 1,
            scans: each(&|it| it.scans),
            refused: each(&|it| it.refused),
            unknown: each(&|it| it.unknown),
            p50: each(&|it| it.total.percentile(50)),
            p95: each(&|it| it.total.percentile(95)),
            p99: each(&|it| it.total.percentile(99)),
            overhead_p99: each(&|it| it.overhead.percentile(99)),
        }
    }

    /// The sixty seconds that end before the second `now`.
    pub fn minute(&self, now: i64) -> Minute {
        let state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut sum = Second::default();
        for second in (now - 60..now).filter_map(|at| state.seconds.get(&at)) {
            sum.scans += second.scans;
            sum.refused += second.refused;
            sum.total.join(&second.total);
            sum.overhead.join(&second.overhead);
            sum.forward.join(&second.forward);
        }
        Minute {
            scans: sum.scans,
            refused: sum.refused,
            p50: sum.total.percentile(50),
            p95: sum.total.percentile(95),
            p99: sum.total.percentile(99),
            overhead_p50: sum.overhead.percentile(50),
            overhead_p99: sum.overhead.percentile(99),
            upstream_p50: sum.forward.percentile(50),
        }
    }

    /// How often which family, issuer and route met which end, within the window.
    pub fn tallies(&self, now: i64) -> Vec<Tally> {
        let state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        state.slots.tallies(now)
    }

    /// What was refused within the window, the most frequent reason first.
    pub fn refusals(&self, now: i64) -> Vec<ReasonTally> {
        let state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        state.slots.refusals(now)
    }

    /// How often each route was taken since the start, and when last.
    pub fn routes(&self) -> Vec<(Box<str>, Last)> {
        let state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        state.slots.routes()
    }

    /// By how many seconds each issuer's clock seems to go behind ours: half of its last codes say
    /// they were made longer ago. Codes take a while to be shown, so some is usual; a negative number
    /// is a clock that runs ahead.
    pub fn clock_offsets(&self) -> Vec<(Box<str>, f64)> {
        let state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        state.slots.clock_offsets()
    }
}

impl State {
    fn note(&mut self, event: &ScanEvent) {
        if event.outcome == Outcome::Served {
            return;
        }
        // A scan is counted when it is over: that is what was seen in that second.
        let over = event.at.after(event.laps.total).seconds();
        if over < self.newest - WINDOW {
            // The clock was set back: what it said before is nothing to go by.
            *self = Self::default();
        }
        self.advance(over);
        let second = self.seconds.entry(over).or_default();
        second.scans += 1;
        second.refused += u32::from(event.outcome == Outcome::Rejection);
        second.unknown += u32::from(event.reason == Some(Reason::OutcomeUnknown));
        second.total.add(event.laps.total);
        second.overhead.add(event.laps.overhead());
        let forward = event.laps.spent(Stage::Forward);
        if forward > Duration::ZERO {
            second.forward.add(forward);
        }
        self.slots.note(event, over);
    }

    /// Forgets what is older than the window.
    fn advance(&mut self, now: i64) {
        if now > self.newest {
            self.newest = now;
            self.seconds.retain(|at, _| *at >= now - WINDOW);
            self.slots.forget_before(now - WINDOW);
        }
    }
}

impl Sink for Pulse {
    fn take(&mut self, events: &[ScanEvent], _lost: u64) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for event in events {
            state.note(event);
        }
    }
}

#[cfg(test)]
mod tests;
