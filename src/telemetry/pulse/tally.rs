//! Who met which end how often, ten seconds at a time.

use std::collections::VecDeque;
use std::sync::Arc;

use rustc_hash::FxHashMap;

use super::WINDOW;
use super::words::{Word, Words};
use crate::reason::Reason;
use crate::telemetry::{Outcome, ScanEvent};
use crate::time::Timestamp;

/// The seconds of a slot.
const SLOT: i64 = 10;

/// The most terminals told apart for a reason within a slot: the rest is one.
const TERMINALS: usize = 64;

/// The codes an issuer's clock is judged by.
const OFFSETS: usize = 31;

/// What the rest is called.
const OTHER: &str = "other";

/// Whose scan met which end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Who {
    family: Option<Word>,
    issuer: Option<Word>,
    route: Option<Word>,
    reason: Option<Reason>,
}

/// How often one combination was seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tally {
    /// The family.
    pub family: Option<Box<str>>,
    /// The issuer.
    pub issuer: Option<Box<str>>,
    /// The route.
    pub route: Option<Box<str>>,
    /// Why it was refused; none if it was not.
    pub reason: Option<Reason>,
    /// How often.
    pub count: u64,
}

/// What was refused for one reason.
#[derive(Clone, Debug)]
pub struct ReasonTally {
    /// The reason.
    pub reason: Reason,
    /// How often within the window.
    pub count: u64,
    /// The same, ten seconds at a time, the oldest first.
    pub series: Vec<u32>,
    /// By terminal, the most frequent first.
    pub by_terminal: Vec<(Box<str>, u64)>,
    /// The first one since the start.
    pub first: Timestamp,
    /// The last one.
    pub last: Arc<ScanEvent>,
}

/// How often something was seen, and when last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Last {
    /// How often.
    pub count: u64,
    /// When last.
    pub at: Timestamp,
}

#[derive(Debug, Default)]
struct Slot {
    by: FxHashMap<Who, u32>,
    terminals: FxHashMap<Reason, FxHashMap<Box<str>, u32>>,
}

/// The slots of the window, and what is remembered beyond it.
#[derive(Debug, Default)]
pub(super) struct Slots {
    words: Words,
    kept: FxHashMap<i64, Slot>,
    seen: FxHashMap<Reason, (Timestamp, Arc<ScanEvent>)>,
    routes: FxHashMap<Word, Last>,
    offsets: FxHashMap<Word, VecDeque<i64>>,
}

impl Slots {
    pub(super) fn note(&mut self, event: &ScanEvent, over: i64) {
        let known = self.words.of(&event.names);
        let who = Who {
            family: known.and_then(|it| it.family(event.family)),
            issuer: known.and_then(|it| it.issuer(event.issuer)),
            route: known.and_then(|it| it.route(event.route)),
            reason: event.reason,
        };
        let slot = self.kept.entry(over.div_euclid(SLOT)).or_default();
        *slot.by.entry(who).or_default() += 1;
        if let Some(reason) = event.reason {
            slot.refused(reason, event);
            let seen = self.seen.entry(reason);
            let seen = seen.or_insert_with(|| (event.at, Arc::new(event.clone())));
            Arc::make_mut(&mut seen.1).clone_from(event);
        }
        if let (Some(route), Outcome::Decision) = (who.route, event.outcome) {
            let last = self.routes.entry(route).or_insert(Last {
                count: 0,
                at: event.at,
            });
            *last = Last {
                count: last.count + 1,
                at: event.at,
            };
        }
        let believed = event.verification.is_some_and(|it| it.holds);
        if let (Some(issuer), Some(made), true) = (who.issuer, event.made, believed) {
            let offsets = self.offsets.entry(issuer).or_default();
            offsets.truncate(OFFSETS - 1);
            offsets.push_front(event.at.millis() - made.millis());
        }
    }

