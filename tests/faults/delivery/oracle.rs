//! The double-send oracle: whatever a department does, a request reaches it at most once.

use std::collections::BTreeMap;
use std::net::TcpListener;
use std::sync::atomic::Ordering;
use std::thread::{scope, sleep};
use std::time::Duration;

use super::frames::{self, Frames};
use super::ledger::Ledger;
use super::plain::{self, Plain};
use super::{gateway, report, scan, verdict};
use crate::edge::{Client, TestGateway};
use crate::proof::scale;

/// Requests with a fault over each protocol; half of them on reused connections.
const FEW: usize = 600;
const PROOF: usize = 10_000;

/// One in so many rounds has the slow faults, which cost their deadline each.
const SLOW_ROUNDS: usize = 20;

/// Until what a department does behind its answer has certainly arrived.
const ARRIVES: Duration = Duration::from_millis(30);

/// Faults behind a whole answer.
const CLOSING: [&str; 4] = ["late-surplus", "ok-fin", "ok-rst", "ok-goaway"];

/// What is common to all departments here: short deadlines, and none of them is spared.
const KEYS: &str = "first_byte_timeout = \"1s\"\nidle_timeout = \"1s\"\n\
                    eject = { at_most = 0 }\n";

/// Sends faults one after the other and keeps count.
struct Oracle {
    gateway: TestGateway,
    ledger: Ledger,
    next: usize,
    last: String,
    verdicts: BTreeMap<(String, String), usize>,
}

impl Oracle {
    fn new(gateway: TestGateway, ledger: Ledger) -> Self {
        Self {
            gateway,
            ledger,
            next: 1,
            last: String::new(),
            verdicts: BTreeMap::new(),
        }
    }

    /// Sends one request and holds what its terminal is told against what the department saw.
    #[track_caller]
    fn ask(&mut self, fault: &str, expected: &[&str]) {
        let id = self.next;
        self.next += 1;
        let mut client = self.gateway.client();
        client.write(scan(id, fault));
        let told = answer(&mut client, id);
        let last = std::mem::replace(&mut self.last, fault.to_owned());
        // On a busy machine even that may be too short.
        let surprised = CLOSING.contains(&&*last) && told == "outcome-unknown";
        assert!(
            surprised || expected.contains(&&*told),
            "{fault} after {last}: {told}"
        );
        let times = self.ledger.deliveries(id);
        assert!(times <= 1, "{fault}: delivered {times} times");
        if told.starts_with("upstream-unreachable") || told == "upstream-busy" {
            assert_eq!(times, 0, "{fault}: told not sent, and delivered");
        }
        // A GOAWAY may come when it likes: what it does not cover is sent again.
        if CLOSING.contains(&fault) && fault != "ok-goaway" {
            sleep(ARRIVES);
        }
        *self.verdicts.entry((fault.to_owned(), told)).or_default() += 1;
    }

    /// All faults, each behind a request that leaves the connection as it is wanted.
    fn round(&mut self, faults: &[(&str, &[&str])], but: &[&str], before: Option<&str>) {
        for (fault, expected) in faults {
            if but.contains(fault) {
                continue;
            }
            if let Some(before) = before {
                self.ask(before, &["200"]);
            }
            self.ask(fault, expected);
        }
    }

    /// All faults, as often as the proof wants; the slow ones now and then. Behind a plain `ok` they
    /// meet a connection that was used before.
    #[track_caller]
    fn prove(mut self, faults: &[(&str, &[&str])], slow: &[&str], before: Option<&str>) {
        for round in 0..rounds(faults) {
            let is_slow = round % SLOW_ROUNDS == 0;
            self.round(faults, if is_slow { &[] } else { slow }, before);
        }
        self.close(faults, before == Some("ok"));
    }

    #[track_caller]
    fn close(&self, faults: &[(&str, &[&str])], reused: bool) {
        assert_eq!(self.ledger.extra(), 0, "extra deliveries");
        for (fault, _) in faults {
            let times = self.ledger.injected(fault, reused);
            assert!(times > 0, "{fault} not exercised, reused: {reused}");
        }
        for ((fault, told), times) in &self.verdicts {
            report(format_args!("reused {reused}: {fault}: {told} x {times}"));
        }
    }
}

/// The verdict; an answer must be the request's own, and what breaks off in it is `cut`.
#[track_caller]
pub(super) fn answer(client: &mut Client, id: usize) -> String {
    let mut answer = client.head();
    let told = verdict(&answer);
    let body = client.rest_of(&mut answer);
    match (&*told, body) {
        ("200", None) => "cut".to_owned(),
        ("200", Some(body)) => {
            assert_eq!(body, format!("<{id}>"), "another request's answer");
            told
        }
        _ => told,
    }
}

fn rounds(faults: &[(&str, &[&str])]) -> usize {
    (scale(FEW, PROOF) / 2).div_ceil(faults.len())
}

#[test]
fn over_http_1_nothing_is_delivered_twice_on_fresh_connections() {
    let department = Plain::start();
    let keys = format!(
        "endpoints = [\"http://{}\"]\nidle = 0\n{KEYS}",
        department.address
    );
    let oracle = Oracle::new(gateway(&keys), department.ledger);
    oracle.prove(plain::FAULTS, plain::SLOW, None);
}

