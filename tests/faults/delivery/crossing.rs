//! Answers never cross: each carries its own request's number, while connections come and go.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::scope;

use super::frames::Frames;
use super::ledger::Ledger;
use super::oracle::answer;
use super::plain::Plain;
use super::{gateway, report, scan};
use crate::edge::TestGateway;
use crate::proof::scale;

/// Requests over each protocol.
const FEW: usize = 2_500;
const PROOF: usize = 50_000;

/// Terminals at once.
const TERMINALS: usize = 16;

/// Sends from all terminals at once, faults among what is well; how many got their own answer.
#[track_caller]
fn check(gateway: &TestGateway, ledger: &Ledger, faults: &[&str]) {
    let all = scale(FEW, PROOF);
    let (next, answered, broken) = <(AtomicUsize, AtomicUsize, AtomicUsize)>::default();
    scope(|threads| {
        for _ in 0..TERMINALS {
            threads.spawn(|| {
                let mut client = gateway.client();
                loop {
                    let id = next.fetch_add(1, Ordering::Relaxed);
                    if id >= all {
                        return;
                    }
                    client.write(scan(id, faults[id % faults.len()]));
                    let told = answer(&mut client, id);
                    if told == "200" {
                        answered.fetch_add(1, Ordering::Relaxed);
                    } else {
                        let known = ["cut", "outcome-unknown", "upstream-unreachable"];
                        assert!(known.contains(&&*told), "{told}");
                        let times = ledger.deliveries(id);
                        let most = usize::from(told != "upstream-unreachable");
                        assert!(times <= most, "{told}: delivered {times} times");
                        broken.fetch_add(1, Ordering::Relaxed);
                        client = gateway.client();
                    }
                }
            });
        }
    });
    let (answered, broken) = (answered.into_inner(), broken.into_inner());
    report(format_args!("{answered} answered, {broken} told why not"));
    assert_eq!(answered + broken, all);
    assert!(answered > all / 2, "{answered} of {all} answered");
    assert_eq!(ledger.extra(), 0, "extra deliveries");
    for fault in faults {
        assert!(ledger.injected(fault, true) > 0, "{fault} not exercised");
    }
}

#[test]
fn over_http_1_every_answer_is_its_own_requests() {
    let department = Plain::start();
    let keys = format!(
        "endpoints = [\"http://{}\"]\neject = {{ at_most = 0 }}",
        department.address
    );
    // A surplus that comes later than its answer belongs to nobody by any rule of HTTP/1.1: whoever
    // asks next before it comes is given it. The oracle has it before anybody asks.
    let mut faults = vec!["ok"; 10];
    faults.extend(["ok-fin", "ok", "surplus", "ok", "fin"]);
    check(&gateway(&keys), &department.ledger, &faults);
}

#[test]
fn over_http_2_every_answer_is_its_own_requests() {
    let department = Frames::start();
    let keys = format!(
        "endpoints = [\"http://{}\"]\nprotocol = \"http2\"\neject = {{ at_most = 0 }}",
        department.address
    );
    let mut faults = vec!["ok"; 97];
    faults.extend(["refused", "ok-goaway", "goaway-below", "reset-internal"]);
    check(&gateway(&keys), &department.ledger, &faults);
}
