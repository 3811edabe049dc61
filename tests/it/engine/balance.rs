//! Choosing among endpoints over real sockets: shares, health, seats.

use std::{
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    sync::{
        Arc, Barrier,
        atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst},
    },
    thread::{scope, sleep},
    time::{Duration, Instant},
};

use multicode::upstream::{AllOut, Balance, By, Check, Eject, Policy, Probe, UpstreamConfig};

use super::{Client, SOON, TestServer, config, upstream::towards};

/// A backend whose mood can be changed while it serves; every answer is its name.
struct Desk {
    port: u16,
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    /// It answers 503.
    ill: AtomicBool,
    /// It answers checks with 500.
    unwell: AtomicBool,
    /// How long an answer takes, in milliseconds.
    slow: AtomicUsize,
    requests: AtomicUsize,
    checks: AtomicUsize,
    now: AtomicUsize,
    most: AtomicUsize,
}

impl Desk {
    fn start(name: usize) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let state = Arc::<State>::default();
        let shared = Arc::clone(&state);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (mut stream, state) = (stream.unwrap(), Arc::clone(&shared));
                std::thread::spawn(move || while state.serve(&mut stream, name).is_some() {});
            }
        });
        Self { port, state }
    }

    fn requests(&self) -> usize {
        self.state.requests.load(SeqCst)
    }
}

impl State {
    fn serve(&self, stream: &mut TcpStream, name: usize) -> Option<()> {
        let mut head = Vec::new();
        let mut byte = [0];
        while !head.ends_with(b"\r\n\r\n") {
            stream.read_exact(&mut byte).ok()?;
            head.push(byte[0]);
        }
        let head = String::from_utf8(head).unwrap();
        let length = head
            .lines()
            .find_map(|it| it.strip_prefix("content-length: "));
        let length = length.map_or(0, |length| length.parse().unwrap());
        stream.read_exact(&mut vec![0; length]).ok()?;
        let status = if head.starts_with("GET /healthz ") {
            self.checks.fetch_add(1, SeqCst);
            if self.unwell.load(SeqCst) { 500 } else { 204 }
        } else {
            self.requests.fetch_add(1, SeqCst);
            let now = self.now.fetch_add(1, SeqCst) + 1;
            self.most.fetch_max(now, SeqCst);
            sleep(Duration::from_millis(
                self.slow.load(SeqCst).try_into().unwrap(),
            ));
            self.now.fetch_sub(1, SeqCst);
            if self.ill.load(SeqCst) { 503 } else { 200 }
        };
        let body = if status == 204 {
            String::new()
        } else {
            name.to_string()
        };
        let length = body.len();
        let answer = format!("HTTP/1.1 {status} It\r\nContent-Length: {length}\r\n\r\n{body}");
        stream.write_all(answer.as_bytes()).ok()
    }
}

fn desks<const N: usize>() -> [Desk; N] {
    std::array::from_fn(Desk::start)
}

/// What the desks are asked with.
fn upstream(desks: &[Desk], policy: Policy) -> UpstreamConfig {
    let ports: Vec<_> = desks.iter().map(|desk| desk.port).collect();
    UpstreamConfig {
        timeout: SOON,
        first_byte_timeout: SOON,
        idle_timeout: SOON,
        policy,
        ..towards(&ports)
    }
}

fn in_front_of(desks: &[Desk], policy: Policy) -> TestServer {
    TestServer::with_upstreams(config(), vec![upstream(desks, policy)])
}

/// Long enough that nothing ends by itself in a test.
const LONG: Duration = Duration::from_secs(600);

/// The first failure ejects, for long.
fn strict() -> Policy {
    Policy {
        eject: Eject {
            failures: 1,
            time: LONG,
            longest: LONG,
            ..Eject::default()
        },
        ..Policy::default()
    }
}

/// Waits for what must come to be.
#[track_caller]
fn until(what: &str, mut is: impl FnMut() -> bool) {
    let began = Instant::now();
    while !is() {
        assert!(began.elapsed() < SOON, "never: {what}");
        sleep(Duration::from_millis(5));
    }
}

