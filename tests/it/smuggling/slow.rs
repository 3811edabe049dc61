//! Clients that are slow, by nature or on purpose.

use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::edge::{Client, HEALTH_CARD, TestGateway, post};

/// A medicine's EAN-13, which the shipped routes answer themselves.
const EAN: &str = "6901234567892";

/// A gateway that waits a minute for a body, unless its rate says otherwise.
fn patient(rate: &str) -> TestGateway {
    TestGateway::with(|files| {
        files.limit(&format!("body_timeout = \"60s\"\nbody_rate = \"{rate}\""));
    })
}

/// A scan whose body is to be that long.
fn head(client: &mut Client, length: usize) {
    client.write(format!(
        "POST /v1/scan HTTP/1.1\r\nHost: g\r\nContent-Length: {length}\r\n\r\n"
    ));
}

#[test]
fn a_body_that_comes_more_slowly_than_its_rate_is_refused() {
    let gateway = patient("1KiB");
    let mut client = gateway.client();
    head(&mut client, 10_000);
    let began = Instant::now();
    while began.elapsed() < Duration::from_secs(4) {
        client.try_write("7");
        sleep(Duration::from_millis(200));
    }
    client.answer().assert_refused(408, "too-slow");
    assert!(began.elapsed() < Duration::from_secs(20));
    assert!(client.rest().is_empty());
}

#[test]
fn a_body_that_keeps_its_rate_is_waited_for() {
    let gateway = patient("1KiB");
    let mut client = gateway.client();
    head(&mut client, 16_000);
    for _ in 0..8 {
        client.write("7".repeat(2_000));
        sleep(Duration::from_millis(600));
    }
    // It is no code, but it was read to its end.
    client.answer().assert_refused(413, "too-large");
}

#[test]
fn without_a_rate_only_the_time_counts() {
    let gateway = patient("0B");
    let mut client = gateway.client();
    head(&mut client, EAN.len());
    client.write("69012");
    sleep(Duration::from_millis(4_500));
    assert_eq!(client.exchange("34567892").status, 200);
}

#[test]
fn half_a_head_behind_a_scan_gains_no_time() {
    let gateway = TestGateway::with(|files| files.limit("header_timeout = \"500ms\""));
    let mut client = gateway.client();
    client.write([&post("/v1/scan", "", EAN)[..], b"POST /v1/sc"].concat());
    assert_eq!(client.answer().status, 200);
    let began = Instant::now();
    client.answer().assert_refused(408, "too-slow");
    assert!(began.elapsed() < Duration::from_secs(8));
    assert!(client.rest().is_empty());
}

#[test]
fn an_empty_line_behind_a_scan_begins_nothing() {
    let gateway = TestGateway::with(|files| files.limit("header_timeout = \"300ms\""));
    let mut client = gateway.client();
    for _ in 0..2 {
        client.write([&post("/v1/scan", "", EAN)[..], b"\r\n"].concat());
        assert_eq!(client.answer().status, 200);
        sleep(Duration::from_millis(700));
    }
    let answer = client.exchange(post("/v1/scan", "", HEALTH_CARD));
    assert!(answer.status < 500, "{answer:?}");
}

#[test]
fn what_broke_which_rule_is_said_and_nothing_of_it_repeated() {
    let gateway = TestGateway::start();
    let told = |bytes: &str| {
        let answer = gateway.send(bytes);
        answer.assert_refused(400, "malformed-request");
        assert!(!answer.whole().contains("secret"), "{answer:?}");
        answer.json()["detail"].as_str().unwrap().to_owned()
    };
    let head = "POST /v1/scan HTTP/1.1\r\nHost: g\r\n";
    let detail = told(&format!("{head}secret : x\r\n\r\n"));
    assert!(detail.contains("section 5.1"), "{detail}");
    let detail = told(&format!(
        "{head}Content-Length: 3\r\nContent-Length: 3\r\n\r\n"
    ));
    assert!(detail.contains("section 6.2"), "{detail}");
    let detail = told(&format!(
        "{head}Transfer-Encoding: chunked\r\n\r\n3;secret\n"
    ));
    assert!(detail.contains("section 7.1.1"), "{detail}");
    let detail = told("GET /secret HTTP/1.1\nHost: g\n\n");
    assert!(detail.contains("section 2.2"), "{detail}");
}
