//! The same bytes to a server with the fast lane and to one without: the same answers, the same requests at
//! the handler, and the same word on whether the connection goes on. By TCP alone, and inside TLS.

use multicode::random::Random;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::{Config, TestRunner};

use super::mirror::World;
use super::times;
use super::transcript::{answers, difference};
use crate::engine::tls::Identity;

/// Comes behind each case: it is answered where the connection goes on.
const PROBE: &str = "GET /probe HTTP/1.1\r\nHost: g\r\n\r\n";

struct Worlds {
    fast: World,
    slow: World,
}

impl Worlds {
    fn start() -> Self {
        Self {
            fast: World::start(true),
            slow: World::start(false),
        }
    }

    /// Inside TLS: clients that end with a farewell, and clients that do not.
    fn secured() -> [Self; 2] {
        let identity = Identity::new();
        [true, false].map(|farewell| Self {
            fast: World::secured(true, &identity, farewell),
            slow: World::secured(false, &identity, farewell),
        })
    }

    /// What differs, if anything does.
    fn differ(&self, bytes: &[u8], pieces: usize) -> Result<(), String> {
        let of = |world: &World| {
            let (said, farewell) = world.door.said(bytes, pieces);
            (answers(&said, &[]), (world.asked(), farewell))
        };
        let pair = || (of(&self.fast), of(&self.slow));
        let Some((fast, slow)) = difference(pieces, pair) else {
            return Ok(());
        };
        Err(format!(
            "{} in {pieces}:\nfast {fast:#?}\nslow {slow:#?}",
            bytes.escape_ascii()
        ))
    }

    #[track_caller]
    fn agree(&self, bytes: impl AsRef<[u8]>) {
        for pieces in [1, 2, 3, 7] {
            self.agree_in(bytes.as_ref(), pieces);
        }
    }

    #[track_caller]
    fn agree_in(&self, bytes: impl AsRef<[u8]>, pieces: usize) {
        let found = self.differ(bytes.as_ref(), pieces);
        assert!(found.is_ok(), "{}", found.unwrap_err());
    }
}

fn request(line: &str, fields: &str, body: &str) -> String {
    let length = body.len();
    format!("{line} HTTP/1.1\r\nHost: g\r\n{fields}Content-Length: {length}\r\n\r\n{body}")
}

/// Rows of our own; those of request smuggling are tried on the whole gateway.
fn corpus() -> Vec<String> {
    let mut corpus = Vec::new();
    for path in [
        "/echo",
        "/chunks",
        "/drips",
        "/sized",
        "/said",
        "/nothing",
        "/same",
        "/odd",
        "/teapot",
        "/close",
        "/headers",
        "/large",
        "/large-chunks",
        "/long",
        "/a?b=%20c&d",
        "//x",
        "/*",
    ] {
        for body in ["", "x", "some bytes of a scan"] {
            corpus.push(request(&format!("POST {path}"), "", body));
        }
        corpus.push(format!("GET {path} HTTP/1.1\r\nHost: g\r\n\r\n"));
        corpus.push(format!("HEAD {path} HTTP/1.1\r\nHost: g\r\n\r\n"));
    }
    for fields in [
        "Connection: close\r\n",
        "Connection: keep-alive\r\n",
        "Connection: Keep-Alive, close\r\n",
        "Connection: x-own\r\nX-Own: 1\r\n",
        "Connection: keep-alive\r\nConnection: close\r\n",
        "Expect: 100-continue\r\n",
        "Expect: something\r\n",
        "Upgrade: websocket\r\nConnection: upgrade\r\n",
        "TE: trailers\r\n",
        "X-A: \t one \t\r\nx-a:two\r\nX-A:\r\n",
        "Cookie: \u{e9}\r\n",
        "Folded: a\r\n b\r\n",
        "Bad Name: x\r\n",
        "Transfer-Encoding: chunked\r\n",
        "Content-Length: 4\r\n",
    ] {
        corpus.push(request("POST /echo", fields, "body"));
    }
    for method in ["GET", "PUT", "DELETE", "OPTIONS", "post", "X-Y"] {
        corpus.push(request(&format!("{method} /echo"), "", "with a body"));
    }
    let chunked =
        "POST /echo HTTP/1.1\r\nHost: g\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n";
    corpus.push(chunked.to_owned());
    corpus.push("POST /echo HTTP/1.0\r\nContent-Length: 2\r\n\r\nhi".to_owned());
    corpus.push("GET http://g/echo HTTP/1.1\r\nHost: g\r\n\r\n".to_owned());
    corpus.push("GET /%zz\u{7f} HTTP/1.1\r\nHost: g\r\n\r\n".to_owned());
    corpus.push("POST /echo HTTP/1.1\r\nHost: g\r\n\r\n".to_owned());
    corpus.push("\r\n".to_owned() + &request("POST /echo", "", "behind an empty line"));
    corpus.push(request("POST /echo", "", &"x".repeat(16 * 1024)));
    corpus.push(request("POST /echo", "", &"x".repeat(16 * 1024 + 1)));
    corpus.push(request(
        "POST /echo",
        &format!("X: {}\r\n", "x".repeat(8_000)),
        "near the limit",
    ));
    corpus.push(request(
        "POST /echo",
        &format!("X: {}\r\n", "x".repeat(9_000)),
        "beyond it",
    ));
    corpus.push(request(
        "POST /echo",
        &"X: y\r\n".repeat(99),
        "as many as there may be",
    ));
    corpus.push(request("POST /echo", &"X: y\r\n".repeat(100), "more"));
    corpus
}

