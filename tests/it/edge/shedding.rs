//! More than may be under way is told to come back at once, while the rest goes on.

use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use super::{Backend, Client, EAN, HEALTH_CARD, TestGateway, eventually, post};

const OK: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/// Far more than an answer takes that nobody is asked for, far less than a department that hangs.
const AT_ONCE: Duration = Duration::from_secs(5);

/// A department that hangs until it is let go.
struct Hung {
    backend: Backend,
    gate: Arc<(Mutex<bool>, Condvar)>,
}

impl Hung {
    fn new() -> Self {
        let gate = Arc::new((Mutex::new(false), Condvar::new()));
        let held = Arc::clone(&gate);
        let backend = Backend::playing(move |stream| {
            let (open, opened) = &*held;
            drop(
                opened
                    .wait_while(open.lock().unwrap(), |open| !*open)
                    .unwrap(),
            );
            let _ = stream.write_all(OK);
        });
        Self { backend, gate }
    }

    fn let_go(&self) {
        *self.gate.0.lock().unwrap() = true;
        self.gate.1.notify_all();
    }

    /// A gateway in front of it that takes on so many.
    fn gateway(&self, in_flight: usize, workers: usize) -> TestGateway {
        TestGateway::with_workers(workers, |files| {
            let endpoints = format!("endpoints = [\"http://{}\"]", self.backend.address);
            files.pass_through_with(&endpoints);
            files.change(
                "routes.d/edge.toml",
                "timeout = \"2s\"",
                "timeout = \"60s\"",
            );
            files.limit(&format!("in_flight = {in_flight}"));
        })
    }
}

fn scan(code: &str) -> Vec<u8> {
    post("/v1/scan", "Content-Type: text/plain\r\n", code)
}

/// So many more scans that hang with the department.
fn hang(gateway: &TestGateway, number: usize) -> Vec<Client> {
    let mut under_way: usize = in_flight(gateway).parse().unwrap();
    let hanging = (0..number).map(|_| {
        let mut client = gateway.client();
        client.write(scan(HEALTH_CARD));
        under_way += 1;
        eventually("it hangs", || in_flight(gateway) == under_way.to_string());
        client
    });
    hanging.collect()
}

fn in_flight(gateway: &TestGateway) -> String {
    gateway.metric("multicode_requests_in_flight").to_string()
}

fn shed(gateway: &TestGateway) -> String {
    gateway.metric("multicode_requests_shed_total").to_string()
}

#[test]
fn those_beyond_the_cap_are_told_at_once_and_those_within_go_on() {
    let hung = Hung::new();
    let gateway = hung.gateway(3, 2);
    let mut hanging = hang(&gateway, 3);
    let began = Instant::now();
    let mut client = gateway.client();
    for _ in 0..200 {
        // On one connection: it is as good as before.
        let answer = client.exchange(scan(EAN));
        answer.assert_refused(503, "overloaded");
        assert_eq!(answer.header("retry-after"), Some("1"));
        assert_eq!(answer.header("connection"), None);
    }
    for _ in 0..20 {
        gateway.send(scan(EAN)).assert_refused(503, "overloaded");
    }
    assert!(began.elapsed() < AT_ONCE, "{:?}", began.elapsed());
    assert_eq!(
        (in_flight(&gateway), shed(&gateway)),
        ("3".into(), "220".into())
    );
    let refused = "multicode_scans_total{route=\"\",outcome=\"rejection\",reason=\"overloaded\"}";
    assert_eq!(gateway.metric(refused).to_string(), "220");
    hung.let_go();
    for client in &mut hanging {
        let answer = client.answer();
        assert_eq!((answer.status, answer.text()), (200, "ok"));
    }
    assert_eq!(hung.backend.seen().len(), 3);
    assert_eq!(client.exchange(scan(EAN)).status, 200);
    eventually("all are over", || in_flight(&gateway) == "0");
}

#[test]
fn nobody_waits_for_the_body_of_what_is_shed() {
    let hung = Hung::new();
    let gateway = hung.gateway(1, 1);
    let mut hanging = hang(&gateway, 1);
    let began = Instant::now();
    for body in [
        "Content-Length: 100\r\n\r\n69",
        "Content-Length: 17000\r\n\r\n69",
        "Content-Length: 13\r\nExpect: 100-continue\r\n\r\n",
        "Transfer-Encoding: chunked\r\n\r\n",
    ] {
        let mut client = gateway.client();
        client.write(format!("POST /v1/scan HTTP/1.1\r\nHost: g\r\n{body}"));
        let answer = client.answer();
        answer.assert_refused(503, "overloaded");
        assert_eq!(answer.header("connection"), Some("close"), "{body}");
        // What would come later belongs to no request.
        drop(client);
    }
    assert!(began.elapsed() < AT_ONCE, "{:?}", began.elapsed());
    hung.let_go();
    assert_eq!(hanging[0].answer().status, 200);
}

#[test]
fn a_request_whose_client_is_gone_is_under_way_until_it_is_over() {
    let hung = Hung::new();
    let gateway = hung.gateway(1, 1);
    drop(hang(&gateway, 1));
    gateway.send(scan(EAN)).assert_refused(503, "overloaded");
    hung.let_go();
    eventually("it is over", || in_flight(&gateway) == "0");
    assert_eq!(gateway.send(scan(EAN)).status, 200);
}

#[test]
fn a_refusal_leaves_nothing_under_way() {
    let gateway = TestGateway::with(|files| files.limit("in_flight = 1"));
    let mut client = gateway.client();
    for _ in 0..50 {
        client
            .exchange(scan("nothing known"))
            .assert_refused(422, "unknown-code");
        let answer = client.exchange("GET /nowhere HTTP/1.1\r\nHost: g\r\n\r\n");
        answer.assert_refused(404, "not-found");
    }
    assert_eq!(
        (in_flight(&gateway), shed(&gateway)),
        ("0".into(), "0".into())
    );
}

#[test]
fn a_reload_moves_the_cap_and_counts_on() {
    let hung = Hung::new();
    let gateway = hung.gateway(1, 1);
    let mut hanging = hang(&gateway, 1);
    gateway.send(scan(EAN)).assert_refused(503, "overloaded");
    gateway
        .files
        .change("routes.toml", "in_flight = 1\n", "in_flight = 2\n");
    gateway.reload();
    assert_eq!(gateway.send(scan(EAN)).status, 200);
    hanging.extend(hang(&gateway, 1));
    gateway.send(scan(EAN)).assert_refused(503, "overloaded");
    hung.let_go();
    for client in &mut hanging {
        assert_eq!(client.answer().status, 200);
    }
}
