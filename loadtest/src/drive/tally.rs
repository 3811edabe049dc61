//! What is counted on one thread, and put together at the end.

use std::collections::HashMap;
use std::sync::mpsc::Sender;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;

use super::count::Key;
use super::timeline::Part;
use crate::client::Fault;
use crate::numbers::{count, micros};
use crate::report::{Second, Totals};

/// The longest latency that is told from longer ones: an hour.
const LONGEST: u64 = 3_600_000_000;

/// Digits of a latency that are kept, in what the report says and in what a second says.
const DIGITS: (u8, u8) = (3, 2);

/// Answers of one kind.
#[derive(Debug)]
pub struct Cell {
    /// How long they took, in microseconds.
    pub latency: Histogram<u64>,
    /// How many are not as expected.
    pub unexpected: u64,
}

/// All counters.
#[derive(Debug)]
pub struct Tally {
    /// Answers by their kind.
    pub cells: HashMap<Key, Cell>,
    /// Requests without an answer, by what went wrong.
    pub faults: HashMap<Fault, u64>,
    /// What came of all.
    pub totals: Totals,
    /// From the moment a request was due to the one it was written, where a connection was free.
    pub late: Histogram<u64>,
    /// From the moment a request was written to its answer.
    pub service: Histogram<u64>,
    /// How often a request was due whose code was not made yet.
    pub starved: u64,
}

fn histogram(digits: u8) -> Histogram<u64> {
    #[expect(
        clippy::expect_used,
        reason = "the bounds are constants, and a test makes both"
    )]
    Histogram::new_with_bounds(1, LONGEST, digits).expect("sound bounds")
}

impl Default for Tally {
    fn default() -> Self {
        Self {
            cells: HashMap::new(),
            faults: HashMap::new(),
            totals: Totals::default(),
            late: histogram(DIGITS.0),
            service: histogram(DIGITS.0),
            starved: 0,
        }
    }
}

impl Tally {
    /// Adds another thread's.
    pub fn add(&mut self, more: Self) {
        for (key, cell) in more.cells {
            match self.cells.get_mut(&key) {
                Some(known) => known.add(&cell),
                None => drop(self.cells.insert(key, cell)),
            }
        }
        for (fault, times) in more.faults {
            *self.faults.entry(fault).or_default() += times;
        }
        let (totals, other) = (&mut self.totals, &more.totals);
        totals.sent += other.sent;
        totals.answered += other.answered;
        totals.as_expected += other.as_expected;
        totals.unexpected += other.unexpected;
        totals.errors += other.errors;
        totals.dropped += other.dropped;
        self.starved += more.starved;
        // Histograms of one kind can always be added.
        let _ = self.late.add(&more.late);
        let _ = self.service.add(&more.service);
    }
}

impl Cell {
    fn add(&mut self, more: &Self) {
        let _ = self.latency.add(&more.latency);
        self.unexpected += more.unexpected;
    }
}

/// The counters of a thread that still counts.
#[derive(Debug)]
pub(super) struct Count {
    pub(super) tally: Tally,
    begin: Instant,
    second: Part,
    parts: Sender<Part>,
    in_flight: u64,
    /// When the last answer or fault came.
    pub(super) last: Duration,
}

impl Count {
    pub(super) fn new(begin: Instant, parts: Sender<Part>) -> Self {
        Self {
            tally: Tally::default(),
            begin,
            second: Part {
                second: Second::default(),
                latency: histogram(DIGITS.1),
            },
            parts,
            in_flight: 0,
            last: Duration::ZERO,
        }
    }

    /// One that begins anew, for the same place.
    pub(super) fn next(&self) -> Self {
        Self::new(self.begin, self.parts.clone())
    }

    /// The second of an instant, after what came before was told.
    fn at(&mut self, now: Instant) -> &mut Part {
        let second = now.saturating_duration_since(self.begin).as_secs();
        if second > self.second.second.at_s {
            self.tell(second);
        }
        &mut self.second
    }

    /// Tells what the second came to, and begins another.
    fn tell(&mut self, next: u64) {
        self.second.second.in_flight = self.in_flight;
        // Who is not told any more has ended the run.
        let _ = self.parts.send(self.second.clone());
        self.second.second = Second {
            at_s: next,
            ..Second::default()
        };
        self.second.latency.reset();
    }

    pub(super) fn offered(&mut self, now: Instant) {
        self.at(now).second.offered += 1;
    }

    pub(super) fn late(&mut self, span: Duration) {
        self.tally.late.saturating_record(micros(span));
    }

    pub(super) fn sent(&mut self, now: Instant) {
        self.at(now).second.sent += 1;
        self.tally.totals.sent += 1;
        self.in_flight += 1;
    }

    pub(super) fn answered(
        &mut self,
        key: Key,
        (due, written, now): (Instant, Instant, Instant),
        as_expected: bool,
    ) {
        let latency = micros(now.saturating_duration_since(due));
        let part = self.at(now);
        part.second.answered += 1;
        part.second.refused += u64::from(key.decision.is_refusal());
        part.latency.saturating_record(latency);
        let cell = self.tally.cells.entry(key).or_insert_with(|| Cell {
            latency: histogram(DIGITS.0),
            unexpected: 0,
        });
        cell.latency.saturating_record(latency);
        cell.unexpected += u64::from(!as_expected);
        let service = now.saturating_duration_since(written);
        self.tally.service.saturating_record(micros(service));
        let totals = &mut self.tally.totals;
        totals.answered += 1;
        totals.as_expected += u64::from(as_expected);
        totals.unexpected += u64::from(!as_expected);
        self.in_flight = self.in_flight.saturating_sub(1);
        self.last = now.saturating_duration_since(self.begin);
    }

    /// A request has come to nothing.
    pub(super) fn failed(&mut self, fault: Fault, now: Instant) {
        self.at(now).second.errors += 1;
        *self.tally.faults.entry(fault).or_default() += 1;
        self.tally.totals.errors += 1;
        self.in_flight = self.in_flight.saturating_sub(1);
        self.last = now.saturating_duration_since(self.begin);
    }

    pub(super) const fn dropped(&mut self, times: u64) {
        self.tally.totals.dropped += times;
    }

    /// Ends it: what is still under way has failed.
    pub(super) fn finish(mut self, waiting: usize) -> (Tally, Duration) {
        for _ in 0..self.in_flight {
            self.failed(Fault::Unfinished, Instant::now());
        }
        self.dropped(count(waiting));
        self.tell(u64::MAX);
        (self.tally, self.last)
    }
}