#[test]
fn over_http_1_nothing_is_delivered_twice_on_reused_connections() {
    let department = Plain::start();
    let keys = format!("endpoints = [\"http://{}\"]\n{KEYS}", department.address);
    let oracle = Oracle::new(gateway(&keys), department.ledger);
    oracle.prove(plain::FAULTS, plain::SLOW, Some("ok"));
}

#[test]
fn over_http_2_nothing_is_delivered_twice_on_fresh_connections() {
    let department = Frames::start();
    let keys = format!(
        "endpoints = [\"http://{}\"]\nprotocol = \"http2\"\n{KEYS}",
        department.address
    );
    let oracle = Oracle::new(gateway(&keys), department.ledger);
    oracle.prove(frames::FAULTS, frames::SLOW, Some("ok-goaway"));
}

#[test]
fn over_http_2_nothing_is_delivered_twice_on_reused_connections() {
    let department = Frames::start();
    let keys = format!(
        "endpoints = [\"http://{}\"]\nprotocol = \"http2\"\n{KEYS}",
        department.address
    );
    let oracle = Oracle::new(gateway(&keys), department.ledger);
    oracle.prove(frames::FAULTS, frames::SLOW, Some("ok"));
}

/// Between the last look at a connection and the first byte written to it there is a moment in which
/// nobody can know; what falls into it is an unknown outcome and never a second delivery.
#[test]
fn a_connection_closed_in_the_very_moment_is_an_unknown_outcome_at_worst() {
    let department = Plain::start();
    let keys = format!("endpoints = [\"http://{}\"]\n{KEYS}", department.address);
    let gateway = gateway(&keys);
    let all = scale(500, PROOF);
    let mut unknown = 0;
    let mut client = gateway.client();
    for id in 0..all {
        client.write(scan(id, "ok-fin"));
        let told = answer(&mut client, id);
        let times = department.ledger.deliveries(id);
        match &*told {
            "200" => assert_eq!(times, 1),
            "outcome-unknown" => {
                assert!(times <= 1);
                unknown += 1;
                client = gateway.client();
            }
            other => panic!("{other}"),
        }
    }
    report(format_args!("{unknown} of {all} fell into the moment"));
    assert_eq!(department.ledger.extra(), 0);
    assert!(unknown * 2 < all, "{unknown} of {all}");
}

#[test]
fn requests_share_a_connection_and_a_limit_of_streams_is_kept() {
    // SETTINGS_MAX_CONCURRENT_STREAMS (RFC 9113, section 6.5.2).
    let limited = vec![0, 3, 0, 0, 0, 2];
    for (settings, expected) in [(Vec::new(), 1), (limited, 3)] {
        let department = Frames::with(settings);
        let keys = format!(
            "endpoints = [\"http://{}\"]\nprotocol = \"http2\"\nconnect_timeout = \"2s\"",
            department.address
        );
        let gateway = gateway(&keys);
        scope(|threads| {
            for id in 0..6 {
                let gateway = &gateway;
                threads.spawn(move || {
                    let mut client = gateway.client();
                    client.write(scan(id, "nap"));
                    assert_eq!(answer(&mut client, id), "200");
                });
            }
        });
        assert_eq!(department.connections.load(Ordering::SeqCst), expected);
    }
}

#[test]
fn what_does_not_speak_http_2_is_sent_nothing_in_it() {
    let department = Plain::start();
    let keys = format!(
        "endpoints = [\"http://{}\"]\nprotocol = \"http2\"\n{KEYS}",
        department.address
    );
    let gateway = gateway(&keys);
    let mut client = gateway.client();
    client.write(scan(1, "ok"));
    assert_eq!(verdict(&client.answer()), "upstream-unreachable");
    assert_eq!(department.ledger.deliveries(1), 0);
}

#[test]
fn an_idempotent_route_sends_a_second_time_and_no_third() {
    let department = Plain::start();
    let gateway = TestGateway::with(|files| {
        let keys = format!("endpoints = [\"http://{}\"]\n{KEYS}", department.address);
        files.pass_through_with(&keys);
        files.change(
            "routes.d/edge.toml",
            "method = \"POST\"",
            "method = \"POST\", idempotent = true",
        );
    });
    for (id, fault) in [(1, "fin"), (2, "rst"), (3, "half-head"), (4, "hang")] {
        let mut client = gateway.client();
        client.write(scan(id, fault));
        assert_eq!(verdict(&client.answer()), "outcome-unknown");
        assert_eq!(department.ledger.deliveries(id), 2, "{fault}");
    }
    // An answer has begun: it is never asked for again.
    let mut client = gateway.client();
    client.write(scan(5, "half-body"));
    assert_eq!(answer(&mut client, 5), "cut");
    assert_eq!(department.ledger.deliveries(5), 1);
}

#[test]
fn a_department_that_is_dead_or_silent_from_the_start_got_nothing() {
    let dead = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let gateway = gateway(&format!("endpoints = [\"http://{dead}\"]\n{KEYS}"));
    for id in 0..20 {
        let mut client = gateway.client();
        client.write(scan(id, "ok"));
        assert_eq!(verdict(&client.answer()), "upstream-unreachable");
    }
}
