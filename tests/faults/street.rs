//! Terminals that pay without a pause, whatever happens to their gateways, and an auditor.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, RwLock};
use std::thread::{Scope, sleep};
use std::time::{Duration, Instant};

use super::SOON;
use super::till::{Order, Shop, Told, Untold};

/// How many there are; every third payment of each is with a one-time code.
const TERMINALS: usize = 6;

/// What a terminal repeats its request after, with the same bytes.
const AGAIN: [&str; 2] = ["in-flight", "store-unavailable"];

/// What a code is told that was used, or may have been.
const USED: [&str; 3] = ["replayed", "refresh-code", "expired"];

/// A payment, and the last that its terminal was told about it.
struct Story {
    order: Order,
    last: Told,
}

/// The street is open while this is there.
pub(super) struct Hours<'a>(&'a AtomicBool);

impl Drop for Hours<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Everybody in the shop.
pub(super) struct Street<'a> {
    shop: &'a Shop,
    gateways: RwLock<Vec<SocketAddr>>,
    closed: AtomicBool,
    cut: AtomicUsize,
    refused: AtomicUsize,
    stories: Mutex<Vec<Story>>,
}

impl<'a> Street<'a> {
    pub(super) fn of(shop: &'a Shop, gateways: Vec<SocketAddr>) -> Self {
        Self {
            shop,
            gateways: RwLock::new(gateways),
            closed: AtomicBool::new(false),
            cut: AtomicUsize::new(0),
            refused: AtomicUsize::new(0),
            stories: Mutex::default(),
        }
    }

    /// The gateways are elsewhere now.
    pub(super) fn moves(&self, gateways: Vec<SocketAddr>) {
        *self.gateways.write().unwrap() = gateways;
    }

    /// Requests that were under way when their gateway died.
    pub(super) fn cut(&self) -> usize {
        self.cut.load(Ordering::Relaxed)
    }

    /// How often somebody was told that the store is away.
    pub(super) fn refused(&self) -> usize {
        self.refused.load(Ordering::Relaxed)
    }

    /// Waits until so many more have paid.
    pub(super) fn pays_on(&self, more: usize) {
        let paid = || self.stories.lock().unwrap().len();
        let enough = paid() + more;
        super::eventually("payments go on", || paid() >= enough);
    }

    fn gateway(&self, number: usize) -> SocketAddr {
        let gateways = self.gateways.read().unwrap();
        gateways[number % gateways.len()]
    }

    /// The terminals pay until what is returned is dropped; they finish what they have begun.
    pub(super) fn open<'s>(&'s self, threads: &'s Scope<'s, '_>) -> Hours<'s> {
        for number in 0..TERMINALS {
            threads.spawn(move || self.terminal(number));
        }
        Hours(&self.closed)
    }

    fn terminal(&self, number: usize) {
        for serial in number.. {
            if self.closed.load(Ordering::Relaxed) {
                return;
            }
            let order = match serial % 3 {
                0 => self.shop.one_time(),
                _ => self.shop.wallet(),
            };
            let last = self.settle(&order, number);
            self.stories.lock().unwrap().push(Story { order, last });
        }
    }

    fn settle(&self, order: &Order, number: usize) -> Told {
        let began = Instant::now();
        loop {
            assert!(began.elapsed() < SOON, "{order:?} is never answered");
            match order.pay(self.gateway(number)) {
                Ok(told) if AGAIN.contains(&&*told.verdict()) => {
                    let refused = usize::from(told.verdict() == AGAIN[1]);
                    self.refused.fetch_add(refused, Ordering::Relaxed);
                }
                Ok(told) => {
                    self.believe(order, &told);
                    return told;
                }
                Err(Untold::Cut) => {
                    self.cut.fetch_add(1, Ordering::Relaxed);
                }
                Err(Untold::Closed) => {}
            }
            sleep(Duration::from_millis(5));
        }
    }

    /// Whoever is told that nothing was done is told the truth.
    fn believe(&self, order: &Order, told: &Told) {
        let times = self.shop.bank.deliveries(&order.id);
        match &*told.verdict() {
            "200" => assert_eq!(times, 1, "{order:?}"),
            "outcome-unknown" => assert!(times <= 1, "{order:?}: {times}"),
            "refresh-code" if order.one_time => assert_eq!(times, 0, "{order:?}"),
            _ => panic!("{order:?}: {told:?}"),
        }
    }

    /// Codes that paid lately are shown by others, at every gateway: none pays again. How many.
    pub(super) fn show_used_codes_again(&self) -> usize {
        let stories = self.stories.lock().unwrap();
        let bank = &self.shop.bank;
        let paid = |it: &&Story| it.order.one_time && bank.deliveries(&it.order.id) > 0;
        let paid = stories.iter().rev().filter(paid).take(8);
        let paid: Vec<_> = paid.map(|story| story.order.clone()).collect();
        drop(stories);
        for (number, order) in paid.iter().enumerate() {
            let key = format!("{}-other", order.id);
            let told = order.pay_as(self.gateway(number), &key).unwrap();
            assert!(USED.contains(&&*told.verdict()), "{order:?}: {told:?}");
        }
        paid.len()
    }

    /// Every payment is as its terminal was told, and nothing is carried out once more. A failover
    /// may lose answers; that a payment was sent it may not.
    pub(super) fn audit(&self, answers_may_be_lost: bool) -> BTreeMap<String, usize> {
        let mut verdicts = BTreeMap::new();
        for (number, Story { order, last }) in self.stories.lock().unwrap().iter().enumerate() {
            let gateway = self.gateway(number);
            let before = self.shop.bank.deliveries(&order.id);
            let again = order.pay(gateway).unwrap();
            let mut verdict = last.verdict();
            match (&*verdict, &*again.verdict()) {
                ("200", "200") => {
                    assert!(again.replayed, "{order:?}: {again:?}");
                    assert_eq!((again.status, &again.body), (200, &last.body), "{order:?}");
                    assert_eq!(before, 1, "{order:?}");
                }
                ("200", "in-flight" | "outcome-unknown") if answers_may_be_lost => {
                    verdict = "200, answer lost".to_owned();
                }
                ("outcome-unknown", "outcome-unknown") => {
                    assert_eq!((again.status, before <= 1), (409, true));
                    assert_eq!(order.state(gateway), "unknown");
                }
                ("refresh-code", again) => {
                    let known = USED.contains(&again) && before == 0;
                    assert!(known, "{order:?}: {again}, {before}");
                }
                (_, again) => panic!("{order:?}: told {last:?}, then {again}"),
            }
            assert_eq!(self.shop.bank.deliveries(&order.id), before, "{order:?}");
            if (&*verdict, before) == ("outcome-unknown", 1) {
                verdict = "delivered, unknown".to_owned();
            }
            *verdicts.entry(verdict).or_default() += 1;
        }
        assert_eq!(self.shop.bank.extra(), [], "extra deliveries");
        verdicts
    }
}
