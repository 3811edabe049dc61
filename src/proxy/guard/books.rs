//! Where the process keeps its books: one store, and this process's own memory beside it.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwapOption;
use tokio::time::Instant;

use crate::metrics::StateCounts;
use crate::policy::{Care, WhenAway};
use crate::proxy::Proxy;
use crate::state::{
    About, Away, Entry, Keep, Name, Reserved, Seals, Standing, Store, StoreStanding,
};
use crate::time::{Moment, Timestamp};

/// Where the process keeps its books.
#[derive(Debug)]
pub struct Books {
    /// Makes the names of what is kept.
    pub seals: Arc<Seals>,
    /// The store; none before it is opened and after it is closed.
    pub store: ArcSwapOption<Store>,
    /// This process's own memory: for scans that nothing is lost with, and for what a scene lets it
    /// stand in for the store.
    pub memory: Arc<Store>,
    /// Whether what the store keeps outlives the process.
    pub lasting: bool,
    /// How soon the same scan again is the scanner reading twice; zero: never.
    pub double_read: Duration,
    /// The largest answer that is kept whole.
    pub answer_limit: usize,
    /// What the steady clock counts from.
    pub began: Instant,
    /// What was written about it, as far as it may be shown.
    pub written: Box<str>,
    /// Why what must last cannot be kept, whatever the store says.
    pub trouble: Option<&'static str>,
    /// The counters.
    pub counts: StateCounts,
}

impl Books {
    /// Now, by both clocks.
    pub(super) fn moment(&self, proxy: &Proxy) -> Moment {
        self.at((proxy.clock)(), proxy.timer.now())
    }

    /// An instant of both clocks.
    pub fn at(&self, wall: Timestamp, steady: Instant) -> Moment {
        let steady = steady.saturating_duration_since(self.began);
        Moment { wall, steady }
    }

    /// How it stands with the store.
    pub fn standing(&self) -> StoreStanding {
        let store = self.store.load_full();
        let shut = store.is_none().then_some("it is not open");
        let mut standing = store.map(|store| store.standing()).unwrap_or_default();
        if let Some(why) = self.trouble.or(shut) {
            standing.trouble = Some(why.into());
        }
        standing
    }

    /// The requests of which nobody knows what became, the oldest first.
    pub async fn unknown(&self, most: usize, now: Moment) -> Result<Vec<(Name, About)>, Away> {
        let store = self.store.load_full().ok_or(Away)?;
        store.unknown(most, now).await
    }

    /// Looks at a request of that name. What was forwarded while the store was away only this
    /// gateway knows; without the store it is asked alone, where the scene's care allows.
    pub(super) async fn look(
        &self,
        name: Name,
        fingerprint: Option<Name>,
        (care, now): (Care, Moment),
    ) -> Result<Option<Standing>, Away> {
        let found = match self.store.load_full() {
            Some(store) => store.look(name, fingerprint, now).await,
            None => Err(Away),
        };
        if let Ok(Some(standing)) = found {
            return Ok(Some(standing));
        }
        match (self.memory.look(name, fingerprint, now).await, found) {
            (Ok(Some(standing)), _) => Ok(Some(standing)),
            (known, Err(Away)) if care.when_away == WhenAway::Local => known,
            (_, found) => found,
        }
    }

    /// Reserves, where the scene's care allows; says in which store.
    pub(super) async fn reserve(
        &self,
        entry: &Entry,
        care: Care,
        now: Moment,
    ) -> Result<(Reserved, Arc<Store>), Away> {
        if entry.keep == Keep::Durably && !self.lasting {
            return Err(Away);
        }
        let store = match self.store.load_full() {
            // Others need not hear of it: it is not worth a journey.
            Some(store) if is_light(entry) && matches!(*store, Store::Shared(_)) => {
                Arc::clone(&self.memory)
            }
            Some(store) => store,
            None => return self.make_do(entry, care, now).await,
        };
        match store.reserve(entry, now).await {
            Ok(reserved) => Ok((reserved, store)),
            Err(Away) => self.make_do(entry, care, now).await,
        }
    }

    /// Reserves in this process's own memory, where the scene lets it stand in.
    async fn make_do(
        &self,
        entry: &Entry,
        care: Care,
        now: Moment,
    ) -> Result<(Reserved, Arc<Store>), Away> {
        if care.when_away == WhenAway::Closed {
            return Err(Away);
        }
        self.counts.made_do();
        let reserved = self.memory.reserve(entry, now).await?;
        Ok((reserved, Arc::clone(&self.memory)))
    }
}

/// Whether it is recorded for a scanner that reads twice alone: nothing is lost without.
pub(super) const fn is_light(entry: &Entry) -> bool {
    matches!(entry.keep, Keep::Briefly) && entry.claim.is_none()
}
