//! Names of endpoints: asked by a server of the test's own, over UDP, with short lives.

use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{sleep, spawn};
use std::time::{Duration, Instant};

use multicode::upstream::{Endpoint, Names, UpstreamConfig};

use super::upstream::{Backend, ok, towards};
use super::{SOON, TestServer, config};

/// What the name server says about a name.
#[derive(Clone, Copy)]
enum Says {
    Address(Ipv4Addr),
    /// NXDOMAIN.
    Unknown,
    Silence,
}

/// Every answer lives a second.
struct NameServer {
    address: SocketAddr,
    says: Arc<Mutex<HashMap<String, Says>>>,
    asked: Arc<AtomicUsize>,
}

impl NameServer {
    fn start() -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let address = socket.local_addr().unwrap();
        let says = Arc::new(Mutex::new(HashMap::new()));
        let asked = Arc::new(AtomicUsize::new(0));
        let (known, count) = (Arc::clone(&says), Arc::clone(&asked));
        spawn(move || {
            let mut datagram = [0; 512];
            while let Ok((length, from)) = socket.recv_from(&mut datagram) {
                count.fetch_add(1, Ordering::SeqCst);
                if let Some(answer) = answer(&datagram[..length], &known.lock().unwrap()) {
                    socket.send_to(&answer, from).unwrap();
                }
            }
        });
        Self {
            address,
            says,
            asked,
        }
    }

    fn say(&self, name: &str, says: Says) {
        self.says.lock().unwrap().insert(name.to_owned(), says);
    }
}

/// RFC 1035, section 4: one question, one answer.
fn answer(query: &[u8], known: &HashMap<String, Says>) -> Option<Vec<u8>> {
    let mut at = 12;
    let mut labels = Vec::new();
    while query[at] > 0 {
        let length = usize::from(query[at]);
        labels.push(String::from_utf8(query[at + 1..=at + length].to_vec()).unwrap());
        at += length + 1;
    }
    let name = labels.join(".").to_ascii_lowercase();
    let question = &query[12..at + 5];
    let is_a = query[at + 1..at + 3] == [0, 1];
    let says = known.get(&name).copied().unwrap_or(Says::Unknown);
    let (code, address) = match says {
        Says::Address(address) => (0, Some(address).filter(|_| is_a)),
        Says::Unknown => (3, None),
        Says::Silence => return None,
    };
    let mut answer = query[..2].to_vec();
    answer.extend([
        0x81,
        0x80 | code,
        0,
        1,
        0,
        u8::from(address.is_some()),
        0,
        0,
        0,
        0,
    ]);
    answer.extend(question);
    if let Some(address) = address {
        answer.extend([0xC0, 12, 0, 1, 0, 1, 0, 0, 0, 1, 0, 4]);
        answer.extend(address.octets());
    }
    Some(answer)
}

fn named(host: &str, port: u16, server: &NameServer) -> UpstreamConfig {
    let upstream = towards(&[port]);
    UpstreamConfig {
        endpoints: vec![Endpoint {
            host: host.to_owned(),
            ..upstream.endpoints[0].clone()
        }],
        connect_timeout: Duration::from_secs(2),
        timeout: Duration::from_secs(2),
        first_byte_timeout: Duration::from_secs(2),
        names: Names::of_server(server.address),
        ..upstream
    }
}

/// A backend on this address of the loopback network and the port of another.
fn on(address: Ipv4Addr, port: u16) -> Backend {
    Backend::on((address, port).into(), |stream, _| ok(stream))
}

#[test]
fn a_department_that_moves_is_found_again_when_its_answer_has_lived() {
    let (old, new) = (Ipv4Addr::new(127, 0, 0, 2), Ipv4Addr::new(127, 0, 0, 3));
    let first = on(old, 0);
    let second = on(new, first.port);
    let server = NameServer::start();
    server.say("bank.test", Says::Address(old));
    let gateway =
        TestServer::with_upstreams(config(), vec![named("bank.test", first.port, &server)]);
    let mut client = gateway.client();
    for _ in 0..20 {
        assert_eq!(client.post("/send", "x"), (200, "ok".into()));
    }
    assert_eq!((first.requests(), second.requests()), (20, 0));
    server.say("bank.test", Says::Address(new));
    let began = Instant::now();
    while second.requests() == 0 {
        assert!(began.elapsed() < SOON, "never moved");
        assert_eq!(client.post("/send", "x"), (200, "ok".into()));
        sleep(Duration::from_millis(20));
    }
    // Kept connections to where it was are not used any more.
    let before = first.requests();
    for _ in 0..20 {
        assert_eq!(client.post("/send", "x"), (200, "ok".into()));
    }
    assert_eq!(first.requests(), before);
}

#[test]
fn a_name_server_that_fails_changes_nothing_and_holds_nobody_up() {
    let backend = on(Ipv4Addr::new(127, 0, 0, 2), 0);
    let server = NameServer::start();
    server.say("bank.test", Says::Address(Ipv4Addr::new(127, 0, 0, 2)));
    let upstream = UpstreamConfig {
        idle: 0,
        ..named("bank.test", backend.port, &server)
    };
    let gateway = TestServer::with_upstreams(config(), vec![upstream]);
    let mut client = gateway.client();
    assert_eq!(client.post("/send", "x"), (200, "ok".into()));
    for failure in [Says::Unknown, Says::Silence] {
        server.say("bank.test", failure);
        // Each needs a new connection, and the answer about its name has long died meanwhile.
        let asked = server.asked.load(Ordering::SeqCst);
        let began = Instant::now();
        while server.asked.load(Ordering::SeqCst) < asked + 3 {
            assert!(began.elapsed() < SOON, "never asked again");
            let before = Instant::now();
            assert_eq!(client.post("/send", "x"), (200, "ok".into()));
            assert!(before.elapsed() < Duration::from_millis(900), "held up");
            sleep(Duration::from_millis(50));
        }
    }
}

#[test]
fn a_name_nobody_knows_is_unreachable_at_once() {
    let server = NameServer::start();
    let gateway = TestServer::with_upstreams(config(), vec![named("nobody.test", 1, &server)]);
    let mut client = gateway.client();
    for _ in 0..3 {
        assert_eq!(client.post("/send", "x"), (502, "unreachable".into()));
    }
}

#[test]
fn the_hosts_file_is_read_and_addresses_are_not_looked_up() {
    let backend = on(Ipv4Addr::LOCALHOST, 0);
    let server = NameServer::start();
    let mut upstream = named("localhost", backend.port, &server);
    let gateway = TestServer::with_upstreams(config(), vec![upstream.clone()]);
    assert_eq!(gateway.client().post("/send", "x"), (200, "ok".into()));
    upstream.names = Names::of_the_system();
    let gateway = TestServer::with_upstreams(config(), vec![upstream]);
    assert_eq!(gateway.client().post("/send", "x"), (200, "ok".into()));
    let server = NameServer::start();
    let literal = named("127.0.0.1", backend.port, &server);
    let gateway = TestServer::with_upstreams(config(), vec![literal]);
    assert_eq!(gateway.client().post("/send", "x"), (200, "ok".into()));
    assert_eq!(server.asked.load(Ordering::SeqCst), 0);
}
