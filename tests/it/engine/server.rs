use std::{
    io::{ErrorKind, Read, Write as _},
    net::Shutdown,
    thread::sleep,
    time::{Duration, Instant},
};

use super::{Client, SOON, TestServer, config, post, refusal};
use multicode::server::{Config, CutOff, Patience, Refusals, Rules};

const SHORT: Duration = Duration::from_millis(200);

fn hasty(header: Duration, idle: Duration) -> Config {
    Config {
        patience: Patience { header, idle },
        refusals: Refusals {
            too_slow: refusal(408),
            ..Refusals::default()
        },
        ..config()
    }
}

#[test]
fn a_connection_is_kept_for_the_next_request() {
    let server = TestServer::start(config());
    let mut client = server.client();
    for body in ["one", "", "three"] {
        assert_eq!(client.post("/echo", body), (200, body.into()));
    }
    assert_eq!(server.running.connections(), 1);
}

#[test]
fn pipelined_requests_are_answered_in_order() {
    let server = TestServer::start(config());
    let mut client = server.client();
    client.write(
        [
            post("/sleep", "one"),
            post("/echo", "two"),
            post("/echo", "three"),
        ]
        .concat(),
    );
    for body in ["one", "two", "three"] {
        assert_eq!(client.answer(), (200, body.into()));
    }
}

#[test]
fn a_head_that_drips_in_is_refused_on_time() {
    let server = TestServer::start(hasty(SHORT, SOON));
    let mut client = server.client();
    client.post("/echo", "kept alive before");
    for byte in "POST /ec".bytes() {
        client.write([byte]);
        sleep(SHORT / 10);
    }
    let (answer, waited) = client.rest();
    assert!(answer.starts_with("HTTP/1.1 408"), "{answer:?}");
    assert!(
        waited < SHORT,
        "the deadline moved with each byte: {waited:?}"
    );
}

#[test]
fn whoever_says_nothing_is_closed_without_a_word() {
    let server = TestServer::start(hasty(SHORT, SOON));
    let (answer, waited) = server.client().rest();
    assert_eq!(answer, "");
    assert!(waited < SHORT * 3, "{waited:?}");
}

#[test]
fn an_idle_connection_is_closed_without_a_word() {
    let server = TestServer::start(hasty(SOON, SHORT));
    let mut client = server.client();
    assert_eq!(client.post("/sleep", "longer than idle").0, 200);
    let (answer, waited) = client.rest();
    assert_eq!(answer, "");
    // The server's clock began a little before ours.
    assert!(waited > SHORT / 2 && waited < SHORT * 3, "{waited:?}");
}

#[test]
fn a_late_body_is_the_handlers_to_refuse() {
    let server = TestServer::start(config());
    let mut client = server.client();
    client.write("POST /echo HTTP/1.1\r\nHost: g\r\nContent-Length: 5\r\n\r\nhal");
    assert_eq!(client.answer(), (408, "late".into()));
}

#[test]
fn a_body_that_ends_early_is_answered() {
    let server = TestServer::start(config());
    let mut client = server.client();
    client.write("POST /echo HTTP/1.1\r\nHost: g\r\nContent-Length: 5\r\n\r\nhal");
    client.0.shutdown(Shutdown::Write).unwrap();
    assert_eq!(client.answer(), (400, "broken".into()));
}

#[test]
fn a_client_that_has_said_all_still_gets_its_answer() {
    let server = TestServer::start(config());
    let mut client = server.client();
    client.write(post("/sleep", "answered"));
    client.0.shutdown(Shutdown::Write).unwrap();
    assert_eq!(client.answer(), (200, "answered".into()));
    assert_eq!(client.rest().0, "");
}

#[test]
fn a_client_that_takes_no_answer_is_dropped() {
    let server = TestServer::start(hasty(SOON, SHORT));
    let mut client = server.client();
    client.write(post("/large", ""));
    sleep(SHORT * 3);
    assert_eq!(server.running.connections(), 0);
    let mut taken = Vec::new();
    let _ = client.0.read_to_end(&mut taken);
    assert!(taken.len() < 8 << 20);
}

