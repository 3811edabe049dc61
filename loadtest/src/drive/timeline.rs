//! The run second by second, put together from all threads.

use std::collections::BTreeMap;

use hdrhistogram::Histogram;

use crate::report::Second;

/// Seconds a thread's part may come late before the second is shown.
const PATIENCE: u64 = 2;

/// What one second was on one thread.
#[derive(Clone, Debug)]
pub(super) struct Part {
    pub(super) second: Second,
    pub(super) latency: Histogram<u64>,
}

/// Seconds that are still added to, and those that are over.
#[derive(Debug, Default)]
pub(super) struct Timeline {
    open: BTreeMap<u64, Part>,
    done: Vec<Second>,
}

impl Timeline {
    /// Adds a part; seconds that are over with it.
    pub(super) fn add(&mut self, part: Part) -> Vec<Second> {
        let newest = part.second.at_s;
        match self.open.get_mut(&newest) {
            Some(known) => known.add(&part),
            None => drop(self.open.insert(newest, part)),
        }
        let still = self.open.split_off(&newest.saturating_sub(PATIENCE));
        let over = std::mem::replace(&mut self.open, still);
        let over: Vec<Second> = over.into_values().map(Part::finished).collect();
        self.done.extend(&over);
        over
    }

    /// All seconds in their order, without gaps.
    pub(super) fn finish(mut self, watch: &mut dyn FnMut(&Second)) -> Vec<Second> {
        for part in std::mem::take(&mut self.open).into_values() {
            let second = part.finished();
            watch(&second);
            self.done.push(second);
        }
        self.done.sort_by_key(|second| second.at_s);
        let mut whole: Vec<Second> = Vec::new();
        for second in self.done {
            while let Some(last) = whole.last()
                && last.at_s + 1 < second.at_s
            {
                let quiet = Second {
                    at_s: last.at_s + 1,
                    in_flight: last.in_flight,
                    ..Second::default()
                };
                whole.push(quiet);
            }
            match whole.last_mut() {
                // A part that came too late to be shown still counts.
                Some(last) if last.at_s == second.at_s => merge(last, &second),
                _ => whole.push(second),
            }
        }
        whole
    }
}

fn merge(into: &mut Second, more: &Second) {
    into.offered += more.offered;
    into.sent += more.sent;
    into.answered += more.answered;
    into.refused += more.refused;
    into.errors += more.errors;
    into.in_flight += more.in_flight;
    into.p50_us = into.p50_us.max(more.p50_us);
    into.p99_us = into.p99_us.max(more.p99_us);
}

impl Part {
    fn add(&mut self, more: &Self) {
        merge(&mut self.second, &more.second);
        // Histograms of one kind can always be added.
        let _ = self.latency.add(&more.latency);
    }

    fn finished(self) -> Second {
        Second {
            p50_us: self.latency.value_at_quantile(0.5),
            p99_us: self.latency.value_at_quantile(0.99),
            ..self.second
        }
    }
}
