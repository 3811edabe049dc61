use std::net::Shutdown;
use std::thread::sleep;
use std::time::Instant;

use super::{EAN, SHORT, SOON, TestGateway, post};

/// The shipped listener's limit, and a byte more.
const TOO_LARGE: usize = 16 * 1024 + 1;

fn hasty(limit: &str) -> TestGateway {
    TestGateway::with(|files| files.limit(&format!("{limit} = \"300ms\"")))
}

#[test]
fn a_body_announced_too_large_is_refused_before_it_comes() {
    let gateway = TestGateway::start();
    let mut client = gateway.client();
    let head = format!("POST /v1/scan HTTP/1.1\r\nHost: g\r\nContent-Length: {TOO_LARGE}\r\n\r\n");
    client.exchange(head).assert_refused(413, "too-large");
}

#[test]
fn a_length_no_machine_could_hold_is_refused() {
    let gateway = TestGateway::start();
    for length in ["18446744073709551613", "9223372036854775808"] {
        let head = format!("POST /v1/scan HTTP/1.1\r\nHost: g\r\nContent-Length: {length}\r\n\r\n");
        gateway.send(head).assert_refused(413, "too-large");
    }
}

#[test]
fn a_client_that_sends_too_much_can_read_why_it_is_refused() {
    let gateway = TestGateway::start();
    let mut client = gateway.client();
    client.try_write(post("/v1/scan", "", vec![b'x'; 4 << 20]));
    client.answer().assert_refused(413, "too-large");
}

#[test]
fn chunks_that_add_up_to_too_much_are_refused() {
    let gateway = TestGateway::start();
    let mut client = gateway.client();
    client.write("POST /v1/scan HTTP/1.1\r\nHost: g\r\nTransfer-Encoding: chunked\r\n\r\n");
    for _ in 0..5 {
        client.try_write(format!("1000\r\n{}\r\n", "x".repeat(0x1000)));
    }
    client.answer().assert_refused(413, "too-large");
}

#[test]
fn a_body_of_the_whole_limit_is_read() {
    let gateway = TestGateway::start();
    let padded = format!(
        "{{\"code\":\"{EAN}\",\"pad\":\"{}\"}}",
        "x".repeat(16 * 1024 - 34)
    );
    let answer = gateway.send(post("/v1/scan", "", &padded));
    assert_eq!(
        (padded.len(), answer.status),
        (16 * 1024 - 1, 200),
        "{answer:?}"
    );
}

#[test]
fn a_code_longer_than_any_symbol_holds_is_refused() {
    let gateway = TestGateway::start();
    let text = "Content-Type: text/plain\r\n";
    let answer = gateway.send(post("/v1/scan", text, "7".repeat(7090)));
    answer.assert_refused(413, "too-large");
    let answer = gateway.send(post("/v1/scan", text, "7".repeat(7089)));
    answer.assert_refused(422, "unknown-code");
}

#[test]
fn a_body_that_does_not_come_in_time_is_refused() {
    let gateway = hasty("body_timeout");
    let mut client = gateway.client();
    let began = Instant::now();
    client.write("POST /v1/scan HTTP/1.1\r\nHost: g\r\nContent-Length: 100\r\n\r\n69");
    client.answer().assert_refused(408, "too-slow");
    assert!(began.elapsed() >= SHORT && began.elapsed() < SHORT * 6);
    // What comes later belongs to no request.
    assert!(client.rest().is_empty());
}

#[test]
fn a_body_that_drips_gains_no_time() {
    let gateway = hasty("body_timeout");
    let mut client = gateway.client();
    client.write("POST /v1/scan HTTP/1.1\r\nHost: g\r\nContent-Length: 100\r\n\r\n");
    let began = Instant::now();
    while began.elapsed() < SHORT * 2 {
        client.try_write("6");
        sleep(SHORT / 10);
    }
    client.answer().assert_refused(408, "too-slow");
}

#[test]
fn a_head_that_does_not_come_in_time_is_refused() {
    let gateway = hasty("header_timeout");
    let mut client = gateway.client();
    client.write("POST /v1/scan HTTP/1.1\r\nHos");
    client.answer().assert_refused(408, "too-slow");
    assert!(client.rest().is_empty());
}

#[test]
fn a_body_that_breaks_off_is_truncated() {
    let gateway = TestGateway::start();
    for sent in [
        "Content-Length: 100\r\n\r\n690123",
        "Transfer-Encoding: chunked\r\n\r\n100\r\n690123",
        "Transfer-Encoding: chunked\r\n\r\n",
    ] {
        let mut client = gateway.client();
        client.write(format!("POST /v1/scan HTTP/1.1\r\nHost: g\r\n{sent}"));
        client.0.get_ref().shutdown(Shutdown::Write).unwrap();
        client.answer().assert_refused(400, "truncated");
    }
}

#[test]
fn a_huge_head_is_refused() {
    let gateway = TestGateway::start();
    let huge = "x".repeat(9000);
    for head in [
        format!("POST /v1/scan HTTP/1.1\r\nHost: g\r\nX: {huge}\r\n\r\n"),
        format!("POST /v1/scan?{huge} HTTP/1.1\r\nHost: g\r\n\r\n"),
        format!(
            "POST /v1/scan HTTP/1.1\r\nHost: g\r\n{}\r\n",
            "a: b\r\n".repeat(200)
        ),
    ] {
        let mut client = gateway.client();
        client.try_write(head);
        let answer = client.answer();
        answer.assert_refused(431, "too-large");
        assert!(!answer.whole().contains("xxx"));
    }
}

#[test]
fn connections_beyond_the_limit_are_turned_away() {
    let gateway = TestGateway::with(|files| files.limit("connections = 1"));
    let mut held = gateway.client();
    held.exchange(post("/v1/scan", "", EAN));
    let answer = gateway.client().answer();
    answer.assert_refused(503, "overloaded");
    assert_eq!(answer.header("retry-after"), Some("1"));
    drop(held);
    super::eventually("the next one is served", || {
        let mut client = gateway.client();
        client.try_write(post("/v1/scan", "", EAN));
        client.answer().status == 200
    });
    assert!(SOON > SHORT);
}
