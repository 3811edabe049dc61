//! Two gateways, one truth.

use std::sync::Arc;

use multicode::state::{Entry, Outcome, Reserved, Standing};
use tokio::sync::Barrier;

use super::server::Server;
use super::{Gateway, bare, code, done, gateway, keyed, now};

const RACERS: usize = 64;
const ROUNDS: usize = 50;

/// Half of them over each gateway, all at once.
async fn race(gateways: [&Gateway; 2], entries: Vec<Entry>) -> Vec<Reserved> {
    let start = Arc::new(Barrier::new(entries.len()));
    let racers = entries.into_iter().zip(0_usize..).map(|(entry, at)| {
        let (store, start) = (gateways[at % 2].store.clone(), Arc::clone(&start));
        tokio::spawn(async move {
            start.wait().await;
            store.reserve(&entry, now()).await.unwrap()
        })
    });
    let racers: Vec<_> = racers.collect();
    let mut all = Vec::new();
    for racer in racers {
        all.push(racer.await.unwrap());
    }
    all
}

#[track_caller]
fn one_begins(all: &[Reserved], others: impl Fn(&Reserved) -> bool) {
    let begun = |it: &&Reserved| matches!(it, Reserved::Begun(_));
    assert_eq!(all.iter().filter(begun).count(), 1, "{all:?}");
    assert_eq!(all.iter().filter(|it| others(it)).count(), RACERS - 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_64_uses_of_one_code_on_two_gateways_one_begins() {
    let server = Server::start(&[]);
    let (one, other) = (gateway(&[&server]), gateway(&[&server]));
    super::a_moment().await;
    for round in 0..ROUNDS {
        // By turns a bare claim and one with a record: they exclude each other as well.
        let claim = code(&format!("code {round}"));
        let entry = |racer| {
            let key = format!("{round} {racer}");
            let with_record = Entry {
                claim: Some(claim),
                ..keyed(&key)
            };
            if racer % 4 < 2 {
                bare(&key, claim)
            } else {
                with_record
            }
        };
        let all = race([&one, &other], (0..RACERS).map(entry).collect()).await;
        one_begins(&all, |it| matches!(it, Reserved::Replayed));
        for reserved in all {
            if let Reserved::Begun(mut ticket) = reserved {
                ticket.intend(now()).await.unwrap();
                ticket.settle(done(), now()).await;
            }
        }
    }
    assert_eq!(server.count("*:c:*"), ROUNDS);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_64_uses_of_one_key_on_two_gateways_one_begins() {
    let server = Server::start(&[]);
    let (one, other) = (gateway(&[&server]), gateway(&[&server]));
    for round in 0..ROUNDS {
        let entry = keyed(&format!("key {round}"));
        let all = race([&one, &other], vec![entry.clone(); RACERS]).await;
        one_begins(&all, |it| matches!(it, Reserved::Known(Standing::InFlight)));
        for reserved in all {
            if let Reserved::Begun(mut ticket) = reserved {
                ticket.intend(now()).await.unwrap();
                ticket.settle(done(), now()).await;
            }
        }
        let looked = other
            .store
            .look(entry.name, Some(entry.fingerprint), now())
            .await;
        assert!(matches!(looked, Ok(Some(Standing::Done(_)))), "{looked:?}");
    }
    assert_eq!(server.count("*:r:*"), ROUNDS);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gateway_that_lost_its_reservation_changes_nothing() {
    let server = Server::start(&[]);
    let (slow, quick) = (gateway(&[&server]), gateway(&[&server]));
    super::a_moment().await;
    let claim = code("code");
    let entry = Entry {
        claim: Some(claim),
        lease: std::time::Duration::from_millis(100),
        ..keyed("key")
    };
    let mut lost = slow.begin(&entry).await;
    tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    let patient = Entry {
        lease: keyed("key").lease,
        ..entry.clone()
    };
    let mut taken = quick.begin(&patient).await;
    // Whatever else it believes, it overwrites nothing.
    let other = Entry {
        lease: entry.lease,
        ..keyed("other key")
    };
    let late = slow.begin(&other).await;
    tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    let _held = quick.begin(&keyed("other key")).await;
    late.settle(Outcome::Unknown, now()).await;
    let looked = quick
        .store
        .look(other.name, Some(other.fingerprint), now())
        .await;
    assert!(matches!(looked, Ok(Some(Standing::InFlight))), "{looked:?}");
    // The first has not sent anything and must not any more.
    assert!(lost.intend(now()).await.is_err());
    taken.intend(now()).await.unwrap();
    lost.settle(Outcome::NotSent, now()).await;
    let looked = slow
        .store
        .look(entry.name, Some(entry.fingerprint), now())
        .await;
    assert!(matches!(looked, Ok(Some(_))), "{looked:?}");
    let again = slow.reserve(&bare("other", claim)).await;
    assert!(matches!(again, Some(Reserved::Replayed)), "{again:?}");
    taken.settle(done(), now()).await;
    let looked = slow
        .store
        .look(entry.name, Some(entry.fingerprint), now())
        .await;
    assert!(matches!(looked, Ok(Some(Standing::Done(_)))), "{looked:?}");
    let again = slow.reserve(&bare("another", claim)).await;
    assert!(matches!(again, Some(Reserved::Replayed)), "{again:?}");
}
