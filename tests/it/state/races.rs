//! Many at once.

use std::collections::HashSet;

use multicode::state::{Entry, Keep, Reserved, Standing};

use super::bench::Bench;

const RACERS: usize = 64;

/// Lets all reserve at once; the tickets of those that begin are held until all are through.
async fn race(bench: &Bench, entries: Vec<Entry>) -> Vec<Reserved> {
    let now = bench.now();
    let start = std::sync::Arc::new(tokio::sync::Barrier::new(entries.len()));
    let racers = entries.into_iter().map(|entry| {
        let (store, start) = (bench.store.clone(), start.clone());
        tokio::spawn(async move {
            start.wait().await;
            store.reserve(&entry, now).await.unwrap()
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
    let begun = |reserved: &&Reserved| matches!(reserved, Reserved::Begun(_));
    assert_eq!(all.iter().filter(begun).count(), 1, "{all:?}");
    let rest = all.iter().filter(|reserved| others(reserved)).count();
    assert_eq!(rest, all.len() - 1, "{all:?}");
}

pub(super) async fn of_64_requests_with_one_code_one_begins(bench: &Bench) {
    for round in 0..20 {
        let claim = Some(bench.code(&format!("n{round}")));
        let with_code = |racer| Entry {
            claim,
            ..bench.keyed(&format!("{round} {racer}"))
        };
        let all = race(bench, (0..RACERS).map(with_code).collect()).await;
        one_begins(&all, |it| matches!(it, Reserved::Replayed));
    }
}

pub(super) async fn of_64_requests_with_one_key_one_begins(bench: &Bench) {
    for round in 0..20 {
        let entry = bench.keyed(&format!("{round}"));
        let all = race(bench, vec![entry; RACERS]).await;
        one_begins(&all, |it| matches!(it, Reserved::Known(Standing::InFlight)));
    }
}

pub(super) async fn of_64_double_reads_one_begins(bench: &Bench) {
    for round in 0..20 {
        let entries = (0..RACERS).map(|_| Entry {
            read: Some(bench.name(&format!("read {round}"))),
            claim: Some(bench.code(&format!("n{round}"))),
            keep: Keep::Kept,
            ..bench.unkeyed()
        });
        let all = race(bench, entries.collect()).await;
        let joined = all.iter().filter_map(|it| match it {
            Reserved::Joined(name) => Some(*name),
            _ => None,
        });
        assert_eq!(joined.collect::<HashSet<_>>().len(), 1);
        one_begins(&all, |it| matches!(it, Reserved::Joined(_)));
    }
}
