//! The process is killed (-9) at any instant.
//!
//! The child is this program once more, running one ignored test that is given a folder: it says what
//! it is about to do and what it has done, one line each, until it is killed.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use multicode::random::Random;
use multicode::state::{Ledger, LedgerSetting, Outcome, Reserved, Standing, Store};

use super::bench::{Bench, NOON, Passing, done, found, seals};
use crate::proof::scale;
use crate::reruns;

const TASKS: usize = 8;

fn setting(folder: &Path) -> LedgerSetting {
    LedgerSetting {
        file: Some(folder.join("ledger")),
        ..LedgerSetting::in_memory(seals())
    }
}

fn open(folder: &Path) -> (Arc<Ledger>, Bench) {
    let ledger = Ledger::open(setting(folder), NOON).unwrap();
    let store = Store::Local(Arc::clone(&ledger));
    (ledger, Bench::new(store, NOON, Passing::Said))
}

#[expect(clippy::print_stdout, reason = "what the parent reads")]
fn say(step: &str, key: &str) {
    println!("step {step} {key}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "what is killed"]
async fn child() {
    let Some(folder) = reruns::folder() else {
        return;
    };
    let (_ledger, bench) = open(Path::new(&folder));
    let bench = Arc::new(bench);
    let round = std::process::id();
    let tasks: Vec<_> = (0..TASKS)
        .map(|task| {
            let bench = Arc::clone(&bench);
            tokio::spawn(async move {
                for number in 0_u32.. {
                    work(&bench, &format!("{round}-{task}-{number}"), number).await;
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
}

async fn work(bench: &Bench, key: &str, number: u32) {
    let entry = bench.keyed(key);
    let mut ticket = bench.begin(&entry).await;
    say("reserved", key);
    say("intending", key);
    ticket.intend(bench.now()).await.unwrap();
    say("intended", key);
    tokio::task::yield_now().await;
    let (said, outcome) = match number % 4 {
        0 => ("not-sent", Outcome::NotSent),
        1 => ("unknown", Outcome::Unknown),
        _ => ("done", done("paid")),
    };
    say(&format!("settling-{said}"), key);
    ticket.settle(outcome, bench.now()).await;
    say(&format!("settled-{said}"), key);
}

#[tokio::test]
async fn whatever_was_intended_is_known_after_a_kill() {
    let rounds = scale(10, 200);
    let folder = tempfile::tempdir().unwrap();
    let mut random = Random::seeded(u64::from(std::process::id()));
    let mut said = BTreeMap::new();
    let mut settled = 0;
    for _ in 0..rounds {
        let span = Duration::from_millis(u64::try_from(20 + random.below(300)).unwrap());
        for step in reruns::killed_after(span, folder.path(), "state::kills::child") {
            let (step, key) = step.split_once(' ').unwrap();
            said.insert(key.to_owned(), step.to_owned());
        }
        let (ledger, bench) = open(folder.path());
        let mut unknown = 0;
        for (key, step) in &said {
            unknown += usize::from(check(&bench, key, step).await);
            settled += usize::from(step.starts_with("settled"));
        }
        assert_eq!(bench.unknown(said.len()).await.len(), unknown);
        assert_eq!(ledger.standing().unknown, unknown);
        ledger.close(bench.now()).await.unwrap();
    }
    assert!(settled > 0, "nothing was ever settled: {said:?}");
}

/// Looks at what the ledger says of a key of which that was the last word; whether it is unknown.
async fn check(bench: &Bench, key: &str, step: &str) -> bool {
    let entry = bench.keyed(key);
    let stands = bench.look(&entry).await;
    let unknown = Some(Standing::Unknown);
    let right = match step {
        "reserved" | "settled-not-sent" => stands.is_none(),
        "intending" => stands.is_none() || stands == unknown,
        "intended" | "settling-unknown" | "settled-unknown" => stands == unknown,
        "settling-done" => stands == unknown || stands == found("paid"),
        "settled-done" => stands == found("paid"),
        "settling-not-sent" => stands == unknown || stands.is_none(),
        other => panic!("{other}"),
    };
    // Between two lines it may have got further than it said, never less far.
    let ahead = step == "reserved" && stands == unknown;
    assert!(right || ahead, "{key}: {step}, but {stands:?}");
    let reserved = bench.reserve(&entry).await;
    assert_eq!(matches!(reserved, Reserved::Begun(_)), stands.is_none());
    stands == unknown
}
