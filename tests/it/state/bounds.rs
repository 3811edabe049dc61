//! What a ledger in memory does with too much.

use std::sync::Arc;

use bytes::Bytes;
use multicode::state::{
    Answer, Content, Keep, Ledger, LedgerSetting, Outcome, Reserved, Standing, Store,
};

use super::bench::{Bench, DOUBLE_READ, KEEP, NOON, Passing, done, seals};

fn bench(setting: LedgerSetting) -> Bench {
    let ledger = Ledger::open(setting, NOON).unwrap();
    Bench::new(Store::Local(Arc::clone(&ledger)), NOON, Passing::Said)
}

fn setting() -> LedgerSetting {
    LedgerSetting {
        keep: KEEP,
        double_read: DOUBLE_READ,
        ..LedgerSetting::in_memory(seals())
    }
}

#[tokio::test]
async fn whoever_uses_many_keys_stops_nobody_who_uses_none() {
    let bench = bench(LedgerSetting {
        records: 16,
        ..setting()
    });
    let mut full = false;
    for number in 0..32 {
        let mut entry = bench.keyed(&format!("key {number}"));
        entry.keep = Keep::Kept;
        match bench.reserve(&entry).await {
            Reserved::Begun(mut ticket) => {
                ticket.intend(bench.now()).await.unwrap();
                ticket.settle(done("ok"), bench.now()).await;
            }
            Reserved::Full => full = true,
            other => panic!("{other:?}"),
        }
    }
    assert!(full, "what is kept is bounded, and none is forgotten");
    bench.serve(&bench.unkeyed(), done("ok")).await;
}

#[tokio::test]
async fn headers_weigh_as_much_as_contents() {
    const BYTES: usize = 10_000;
    let bench = bench(LedgerSetting {
        bytes: BYTES,
        ..setting()
    });
    let entries: Vec<_> = (0..50)
        .map(|it| bench.keyed(&format!("key {it}")))
        .collect();
    for entry in &entries {
        let answer = Answer {
            status: 204,
            headers: vec![("x-long".into(), vec![b'x'; 1_000].into())],
            content: Content::Whole(Bytes::new()),
        };
        bench.serve(entry, Outcome::Done(answer)).await;
    }
    let mut held = 0;
    for entry in &entries {
        let Some(Standing::Done(answer)) = bench.look(entry).await else {
            panic!("an outcome is gone");
        };
        held += answer.headers.iter().map(|it| it.1.len()).sum::<usize>();
        let is_whole = matches!(answer.content, Content::Whole(_));
        assert_eq!(is_whole, !answer.headers.is_empty());
    }
    assert!((1..=BYTES).contains(&held), "{held}");
}