    pub(super) fn forget_before(&mut self, second: i64) {
        let oldest = second.div_euclid(SLOT);
        self.kept.retain(|at, _| *at >= oldest);
    }

    pub(super) fn tallies(&self, now: i64) -> Vec<Tally> {
        let mut sums = FxHashMap::<Who, u64>::default();
        for slot in within(now).filter_map(|at| self.kept.get(&at)) {
            for (who, count) in &slot.by {
                *sums.entry(*who).or_default() += u64::from(*count);
            }
        }
        let name = |word: Option<Word>| word.map(|word| self.words.name(word));
        let tally = |(who, count): (Who, u64)| Tally {
            family: name(who.family),
            issuer: name(who.issuer),
            route: name(who.route),
            reason: who.reason,
            count,
        };
        let mut tallies: Vec<_> = sums.into_iter().map(tally).collect();
        tallies.sort_by_key(|tally| std::cmp::Reverse(tally.count));
        tallies
    }

    pub(super) fn refusals(&self, now: i64) -> Vec<ReasonTally> {
        let of = |(reason, (first, last)): (&Reason, &(Timestamp, Arc<ScanEvent>))| {
            let (mut series, mut terminals) = (Vec::new(), FxHashMap::<&str, u64>::default());
            for at in within(now) {
                let slot = self.kept.get(&at);
                let of_reason = slot.and_then(|slot| slot.terminals.get(reason));
                let mut sum = 0;
                for (terminal, count) in of_reason.into_iter().flatten() {
                    sum += count;
                    *terminals.entry(terminal).or_default() += u64::from(*count);
                }
                series.push(sum);
            }
            let count = series.iter().copied().map(u64::from).sum();
            let named = terminals.into_iter().filter(|(name, _)| !name.is_empty());
            let mut by_terminal: Vec<_> = named.map(|(name, n)| (name.into(), n)).collect();
            by_terminal.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
            ReasonTally {
                reason: *reason,
                count,
                series,
                by_terminal,
                first: *first,
                last: Arc::clone(last),
            }
        };
        let refusals = self.seen.iter().map(of).filter(|tally| tally.count > 0);
        let mut refusals: Vec<_> = refusals.collect();
        refusals.sort_by_key(|tally| std::cmp::Reverse(tally.count));
        refusals
    }

    pub(super) fn routes(&self) -> Vec<(Box<str>, Last)> {
        let routes = self.routes.iter();
        routes
            .map(|(route, last)| (self.words.name(*route), *last))
            .collect()
    }

    pub(super) fn clock_offsets(&self) -> Vec<(Box<str>, f64)> {
        let offsets = self.offsets.iter();
        let medians =
            offsets.filter_map(|(issuer, ages)| Some((self.words.name(*issuer), median(ages)?)));
        medians.collect()
    }
}

/// The middle one of some spans in milliseconds, in seconds.
fn median(spans: &VecDeque<i64>) -> Option<f64> {
    let mut sorted: Vec<_> = spans.iter().copied().collect();
    sorted.sort_unstable();
    let middle = i32::try_from(*sorted.get(sorted.len() / 2)?).ok()?;
    Some(f64::from(middle) / 1_000.0)
}

/// The slots of the window that ends with the one `now` is in.
fn within(now: i64) -> impl Iterator<Item = i64> {
    let newest = now.div_euclid(SLOT);
    newest - WINDOW / SLOT + 1..=newest
}

impl Slot {
    /// Counts a refusal on its terminal; one that has no name counts as such.
    fn refused(&mut self, reason: Reason, event: &ScanEvent) {
        let terminals = self.terminals.entry(reason).or_default();
        let name = event.terminal.as_deref().unwrap_or_default();
        let known = terminals.len() < TERMINALS || terminals.contains_key(name);
        let name = if known { name } else { OTHER };
        match terminals.get_mut(name) {
            Some(count) => *count += 1,
            None => drop(terminals.insert(name.into(), 1)),
        }
    }
}
