use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread::sleep,
    time::Duration,
};

use http::{HeaderValue, uri::Scheme};

use super::{Client, SOON, TestServer, config};
use multicode::tick::Timer;
use multicode::upstream::{Endpoint, UpstreamConfig};
use tokio::task::{LocalSet, spawn_local};

const TIMEOUT: Duration = Duration::from_millis(300);

/// Runs on one thread, with a clock that goes.
pub(crate) fn with_timer(test: impl AsyncFnOnce(&Timer)) {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    let runtime = builder.enable_all().build().unwrap();
    LocalSet::new().block_on(&runtime, async {
        let timer = Timer::new();
        let ticking = timer.clone();
        drop(spawn_local(async move { ticking.run().await }));
        test(&timer).await;
    });
}

/// A backend that counts what reaches it.
pub(super) struct Backend {
    pub(super) port: u16,
    connections: Arc<AtomicUsize>,
    requests: Arc<AtomicUsize>,
}

impl Backend {
    /// `serve` gets every request on every connection once it was read whole, its number on this
    /// connection from 1, and says whether the connection goes on.
    pub(super) fn start(
        serve: impl Fn(&mut TcpStream, usize) -> bool + Send + Sync + 'static,
    ) -> Self {
        Self::on(([127, 0, 0, 1], 0).into(), serve)
    }

    /// The same on an address of the test's choice.
    pub(super) fn on(
        address: SocketAddr,
        serve: impl Fn(&mut TcpStream, usize) -> bool + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind(address).unwrap();
        let port = listener.local_addr().unwrap().port();
        let (connections, requests) = <(Arc<AtomicUsize>, Arc<AtomicUsize>)>::default();
        let counted = (Arc::clone(&connections), Arc::clone(&requests));
        let serve = Arc::new(serve);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                counted.0.fetch_add(1, Ordering::SeqCst);
                let (requests, serve) = (Arc::clone(&counted.1), Arc::clone(&serve));
                std::thread::spawn(move || {
                    let mut stream = stream.unwrap();
                    for number in 1.. {
                        if !read_request(&mut stream) {
                            break;
                        }
                        requests.fetch_add(1, Ordering::SeqCst);
                        if !serve(&mut stream, number) {
                            break;
                        }
                    }
                });
            }
        });
        Self {
            port,
            connections,
            requests,
        }
    }

    pub(super) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    pub(super) fn requests(&self) -> usize {
        self.requests.load(Ordering::SeqCst)
    }
}

fn read_request(stream: &mut TcpStream) -> bool {
    let mut seen = Vec::new();
    let mut byte = [0];
    while !seen.ends_with(b"\r\n\r\n") {
        if stream.read(&mut byte).unwrap_or(0) == 0 {
            return false;
        }
        seen.push(byte[0]);
    }
    let head = String::from_utf8(seen).unwrap();
    assert_eq!(head.matches("host: backend\r\n").count(), 1, "{head}");
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "));
    let mut body = vec![0; length.map_or(0, |length| length.parse().unwrap())];
    stream.read_exact(&mut body).is_ok()
}

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

pub(super) fn ok(stream: &mut TcpStream) -> bool {
    stream.write_all(OK.as_bytes()).is_ok()
}

pub(crate) fn towards(ports: &[u16]) -> UpstreamConfig {
    let endpoint = |port: &u16| Endpoint {
        scheme: Scheme::HTTP,
        host: "127.0.0.1".into(),
        port: *port,
        authority: HeaderValue::from_static("backend"),
        weight: 1,
    };
    UpstreamConfig {
        name: "backend".into(),
        endpoints: ports.iter().map(endpoint).collect(),
        connect_timeout: Duration::from_millis(200),
        timeout: TIMEOUT,
        idle: 4,
        first_byte_timeout: TIMEOUT,
        idle_timeout: TIMEOUT,
        fast_lane: crate::lane::asked_for().unwrap_or(true),
        ..UpstreamConfig::default()
    }
}