/// As many requests at once as there are clients, each `times` times; the statuses and bodies.
fn storm(server: &TestServer, clients: usize, times: usize) -> Vec<(u16, String)> {
    let together = Barrier::new(clients);
    let one = || {
        let mut client = server.client();
        together.wait();
        let answers: Vec<_> = (0..times).map(|_| client.post("/send", "x")).collect();
        answers
    };
    scope(|scope| {
        let threads: Vec<_> = (0..clients).map(|_| scope.spawn(one)).collect();
        let answers = threads.into_iter().flat_map(|it| it.join().unwrap());
        answers.collect()
    })
}

fn keyed(client: &mut Client, key: u64) -> (u16, String) {
    client.write(format!(
        "POST /send HTTP/1.1\r\nHost: gateway\r\nX-Sticky: {key}\r\nContent-Length: 0\r\n\r\n"
    ));
    client.answer()
}

#[test]
fn requests_are_shared_out_by_weights() {
    let desks = desks::<3>();
    let mut upstream = upstream(&desks, Policy::default());
    upstream.endpoints[0].weight = 3;
    upstream.endpoints[2].weight = 2;
    let server = TestServer::with_upstreams(config(), vec![upstream]);
    let mut client = server.client();
    for _ in 0..60 {
        assert_eq!(client.post("/send", "x").0, 200);
    }
    assert_eq!(desks.each_ref().map(Desk::requests), [30, 10, 20]);
}

#[test]
fn a_slow_endpoint_gets_less_where_the_less_loaded_is_taken() {
    let desks = desks::<3>();
    desks[0].state.slow.store(100, SeqCst);
    let policy = Policy {
        balance: Balance::LeastInFlight,
        ..Policy::default()
    };
    let server = in_front_of(&desks, policy);
    let answers = storm(&server, 8, 30);
    assert!(answers.iter().all(|(status, _)| *status == 200));
    let [slow, one, other] = desks.each_ref().map(Desk::requests);
    assert_eq!(slow + one + other, 240);
    assert!(slow < 40, "{slow} of 240 went to the slow one");
}

#[test]
fn a_hash_keeps_keys_where_they_are_and_moves_those_of_an_endpoint_that_is_out() {
    let desks = desks::<4>();
    let policy = Policy {
        balance: Balance::Hash(By::Terminal),
        ..strict()
    };
    let server = in_front_of(&desks, policy);
    let mut client = server.client();
    let mut ask = |key: u64| keyed(&mut client, key * 7919).1;
    let before: Vec<_> = (0..200).map(&mut ask).collect();
    assert_eq!((0..200).map(&mut ask).collect::<Vec<_>>(), before);
    desks[2].state.ill.store(true, SeqCst);
    let first = before.iter().position(|name| name == "2").unwrap();
    // The one whose failure ejects it.
    ask(first.try_into().unwrap());
    let after: Vec<_> = (0..200).map(&mut ask).collect();
    let moved = before.iter().zip(&after).filter(|(a, b)| a != b);
    let moved: Vec<_> = moved.collect();
    assert!(moved.iter().all(|(before, _)| *before == "2"), "{moved:?}");
    assert!(after.iter().all(|name| name != "2"));
    assert!((20..90).contains(&moved.len()), "{} of 200", moved.len());
    let heirs: std::collections::BTreeSet<_> = moved.iter().map(|(_, after)| after).collect();
    assert_eq!(heirs.len(), 3, "the keys go to all the others");
}

#[test]
fn checks_take_an_endpoint_out_and_bring_it_back() {
    let desks = desks::<2>();
    let check = Check {
        interval: Duration::from_millis(20),
        timeout: Duration::from_millis(500),
        ..Check::with(Probe::Http {
            path: "/healthz".parse().unwrap(),
            statuses: Box::default(),
        })
    };
    let policy = Policy {
        check: Some(check),
        slow_start: Duration::ZERO,
        ..Policy::default()
    };
    let server = in_front_of(&desks, policy);
    let mut client = server.client();
    let mut goes_to = |name: &str| {
        let answers = [0; 4].map(|_| client.post("/send", "x").1);
        answers.iter().any(|it| it == name)
    };
    assert!(goes_to("0") && goes_to("1"));
    desks[0].state.unwell.store(true, SeqCst);
    until("the unwell one is out", || !goes_to("0"));
    let checks = desks[0].state.checks.load(SeqCst);
    assert!(checks >= 3, "{checks} checks");
    assert!(server.fleet.in_trouble().is_empty());
    desks[0].state.unwell.store(false, SeqCst);
    until("it comes back", || goes_to("0"));
    // One that is checked on one thread is checked once an interval, not once for each worker.
    server.fleet.note(&server.metrics);
    let metrics = server.metrics.text();
    assert!(
        metrics.contains("multicode_upstream_checks_total"),
        "{metrics}"
    );
}

