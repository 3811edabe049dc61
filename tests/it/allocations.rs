//! Deciding a scan allocates nothing: the number, not the hope.
//!
//! The allocator counts for the whole process and other tests may run beside this one, so many
//! short windows are looked at: what a decision itself allocates is in every one of them, the
//! least is what it costs.

use std::hint::black_box;

use multicode::family;
use multicode::random::Random;
use multicode::sandbox::mint::{Order, mint};
use multicode::scan::{Claims, Cleaning, Scan, clean};
use multicode::time::Timestamp;
use stats_alloc::Region;

use crate::ALLOCATOR;
use crate::shipped::{Desk, GATEWAY, NOW, door};

const WINDOWS: usize = 2_000;

/// The fewest allocations and bytes of any window.
pub(crate) fn least(mut work: impl FnMut()) -> (usize, usize) {
    work();
    let windows = (0..WINDOWS).map(|_| {
        let region = Region::new(ALLOCATOR);
        work();
        let change = region.change();
        (
            change.allocations + change.reallocations,
            change.bytes_allocated,
        )
    });
    windows.min().unwrap()
}

fn aggregate(gateway: &Desk, now: Timestamp) -> String {
    let family = gateway.families().iter().find(|it| &*it.id == "aggregate");
    let fuzhou = Order {
        region: family::Region::parse("350100"),
        ..Order::default()
    };
    let mut random = Random::seeded(1);
    mint(family.unwrap(), &gateway.keys, &fuzhou, &mut random, now).unwrap()
}

#[test]
fn a_decision_allocates_nothing() {
    let gateway: &Desk = &GATEWAY;
    let (door, now) = (door(), Timestamp::from_seconds(NOW));
    let signed = aggregate(gateway, now);
    let card = "00112233445566778899AABBCCDDEEFF00112233445566778899AABBCCDDEEFF:0:00112233445566778899AABBCCDDEEFF:3502A0007";
    let table = [
        ("160000000000000001\r", "pay", Ok("pay-wechat")),
        (card, "consult", Ok("visit-health")),
        (&signed, "settlement", Ok("settle-aggregate-away")),
        ("no code at all", "pay", Err("unknown-code")),
    ];
    for (code, scene, expected) in table {
        let claims = Claims {
            scene: Some(scene),
            terminal: Some("W-0001"),
            ..Claims::default()
        };
        let least = least(|| {
            let text = clean(black_box(code), Cleaning::Scanner);
            let scan = Scan { text, claims };
            let outcome = gateway.decide(GATEWAY.matter(&scan, &door), now);
            let route = outcome.as_ref().map(|decision| &*decision.route.name);
            let found = route.map_err(|rejection| rejection.reason.slug());
            assert_eq!(found, expected);
        });
        assert_eq!(least, (0, 0), "allocations and bytes in scene {scene}");
    }
}

#[test]
fn the_counting_allocator_counts() {
    let (allocations, bytes) = least(|| drop(black_box(Box::new(7_u64))));
    assert!(allocations >= 1 && bytes >= 8);
}
