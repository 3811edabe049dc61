//! Who is let in, by what the files say now: balancers' headers, caps, and what a reload changes of them.

use super::{Answer, Backend, Client, EAN, HEALTH_CARD, TestGateway, eventually, json, post};
use serde_json::json as object;

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/// A header for 192.0.2.7.
const PASSED: &[u8] = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0C\xC0\0\x02\x07\x0A\0\0\x01\x12\x34\0\x50";

/// Adds this line to the listener.
fn listener(gateway: &TestGateway, line: &str) {
    let from = "[listener.scan]\n";
    gateway
        .files
        .change("routes.toml", from, &format!("{from}{line}\n"));
}

fn scanned(gateway: &TestGateway, before: &[u8]) -> Answer {
    let scan = json(&object!({ "code": EAN, "scene": "pharmacy" }));
    gateway.send([before, &scan].concat())
}

#[test]
fn the_client_a_balancer_names_is_told_to_the_department() {
    let backend = Backend::answering(OK);
    let gateway = TestGateway::with(|files| {
        files.pass_through(backend.address);
        files.change(
            "routes.toml",
            "[listener.scan]\n",
            "[listener.scan]\nproxy_protocol = [\"127.0.0.0/8\"]\n",
        );
    });
    let headers = "Content-Type: text/plain\r\nX-Forwarded-For: 198.51.100.1\r\n";
    let scan = post("/v1/scan", headers, HEALTH_CARD);
    let answer = gateway.send([PASSED, &scan].concat());
    assert_eq!(answer.status, 200, "{answer:?}");
    let head = backend.only_head();
    // What a client says that is no trusted proxy is not believed.
    assert!(
        head.contains("\r\nx-forwarded-for: 192.0.2.7\r\n"),
        "{head}"
    );
    assert!(head.contains("for=192.0.2.7"), "{head}");
}

#[test]
fn a_reload_says_who_is_a_balancer_and_how_many_connections_one_client_has() {
    let gateway = TestGateway::start();
    assert_eq!(scanned(&gateway, b"").status, 200);
    assert_eq!(scanned(&gateway, PASSED).status, 400);
    listener(&gateway, "proxy_protocol = [\"127.0.0.0/8\"]");
    gateway.reload();
    assert_eq!(scanned(&gateway, PASSED).status, 200);
    let from = "proxy_protocol = [\"127.0.0.0/8\"]";
    gateway.files.change("routes.toml", from, "");
    gateway.files.limit("connections_per_address = 1");
    gateway.reload();
    let open = "multicode_connections{listener=\"scan\"}";
    eventually("all are gone", || gateway.metric(open) < 0.5);
    let mut held = gateway.client();
    let scan = json(&object!({ "code": EAN, "scene": "pharmacy" }));
    assert_eq!(held.exchange(&scan).status, 200);
    let refused = Client::new(gateway.address).answer();
    refused.assert_refused(503, "overloaded");
    drop(held);
    eventually("there is a place again", || gateway.metric(open) < 0.5);
    assert_eq!(scanned(&gateway, b"").status, 200);
    let cause = "multicode_connections_refused_total{listener=\"scan\",cause=\"address\"}";
    assert!((gateway.metric(cause) - 1.0).abs() < 0.1);
}