/// Sends requests and reads no answer, until nobody takes any more of them.
#[track_caller]
fn check_that_answers_do_not_pile_up(path: &str) {
    let server = TestServer::start(hasty(SOON, SHORT));
    let mut client = server.client();
    // Nobody reads the body, so that the next request can be read before this one's answer is taken.
    let request = format!("POST {path} HTTP/1.1\r\nHost: g\r\nContent-Length: 1\r\n\r\nx");
    let many = request.repeat(1_000);
    client.0.set_write_timeout(Some(SHORT)).unwrap();
    // All that fits on the way is taken first, which are some megabytes.
    let until = Instant::now() + SOON * 12;
    loop {
        match client.0.write(many.as_bytes()) {
            Err(error) if error.kind() != ErrorKind::WouldBlock => break,
            _ => assert!(Instant::now() < until, "nobody ends it"),
        }
    }
    sleep(SHORT * 3);
    assert_eq!(server.running.connections(), 0);
}

#[test]
fn who_sends_and_takes_no_answers_is_dropped() {
    check_that_answers_do_not_pile_up("/refuse");
    check_that_answers_do_not_pile_up("/nothing");
}

#[test]
fn who_is_refused_while_sending_can_still_read_why() {
    let server = TestServer::start(config());
    let mut client = server.client();
    client.write("POST /refuse HTTP/1.1\r\nHost: g\r\nContent-Length: 4000000\r\n\r\n");
    client.write(vec![b'x'; 4_000_000]);
    assert_eq!(client.answer(), (413, "too large".into()));
}

#[test]
fn broken_and_huge_heads_get_our_own_words() {
    let server = TestServer::start(Config {
        refusals: Refusals {
            malformed: refusal(400),
            too_large: refusal(413),
            ..Refusals::default()
        },
        ..config()
    });
    let mut client = server.client();
    client.post("/echo", "kept alive before");
    client.write("nonsense\r\n\r\n");
    assert_eq!(client.answer(), (400, "ours".into()));
    let mut client = server.client();
    client.write(format!("GET / HTTP/1.1\r\nX: {}\r\n\r\n", "x".repeat(9000)));
    assert_eq!(client.answer(), (413, "ours".into()));
}

#[test]
fn connections_beyond_the_limit_are_turned_away() {
    let server = TestServer::start(Config {
        rules: Rules::up_to(2),
        refusals: Refusals {
            overloaded: refusal(503),
            ..Refusals::default()
        },
        ..config()
    });
    let mut held = [server.client(), server.client()];
    for client in &mut held {
        assert_eq!(client.post("/echo", "").0, 200);
    }
    assert_eq!(server.client().answer(), (503, "ours".into()));
    drop(held);
    sleep(SHORT);
    assert_eq!(server.client().post("/echo", "").0, 200);
}

#[test]
fn every_worker_accepts() {
    let server = TestServer::start(Config {
        workers: 3,
        ..config()
    });
    let mut clients: Vec<_> = (0..30).map(|_| server.client()).collect();
    for client in &mut clients {
        assert_eq!(client.post("/echo", "x").0, 200);
    }
    drop(clients);
    assert_eq!(server.running.drain(SOON), CutOff::default());
}

#[test]
fn draining_finishes_what_was_begun_and_refuses_the_rest() {
    let server = TestServer::start(config());
    let (address, mut idle) = (server.address, server.client());
    assert_eq!(idle.post("/echo", "").0, 200);
    let mut busy = server.client();
    busy.write(post("/sleep", "finished"));
    sleep(SHORT / 4);
    let drained = std::thread::spawn(move || server.running.drain(SOON));
    assert_eq!(busy.answer(), (200, "finished".into()));
    assert_eq!(busy.rest().0, "");
    assert_eq!(idle.rest().0, "");
    assert_eq!(drained.join().unwrap(), CutOff::default());
    assert!(std::net::TcpStream::connect(address).is_err());
}