#[test]
fn where_every_endpoint_is_out_readiness_says_so_and_all_are_used() {
    let desks = desks::<2>();
    for desk in &desks {
        desk.state.unwell.store(true, SeqCst);
    }
    let probe = Probe::Http {
        path: "/healthz".parse().unwrap(),
        statuses: [204].into(),
    };
    let policy = Policy {
        check: Some(Check {
            interval: Duration::from_millis(20),
            timeout: Duration::from_millis(500),
            ..Check::with(probe)
        }),
        ..Policy::default()
    };
    let server = in_front_of(&desks, policy);
    until("both are out", || !server.fleet.in_trouble().is_empty());
    let trouble = server.fleet.in_trouble().remove(0);
    let [one, other] = desks.each_ref().map(|desk| desk.port);
    let why = format!("127.0.0.1:{one} fails its checks, 127.0.0.1:{other} fails its checks");
    assert_eq!((&*trouble.upstream, trouble.why), ("backend", why));
    let answers = storm(&server, 2, 5);
    assert!(answers.iter().all(|(status, _)| *status == 200));
    let all_out = "multicode_upstream_all_out_total{upstream=\"backend\"} 10";
    assert!(server.metrics.text().contains(all_out));
}

#[test]
fn a_port_on_which_nobody_listens_fails_its_check() {
    let desks = desks::<1>();
    let mut upstream = upstream(&desks, Policy::default());
    let gone = TcpListener::bind("127.0.0.1:0").unwrap();
    upstream.endpoints[0].port = gone.local_addr().unwrap().port();
    upstream.policy.check = Some(Check {
        interval: Duration::from_millis(20),
        timeout: Duration::from_millis(20),
        ..Check::with(Probe::Tcp)
    });
    let server = TestServer::with_upstreams(config(), vec![upstream]);
    sleep(Duration::from_millis(200));
    assert!(server.fleet.in_trouble().is_empty(), "somebody listens yet");
    drop(gone);
    until("it is out", || !server.fleet.in_trouble().is_empty());
}

#[test]
fn an_endpoint_that_fails_is_ejected_and_the_last_one_never() {
    let desks = desks::<2>();
    let server = in_front_of(&desks, strict());
    let mut client = server.client();
    desks[0].state.ill.store(true, SeqCst);
    for _ in 0..20 {
        client.post("/send", "x");
    }
    let [ill, well] = desks.each_ref().map(Desk::requests);
    assert_eq!((ill, well), (1, 19));
    desks[1].state.ill.store(true, SeqCst);
    for _ in 0..20 {
        assert_eq!(client.post("/send", "x"), (503, "1".into()));
    }
    assert_eq!(desks.each_ref().map(Desk::requests), [1, 39]);
    server.fleet.note(&server.metrics);
    let metrics = server.metrics.text();
    let port = desks[0].port;
    let of = format!("upstream=\"backend\",endpoint=\"127.0.0.1:{port}\"");
    for line in [
        format!("multicode_upstream_ejections_total{{{of}}} 1"),
        format!("multicode_upstream_endpoint_up{{{of}}} 0"),
        format!("multicode_upstream_breaker{{{of},state=\"open\"}} 1"),
        format!("multicode_upstream_in_flight{{{of}}} 0"),
        format!("multicode_upstream_requests_total{{{of},outcome=\"failed\"}} 1"),
    ] {
        assert!(metrics.contains(&line), "{line} in\n{metrics}");
    }
}

#[test]
fn a_breaker_that_may_open_everywhere_sends_nothing_at_all() {
    let desks = desks::<1>();
    let mut policy = strict();
    policy.eject.all_out = AllOut::Refuse;
    let server = in_front_of(&desks, policy);
    let mut client = server.client();
    desks[0].state.ill.store(true, SeqCst);
    assert_eq!(client.post("/send", "x").0, 503);
    for _ in 0..10 {
        assert_eq!(client.post("/send", "x"), (502, "unreachable".into()));
    }
    assert_eq!(desks[0].requests(), 1);
    assert_eq!(server.fleet.in_trouble().len(), 1);
}

