//! The keeper's thread: who is asked when, and what becomes of the answers.
//!
//! Everything is decided on this one thread; looking itself is done by tasks that land here.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until};

use super::flight::{Gear, Landing};
use super::gate::{Gate, Permission};
use super::keeper::{Board, Order, Setting};
use super::look::Sight;
use super::snapshot::Shelf;
use super::tended::{Asking, Bell, Rhythm, Role, Tended};
use super::{Feed, Renewal, Unfetched};
use crate::metrics::{Fetch, KeysGauge, Metrics};
use crate::random::Random;
use crate::trust::standing::KeyState;
use crate::trust::{Issuer, Keys};

/// Questions under way at the same time, those nobody waits for.
const AT_ONCE: usize = 32;

/// Questions under way for scans and operators, apart from the others: dead servers of some issuers
/// must not hold up the living ones of others.
const URGENT_AT_ONCE: usize = 8;

/// Nothing is due; another look is taken anyway.
const IDLE: Duration = Duration::from_secs(3_600);

/// What the thread has.
#[derive(Debug)]
pub(super) struct Rounds {
    gear: Gear,
    random: Random,
    metrics: Metrics,
    board: Arc<Board>,
    keys: Arc<ArcSwap<Keys>>,
    tended: BTreeMap<Box<str>, Tended>,
    generation: u64,
    gate: Gate,
    regular: Arc<Semaphore>,
    urgent: Arc<Semaphore>,
    flights: JoinSet<Landing>,
}

impl Rounds {
    pub(super) fn new(setting: Setting, board: Arc<Board>) -> Self {
        let shelf = setting.snapshot.and_then(|path| {
            let shelf = Shelf::open(&path);
            shelf.map_err(|error| error.warn("all")).ok().map(Arc::new)
        });
        let keys = Arc::clone(&board.lock().keys);
        Self {
            gate: Gate::new(&setting.pace, Instant::now()),
            gear: Gear {
                clock: setting.clock,
                pace: setting.pace,
                shelf,
            },
            random: Random::seeded(setting.seed),
            metrics: setting.metrics,
            keys,
            board,
            tended: BTreeMap::new(),
            generation: 0,
            regular: Arc::new(Semaphore::new(AT_ONCE)),
            urgent: Arc::new(Semaphore::new(URGENT_AT_ONCE)),
            flights: JoinSet::new(),
        }
    }

