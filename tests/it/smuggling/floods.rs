//! Clients of HTTP/2 that send what costs the server more than them. Each is sent away, and others are
//! served all the while.

use std::time::{Duration, Instant};

use super::frames::{
    CONTINUATION, Connection, DATA, END_HEADERS, END_STREAM, ENHANCE_YOUR_CALM, HEADERS, Outcome,
    PING, PRIORITY, RST_STREAM, SETTINGS, WINDOW_UPDATE, block, frame, scan,
};
use super::secured;
use super::{HEALTH_CARD, Origin, Reading};
use crate::edge::{Files, TestGateway};

/// More frames than any limit allows.
const MANY: usize = 20_000;

/// Long enough for anything that ends by itself.
const SOON: Duration = Duration::from_secs(20);

/// The bytes that are sent again and again, by their number.
type Flood = dyn Fn(u32) -> Vec<u8>;

struct Flooded {
    gateway: TestGateway,
    origin: Origin,
}

impl Flooded {
    fn with(change: impl FnOnce(&Files)) -> Self {
        let origin = Origin::start(Reading::Strict);
        let gateway = TestGateway::with(|files| {
            secured(files);
            files.pass_through(origin.address);
            change(files);
        });
        Self { gateway, origin }
    }

    fn start() -> Self {
        Self::with(|_| {})
    }

    fn open(&self) -> Connection {
        let authority = self.gateway.files.path("gateway.pem");
        Connection::open(self.gateway.address, &authority)
    }

    /// Somebody else is served.
    #[track_caller]
    fn assert_serves(&self) {
        let outcome = self.open().scan(1, "clean", HEALTH_CARD);
        assert_eq!(
            outcome,
            Outcome::Answered(200, format!("clean|{HEALTH_CARD}"))
        );
        assert_eq!(self.origin.faults(), [""; 0]);
    }
}

/// Sends bytes again and again, and expects the connection ended for one of these reasons; none: it may
/// be closed without a word, as when what was sent is still on its way.
#[track_caller]
fn check(first: &[u8], again: impl Fn(u32) -> Vec<u8>, reasons: &[u32]) {
    let flooded = Flooded::start();
    let mut connection = flooded.open();
    let began = Instant::now();
    connection.send(first);
    let mut sent = 0;
    for batch in 0..MANY / 50 {
        let frames = (0..50).map(|at| again(u32::try_from(batch * 50 + at).unwrap()));
        let frames: Vec<u8> = frames.flatten().collect();
        if !connection.send(&frames) {
            break;
        }
        sent += 50;
        if batch == 20 {
            flooded.assert_serves();
        }
    }
    let named = connection.end();
    assert!(
        began.elapsed() < SOON,
        "after {sent}: {:?}",
        began.elapsed()
    );
    // What a reset of the connection swallowed cannot be read.
    assert!(
        named.is_none_or(|it| reasons.contains(&it)),
        "after {sent}: {named:?}"
    );
    assert!(named.is_some() || sent < MANY, "all {sent} were taken");
    flooded.assert_serves();
}

/// Few enough to be read before the connection ends: nothing swallows the last word.
#[test]
fn a_client_is_told_why() {
    let flooded = Flooded::start();
    let reset = |at: u32| {
        let stream = at * 2 + 1;
        let head = frame(HEADERS, END_HEADERS, stream, &scan("attack", &[]));
        [head, frame(RST_STREAM, 0, stream, &[0, 0, 0, 8])].concat()
    };
    let ping = |_| frame(PING, 0, 0, &[0; 8]);
    let setting = |_| frame(SETTINGS, 0, 0, &[]);
    let window = |_| frame(WINDOW_UPDATE, 0, 0, &[0, 0, 0, 1]);
    let floods: [(u32, &Flood); 4] = [
        (1_100, &ping),
        (1_100, &setting),
        (1_100, &window),
        (270, &reset),
    ];
    for (many, again) in floods {
        let mut connection = flooded.open();
        let all: Vec<u8> = (0..many).flat_map(again).collect();
        connection.send(&all);
        assert_eq!(connection.end(), Some(ENHANCE_YOUR_CALM));
        flooded.assert_serves();
    }
}

#[test]
fn pings() {
    check(&[], |_| frame(PING, 0, 0, &[0; 8]), &[ENHANCE_YOUR_CALM]);
}

#[test]
fn settings() {
    check(&[], |_| frame(SETTINGS, 0, 0, &[]), &[ENHANCE_YOUR_CALM]);
    let table = |at: u32| {
        frame(
            SETTINGS,
            0,
            0,
            &[0, 1, 0, 0, u8::try_from(at % 16).unwrap() * 16, 0],
        )
    };
    check(&[], table, &[ENHANCE_YOUR_CALM]);
}