#[test]
fn draining_ends_at_its_deadline() {
    let server = TestServer::start(config());
    let mut stuck = server.client();
    stuck.write(post("/never", ""));
    sleep(SHORT / 4);
    let cut_off = CutOff {
        connections: 1,
        undertakings: 0,
    };
    assert_eq!(server.running.drain(SHORT), cut_off);
    assert_eq!(stuck.rest().0, "");
}

#[test]
fn dropping_a_server_stops_it() {
    let server = TestServer::start(config());
    let mut client = server.client();
    client.post("/echo", "");
    drop(server.running);
    assert_eq!(client.rest().0, "");
}

/// Sends the head and a body in one write, byte by byte, and behind another request.
#[track_caller]
fn check_framing(headers: &str, body: &str, expected: Result<&str, u16>) {
    let server = TestServer::start(config());
    let request = format!("POST /echo HTTP/1.1\r\nHost: gateway\r\n{headers}\r\n{body}");
    let check = |client: &mut Client| match expected {
        Ok(body) => assert_eq!(client.answer(), (200, body.into()), "{headers:?}"),
        Err(status) => assert_eq!(client.answer().0, status, "{headers:?}"),
    };
    let mut whole = server.client();
    whole.write(&request);
    check(&mut whole);
    let mut pieces = server.client();
    request.bytes().for_each(|byte| pieces.write([byte]));
    check(&mut pieces);
    let mut pipelined = server.client();
    pipelined.write(post("/nap", "first") + &request);
    assert_eq!(pipelined.answer(), (200, "first".into()));
    check(&mut pipelined);
    let mut split = server.client();
    let (start, end) = request.split_at(request.len() / 2);
    split.write(post("/nap", "first") + start);
    assert_eq!(split.answer(), (200, "first".into()));
    split.write(end);
    check(&mut split);
}

#[test]
fn a_length_announced_twice_is_seen() {
    let chunks = "2\r\n{}\r\n0\r\n\r\n";
    check_framing("Content-Length: 2\r\n", "{}", Ok("{}"));
    check_framing("", "", Ok(""));
    check_framing("Transfer-Encoding: chunked\r\n", chunks, Ok("{}"));
    check_framing(
        "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n",
        chunks,
        Err(400),
    );
    check_framing(
        "Transfer-Encoding: chunked\r\nContent-Length: 2\r\n",
        chunks,
        Err(400),
    );
    check_framing(
        "tRANSFER-encoding:chunked\r\nA: b\r\ncONTENT-length:2\r\n",
        chunks,
        Err(400),
    );
    check_framing("Content-Length: 2\r\nContent-Length: 2\r\n", "{}", Err(400));
    check_framing(
        "Content-Length: 2\r\nContent-Length: 3\r\n",
        "{}x",
        Err(400),
    );
    check_framing("Content-Length: 2, 2\r\n", "{}", Err(400));
    check_framing("Content-Length: +2\r\n", "{}", Err(400));
    check_framing("Content-Length : 2\r\n", "{}", Err(400));
    check_framing(
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
        chunks,
        Err(400),
    );
    check_framing("Transfer-Encoding: xchunked\r\n", chunks, Err(400));
    check_framing("Transfer-Encoding: chunked, identity\r\n", chunks, Err(400));
    check_framing(
        "Transfer-Encoding: chunked\r\n Content-Length: 2\r\n",
        chunks,
        Err(400),
    );
}

#[test]
fn chunked_requests_are_read_one_after_the_other() {
    let server = TestServer::start(config());
    let mut client = server.client();
    let chunked =
        "POST /echo HTTP/1.1\r\nHost: g\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n";
    client.write([chunked, &post("/echo", "[]"), chunked].concat());
    for body in ["{}", "[]", "{}"] {
        assert_eq!(client.answer(), (200, body.into()));
    }
}