#[test]
fn every_row_is_answered_alike() {
    let worlds = Worlds::start();
    for row in corpus() {
        worlds.agree(row.clone() + PROBE);
    }
}

#[test]
fn every_row_is_answered_alike_inside_tls() {
    for (worlds, pieces) in Worlds::secured().iter().zip([1, 3]) {
        for row in corpus() {
            worlds.agree_in(row + PROBE, pieces);
        }
    }
}

#[test]
fn rows_behind_each_other_are_answered_alike() {
    check_rows_behind_each_other(&Worlds::start());
}

#[test]
fn rows_behind_each_other_are_answered_alike_inside_tls() {
    Worlds::secured()
        .iter()
        .for_each(check_rows_behind_each_other);
}

#[track_caller]
fn check_rows_behind_each_other(worlds: &Worlds) {
    let corpus = corpus();
    for (row, next) in corpus.iter().zip(corpus.iter().rev()) {
        worlds.agree_in(format!("{row}{next}{row}{PROBE}"), 1);
    }
}

/// Nothing follows: what is thrown away unread would take the answer with it.
#[test]
fn an_answer_that_breaks_off_looks_broken_off_on_both() {
    check_answers_that_break_off(&Worlds::start());
}

#[test]
fn an_answer_that_breaks_off_looks_broken_off_on_both_inside_tls() {
    Worlds::secured()
        .iter()
        .for_each(check_answers_that_break_off);
}

#[track_caller]
fn check_answers_that_break_off(worlds: &Worlds) {
    let broken = |row: &str| {
        let (said, farewell) = worlds.fast.door.said(row.as_bytes(), 1);
        worlds.fast.asked();
        let broken = answers(&said, &[]);
        assert!(broken[0].ends_with("half cut") && !farewell, "{broken:?}");
    };
    for path in ["/break", "/break-sized"] {
        let row = request(&format!("POST {path}"), "", "x");
        worlds.agree(&row);
        broken(&row);
    }
    // hyper says nothing at all where a handler gives less than it said.
    broken(&request("POST /short", "", "x"));
}

#[test]
fn a_request_cut_short_is_taken_alike() {
    let worlds = Worlds::start();
    let row = request("POST /echo", "X-Own: 1\r\n", "some bytes");
    for end in 0..row.len() {
        worlds.agree(&row.as_bytes()[..end]);
    }
}

#[test]
fn a_request_cut_short_is_taken_alike_inside_tls() {
    let row = request("POST /echo", "X-Own: 1\r\n", "some bytes");
    for worlds in Worlds::secured() {
        for end in 0..row.len() {
            worlds.agree_in(&row.as_bytes()[..end], 1);
        }
    }
}

