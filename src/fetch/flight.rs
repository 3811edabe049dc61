//! A look at one origin, from the moment it is sent off until it lands.

use std::sync::Arc;

use super::look::{Look, Sight};
use super::snapshot::Shelf;
use super::tended::{Role, Source};
use super::{Feed, Pace, Unfetched};
use crate::time::Timestamp;
use crate::trust::standing::chain;

/// What every look needs.
#[derive(Debug)]
pub(super) struct Gear {
    pub(super) clock: fn() -> Timestamp,
    pub(super) pace: Pace,
    pub(super) shelf: Option<Arc<Shelf>>,
}

impl Gear {
    pub(super) fn look(&self, feed: &Feed, source: &Source) -> Look {
        let patience = match source.role {
            Role::Keys => self.pace.answer,
            Role::CardList { .. } | Role::List(_) => self.pace.list_answer,
        };
        Look {
            issuer: feed.issuer.clone(),
            origin: source.origin.clone(),
            subject: source.role.subject(feed),
            memo: source.memo.clone(),
            patience,
            shelf: self.shelf.clone(),
            clock: self.clock,
        }
    }
}

/// What comes back from a look.
#[derive(Debug)]
pub(super) struct Landing {
    pub(super) issuer: Box<str>,
    pub(super) generation: u64,
    pub(super) source: usize,
    pub(super) role: Role,
    pub(super) outcome: Result<Sight, Unfetched>,
}

impl Landing {
    /// One event for every change and every failure.
    pub(super) fn tell(&self) {
        let issuer = &*self.issuer;
        let what = match self.role {
            Role::Keys => "keys",
            Role::CardList { .. } | Role::List(_) => "revocation list",
        };
        match &self.outcome {
            Ok(Sight::Same) => {}
            Ok(Sight::Keys(found, _)) => {
                let (keys, rejected) = (found.keys.len(), found.rejected.len());
                tracing::info!(issuer, keys, rejected, "keys changed");
            }
            Ok(Sight::List(list, _)) => {
                let (keys, codes) = list.len();
                tracing::info!(issuer, keys, codes, "revocation list changed");
            }
            Err(error) => {
                let error = chain(error);
                tracing::warn!(issuer, what, error, "what is known stays");
            }
        }
    }
}
