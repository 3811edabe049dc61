//! The highest rate that holds a rule: doubled until it breaks, then halved towards it.

use crate::report::Probe;

/// Where the search begins unless somebody says otherwise.
pub const FIRST: f64 = 100.0;

/// How near to each other a rate that holds and one that breaks must be.
const CLOSE: f64 = 1.05;

/// How often a rate must hold before it is believed.
const CONFIRMED: usize = 2;

/// Rates tried at most.
const MOST_PROBES: usize = 40;

/// What the search wants next.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Step {
    /// This rate is to be tried.
    Try(f64),
    /// The highest rate that held; 0 if none did.
    Found(f64),
}

/// A search under way.
#[derive(Clone, Debug)]
pub struct Search {
    /// Every rate tried.
    pub probes: Vec<Probe>,
    /// The highest rate believed to hold, and the lowest that broke.
    holds: f64,
    breaks: Option<f64>,
    rate: f64,
    held: usize,
}

impl Search {
    /// One that begins at a rate.
    pub const fn new(first: f64) -> Self {
        Self {
            probes: Vec::new(),
            holds: 0.0,
            breaks: None,
            rate: first,
            held: 0,
        }
    }

    /// What to do next.
    pub fn step(&self) -> Step {
        let close = self
            .breaks
            .is_some_and(|breaks| breaks <= self.holds * CLOSE || breaks < 1.0);
        if close || self.probes.len() >= MOST_PROBES {
            Step::Found(self.holds)
        } else {
            Step::Try(self.rate)
        }
    }

    /// Hears what came of a rate. One that holds is doubled or brought closer to one that broke; close to it, it
    /// must hold again before it is believed.
    pub fn hear(&mut self, probe: Probe) {
        self.probes.push(probe);
        if !probe.held {
            self.held = 0;
            self.breaks = Some(probe.rate);
            self.rate = f64::midpoint(self.holds, probe.rate);
            return;
        }
        self.held += 1;
        let needed = if self.breaks.is_some() { CONFIRMED } else { 1 };
        if self.held < needed {
            return;
        }
        self.held = 0;
        self.holds = probe.rate;
        self.rate = match self.breaks {
            Some(breaks) => f64::midpoint(probe.rate, breaks),
            None => probe.rate * 2.0,
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(first: f64, mut holds: impl FnMut(f64) -> bool) -> (f64, usize) {
        let mut search = Search::new(first);
        loop {
            match search.step() {
                Step::Found(rate) => return (rate, search.probes.len()),
                Step::Try(rate) => {
                    let held = holds(rate);
                    search.hear(Probe {
                        rate,
                        p99_us: 0,
                        held,
                    });
                }
            }
        }
    }

    #[test]
    fn the_limit_is_found_from_either_side() {
        for first in [1.0, 100.0, 50_000.0] {
            let (rate, probes) = found(first, |rate| rate <= 7_300.0);
            assert!(rate <= 7_300.0 && rate * CLOSE >= 7_300.0, "{rate}");
            assert!(probes < MOST_PROBES, "{probes}");
        }
    }

    #[test]
    fn a_rate_that_holds_only_once_is_not_believed() {
        let mut lucky = true;
        let (rate, _) = found(100.0, |rate| {
            let held = rate <= 1_000.0 || (lucky && rate < 1_300.0);
            lucky &= rate <= 1_000.0;
            held
        });
        assert!(rate <= 1_000.0 * CLOSE, "{rate}");
    }

    #[test]
    fn where_nothing_holds_the_rate_is_nothing() {
        assert!(found(100.0, |_| false).0 <= 0.0);
    }
}
