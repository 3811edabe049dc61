//! Scanners that read twice.

use multicode::state::{Entry, Keep, Outcome, Reserved, Standing};

use super::bench::{Bench, DOUBLE_READ, KEEP, done, found};

fn read_twice(bench: &Bench, entry: Entry) -> Entry {
    Entry {
        read: Some(bench.name("read")),
        claim: Some(bench.code("n")),
        ..entry
    }
}

#[track_caller]
fn joins(reserved: &Reserved, first: &Entry) {
    match reserved {
        Reserved::Joined(name) => assert_eq!(*name, first.name),
        other => panic!("not joined: {other:?}"),
    }
}

pub(super) async fn a_second_read_joins_the_first(bench: &Bench) {
    let [first, second] = [(); 2].map(|()| read_twice(bench, bench.unkeyed()));
    let mut ticket = bench.begin(&first).await;
    joins(&bench.reserve(&second).await, &first);
    ticket.intend(bench.now()).await.unwrap();
    joins(&bench.reserve(&second).await, &first);
    ticket.settle(done("paid"), bench.now()).await;
    joins(&bench.reserve(&second).await, &first);
    assert_eq!(bench.look(&first).await, found("paid"));
    assert_eq!(bench.look(&second).await, None);
}

pub(super) async fn a_second_read_joins_as_long_as_the_first_is_under_way(bench: &Bench) {
    let first = read_twice(bench, bench.unkeyed());
    let ticket = bench.intend(&first).await;
    bench.pass(DOUBLE_READ * 3).await;
    joins(
        &bench.reserve(&read_twice(bench, bench.unkeyed())).await,
        &first,
    );
    ticket.settle(done("paid"), bench.now()).await;
    // Its outcome is seen for as long again.
    bench.pass(DOUBLE_READ / 2).await;
    assert_eq!(bench.look(&first).await, found("paid"));
}

pub(super) async fn a_second_read_that_comes_late_is_a_request_of_its_own(bench: &Bench) {
    let mut first = read_twice(bench, bench.unkeyed());
    first.claim = None;
    bench.serve(&first, done("one")).await;
    bench.pass(DOUBLE_READ * 2).await;
    let mut second = read_twice(bench, bench.unkeyed());
    second.claim = None;
    bench.serve(&second, done("two")).await;
    assert_eq!(bench.look(&second).await, found("two"));
}

pub(super) async fn what_is_kept_briefly_is_seen_as_long_as_a_second_read_may_come(bench: &Bench) {
    let first = read_twice(bench, bench.unkeyed());
    let ticket = bench.intend(&first).await;
    assert_eq!(bench.look(&first).await, Some(Standing::InFlight));
    ticket.settle(done("paid"), bench.now()).await;
    assert_eq!(bench.look(&first).await, found("paid"));
    bench.pass(DOUBLE_READ / 2).await;
    assert_eq!(bench.look(&first).await, found("paid"));
    bench.pass(DOUBLE_READ).await;
    assert_eq!(bench.look(&first).await, None);
}

pub(super) async fn a_key_that_joined_finds_the_outcome_later(bench: &Bench) {
    for keep in [Keep::Kept, Keep::Durably] {
        let mut first = read_twice(bench, bench.unkeyed());
        first.keep = keep;
        first.read = Some(bench.name(&format!("read {keep:?}")));
        first.claim = None;
        let mut second = bench.keyed(&format!("{keep:?}"));
        (second.keep, second.read) = (keep, first.read);
        let ticket = bench.intend(&first).await;
        joins(&bench.reserve(&second).await, &first);
        assert_eq!(bench.look(&second).await, Some(Standing::InFlight));
        ticket.settle(done("paid"), bench.now()).await;
        for _ in 0..2 {
            assert_eq!(bench.look(&second).await, found("paid"));
            let again = bench.reserve(&second).await;
            let known = matches!(again, Reserved::Known(Standing::Done(_)));
            assert!(known, "{again:?}");
            bench.pass(DOUBLE_READ * 2).await;
        }
        second.fingerprint = bench.name("another request");
        assert_eq!(bench.look(&second).await, Some(Standing::Other));
    }
}

/// The first came without a key and would soon be forgotten; whoever has the key may ask later.
pub(super) async fn a_key_that_joined_makes_the_outcome_last(bench: &Bench) {
    for joined_late in [false, true] {
        let mut first = bench.unkeyed();
        first.read = Some(bench.name(&format!("read {joined_late}")));
        let mut second = bench.keyed(&format!("late {joined_late}"));
        second.read = first.read;
        let ticket = bench.intend(&first).await;
        if joined_late {
            ticket.settle(done("paid"), bench.now()).await;
            joins(&bench.reserve(&second).await, &first);
        } else {
            joins(&bench.reserve(&second).await, &first);
            ticket.settle(done("paid"), bench.now()).await;
        }
        bench.pass(KEEP / 2).await;
        assert_eq!(bench.look(&second).await, found("paid"), "{joined_late}");
    }
}

pub(super) async fn a_key_that_joined_what_was_not_sent_is_free(bench: &Bench) {
    let first = read_twice(bench, bench.unkeyed());
    let second = read_twice(bench, bench.keyed("a"));
    let ticket = bench.intend(&first).await;
    joins(&bench.reserve(&second).await, &first);
    ticket.settle(Outcome::NotSent, bench.now()).await;
    assert_eq!(bench.look(&first).await, None);
    assert_eq!(bench.look(&second).await, None);
    bench.serve(&second, done("paid")).await;
    assert_eq!(bench.look(&second).await, found("paid"));
}

pub(super) async fn a_second_read_of_what_was_not_sent_begins_anew(bench: &Bench) {
    let [first, second] = [(); 2].map(|()| read_twice(bench, bench.unkeyed()));
    bench.serve(&first, Outcome::NotSent).await;
    bench.serve(&second, done("paid")).await;
    joins(&bench.reserve(&first).await, &second);
}

pub(super) async fn a_read_without_a_key_is_joined_by_one_key_only(bench: &Bench) {
    let mut first = read_twice(bench, bench.unkeyed());
    first.claim = None;
    let ticket = bench.begin(&first).await;
    let mut one = read_twice(bench, bench.keyed("one"));
    one.claim = None;
    joins(&bench.reserve(&one).await, &first);
    let mut other = read_twice(bench, bench.keyed("other"));
    other.claim = None;
    bench
        .begin(&other)
        .await
        .settle(Outcome::NotSent, bench.now())
        .await;
    ticket.settle(Outcome::NotSent, bench.now()).await;
}

pub(super) async fn two_keys_are_never_joined(bench: &Bench) {
    let [mut first, mut second] = ["a", "b"].map(|key| read_twice(bench, bench.keyed(key)));
    let ticket = bench.intend(&first).await;
    // With a one-time code the second is a replay, without one a request of its own.
    assert!(matches!(bench.reserve(&second).await, Reserved::Replayed));
    ticket.settle(Outcome::NotSent, bench.now()).await;
    (first.claim, second.claim) = (None, None);
    let one = bench.intend(&first).await;
    let two = bench.intend(&second).await;
    one.settle(done("one"), bench.now()).await;
    two.settle(done("two"), bench.now()).await;
    assert_eq!(bench.look(&first).await, found("one"));
    assert_eq!(bench.look(&second).await, found("two"));
}