fn in_front_of(ports: &[u16]) -> TestServer {
    TestServer::with_upstreams(config(), vec![towards(ports)])
}

/// A port on which nobody listens.
pub(super) fn closed_port() -> u16 {
    TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port()
}

/// The first request finds no kept connection, the second one does.
#[track_caller]
fn check(expected: (u16, &str), serve: impl Fn(&mut TcpStream) -> bool + Send + Sync + 'static) {
    let serve = Arc::new(serve);
    let same = Arc::clone(&serve);
    let fresh = Backend::start(move |stream, _| same(stream));
    let server = in_front_of(&[fresh.port]);
    let mut client = server.client();
    assert_eq!(
        client.post("/send", "x"),
        (expected.0, expected.1.into()),
        "fresh"
    );
    sleep(TIMEOUT / 3);
    assert_eq!(fresh.requests(), 1, "delivered more than once");

    let kept = Backend::start(move |stream, number| match number {
        1 => ok(stream),
        _ => serve(stream),
    });
    let server = in_front_of(&[kept.port]);
    let mut client = server.client();
    assert_eq!(client.post("/send", "x"), (200, "ok".into()));
    assert_eq!(
        client.post("/send", "x"),
        (expected.0, expected.1.into()),
        "kept"
    );
    sleep(TIMEOUT / 3);
    assert_eq!(kept.requests(), 2, "delivered more than once");
    assert_eq!(kept.connections(), 1);
}

#[test]
fn a_request_that_arrived_is_never_sent_again() {
    let wrote = |bytes: &'static [u8], go_on| {
        move |stream: &mut TcpStream| {
            stream.write_all(bytes).unwrap();
            if go_on {
                sleep(SOON);
            }
            false
        }
    };
    check((502, "unknown"), |_| false);
    check((502, "unknown"), |stream| {
        socket2::SockRef::from(&*stream)
            .set_linger(Some(Duration::ZERO))
            .unwrap();
        false
    });
    check(
        (502, "unknown"),
        wrote(b"HTTP/1.1 200 OK\r\nContent-Le", false),
    );
    check(
        (502, "unknown"),
        wrote(b"HTTP/1.1 100 Continue\r\n\r\n", false),
    );
    check((502, "unknown, timed out"), |_| {
        sleep(SOON);
        false
    });
    check(
        (502, "unknown, timed out"),
        wrote(b"HTTP/1.1 200 OK\r\n", true),
    );
    check((502, "invalid"), wrote(b"SSH-2.0-OpenSSH_9.2\r\n", true));
    check((502, "invalid"), wrote(b"HTTP/1.1 9x9 OK\r\n\r\n", true));
    check(
        (502, "invalid"),
        wrote(
            b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok",
            true,
        ),
    );
    check(
        (502, "invalid"),
        wrote(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n",
            true,
        ),
    );
}

#[test]
fn a_kept_connection_is_used_again() {
    let backend = Backend::start(|stream, _| ok(stream));
    let server = in_front_of(&[backend.port]);
    let mut client = server.client();
    for _ in 0..50 {
        assert_eq!(client.post("/send", "x"), (200, "ok".into()));
    }
    assert_eq!((backend.connections(), backend.requests()), (1, 50));
}

#[test]
fn a_chunked_answer_gives_its_connection_back_too() {
    let backend = Backend::start(|stream, _| {
        let answer = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n";
        stream.write_all(answer.as_bytes()).is_ok()
    });
    let server = in_front_of(&[backend.port]);
    let mut client = server.client();
    for _ in 0..3 {
        client.write(super::post("/send", "x"));
        sleep(TIMEOUT / 6);
    }
    let (answer, _) = {
        client.0.shutdown(std::net::Shutdown::Write).unwrap();
        client.rest()
    };
    // A body that came whole may be passed on with its length.
    assert_eq!(answer.matches("HTTP/1.1 200 OK\r\n").count(), 3, "{answer}");
    assert_eq!(answer.matches("\r\nok").count(), 3, "{answer}");
    assert_eq!(backend.connections(), 1);
}