#[test]
fn priorities_and_frames_nobody_knows() {
    check(
        &[],
        |at| frame(PRIORITY, 0, at * 2 + 1, &[0, 0, 0, 0, 1]),
        &[ENHANCE_YOUR_CALM],
    );
    check(&[], |_| frame(200, 0, 0, &[0; 30]), &[ENHANCE_YOUR_CALM]);
}

#[test]
fn empty_data() {
    let head = frame(HEADERS, END_HEADERS, 1, &scan("attack", &[]));
    check(&head, |_| frame(DATA, 0, 1, &[]), &[ENHANCE_YOUR_CALM]);
}

#[test]
fn windows() {
    check(
        &[],
        |_| frame(WINDOW_UPDATE, 0, 0, &[0, 0, 0, 1]),
        &[ENHANCE_YOUR_CALM],
    );
    // RFC 9113, section 6.9: none and too much are errors of the connection.
    check(&[], |_| frame(WINDOW_UPDATE, 0, 0, &[0; 4]), &[1]);
    check(
        &[],
        |_| frame(WINDOW_UPDATE, 0, 0, &[0x7F, 0xFF, 0xFF, 0xFF]),
        &[3],
    );
}

/// CVE-2023-44487.
#[test]
fn streams_that_are_taken_back() {
    let head = scan("attack", &[]);
    let again = |at: u32| {
        let stream = at * 2 + 1;
        [
            frame(HEADERS, END_HEADERS, stream, &head),
            frame(RST_STREAM, 0, stream, &[0, 0, 0, 8]),
        ]
        .concat()
    };
    check(&[], again, &[ENHANCE_YOUR_CALM]);
}

/// CVE-2025-8671: streams the server is made to reset.
#[test]
fn streams_that_are_broken() {
    let head = scan("attack", &[]);
    let again = |at: u32| {
        let stream = at * 2 + 1;
        [
            frame(HEADERS, END_HEADERS, stream, &head),
            frame(WINDOW_UPDATE, 0, stream, &[0; 4]),
        ]
        .concat()
    };
    check(&[], again, &[ENHANCE_YOUR_CALM, 1]);
}

/// CVE-2024-27316.
#[test]
fn continuations() {
    let head = frame(HEADERS, 0, 1, &scan("attack", &[]));
    let more = block(&[(b"x", &[b'y'; 1_000])]);
    check(
        &head,
        |_| frame(CONTINUATION, 0, 1, &more),
        &[ENHANCE_YOUR_CALM, 1],
    );
    check(
        &head,
        |_| frame(CONTINUATION, 0, 1, &[]),
        &[ENHANCE_YOUR_CALM],
    );
}

/// CVE-2016-6581: a header kept in the table, and a thousand references to it.
#[test]
fn a_bomb_of_headers_is_no_request() {
    let flooded = Flooded::start();
    let mut connection = flooded.open();
    let mut bomb = scan("attack", &[]);
    // Literal with indexing (RFC 7541, section 6.2.1), then the newest entry again and again.
    bomb.extend([0x40, 1, b'x', 127, 0xA1, 0x1E]);
    bomb.extend([b'y'; 4_000]);
    bomb.extend([0xBE; 10_000]);
    connection.send(&frame(HEADERS, END_HEADERS | END_STREAM, 1, &bomb));
    let outcome = connection.outcome(1);
    assert!(
        !matches!(outcome, Outcome::Answered(200, _) | Outcome::Ended(None)),
        "{outcome:?}"
    );
    flooded.assert_serves();
}

#[test]
fn more_streams_than_are_allowed_are_refused_one_by_one() {
    let flooded = Flooded::start();
    let mut connection = flooded.open();
    for stream in 0..200 {
        connection.send(&frame(
            HEADERS,
            END_HEADERS,
            stream * 2 + 1,
            &scan("attack", &[]),
        ));
    }
    // REFUSED_STREAM, so that a client knows it may come again.
    assert_eq!(connection.outcome(399), Outcome::Reset(7));
    assert_eq!(flooded.origin.take(), []);
    flooded.assert_serves();
}

#[test]
fn a_reader_that_opens_no_window_is_not_waited_for() {
    let flooded = Flooded::with(|files| files.limit("idle_timeout = \"500ms\""));
    let mut connection = flooded.open();
    // SETTINGS_INITIAL_WINDOW_SIZE of nothing.
    connection.send(&frame(SETTINGS, 0, 0, &[0, 4, 0, 0, 0, 0]));
    for stream in [1, 3, 5] {
        connection.send(&frame(HEADERS, END_HEADERS, stream, &scan("attack", &[])));
        connection.send(&frame(DATA, END_STREAM, stream, HEALTH_CARD.as_bytes()));
    }
    let began = Instant::now();
    connection.end();
    assert!(
        began.elapsed() < Duration::from_secs(8),
        "{:?}",
        began.elapsed()
    );
    flooded.assert_serves();
}
