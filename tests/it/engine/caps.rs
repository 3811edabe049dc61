//! How many connections one client may have.

use std::{thread::sleep, time::Duration};

use multicode::metrics::Metrics;
use multicode::server::{Config, Listener, Refusals, Rules, Senders};

use super::{Client, TestServer, config, refusal};

/// Two connections a client, counted.
fn two_each(metrics: &Metrics) -> Config {
    Config {
        listeners: vec![Listener {
            counts: metrics.door("scan"),
            ..Listener::at(([127, 0, 0, 1], 0))
        }],
        rules: Rules {
            per_address: 2,
            ..Rules::up_to(5)
        },
        refusals: Refusals {
            overloaded: refusal(503),
            ..Refusals::default()
        },
        workers: 2,
        ..config()
    }
}

fn series(metrics: &Metrics, line: &str) -> bool {
    let text = metrics.exposition("").body;
    let text = String::from_utf8(text).unwrap();
    text.lines().any(|it| it == format!("multicode_{line}"))
}

#[track_caller]
fn shows(metrics: &Metrics, line: &str) {
    let began = std::time::Instant::now();
    while !series(metrics, line) {
        assert!(began.elapsed() < super::SOON, "never shown: {line}");
        sleep(Duration::from_millis(10));
    }
}

/// A client that is served.
fn inside(server: &TestServer) -> Client {
    let mut client = server.client();
    assert_eq!(client.post("/echo", "in"), (200, "in".into()));
    client
}

#[test]
fn a_client_has_so_many_connections_and_gets_others_when_it_ends_some() {
    let metrics = Metrics::default();
    let server = TestServer::start(two_each(&metrics));
    for _ in 0..3 {
        let held = [inside(&server), inside(&server)];
        shows(&metrics, "connections{listener=\"scan\"} 2");
        for _ in 0..2 {
            assert_eq!(server.client().answer(), (503, "ours".into()));
        }
        drop(held);
        shows(&metrics, "connections{listener=\"scan\"} 0");
    }
    let refused = "connections_refused_total{listener=\"scan\",cause=\"address\"} 6";
    shows(&metrics, refused);
}

/// A header for a client with this address.
fn passed(last: u8) -> Vec<u8> {
    let addresses = [192, 0, 2, last, 10, 0, 0, 1, 0, 1, 0, 2];
    [&b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0C"[..], &addresses].concat()
}

#[test]
fn who_is_passed_on_is_counted_by_the_address_the_balancer_names() {
    let metrics = Metrics::default();
    let mut config = two_each(&metrics);
    config.rules.proxied = vec![Senders {
        networks: vec!["127.0.0.0/8".parse().unwrap()],
        unix: false,
    }];
    let server = TestServer::start(config);
    let come = |last| {
        let mut client = server.client();
        client.write(passed(last));
        client
    };
    let mut held = [come(1), come(1), come(2), come(2)];
    for client in &mut held {
        assert_eq!(client.post("/echo", "in"), (200, "in".into()));
    }
    assert_eq!(come(1).answer(), (503, "ours".into()));
    // There is one place left in all, as soon as who was turned away has left.
    while server.running.connections() > held.len() {
        sleep(Duration::from_millis(1));
    }
    let mut last = come(3);
    assert_eq!(last.post("/echo", "in"), (200, "in".into()));
    assert_eq!(server.client().answer(), (503, "ours".into()));
    for cause in ["address", "connections"] {
        shows(
            &metrics,
            &format!("connections_refused_total{{listener=\"scan\",cause=\"{cause}\"}} 1"),
        );
    }
}
