//! The whole gateway with the fast lane and without: what is tried on one gets the same answers from the
//! other, and departments see the same.

use multicode::random::Random;

use super::origin::{Origin, Reading, Seen};
use super::{cases, scan, secured};
use crate::edge::{Files, TestGateway};
use crate::lane::{Came, Door, answers, difference, times};

/// What is made anew for every request.
const OWN: [&str; 1] = ["x-request-id"];

struct Way {
    origin: Origin,
    _gateway: TestGateway,
    door: Door,
}

impl Way {
    fn start(fast_lane: bool) -> Self {
        Self::with(fast_lane, |_| {}, |gateway| Door::Plain(gateway.address))
    }

    /// The same over TLS, whose clients end without a farewell.
    fn secured(fast_lane: bool) -> Self {
        Self::with(fast_lane, secured, |gateway| {
            Door::secure(gateway.address, &gateway.files.path("gateway.pem"), false)
        })
    }

    fn with(
        fast_lane: bool,
        change: impl FnOnce(&Files),
        door: impl FnOnce(&TestGateway) -> Door,
    ) -> Self {
        let origin = Origin::start(Reading::Lenient);
        let gateway = TestGateway::on_lane(fast_lane, |files| {
            files.pass_through(origin.address);
            change(files);
        });
        Self {
            origin,
            door: door(&gateway),
            _gateway: gateway,
        }
    }

    fn taken(&self, bytes: &[u8], pieces: usize) -> Came<(Vec<Seen>, bool)> {
        let (said, farewell) = self.door.said(bytes, pieces);
        let answers = answers(&said, &OWN).into_iter().map(without_id);
        (answers.collect(), (self.origin.take(), farewell))
    }
}

/// A problem document names its request.
fn without_id(answer: String) -> String {
    let Some((before, rest)) = answer.split_once("\"request_id\":\"") else {
        return answer;
    };
    let (_, after) = rest.split_once('"').unwrap();
    format!("{before}{after}")
}

#[track_caller]
fn check((fast, slow): (&Way, &Way), name: &str, bytes: &[u8], pieces: usize) {
    let pair = || (fast.taken(bytes, pieces), slow.taken(bytes, pieces));
    if let Some((on, off)) = difference(pieces, pair) {
        let bytes = bytes.escape_ascii();
        panic!("{name} in {pieces}: {bytes}\nfast {on:#?}\nslow {off:#?}");
    }
}

#[test]
fn what_is_tried_gets_the_same_answers_on_both_ways() {
    check_all([Way::start(true), Way::start(false)], &[1, 3]);
}

#[test]
fn what_is_tried_gets_the_same_answers_on_both_ways_inside_tls() {
    check_all([Way::secured(true), Way::secured(false)], &[1]);
}

#[track_caller]
fn check_all([fast, slow]: [Way; 2], pieces: &[usize]) {
    for case in cases() {
        let bytes = [&case.bytes, scan("probe").as_bytes()].concat();
        for &pieces in pieces {
            check((&fast, &slow), &case.name, &bytes, pieces);
        }
    }
}

#[test]
fn what_is_tried_and_spoilt_gets_the_same_answers_on_both_ways() {
    let (fast, slow) = (Way::start(true), Way::start(false));
    let (cases, mut random) = (cases(), Random::seeded(5));
    for _ in 0..times(200) {
        let case = random.pick(&cases).unwrap();
        let mut bytes = case.bytes.clone();
        for _ in 0..=random.below(2) {
            let at = random.below(bytes.len());
            let byte = random.next().to_le_bytes()[0];
            match random.below(3) {
                0 => bytes[at] = byte,
                1 => bytes.insert(at, byte),
                _ => drop(bytes.remove(at)),
            }
        }
        bytes.extend_from_slice(scan("probe").as_bytes());
        check((&fast, &slow), &case.name, &bytes, 1);
    }
}
