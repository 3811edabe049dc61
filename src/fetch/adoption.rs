//! Newer files come into force: an issuer that stays keeps what it has, a new one begins with what
//! the process before it kept.
//!
//! What was kept is read beside the keeper's thread, and whatever cannot be read leaves the issuer
//! without: nothing on a disk ends the thread or holds it up.

use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::Sender;
use std::sync::{Arc, Weak};

use arc_swap::ArcSwap;
use tokio::time::Instant;

use super::Feed;
use super::flight::{Arrival, Gear};
use super::rounds::Rounds;
use super::tended::{Bell, Tended};
use crate::trust::Keys;

/// Newer files, on their way into force.
#[derive(Debug)]
pub(super) struct Adoption {
    pub(super) feeds: Vec<Feed>,
    pub(super) keys: Keys,
    /// For what is new.
    pub(super) bell: Bell,
    pub(super) reply: Sender<Arc<ArcSwap<Keys>>>,
}

/// The same with what was kept of the issuers that are new.
#[derive(Debug)]
pub(super) struct Prepared {
    adoption: Adoption,
    generation: u64,
    begun: BTreeMap<Box<str>, Tended>,
}

/// The keys of files that were in force before. A scan may still be decided with them, and they are
/// in force again if the newer files are refused after all.
#[derive(Debug)]
pub(super) struct Earlier {
    pub(super) keys: Weak<ArcSwap<Keys>>,
    /// Issuers of a later generation are none of theirs.
    pub(super) generation: u64,
}

impl Rounds {
    /// Has the snapshots of new issuers read.
    pub(super) fn prepare(&mut self, adoption: Adoption) {
        self.generation += 1;
        let (generation, gear, now) = (self.generation, self.gear.clone(), Instant::now());
        let known = |feed: &Feed| {
            let known = self.tended.get(&feed.issuer);
            known.is_some_and(|known| known.feed.asks_the_same(feed))
        };
        let new = adoption.feeds.iter().filter(|feed| !known(feed)).cloned();
        let new: Vec<_> = new.collect();
        let read = move || {
            let begun = new.into_iter().map(|feed| {
                let begun = begin(&gear, feed, generation, now);
                (begun.feed.issuer.clone(), begun)
            });
            begun.collect()
        };
        self.flights.spawn(async move {
            let begun = tokio::task::spawn_blocking(read).await;
            Arrival::Adoption(Box::new(Prepared {
                adoption,
                generation,
                begun: begun.unwrap_or_default(),
            }))
        });
    }

    /// Tends the newer files' issuers from now on.
    pub(super) fn adopt(&mut self, prepared: Prepared) {
        let Prepared {
            adoption,
            generation,
            mut begun,
        } = prepared;
        let (now, wall) = (Instant::now(), (self.gear.clock)());
        let mut before = std::mem::take(&mut self.tended);
        for feed in adoption.feeds {
            let issuer = feed.issuer.clone();
            let tended = match before.remove(&issuer) {
                Some(mut known) if known.feed.asks_the_same(&feed) => {
                    known.adopt(feed, now, wall);
                    known
                }
                changed => {
                    let begun = begun.remove(&issuer);
                    let mut new = begun.unwrap_or_else(|| Tended::new(feed, generation, now));
                    if let Some(before) = &changed {
                        new.inherit_lists(before);
                    }
                    for source in &mut new.sources {
                        source.bells.push(adoption.bell.clone());
                    }
                    new
                }
            };
            self.tended.insert(issuer, tended);
        }
        for issuer in adoption.keys.issuers() {
            if let Some(tended) = self.tended.get_mut(&issuer.id) {
                tended.written = Arc::clone(&issuer.keys);
            }
        }
        let tended = &self.tended;
        self.gate.keep(|issuer| tended.contains_key(issuer));
        let dressed = adoption.keys.issuers().map(|issuer| {
            let mut issuer = issuer.clone();
            if let Some(tended) = tended.get(&issuer.id) {
                tended.dress(&mut issuer);
            }
            issuer
        });
        let keys = Arc::new(ArcSwap::from_pointee(dressed.collect()));
        self.earlier.push(Earlier {
            keys: Arc::downgrade(&std::mem::replace(&mut self.keys, Arc::clone(&keys))),
            generation: std::mem::replace(&mut self.in_force, generation),
        });
        let mut notes = self.board.lock();
        notes.keys = Arc::clone(&keys);
        notes.fetched = tended
            .iter()
            .map(|(issuer, tended)| (issuer.clone(), tended.report()))
            .collect();
        drop(notes);
        let known = keys.load();
        let known: BTreeSet<_> = known.issuers().map(|issuer| &*issuer.id).collect();
        self.metrics.keep_issuers(|id| known.contains(id));
        self.measure_all();
        let _ = adoption.reply.send(keys);
    }
}

/// What the last process had serves until the issuer answers; files are here already.
pub(super) fn begin(gear: &Gear, feed: Feed, generation: u64, now: Instant) -> Tended {
    let mut tended = Tended::new(feed, generation, now);
    // Keys may bring lists of their own, which are behind them.
    let mut place = 0;
    while let Some(source) = tended.sources.get(place) {
        let (id, look) = (source.id, gear.look(&tended.feed, source));
        // Nothing is shared with what may fail, so nothing is left half done.
        let recalled = catch_unwind(AssertUnwindSafe(|| look.recall()));
        if let Ok(Some((sight, wall))) = recalled {
            tended.take(id, sight, wall, now);
        }
        place += 1;
    }
    tended
}