#[test]
fn a_connection_closed_meanwhile_fails_no_request() {
    let backend = Backend::start(|stream, _| {
        ok(stream);
        false
    });
    let server = in_front_of(&[backend.port]);
    let mut client = server.client();
    for _ in 0..5 {
        assert_eq!(client.post("/send", "x"), (200, "ok".into()));
        sleep(Duration::from_millis(20));
    }
    assert_eq!((backend.connections(), backend.requests()), (5, 5));
}

#[test]
fn endpoints_are_asked_in_turn_and_dead_ones_passed_over() {
    let [one, two] = [0; 2].map(|_| Backend::start(|stream, _| ok(stream)));
    let server = in_front_of(&[one.port, closed_port(), two.port]);
    let mut client = server.client();
    for _ in 0..9 {
        assert_eq!(client.post("/send", "x"), (200, "ok".into()));
    }
    // The dead one's turns are shared by whoever is next then.
    let [one, two] = [one, two].map(|backend| backend.requests());
    assert_eq!(one + two, 9);
    assert!(one.min(two) >= 3, "{one} and {two}");
}

#[test]
fn no_endpoint_at_all_is_unreachable() {
    let server = in_front_of(&[closed_port(), closed_port()]);
    assert_eq!(
        server.client().post("/send", "x"),
        (502, "unreachable".into())
    );
}

#[test]
fn an_answer_streams_through_as_it_comes() {
    let backend = Backend::start(|stream, _| {
        stream
            .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nab")
            .unwrap();
        sleep(TIMEOUT / 2);
        stream.write_all(b"cd").is_ok()
    });
    let server = in_front_of(&[backend.port]);
    let mut client = server.client();
    client.write(super::post("/send", "x"));
    let began = std::time::Instant::now();
    let mut seen = Vec::new();
    while !seen.ends_with(b"ab") {
        let mut byte = [0];
        client.0.read_exact(&mut byte).unwrap();
        seen.push(byte[0]);
    }
    assert!(began.elapsed() < TIMEOUT / 2);
    let mut rest = [0; 2];
    client.0.read_exact(&mut rest).unwrap();
    assert_eq!(&rest, b"cd");
}

#[test]
fn an_answer_that_stops_half_way_ends_the_clients_connection() {
    for hang in [false, true] {
        let backend = Backend::start(move |stream, _| {
            stream
                .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nab")
                .unwrap();
            if hang {
                sleep(SOON);
            }
            false
        });
        let server = in_front_of(&[backend.port]);
        let mut client: Client = server.client();
        client.write(super::post("/send", "x"));
        let mut seen = Vec::new();
        let _ = client.0.read_to_end(&mut seen);
        assert!(
            seen.ends_with(b"\r\n\r\nab"),
            "{:?}",
            String::from_utf8_lossy(&seen)
        );
        assert_eq!(
            (backend.requests(), server.client().post("/echo", "").0),
            (1, 200)
        );
    }
}

#[test]
fn an_answer_nobody_reads_does_not_return_its_connection() {
    let backend = Backend::start(|stream, _| {
        let big = vec![b'x'; 8 << 20];
        write!(
            stream,
            "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n",
            big.len()
        )
        .unwrap();
        stream.write_all(&big).is_ok()
    });
    let server = in_front_of(&[backend.port]);
    for _ in 0..2 {
        let mut client = server.client();
        client.write(super::post("/send", "x"));
        let mut some = [0; 1000];
        client.0.read_exact(&mut some).unwrap();
        drop(client);
        sleep(TIMEOUT / 6);
    }
    assert_eq!((backend.connections(), backend.requests()), (2, 2));
}
