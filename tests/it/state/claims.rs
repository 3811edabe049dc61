//! One-time codes.

use multicode::state::{Entry, Keep, Outcome, Reserved, Standing};

use super::bench::{Bench, GRACE, KEEP, WINDOW, done, found};

fn with_code(bench: &Bench, key: &str, nonce: &str) -> Entry {
    Entry {
        claim: Some(bench.code(nonce)),
        ..bench.keyed(key)
    }
}

pub(super) async fn a_code_is_used_by_one_request_only(bench: &Bench) {
    let (first, second) = (with_code(bench, "a", "n"), with_code(bench, "b", "n"));
    let ticket = bench.begin(&first).await;
    assert!(matches!(bench.reserve(&second).await, Reserved::Replayed));
    ticket.settle(done("paid"), bench.now()).await;
    assert!(matches!(bench.reserve(&second).await, Reserved::Replayed));
    // Its own key finds its own outcome.
    let again = bench.reserve(&first).await;
    assert!(
        matches!(again, Reserved::Known(Standing::Done(_))),
        "{again:?}"
    );
}

pub(super) async fn a_refused_code_leaves_no_trace(bench: &Bench) {
    let first = with_code(bench, "a", "n");
    let mut second = with_code(bench, "b", "n");
    second.read = Some(bench.name("read"));
    bench.serve(&first, done("paid")).await;
    assert!(matches!(bench.reserve(&second).await, Reserved::Replayed));
    assert_eq!(bench.look(&second).await, None);
    // Neither a record nor a mark: another code's request of that key and that read begins.
    second.claim = Some(bench.code("m"));
    drop(bench.begin(&second).await);
}

pub(super) async fn a_code_of_which_nothing_was_sent_can_be_used_again(bench: &Bench) {
    let (first, second) = (with_code(bench, "a", "n"), with_code(bench, "b", "n"));
    let ticket = bench.intend(&first).await;
    ticket.settle(Outcome::NotSent, bench.now()).await;
    bench.serve(&second, done("paid")).await;
    assert_eq!(bench.look(&second).await, found("paid"));
    assert!(matches!(bench.reserve(&first).await, Reserved::Replayed));
}

pub(super) async fn a_code_stays_used_while_nobody_knows(bench: &Bench) {
    let (first, second) = (with_code(bench, "a", "n"), with_code(bench, "b", "n"));
    bench.serve(&first, Outcome::Unknown).await;
    assert!(matches!(bench.reserve(&second).await, Reserved::Replayed));
    let again = bench.reserve(&first).await;
    assert!(
        matches!(again, Reserved::Known(Standing::Unknown)),
        "{again:?}"
    );
}

pub(super) async fn a_retry_whose_record_is_gone_is_unknown_while_its_code_lives(bench: &Bench) {
    let first = with_code(bench, "a", "n");
    bench.serve(&first, done("paid")).await;
    bench.pass(KEEP).await;
    bench.pass(GRACE / 10).await;
    assert_eq!(bench.look(&first).await, None);
    let again = bench.reserve(&first).await;
    assert!(
        matches!(again, Reserved::Known(Standing::Unknown)),
        "{again:?}"
    );
}

pub(super) async fn a_code_is_forgotten_when_its_time_is_over(bench: &Bench) {
    let first = with_code(bench, "a", "n");
    let old = first.claim;
    bench.serve(&first, done("paid")).await;
    bench.pass(WINDOW.saturating_sub(GRACE / 10)).await;
    let mut second = with_code(bench, "b", "n");
    assert!(matches!(bench.reserve(&second).await, Reserved::Replayed));
    bench.pass(GRACE + GRACE / 5).await;
    // The same code, were its clock set back: nobody can tell any more that it was not used.
    second.claim = old;
    let late = bench.reserve(&second).await;
    assert!(matches!(late, Reserved::Refresh), "{late:?}");
    // A code of that name with a life of its own.
    second.claim = Some(bench.code("n"));
    drop(bench.begin(&second).await);
}

pub(super) async fn another_code_is_not_touched(bench: &Bench) {
    let mut kept = with_code(bench, "a", "n");
    kept.keep = Keep::Kept;
    bench.serve(&kept, done("one")).await;
    let other = with_code(bench, "b", "m");
    bench.serve(&other, done("two")).await;
    assert_eq!(bench.look(&kept).await, found("one"));
    assert_eq!(bench.look(&other).await, found("two"));
}
