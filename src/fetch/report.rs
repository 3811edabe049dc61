//! What the keeper knows beyond the keys themselves, for operators.

use std::sync::Arc;

use super::Origin;
use super::tended::{Role, Source, Tended};
use crate::time::Timestamp;
use crate::trust::standing::{ListStanding, Revoked, SupplyState};
use crate::trust::{KeySet, Standing};

/// When something was asked for, and what came of it.
#[derive(Clone, Debug, Default)]
pub(super) struct Asked {
    pub(super) last: Option<Timestamp>,
    /// In this process or the one before.
    pub(super) last_success: Option<Timestamp>,
    pub(super) error: Option<Box<str>>,
    pub(super) next: Option<Timestamp>,
}

/// What is known of how an issuer's keys are fetched.
#[derive(Debug)]
pub(super) struct Report {
    /// None: the keys stand in the configuration, only lists are fetched.
    keys: Option<KeysReport>,
    lists: Vec<ListStanding>,
}

/// The same of the keys themselves.
#[derive(Debug)]
struct KeysReport {
    source: Box<str>,
    /// As long as they are not stale.
    state: SupplyState,
    stale_at: Option<Timestamp>,
    asked: Asked,
    /// What came with it and is none is among them.
    had: Option<Arc<KeySet>>,
}

impl Report {
    /// Adds it to what the keys themselves say.
    pub(super) fn fill(&self, standing: &mut Standing, now: Timestamp) {
        standing.lists.clone_from(&self.lists);
        let Some(keys) = &self.keys else {
            return;
        };
        let is_stale = keys.stale_at.is_some_and(|at| at <= now);
        standing.state = if is_stale {
            SupplyState::Stale
        } else {
            keys.state
        };
        standing.source = Some(keys.source.clone());
        let had = keys.had.as_ref();
        standing.rejected = had.map_or_else(Vec::new, |had| had.rejected.clone());
        let asked = keys.asked.clone();
        standing.last_attempt = asked.last;
        standing.last_success = asked.last_success;
        standing.last_error = asked.error;
        standing.next_refresh = asked.next;
    }
}

impl Tended {
    /// What operators are told beside the keys themselves.
    pub(super) fn report(&self) -> Report {
        let is_keys = |source: &&Source| source.role == Role::Keys;
        let keys = self.sources.iter().find(is_keys);
        let lists = self.sources.iter().filter(|source| !is_keys(source));
        Report {
            keys: keys.map(|source| self.report_keys(source)),
            lists: lists.map(report_list).collect(),
        }
    }

    fn report_keys(&self, source: &Source) -> KeysReport {
        let last = source.asked.last_success.filter(|_| self.keys.is_some());
        let is_remote = matches!(source.origin, Origin::Remote(_));
        let state = match last {
            _ if self.is_unlisted() => SupplyState::Awaited,
            None => SupplyState::Awaited,
            Some(_) if source.failures > 0 => SupplyState::Failing,
            Some(_) if is_remote => SupplyState::Fresh,
            Some(_) => SupplyState::Files,
        };
        KeysReport {
            source: source.origin.told(),
            state,
            stale_at: last
                .filter(|_| is_remote)
                .map(|last| last.after(self.feed.max_stale)),
            asked: source.asked.clone(),
            had: self.keys.clone(),
        }
    }
}

fn report_list(source: &Source) -> ListStanding {
    let asked = source.asked.clone();
    ListStanding {
        source: source.origin.told(),
        revoked: source.list.as_ref().map(|list| {
            let (keys, codes) = list.len();
            Revoked { keys, codes }
        }),
        last_success: asked.last_success,
        last_attempt: asked.last,
        last_error: asked.error,
        next_refresh: asked.next,
    }
}
