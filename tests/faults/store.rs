//! Two gateways on one store, and a store that dies, hangs and is failed over while money moves.

use std::net::SocketAddr;
use std::sync::Barrier;
use std::thread::{scope, sleep};
use std::time::{Duration, Instant};

use super::delivery::report;
use super::eventually;
use super::process::Process;
use super::redis::server::Server;
use super::street::Street;
use super::till::{Order, Shop};
use crate::proof::scale;

/// Terminals that show one code at the same time.
const AT_ONCE: usize = 64;

/// Rounds of that in a test run, and in the long proof.
const FEW: usize = 6;
const PROOF: usize = 100;

/// Within which a payment is refused when the store is away, on a machine that does other things, too.
const PROMPT: Duration = Duration::from_secs(3);

/// Two gateways that share these servers.
struct Chain {
    shop: Shop,
    _processes: [Process; 2],
    gateways: [SocketAddr; 2],
}

impl Chain {
    fn on(servers: &[&Server], replicas: usize) -> Self {
        let shop = Shop::open(0..=5, |files| {
            let urls: Vec<_> = servers.iter().map(|it| it.url()).collect();
            let place = format!("redis = {urls:?}\n");
            files.change("routes.toml", "file = \"state/ledger\"\n", &place);
            let scene = format!("[scene.payment]\nreplicas = {replicas}\n");
            files.change("routes.toml", "[scene.payment]\n", &scene);
        });
        let processes = [shop.serve(), shop.serve()];
        let gateways = [&processes[0], &processes[1]].map(|it| it.addresses()[0]);
        let chain = Self {
            shop,
            _processes: processes,
            gateways,
        };
        chain.takes_payments();
        chain
    }

    /// Waits until both take wallets' codes and one-time codes.
    fn takes_payments(&self) {
        for gateway in self.gateways {
            let paid = |order: Order| order.pay(gateway).unwrap().status == 200;
            eventually("a payment passes", || paid(self.shop.wallet()));
            eventually("a code passes", || paid(self.shop.one_time()));
        }
    }

    /// Waits until neither takes payments; nobody waits long for being told so, and at the desk work
    /// goes on.
    fn refuses_payments(&self) {
        for gateway in self.gateways {
            eventually("payments are refused", || {
                let (order, began) = (self.shop.wallet(), Instant::now());
                let told = order.pay(gateway).unwrap();
                assert!(began.elapsed() < PROMPT, "{:?}", began.elapsed());
                told.verdict() == "store-unavailable"
            });
            for order in [self.shop.wallet(), self.shop.one_time()] {
                let told = order.pay(gateway).unwrap();
                let refused = match &*told.verdict() {
                    "store-unavailable" => told.status == 503,
                    // By the fence that stands after a failover.
                    "refresh-code" => order.one_time,
                    _ => false,
                };
                assert!(refused, "{order:?}: {told:?}");
                assert_eq!(self.shop.bank.deliveries(&order.id), 0);
            }
            for _ in 0..5 {
                let (began, told) = (Instant::now(), self.shop.desk(gateway).unwrap());
                assert_eq!(told.status, 200, "{told:?}");
                assert!(began.elapsed() < PROMPT, "{:?}", began.elapsed());
            }
        }
    }
}

/// What everybody was told who paid with it at the same time, under these keys.
fn at_once(chain: &Chain, order: &Order, key: impl Fn(usize) -> String + Sync) -> Vec<String> {
    let barrier = Barrier::new(AT_ONCE);
    scope(|threads| {
        let pay = |number: usize| {
            let (barrier, key) = (&barrier, &key);
            threads.spawn(move || {
                barrier.wait();
                let gateway = chain.gateways[number % 2];
                let told = order.pay_as(gateway, &key(number)).unwrap();
                told.verdict()
            })
        };
        let all: Vec<_> = (0..AT_ONCE).map(pay).collect();
        all.into_iter().map(|it| it.join().unwrap()).collect()
    })
}

fn count(verdicts: &[String], verdict: &str) -> usize {
    verdicts.iter().filter(|it| *it == verdict).count()
}