#[test]
fn a_body_nobody_reads_is_no_request() {
    let worlds = Worlds::start();
    for body in ["", "short", &request("POST /echo", "", "smuggled")] {
        worlds.agree_in(request("POST /unread", "", body) + PROBE, 1);
    }
}

/// Pieces of requests that go together in every way, sound and broken.
const PIECES: [&str; 26] = [
    "GET /g HTTP/1.1\r\n",
    "POST /echo HTTP/1.1\r\n",
    "POST /chunks HTTP/1.1\r\n",
    "POST /sized HTTP/1.0\r\n",
    "Host: g\r\n",
    "host:g\r\n",
    "Content-Length: 5\r\n",
    "Content-Length: 0\r\n",
    "content-length:10\r\n",
    "Transfer-Encoding: chunked\r\n",
    "Connection: close\r\n",
    "Connection: keep-alive\r\n",
    "Expect: 100-continue\r\n",
    "X: y\r\n",
    " folded\r\n",
    "\r\n",
    "\r\n",
    "\n",
    "\0",
    "5\r\nhello\r\n",
    "0\r\n\r\n",
    "hello",
    "0123456789",
    "\u{e9}",
    "GET /s HTTP/1.1\r\nHost: g\r\n\r\n",
    "POST /echo HTTP/1.1\r\nHost: g\r\nContent-Length: 5\r\n\r\nhello",
];

fn generated() -> impl Strategy<Value = String> {
    let line = select(PIECES[..4].to_vec());
    let fields = vec(select(PIECES[4..14].to_vec()), 0..3);
    let end = select(vec![
        "\r\n",
        "Content-Length: 5\r\n\r\nhello",
        "Content-Length: 5\r\n\r\nhel",
        "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    ]);
    let sound = (line, fields, end)
        .prop_map(|(line, fields, end)| format!("{line}Host: g\r\n{}{end}", fields.concat()));
    let loose = vec(select(PIECES.to_vec()), 1..10).prop_map(|it| it.concat());
    vec(prop_oneof![4 => sound, 1 => loose], 1..4).prop_map(|it| it.concat())
}

#[test]
fn generated_requests_are_answered_alike() {
    check_generated(&Worlds::start(), 256);
}

#[test]
fn generated_requests_are_answered_alike_inside_tls() {
    for worlds in Worlds::secured() {
        check_generated(&worlds, 64);
    }
}

#[track_caller]
fn check_generated(worlds: &Worlds, usual: u32) {
    let config = Config {
        cases: times(usual),
        failure_persistence: None,
        ..Config::default()
    };
    let outcome = TestRunner::new(config).run(&(generated(), 1_usize..5), |(row, pieces)| {
        let found = worlds.differ((row + PROBE).as_bytes(), pieces);
        found.map_err(TestCaseError::fail)
    });
    assert!(outcome.is_ok(), "{}", outcome.unwrap_err());
}

#[test]
fn mutated_requests_are_answered_alike() {
    check_mutated(&Worlds::start(), 400);
}

#[test]
fn mutated_requests_are_answered_alike_inside_tls() {
    for worlds in Worlds::secured() {
        check_mutated(&worlds, 100);
    }
}

#[track_caller]
fn check_mutated(worlds: &Worlds, usual: u32) {
    let corpus = corpus();
    let mut random = Random::seeded(11);
    for _ in 0..times(usual) {
        let mut row = random.pick(&corpus).unwrap().clone().into_bytes();
        for _ in 0..=random.below(3) {
            // Mostly in the head.
            let at = random.below(row.len().min(160));
            let byte = random.next().to_le_bytes()[0];
            match random.below(4) {
                0 => row[at] = byte,
                1 => row.insert(at, byte),
                2 => drop(row.remove(at)),
                _ => row[at] ^= 0x20,
            }
        }
        row.extend_from_slice(PROBE.as_bytes());
        worlds.agree_in(&row, 1 + random.below(3));
    }
}
