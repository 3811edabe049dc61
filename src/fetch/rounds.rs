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

use super::Renewal;
use super::adoption::Earlier;
use super::flight::{Arrival, Gear, Landing};
use super::gate::{Gate, Permission};
use super::keeper::{Board, Order, Setting};
use super::look::Sight;
use super::snapshot::Shelf;
use super::tended::{Asking, Rhythm, Role, Tended};
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
    pub(super) gear: Gear,
    random: Random,
    pub(super) metrics: Metrics,
    pub(super) board: Arc<Board>,
    pub(super) keys: Arc<ArcSwap<Keys>>,
    pub(super) earlier: Vec<Earlier>,
    pub(super) tended: BTreeMap<Box<str>, Tended>,
    /// Counts adoptions.
    pub(super) generation: u64,
    /// Which of them is in force.
    pub(super) in_force: u64,
    pub(super) gate: Gate,
    regular: Arc<Semaphore>,
    urgent: Arc<Semaphore>,
    pub(super) flights: JoinSet<Arrival>,
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
            earlier: Vec::new(),
            generation: 0,
            in_force: 0,
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
            let due = self.take_off(Instant::now());
            tokio::select! {
                biased;
                Some(arrival) = self.flights.join_next() => match arrival {
                    Ok(Arrival::Adoption(prepared)) => self.adopt(*prepared),
                    Ok(Arrival::Landing(landing)) => self.land(*landing),
                    Err(_) => {}
                },
                order = orders.recv() => match order {
                    Some(order) => self.obey(order),
                    None => break,
                },
                // Keys begin and end without anybody doing anything.
                _ = glances.tick() => self.glance(),
                () = sleep_until(due) => {}
            }
        }
    }

    fn obey(&mut self, order: Order) {
        match order {
            Order::Adopt(adoption) => self.prepare(adoption),
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

    /// Sends off whoever is due, as far as there are places, and says who is next. Whoever is due
    /// and has no place waits for somebody to land, and may become urgent meanwhile.
    fn take_off(&mut self, now: Instant) -> Instant {
        let mut next = now + IDLE;
        let mut due = Vec::new();
        for (issuer, tended) in &self.tended {
            for source in tended.sources.iter().filter(|it| !it.flying) {
                if source.due <= now {
                    // Those that failed do not hold up the others.
                    let rank = (!source.urgent, source.failures > 0, source.due);
                    due.push((rank, issuer.clone(), source.id));
                } else {
                    next = next.min(source.due);
                }
            }
        }
        if self.regular.available_permits() + self.urgent.available_permits() == 0 {
            return next;
        }
        due.sort_unstable();
        for ((regular, ..), issuer, id) in due {
            let lanes = [(!regular).then_some(&self.urgent), Some(&self.regular)];
            let mut lanes = lanes.into_iter().flatten();
            let place = lanes.find_map(|lane| Arc::clone(lane).try_acquire_owned().ok());
            let Some(place) = place else {
                break;
            };
            let tended = self.tended.get_mut(&issuer);
            if let Some(flight) = tended.and_then(|it| self.gear.send_off(it, id)) {
                self.flights.spawn(flight.run(place));
            }
        }
        next
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
        tended.tell(landing.source, wall, now);
        self.metrics.keys_fetched(&landing.issuer, fetch);
        self.publish(&landing.issuer);
        if landing.role == Role::Keys {
            self.answer(&landing.issuer);
        }
        drop(bells);
    }

    /// Puts what is known of an issuer in force.
    fn publish(&mut self, id: &str) {
        self.earlier.retain(|it| it.keys.strong_count() > 0);
        let Some(tended) = self.tended.get(id) else {
            return;
        };
        dress(&self.keys, tended);
        let theirs = |it: &&Earlier| tended.generation <= it.generation;
        let earlier = self.earlier.iter().filter(theirs);
        for keys in earlier.filter_map(|it| it.keys.upgrade()) {
            dress(&keys, tended);
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
        let permission = match source.answers() {
            _ if under_way => Permission::Granted,
            true => self.gate.ask(issuer, asking.digest(), now),
            false => self.gate.ask_whether_back(issuer, now),
        };
        match permission {
            Permission::Granted => {
                asking.late = source.flying;
                if !source.flying {
                    source.due = source.due.min(now);
                    // Those nobody waits for do not take the places of others.
                    source.urgent = !source.is_dead();
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

    /// Heeds the machine's clock, which may have been set back.
    fn glance(&mut self) {
        let wall = (self.gear.clock)();
        let tended = self.tended.iter_mut();
        let early = tended.filter_map(|(id, it)| it.heed(wall).then(|| id.clone()));
        for id in early.collect::<Vec<_>>() {
            self.publish(&id);
        }
        self.measure_all();
    }

    /// Tells the metrics how it stands with everybody.
    pub(super) fn measure_all(&self) {
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

/// Puts what is known of an issuer into keys that serve.
fn dress(keys: &ArcSwap<Keys>, tended: &Tended) {
    let before = keys.load();
    let Some(issuer) = before.issuer(&tended.feed.issuer) else {
        return;
    };
    let mut dressed = issuer.clone();
    tended.dress(&mut dressed);
    let same =
        Arc::ptr_eq(&issuer.keys, &dressed.keys) && Arc::ptr_eq(&issuer.revoked, &dressed.revoked);
    if !same {
        keys.store(Arc::new(before.with(dressed)));
    }
}