    /// Until the last handle is gone.
    pub(super) async fn run(mut self, mut orders: mpsc::Receiver<Order>) {
        let mut glances = interval(self.gear.pace.files);
        glances.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            self.take_off();
            let due = self.next_due();
            tokio::select! {
                biased;
                Some(landing) = self.flights.join_next() => {
                    if let Ok(landing) = landing {
                        self.land(landing);
                    }
                }
                order = orders.recv() => match order {
                    Some(order) => self.obey(order),
                    None => break,
                },
                // Keys begin and end without anybody doing anything.
                _ = glances.tick() => self.measure_all(),
                () = sleep_until(due) => {}
            }
        }
    }

    fn obey(&mut self, order: Order) {
        match order {
            Order::Adopt {
                feeds,
                keys,
                bell,
                reply,
            } => {
                self.adopt(feeds, &keys, &bell);
                let _ = reply.send(Arc::clone(&self.keys));
            }
            Order::Refresh { issuer, bell } => {
                let now = Instant::now();
                let meant = self.tended.iter_mut();
                let meant =
                    meant.filter(|(id, _)| issuer.as_ref().is_none_or(|wanted| wanted == *id));
                for source in meant.flat_map(|(_, tended)| &mut tended.sources) {
                    source.hurry(now);
                    source.urgent = issuer.is_some();
                    source.bells.push(bell.clone());
                }
            }
            Order::Renew { issuer, key, reply } => {
                let asking = Asking {
                    key,
                    reply,
                    late: false,
                };
                self.renew(&issuer, asking);
            }
        }
    }

    /// Newer files are in force: issuers that stay keep what they have.
    fn adopt(&mut self, feeds: Vec<Feed>, keys: &Keys, bell: &Bell) {
        let (now, wall) = (Instant::now(), (self.gear.clock)());
        let mut before = std::mem::take(&mut self.tended);
        for feed in feeds {
            let issuer = feed.issuer.clone();
            let known = before.remove(&issuer);
            let tended = match known.filter(|known| known.feed.asks_the_same(&feed)) {
                Some(mut known) => {
                    known.adopt(feed, now, wall);
                    known
                }
                None => self.begin(feed, bell, now),
            };
            self.tended.insert(issuer, tended);
        }
        let tended = &self.tended;
        self.gate.keep(|issuer| tended.contains_key(issuer));
        let dressed = keys.issuers().map(|issuer| {
            let mut issuer = issuer.clone();
            if let Some(tended) = tended.get(&issuer.id) {
                tended.dress(&mut issuer);
            }
            issuer
        });
        self.keys = Arc::new(ArcSwap::from_pointee(dressed.collect()));
        let mut notes = self.board.lock();
        notes.keys = Arc::clone(&self.keys);
        notes.fetched = tended
            .iter()
            .map(|(issuer, tended)| (issuer.clone(), tended.report()))
            .collect();
        drop(notes);
        self.metrics.forget_issuers();
        self.measure_all();
    }

    /// What the last process had serves until the issuer answers; files are here already.
    fn begin(&mut self, feed: Feed, bell: &Bell, now: Instant) -> Tended {
        self.generation += 1;
        let mut tended = Tended::new(feed, self.generation, now);
        // Keys may bring lists of their own, which are behind them.
        let mut place = 0;
        while let Some(source) = tended.sources.get(place) {
            let (id, look) = (source.id, self.gear.look(&tended.feed, source));
            if let Some((sight, wall)) = look.recall() {
                tended.take(id, sight, wall, now);
            }
            place += 1;
        }
        for source in &mut tended.sources {
            source.bells.push(bell.clone());
        }
        tended
    }

    /// Sends off whoever is due.
    fn take_off(&mut self) {
        let now = Instant::now();
        for tended in self.tended.values_mut() {
            let generation = tended.generation;
            let sources = tended.sources.iter_mut();
            for source in sources.filter(|it| !it.flying && it.due <= now) {
                source.flying = true;
                let look = self.gear.look(&tended.feed, source);
                let (source, role, urgent) = (source.id, source.role.clone(), source.urgent);
                let lane = Arc::clone(if urgent { &self.urgent } else { &self.regular });
                self.flights.spawn(async move {
                    let _place = lane.acquire_owned().await;
                    let issuer = look.issuer.clone();
                    // A task of its own: one that fails must land as well.
                    let outcome = tokio::spawn(look.run()).await;
                    Landing {
                        issuer,
                        generation,
                        source,
                        role,
                        outcome: outcome.unwrap_or(Err(Unfetched::Fault)),
                    }
                });
            }
        }
    }

    fn next_due(&self) -> Instant {
        let sources = self.tended.values().flat_map(|tended| &tended.sources);
        let due = sources.filter(|it| !it.flying).map(|it| it.due);
        due.min().unwrap_or_else(|| Instant::now() + IDLE)
    }

    fn land(&mut self, landing: Landing) {
        let (now, wall) = (Instant::now(), (self.gear.clock)());
        let tended = self.tended.get_mut(&landing.issuer);
        let Some(tended) = tended.filter(|it| it.generation == landing.generation) else {
            return;
        };
        let fetch = match &landing.outcome {
            Ok(Sight::Same) => Fetch::Unchanged,
            Ok(Sight::Keys(..) | Sight::List(..)) => Fetch::Success,
            Err(_) => Fetch::Failure,
        };
        landing.tell();
        let outcome = landing
            .outcome
            .map(|sight| tended.take(landing.source, sight, wall, now));
        let refresh = tended.feed.refresh;
        let mut rhythm = Rhythm {
            pace: &self.gear.pace,
            random: &mut self.random,
            now,
            wall,
        };
        // Whoever waits for the outcome is woken when it can be seen.
        let mut bells = Vec::new();
        let mut sources = tended.sources.iter_mut();
        if let Some(source) = sources.find(|it| it.id == landing.source) {
            bells = source.landed(outcome.as_ref().copied(), &mut rhythm, refresh);
        }
        self.metrics.keys_fetched(&landing.issuer, fetch);
        self.publish(&landing.issuer);
        if landing.role == Role::Keys {
            self.answer(&landing.issuer);
        }
        drop(bells);
    }

    /// Puts what is known of an issuer in force.
    fn publish(&self, id: &str) {
        let Some(tended) = self.tended.get(id) else {
            return;
        };
        let before = self.keys.load();
        if let Some(issuer) = before.issuer(id) {
            let mut dressed = issuer.clone();
            tended.dress(&mut dressed);
            let same = Arc::ptr_eq(&issuer.keys, &dressed.keys)
                && Arc::ptr_eq(&issuer.revoked, &dressed.revoked);
            if !same {
                self.keys.store(Arc::new(before.with(dressed)));
            }
        }
        let mut notes = self.board.lock();
        notes.fetched.insert(id.into(), tended.report());
        drop(notes);
        if let Some(issuer) = self.keys.load().issuer(id) {
            self.measure(issuer);
        }
    }

    /// Asks for a scan, if that may be done.
    fn renew(&mut self, issuer: &str, mut asking: Asking) {
        let now = Instant::now();
        let Some(tended) = self.tended.get_mut(issuer) else {
            return asking.answer(Renewal::Asked);
        };
        let has = tended.has(asking.key.as_deref());
        let Some(source) = tended.keys_source() else {
            return asking.answer(Renewal::Asked);
        };
        if has && source.answers() {
            return asking.answer(Renewal::Asked);
        }
        let under_way = source.flying || source.due <= now;
        let permission = if under_way {
            Permission::Granted
        } else {
            self.gate.ask(issuer, asking.digest(), now)
        };
        match permission {
            Permission::Granted => {
                asking.late = source.flying;
                if !source.flying {
                    source.due = now;
                    source.urgent = true;
                }
                if source.is_dead() {
                    asking.answer(Renewal::Unanswered);
                } else {
                    tended.asking.push(asking);
                }
            }
            Permission::Recent if source.answers() => asking.answer(Renewal::Asked),
            Permission::Recent | Permission::Spent => asking.answer(Renewal::Unanswered),
        }
    }

    /// Answers the scans that waited for an issuer's keys. Who came while the question was under
    /// way already may have it asked again.
    fn answer(&mut self, id: &str) {
        let Some(tended) = self.tended.get_mut(id) else {
            return;
        };
        let answers = tended.keys_source().is_some_and(|it| it.answers());
        for asking in std::mem::take(&mut tended.asking) {
            match answers {
                true if asking.late => self.renew(id, asking.in_time()),
                true => asking.answer(Renewal::Asked),
                false => asking.answer(Renewal::Unanswered),
            }
        }
    }

    /// Tells the metrics how it stands with everybody.
    fn measure_all(&self) {
        for issuer in self.keys.load().issuers() {
            self.measure(issuer);
        }
    }

    fn measure(&self, issuer: &Issuer) {
        let standing = self.board.lock().standing(issuer, (self.gear.clock)());
        let states = KeyState::ALL.map(|state| (state.name(), standing.count(state)));
        let ends = standing
            .keys
            .iter()
            .filter(|key| key.state == KeyState::Active);
        self.metrics.keys_stand(&KeysGauge {
            issuer: &standing.issuer,
            states: &states,
            rejected: standing.rejected.len(),
            fresh: standing.last_success,
            next: standing.next_refresh,
            stale: standing.serve_until,
            expiry: ends.filter_map(|key| key.not_after).min(),
        });
    }
}
