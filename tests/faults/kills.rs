//! The program is killed while money moves, again and again, and started on what it left behind.

use std::net::SocketAddr;
use std::thread::{scope, sleep};
use std::time::{Duration, Instant};

use multicode::random::Random;

use super::delivery::report;
use super::process::Process;
use super::street::Street;
use super::till::Shop;
use crate::proof::scale;

/// How often it is killed in a test run, and in the long proof.
const FEW: usize = 12;
const PROOF: usize = 200;

/// A gateway that was killed serves again before anybody in the queue has left.
const PROMPT: Duration = Duration::from_secs(10);

fn serve(shop: &Shop) -> (Process, SocketAddr) {
    let began = Instant::now();
    let process = shop.serve();
    assert!(began.elapsed() < PROMPT, "{:?}", began.elapsed());
    let address = process.addresses()[0];
    (process, address)
}

#[test]
fn killed_at_any_moment_it_pays_nothing_twice_and_loses_nothing() {
    let shop = Shop::open(0..=15, |_| {});
    let (mut process, address) = serve(&shop);
    let street = Street::of(&shop, vec![address]);
    let mut random = Random::seeded(4);
    let (mut hits, mut shown) = (0, 0);
    scope(|threads| {
        let _hours = street.open(threads);
        for _ in 0..scale(FEW, PROOF) {
            // A code passes the fence a second after the start at the earliest.
            let moment = u64::try_from(30 + random.below(1_800)).unwrap();
            sleep(Duration::from_millis(moment));
            shown += street.show_used_codes_again();
            let before = street.cut();
            process.signal("KILL");
            assert!(!process.ended().success());
            let (next, address) = serve(&shop);
            hits += usize::from(street.cut() > before);
            process = next;
            street.moves(vec![address]);
            shown += street.show_used_codes_again();
        }
        street.pays_on(20);
    });
    let verdicts = street.audit(false);
    report(format_args!(
        "{} payments carried out, {} under way when killed, {hits} kills hit some; \
         {shown} used codes shown again; {verdicts:?}",
        shop.bank.carried_out(),
        street.cut()
    ));
    assert!(hits > 0 && shown > 0, "{hits} {shown}");
    for verdict in ["200", "delivered, unknown", "refresh-code"] {
        assert!(verdicts.contains_key(verdict), "no {verdict}: {verdicts:?}");
    }
}
