//! Which request is sent when: the same sequence for the same seed, however many threads share it.

use std::time::Duration;

use multicode::random::Random;

use crate::numbers::{count, unit};
use crate::scenario::{Model, Scenario, Shown};
use crate::schedule::Schedule;

/// What keeps the sequence of cases apart from that of arrivals.
const CASES: u64 = 0x6361_7365;

/// A request before its code is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Draft {
    /// The case.
    pub case: usize,
    /// The place of its scene among those of its case.
    pub scene: usize,
    /// The place of its terminal.
    pub terminal: usize,
    /// The place of its organisation.
    pub organisation: usize,
    /// Which of the run it is.
    pub number: u64,
}

/// A request and when it is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Due {
    /// After the begin of the run; in a closed load nothing.
    pub at: Duration,
    /// What is sent.
    pub draft: Draft,
    /// What is sent instead if a code is at hand that was shown before.
    pub replay: Option<Draft>,
}

/// The requests one of several threads sends.
#[derive(Clone, Debug)]
pub struct Plan {
    arrivals: Option<Schedule>,
    random: Random,
    cases: Vec<Part>,
    whole: f64,
    terminals: usize,
    organisations: usize,
    number: u64,
    thread: u64,
    threads: u64,
}

#[derive(Clone, Copy, Debug)]
struct Part {
    share: f64,
    scenes: usize,
    shows_again: Option<usize>,
}

impl Plan {
    /// The part of thread `thread` of `threads`.
    pub fn new(scenario: &Scenario, model: &Model, thread: usize, threads: usize) -> Self {
        let cases = scenario.cases.iter().map(|case| Part {
            share: case.share,
            scenes: case.scenes.len(),
            shows_again: match case.shown {
                Shown::Replayed(of) => Some(of),
                Shown::Minted(_) | Shown::Text(_) => None,
            },
        });
        let arrivals = match model {
            Model::Open { arrivals, phases } => {
                Some(Schedule::new(phases, *arrivals, scenario.seed))
            }
            Model::Closed { .. } => None,
        };
        Self {
            arrivals,
            random: Random::seeded(scenario.seed ^ CASES),
            cases: cases.collect(),
            whole: scenario.cases.iter().map(|case| case.share).sum(),
            terminals: scenario.terminals.names.len(),
            organisations: scenario.terminals.organisations.len(),
            number: 0,
            thread: count(thread),
            threads: count(threads).max(1),
        }
    }

    fn draw(&mut self) -> (Draft, Option<Draft>) {
        let mut left = unit(&mut self.random) * self.whole;
        let chosen = self.cases.iter().position(|part| {
            left -= part.share;
            left <= 0.0 && part.share > 0.0
        });
        // What rounding leaves over belongs to the last one.
        let case = chosen
            .or_else(|| self.cases.iter().rposition(|part| part.share > 0.0))
            .unwrap_or_default();
        let (scene, other) = (self.random.next(), self.random.next());
        let terminal = self.random.below(self.terminals);
        let organisation = self.random.below(self.organisations);
        let place = |case: usize, draw: u64| {
            let scenes = self.cases.get(case).map_or(1, |part| part.scenes.max(1));
            usize::try_from(draw % count(scenes)).unwrap_or_default()
        };
        let draft = |case: usize, draw: u64| Draft {
            case,
            scene: place(case, draw),
            terminal,
            organisation,
            number: self.number,
        };
        let again = self.cases.get(case).and_then(|part| part.shows_again);
        match again {
            Some(of) => (draft(of, other), Some(draft(case, scene))),
            None => (draft(case, scene), None),
        }
    }
}

impl Iterator for Plan {
    type Item = Due;

    fn next(&mut self) -> Option<Due> {
        loop {
            let at = match &mut self.arrivals {
                Some(arrivals) => arrivals.next()?,
                None => Duration::ZERO,
            };
            let (draft, replay) = self.draw();
            let own = self.number % self.threads == self.thread;
            self.number += 1;
            if own {
                return Some(Due { at, draft, replay });
            }
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::path::Path;

    use super::*;
    use crate::numbers::float;

    /// A scenario of the folder beside the manifest.
    pub(crate) fn shipped(name: &str) -> Scenario {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios");
        let loaded = crate::scenario::load(&root.join(name));
        let scenario = loaded.scenario.clone();
        let found = loaded.diagnostics().render(multicode::config::Style::Plain);
        scenario.unwrap_or_else(|| panic!("{found}"))
    }

    fn plan(thread: usize, threads: usize) -> Vec<Due> {
        let scenario = shipped("hospital.toml");
        let model = scenario
            .load
            .model
            .shortened(Some(1000.0), Some(Duration::from_secs(20)));
        Plan::new(&scenario, &model, thread, threads).collect()
    }

    #[test]
    fn the_shares_hold() {
        let (scenario, all) = (shipped("hospital.toml"), plan(0, 1));
        let whole: f64 = scenario.cases.iter().map(|case| case.share).sum();
        let total = float(count(all.len()));
        for (index, case) in scenario.cases.iter().enumerate() {
            let case_of = |due: &&Due| due.replay.unwrap_or(due.draft).case == index;
            let drawn = float(count(all.iter().filter(case_of).count()));
            let wanted = case.share / whole;
            // Five standard deviations.
            let width = 5.0 * (total * wanted * (1.0 - wanted)).sqrt();
            let off = (drawn - wanted * total).abs();
            assert!(
                off <= width,
                "{}: {drawn} of {total}, expected {wanted}",
                case.name
            );
        }
    }

    #[test]
    fn threads_share_one_sequence() {
        let whole = plan(0, 1);
        let mut shared = [plan(0, 3), plan(1, 3), plan(2, 3)].concat();
        shared.sort_by_key(|due| due.draft.number);
        assert_eq!(whole, shared);
    }
}
