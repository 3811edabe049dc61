//! A look at one origin, from the moment it is sent off until it lands.

use std::sync::Arc;

use tokio::sync::OwnedSemaphorePermit;

use super::adoption::Prepared;
use super::look::{Look, Sight};
use super::snapshot::Shelf;
use super::tended::{Role, Source, Tended};
use super::{Feed, Pace, Unfetched};
use crate::time::Timestamp;

/// What every look needs.
#[derive(Clone, Debug)]
pub(super) struct Gear {
    pub(super) clock: fn() -> Timestamp,
    pub(super) pace: Pace,
    pub(super) shelf: Option<Arc<Shelf>>,
}

impl Gear {
    /// Notes that a source is on its way.
    pub(super) fn send_off(&self, tended: &mut Tended, id: usize) -> Option<Flight> {
        let mut sources = tended.sources.iter_mut();
        let source = sources.find(|source| source.id == id)?;
        source.flying = true;
        Some(Flight {
            look: self.look(&tended.feed, source),
            generation: tended.generation,
            source: id,
            role: source.role.clone(),
        })
    }

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

/// A look that is ready to be taken.
#[derive(Debug)]
pub(super) struct Flight {
    look: Look,
    generation: u64,
    source: usize,
    role: Role,
}

impl Flight {
    /// Looks, and keeps the place until it lands.
    pub(super) async fn run(self, place: OwnedSemaphorePermit) -> Arrival {
        let issuer = self.look.issuer.clone();
        // A task of its own: one that fails must land as well.
        let outcome = tokio::spawn(self.look.run()).await;
        drop(place);
        Arrival::Landing(Box::new(Landing {
            issuer,
            generation: self.generation,
            source: self.source,
            role: self.role,
            outcome: outcome.unwrap_or(Err(Unfetched::Fault)),
        }))
    }
}

/// What comes back to the keeper's thread.
#[derive(Debug)]
pub(super) enum Arrival {
    /// Newer files, with what was kept of their issuers.
    Adoption(Box<Prepared>),
    /// A look.
    Landing(Box<Landing>),
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
    /// One event for every change.
    pub(super) fn tell(&self) {
        let issuer = &*self.issuer;
        match &self.outcome {
            Ok(Sight::Same) | Err(_) => {}
            Ok(Sight::Keys(found, _)) => {
                let (keys, rejected) = (found.keys.len(), found.rejected.len());
                tracing::info!(issuer, keys, rejected, "keys changed");
            }
            Ok(Sight::List(list, _)) => {
                let (keys, codes) = list.len();
                tracing::info!(issuer, keys, codes, "revocation list changed");
            }
        }
    }
}