#[test]
fn of_64_that_show_one_code_at_two_gateways_one_pays() {
    let server = Server::start(&[]);
    let chain = Chain::on(&[&server], 0);
    let (mut doubtful, rounds) = (0, scale(FEW, PROOF));
    for round in 0..rounds {
        let order = chain.shop.one_time();
        let verdicts = at_once(&chain, &order, |number| format!("{}-{number}", order.id));
        let (paid, replayed) = (count(&verdicts, "200"), count(&verdicts, "replayed"));
        // Where the machine has no time for the store's answer, nothing is done.
        let away = count(&verdicts, "store-unavailable");
        assert_eq!(paid + replayed + away, AT_ONCE, "{verdicts:?}");
        assert!(paid == 1 || paid == 0 && away > 0, "round {round}: {paid}");
        assert_eq!(chain.shop.bank.deliveries(&order.id), paid);
        doubtful += usize::from(away > 0);
    }
    report(format_args!("{rounds} rounds, {doubtful} with refusals"));
    assert!(doubtful < rounds, "no round without refusals");
}

#[test]
fn of_64_that_send_one_key_to_two_gateways_one_is_carried_out() {
    let server = Server::start(&[]);
    let chain = Chain::on(&[&server], 0);
    for _ in 0..scale(FEW, PROOF) {
        let order = chain.shop.one_time();
        let verdicts = at_once(&chain, &order, |_| order.id.clone());
        let known = ["200", "in-flight", "store-unavailable"];
        assert!(
            verdicts.iter().all(|it| known.contains(&&**it)),
            "{verdicts:?}"
        );
        let mut told = Vec::new();
        for gateway in chain.gateways {
            eventually("it is answered", || {
                told.push(order.pay(gateway).unwrap());
                told.last().unwrap().status == 200
            });
        }
        let [first, second] = [&told[told.len() - 2], &told[told.len() - 1]];
        assert_eq!(first.body, second.body);
        assert_eq!(chain.shop.bank.deliveries(&order.id), 1);
    }
}

#[test]
fn while_the_store_is_dead_or_frozen_no_money_moves_and_the_rest_goes_on() {
    let mut server = Server::start(&["--appendonly", "yes"]);
    let chain = Chain::on(&[&server], 0);
    let street = Street::of(&chain.shop, chain.gateways.to_vec());
    scope(|threads| {
        let _hours = street.open(threads);
        for round in 0..scale(2, 20) {
            street.pays_on(40);
            let refused = street.refused();
            if round % 2 == 0 {
                server.kill();
            } else {
                server.freeze();
            }
            chain.refuses_payments();
            if round % 2 == 0 {
                server.restart();
            } else {
                server.thaw();
            }
            // By the same processes.
            chain.takes_payments();
            assert!(street.refused() > refused, "nobody paid meanwhile");
            street.show_used_codes_again();
        }
        street.pays_on(40);
    });
    let verdicts = street.audit(false);
    report(format_args!("{} refused, {verdicts:?}", street.refused()));
    assert!(verdicts["200"] > 80, "{verdicts:?}");
}

#[test]
fn after_a_failover_no_payment_is_carried_out_again() {
    for round in 0..scale(1, 20) {
        let mut primary = Server::start(&[]);
        let replica = primary.replica();
        let chain = Chain::on(&[&primary, &replica], 1);
        let street = Street::of(&chain.shop, chain.gateways.to_vec());
        let mut _third = None;
        scope(|threads| {
            let _hours = street.open(threads);
            street.pays_on(60);
            if round % 2 == 0 {
                primary.kill();
                replica.ask(&["REPLICAOF", "NO", "ONE"]);
            } else {
                // What the primary still takes is lost.
                replica.ask(&["REPLICAOF", "NO", "ONE"]);
                sleep(Duration::from_millis(300));
                primary.kill();
            }
            // Without a replica of its own the new primary is not enough.
            chain.refuses_payments();
            _third = Some(replica.replica());
            chain.takes_payments();
            street.show_used_codes_again();
            street.pays_on(40);
        });
        let verdicts = street.audit(true);
        report(format_args!("{} refused, {verdicts:?}", street.refused()));
        assert!(street.refused() > 0 && verdicts["200"] > 40, "{verdicts:?}");
    }
}