#[test]
fn a_breaker_that_is_half_open_lets_few_through_and_then_starts_slowly() {
    let desks = desks::<2>();
    let mut policy = strict();
    policy.eject.time = Duration::from_millis(300);
    policy.slow_start = LONG;
    let server = in_front_of(&desks, policy);
    let mut client = server.client();
    desks[0].state.ill.store(true, SeqCst);
    until("one is ejected", || {
        client.post("/send", "x");
        desks[0].requests() == 1
    });
    desks[0].state.ill.store(false, SeqCst);
    desks[0].state.slow.store(400, SeqCst);
    sleep(Duration::from_millis(400));
    let answers = storm(&server, 6, 3);
    assert!(answers.iter().all(|(status, _)| *status == 200));
    // The trial that is under way keeps all others away.
    assert_eq!(desks[0].requests(), 2);
    desks[0].state.slow.store(0, SeqCst);
    let before = desks[0].requests();
    for _ in 0..110 {
        assert_eq!(client.post("/send", "x").0, 200);
    }
    let got = desks[0].requests() - before;
    assert!((5..=20).contains(&got), "{got} of 110");
}

#[test]
fn no_more_than_the_seats_are_at_the_backend_over_all_workers() {
    let desks = desks::<2>();
    for desk in &desks {
        desk.state.slow.store(5, SeqCst);
    }
    let policy = Policy {
        at_once: 2,
        queue: 100,
        queue_timeout: SOON,
        ..Policy::default()
    };
    let mut config = config();
    config.workers = 2;
    let server = TestServer::with_upstreams(config, vec![upstream(&desks, policy)]);
    let answers = storm(&server, 24, 10);
    assert!(answers.iter().all(|(status, _)| *status == 200));
    for desk in &desks {
        assert_eq!(
            desk.state.most.load(SeqCst),
            2,
            "seats are used, and no more"
        );
    }
    assert_eq!(
        desks.each_ref().map(Desk::requests).iter().sum::<usize>(),
        240
    );
}

#[test]
fn who_finds_no_room_waits_for_a_while_or_not_at_all() {
    let desks = desks::<1>();
    desks[0].state.slow.store(1_000, SeqCst);
    let policy = Policy {
        at_once: 1,
        queue: 1,
        queue_timeout: Duration::from_millis(100),
        ..Policy::default()
    };
    let server = in_front_of(&desks, policy);
    let answers = storm(&server, 5, 1);
    let count = |status| answers.iter().filter(|(it, _)| *it == status).count();
    assert_eq!((count(200), count(502)), (1, 4), "{answers:?}");
    let busy = answers.iter().filter(|(_, body)| body == "busy").count();
    assert_eq!((busy, desks[0].requests()), (4, 1));
    let metrics = server.metrics.text();
    for (why, count) in [("full", 3), ("waited", 1)] {
        let line =
            format!("multicode_upstream_shed_total{{upstream=\"backend\",why=\"{why}\"}} {count}");
        assert!(metrics.contains(&line), "{metrics}");
    }
    // Whoever waited in vain has left the line.
    desks[0].state.slow.store(0, SeqCst);
    assert_eq!(server.client().post("/send", "x").0, 200);
}

#[test]
fn a_seat_is_held_until_the_answers_end() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            stream.read_exact(&mut [0; 40]).unwrap();
            stream
                .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nab")
                .unwrap();
            sleep(Duration::from_millis(300));
            stream.write_all(b"cd").unwrap();
        }
    });
    let mut one_seat = towards(&[port]);
    (one_seat.timeout, one_seat.idle_timeout) = (SOON, SOON);
    one_seat.policy.at_once = 1;
    one_seat.policy.queue = 0;
    let server = TestServer::with_upstreams(config(), vec![one_seat]);
    let mut first = server.client();
    first.write(super::post("/send", ""));
    let mut seen = Vec::new();
    while !seen.ends_with(b"\r\n\r\nab") {
        let mut byte = [0];
        first.0.read_exact(&mut byte).unwrap();
        seen.push(byte[0]);
    }
    assert_eq!(server.client().post("/send", ""), (502, "busy".into()));
    first.0.read_exact(&mut [0; 2]).unwrap();
    until("the seat is free", || {
        server.client().post("/send", "").1 != "busy"
    });
}
