//! Disks that are full, or as good as full, and get room again.
//!
//! The child is this program once more: on a tmpfs of its own in a namespace of its own, or with a
//! limit on how long a file may become.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use multicode::state::{
    Answer, Content, Entry, Keep, Ledger, LedgerSetting, Outcome, Reserved, Standing, Store,
};

use super::bench::{Bench, NOON, Passing, seals};
use crate::reruns;

/// Eight megabytes of its own, mounted over the folder; as root of nothing but itself.
const SMALL: &str = r#"mount -t tmpfs -o size=8m tmpfs "$0" && exec "$@""#;
/// No file over two megabytes; the signal that would kill is ignored, as services do.
const SHORT: &str = r#"trap "" XFSZ; ulimit -S -f 4096; exec "$@""#;

fn open(folder: &Path) -> (Arc<Ledger>, Bench) {
    let setting = LedgerSetting {
        file: Some(folder.join("ledger")),
        ..LedgerSetting::in_memory(seals())
    };
    let ledger = Ledger::open(setting, NOON).unwrap();
    let store = Store::Local(Arc::clone(&ledger));
    (ledger, Bench::new(store, NOON, Passing::Said))
}

fn large(number: usize) -> Answer {
    let mut random = multicode::random::Random::seeded(u64::try_from(number).unwrap());
    Answer {
        status: 200,
        headers: Vec::new(),
        content: Content::Whole(Bytes::from(random.digits(8_000))),
    }
}

/// Serves until nothing can be written any more; how many were served.
async fn until_away(bench: &Bench, ledger: &Ledger) -> usize {
    for number in 0..4_000 {
        let entry = bench.keyed(&format!("served {number}"));
        let Ok(Reserved::Begun(mut ticket)) = bench.store.reserve(&entry, bench.now()).await else {
            assert!(ledger.standing().away.is_some());
            return number;
        };
        if ticket.intend(bench.now()).await.is_err() {
            assert!(ledger.standing().away.is_some());
            return number;
        }
        ticket
            .settle(Outcome::Done(large(number)), bench.now())
            .await;
    }
    panic!("there is always room");
}

async fn eventually(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    for _ in 0..500 {
        if holds().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("never: {what}");
}

/// The whole story; `take` makes the disk full, `give` gives room.
async fn full_and_recovered(folder: &Path, take: impl FnOnce(), give: impl FnOnce()) {
    let (ledger, bench) = open(folder);
    let early = bench.intend(&bench.keyed("sent before")).await;
    for number in 0..20 {
        let outcome = Outcome::Done(large(number));
        bench
            .serve(&bench.keyed(&format!("first {number}")), outcome)
            .await;
    }
    take();
    let served = until_away(&bench, &ledger).await;
    // The department answered meanwhile: that is remembered, though it cannot be written.
    early.settle(Outcome::Done(large(5_000)), bench.now()).await;
    let sent = bench.keyed("sent before");
    assert_eq!(bench.look(&sent).await, Some(Standing::Done(large(5_000))));
    // What need not be on disk goes on.
    for (key, keep) in [("brief", Keep::Briefly), ("kept", Keep::Kept)] {
        let entry = Entry {
            keep,
            ..bench.unkeyed_like(key)
        };
        let ticket = bench.intend(&entry).await;
        ticket
            .settle(Outcome::Done(large(6_000)), bench.now())
            .await;
        assert_eq!(bench.look(&entry).await, Some(Standing::Done(large(6_000))));
    }
    // What was refused is not remembered as begun.
    let refused = bench.keyed(&format!("served {served}"));
    eventually("what was written can be read", async || {
        let known = bench.keyed("first 0");
        let looked = bench
            .store
            .look(known.name, Some(known.fingerprint), bench.now());
        looked.await == Ok(Some(Standing::Done(large(0))))
    })
    .await;
    // Long after they were settled only the file knows them.
    bench.pass(LedgerSetting::DOUBLE_READ * 2).await;
    let known = bench.keyed("first 0");
    let looked = bench
        .store
        .look(known.name, Some(known.fingerprint), bench.now());
    assert_ne!(looked.await, Ok(None));
    give();
    eventually("it can be written again", async || {
        let standing = ledger.standing();
        standing.away.is_none() && standing.unwritten == 0
    })
    .await;
    assert_eq!(bench.look(&refused).await, None);
    bench.serve(&refused, Outcome::Done(large(served))).await;
    ledger.close(bench.now()).await.unwrap();

    let (ledger, bench) = open(folder);
    let first = (0..20).map(|number| (number, format!("first {number}")));
    let then = (0..=served).map(|number| (number, format!("served {number}")));
    for (number, key) in first.chain(then) {
        let entry = bench.keyed(&key);
        let stands = bench.look(&entry).await;
        assert_eq!(stands, Some(Standing::Done(large(number))), "{number}");
    }
    assert_eq!(bench.look(&sent).await, Some(Standing::Done(large(5_000))));
    assert_eq!(ledger.standing().unknown, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "run by another, on a disk of its own"]
async fn on_a_small_disk() {
    let Some(folder) = reruns::folder() else {
        return;
    };
    let filler = folder.join("filler");
    let take = || drop(reruns::fill(&filler));
    let give = || std::fs::remove_file(&filler).unwrap();
    full_and_recovered(&folder, take, give).await;
    // Read-only, a ledger says so instead of starting.
    let folder = folder.to_str().unwrap();
    let mounted = Command::new("mount")
        .args(["-o", "remount,ro", folder])
        .status();
    if mounted.unwrap().success() {
        let setting = LedgerSetting {
            file: Some(Path::new(folder).join("ledger")),
            patience: Duration::from_millis(100),
            ..LedgerSetting::in_memory(seals())
        };
        assert!(Ledger::open(setting, NOON).is_err());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "run by another, with a limit"]
async fn with_a_limit() {
    let Some(folder) = reruns::folder() else {
        return;
    };
    full_and_recovered(&folder, || (), reruns::lift_the_limit).await;
}

#[test]
fn a_full_disk_refuses_what_must_last_and_recovers() {
    reruns::on_a_disk_of_its_own(SMALL, "state::disks::on_a_small_disk");
}

#[test]
fn a_file_that_may_not_grow_refuses_what_must_last_and_recovers() {
    reruns::under_a_limit(SHORT, "state::disks::with_a_limit");
}
