//! Names, fingerprints, outcomes.

use std::time::Duration;

use bytes::Bytes;
use multicode::state::{Answer, Content, Keep, Outcome, Reserved, Standing};

use super::bench::{Bench, GRACE, KEEP, answer, done, found};

const EVERY_KEEP: [Keep; 3] = [Keep::Briefly, Keep::Kept, Keep::Durably];

pub(super) async fn a_new_name_is_begun(bench: &Bench) {
    let entry = bench.keyed("a");
    assert_eq!(bench.look(&entry).await, None);
    let ticket = bench.begin(&entry).await;
    assert_eq!(ticket.name(), entry.name);
}

pub(super) async fn a_request_under_way_is_in_flight(bench: &Bench) {
    for keep in EVERY_KEEP {
        let mut entry = bench.keyed(&format!("{keep:?}"));
        entry.keep = keep;
        let mut ticket = bench.begin(&entry).await;
        let now = bench.reserve(&entry).await;
        assert!(
            matches!(now, Reserved::Known(Standing::InFlight)),
            "{now:?}"
        );
        assert_eq!(bench.look(&entry).await, Some(Standing::InFlight));
        ticket.intend(bench.now()).await.unwrap();
        let now = bench.reserve(&entry).await;
        assert!(
            matches!(now, Reserved::Known(Standing::InFlight)),
            "{now:?}"
        );
        assert_eq!(bench.look(&entry).await, Some(Standing::InFlight));
        ticket.settle(done("ok"), bench.now()).await;
    }
}

pub(super) async fn an_outcome_is_told_again(bench: &Bench) {
    for keep in [Keep::Kept, Keep::Durably] {
        let mut entry = bench.keyed(&format!("{keep:?}"));
        entry.keep = keep;
        bench.serve(&entry, done("paid")).await;
        for _ in 0..3 {
            assert_eq!(bench.look(&entry).await, found("paid"));
            let again = bench.reserve(&entry).await;
            let Reserved::Known(Standing::Done(told)) = again else {
                panic!("{again:?}");
            };
            assert_eq!(told, answer("paid"));
            bench.pass(KEEP / 4).await;
        }
    }
}

pub(super) async fn an_answer_comes_back_as_it_was(bench: &Bench) {
    let large = Content::Whole(Bytes::from(vec![0xA5; 300_000]));
    let digest = Content::Digest {
        sha256: [9; 32],
        length: 1 << 40,
    };
    let contents = [Content::Whole(Bytes::new()), large, digest];
    for (number, content) in contents.into_iter().enumerate() {
        let entry = bench.keyed(&number.to_string());
        let headers = vec![
            ("content-type".into(), b"text/plain"[..].into()),
            ("x-bytes".into(), vec![0xFF, 0x80, b' '].into()),
        ];
        let answer = Answer {
            status: 422,
            headers,
            content,
        };
        bench.serve(&entry, Outcome::Done(answer.clone())).await;
        assert_eq!(bench.look(&entry).await, Some(Standing::Done(answer)));
    }
}

pub(super) async fn a_name_with_another_fingerprint_is_another_request(bench: &Bench) {
    let entry = bench.keyed("a");
    let mut other = entry.clone();
    other.fingerprint = bench.name("another request");
    let ticket = bench.intend(&entry).await;
    for _ in 0..2 {
        assert_eq!(bench.look(&other).await, Some(Standing::Other));
        let reserved = bench.reserve(&other).await;
        assert!(matches!(reserved, Reserved::Known(Standing::Other)));
        bench.pass(Duration::from_millis(10)).await;
    }
    ticket.settle(done("paid"), bench.now()).await;
    assert_eq!(bench.look(&other).await, Some(Standing::Other));
}

pub(super) async fn a_request_of_which_nothing_was_sent_leaves_nothing(bench: &Bench) {
    for keep in EVERY_KEEP {
        let mut entry = bench.keyed(&format!("{keep:?}"));
        entry.keep = keep;
        entry.read = Some(bench.name(&format!("read {keep:?}")));
        // With an intent and without.
        bench.serve(&entry, Outcome::NotSent).await;
        assert_eq!(bench.look(&entry).await, None);
        let ticket = bench.begin(&entry).await;
        ticket.settle(Outcome::NotSent, bench.now()).await;
        assert_eq!(bench.look(&entry).await, None);
        bench.serve(&entry, done("paid")).await;
    }
    assert!(bench.unknown(10).await.is_empty());
}

pub(super) async fn what_nobody_knows_stays_and_is_listed(bench: &Bench) {
    let entry = bench.keyed("a");
    bench.serve(&entry, Outcome::Unknown).await;
    bench.serve(&bench.keyed("b"), done("paid")).await;
    let under_way = bench.intend(&bench.keyed("c")).await;
    assert_eq!(bench.look(&entry).await, Some(Standing::Unknown));
    let again = bench.reserve(&entry).await;
    assert!(matches!(again, Reserved::Known(Standing::Unknown)));
    let listed = bench.store.unknown(10, bench.now()).await.unwrap();
    let [(name, about)] = &listed[..] else {
        panic!("{listed:?}");
    };
    assert_eq!((*name, about), (entry.name, &entry.about));
    under_way.settle(done("paid"), bench.now()).await;
}

pub(super) async fn what_nobody_knows_is_listed_oldest_first_and_no_more_than_asked(bench: &Bench) {
    for key in ["a", "b", "c", "d"] {
        bench.serve(&bench.keyed(key), Outcome::Unknown).await;
        bench.pass(Duration::from_millis(10)).await;
    }
    assert_eq!(bench.unknown(10).await, ["a", "b", "c", "d"]);
    assert_eq!(bench.unknown(2).await, ["a", "b"]);
}

pub(super) async fn a_ticket_dropped_before_its_intent_leaves_nothing(bench: &Bench) {
    let mut entry = bench.keyed("a");
    entry.claim = Some(bench.code("n"));
    drop(bench.begin(&entry).await);
    eventually(bench, async || bench.look(&entry).await.is_none()).await;
    drop(bench.begin(&entry).await);
    assert!(bench.unknown(10).await.is_empty());
}

pub(super) async fn a_ticket_dropped_after_its_intent_is_unknown(bench: &Bench) {
    let entry = bench.keyed("a");
    drop(bench.intend(&entry).await);
    let unknown = async || bench.look(&entry).await == Some(Standing::Unknown);
    eventually(bench, unknown).await;
    assert_eq!(bench.unknown(10).await, ["a"]);
}

pub(super) async fn an_outcome_is_forgotten_when_its_time_is_over(bench: &Bench) {
    let (known, unknown) = (bench.keyed("a"), bench.keyed("b"));
    bench.serve(&known, done("paid")).await;
    bench.serve(&unknown, Outcome::Unknown).await;
    bench.pass(KEEP.saturating_sub(GRACE / 2)).await;
    assert_eq!(bench.look(&known).await, found("paid"));
    assert_eq!(bench.unknown(10).await, ["b"]);
    bench.pass(GRACE / 2 + GRACE / 10).await;
    assert_eq!(bench.look(&known).await, None);
    assert_eq!(bench.look(&unknown).await, None);
    assert!(bench.unknown(10).await.is_empty());
    drop(bench.begin(&known).await);
}

/// What a dropped ticket leaves is written behind its back.
async fn eventually(bench: &Bench, mut holds: impl AsyncFnMut() -> bool) {
    for _ in 0..100 {
        if holds().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("never so, at {:?}", bench.now());
}
