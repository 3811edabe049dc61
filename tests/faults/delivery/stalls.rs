//! Departments that break off in the middle of a request, or never take all of it.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{sleep, spawn};
use std::time::{Duration, Instant};

use socket2::{Domain, SockRef, Socket, Type};

use super::{gateway_with, report, scale, verdict};
use crate::edge::{Client, HEALTH_CARD, TestGateway, post};

/// A body that no buffer on the way holds.
const LARGE: usize = 1_000_000;

/// What a department that breaks off has read by then.
const SOME: usize = 40_000;

/// Attempts in a test run, and in the long proof.
const FEW: usize = 10;
const PROOF: usize = 1_000;

/// What is done to a large request; a small one is answered.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Manner {
    /// Some of its body is read, then the connection is reset.
    Reset,
    /// Its head is read and nothing more.
    Silence,
}

/// A department with small buffers.
struct Stubborn {
    address: SocketAddr,
    /// Large requests whose beginning came.
    begun: Arc<AtomicUsize>,
    /// Of the last of them, how much there was to read when its sender had given up.
    taken: Arc<AtomicUsize>,
    given_up: Arc<AtomicBool>,
}

impl Stubborn {
    fn start(manner: Manner, frames: bool) -> Self {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        socket.set_recv_buffer_size(8 * 1024).unwrap();
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        socket.bind(&any.into()).unwrap();
        socket.listen(64).unwrap();
        let listener = TcpListener::from(socket);
        let department = Self {
            address: listener.local_addr().unwrap(),
            begun: Arc::default(),
            taken: Arc::default(),
            given_up: Arc::default(),
        };
        let (begun, taken) = (Arc::clone(&department.begun), Arc::clone(&department.taken));
        let given_up = Arc::clone(&department.given_up);
        spawn(move || {
            for stream in listener.incoming() {
                let stream = stream.unwrap();
                stream.set_nodelay(true).unwrap();
                let begun = Arc::clone(&begun);
                let (taken, given_up) = (Arc::clone(&taken), Arc::clone(&given_up));
                spawn(move || {
                    let large = if frames {
                        over_http_2(stream)
                    } else {
                        over_http_1(stream)
                    };
                    let Some(mut stream) = large else { return };
                    begun.fetch_add(1, Ordering::SeqCst);
                    match manner {
                        Manner::Reset => {
                            let _ = stream.read_exact(&mut vec![0; SOME]);
                            let linger = SockRef::from(&stream).set_linger(Some(Duration::ZERO));
                            linger.unwrap();
                        }
                        Manner::Silence => {
                            while !given_up.load(Ordering::SeqCst) {
                                sleep(Duration::from_millis(5));
                            }
                            let mut rest = Vec::new();
                            let _ = stream.read_to_end(&mut rest);
                            taken.store(rest.len(), Ordering::SeqCst);
                        }
                    }
                });
            }
        });
        department
    }
}

/// Answers small requests; the stream when a large one's head was read.
fn over_http_1(stream: TcpStream) -> Option<TcpStream> {
    let mut stream = BufReader::with_capacity(1_024, stream);
    loop {
        let mut length = 0;
        loop {
            let mut line = String::new();
            if stream.read_line(&mut line).ok()? == 0 {
                return None;
            }
            let line = line.to_ascii_lowercase();
            if let Some(value) = line.strip_prefix("content-length: ") {
                length = value.trim().parse().unwrap();
            }
            if line == "\r\n" {
                break;
            }
        }
        if length >= LARGE {
            return Some(stream.into_inner());
        }
        stream.read_exact(&mut vec![0; length]).ok()?;
        let answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
        stream.get_mut().write_all(answer.as_bytes()).ok()?;
    }
}

/// The stream when a request's head has come, in whatever frame; `SETTINGS` that leave the window
/// as wide as it may be.
fn over_http_2(mut stream: TcpStream) -> Option<TcpStream> {
    stream.read_exact(&mut [0; 24]).ok()?;
    // SETTINGS_INITIAL_WINDOW_SIZE, and as much for the connection (RFC 9113, section 6.9).
    let settings = [0, 0, 6, 4, 0, 0, 0, 0, 0, 0, 4, 0x7F, 0xFF, 0xFF, 0xFF];
    stream.write_all(&settings).ok()?;
    let update = [0, 0, 4, 8, 0, 0, 0, 0, 0, 0x7F, 0xFE, 0, 0];
    stream.write_all(&update).ok()?;
    loop {
        let mut head = [0; 9];
        stream.read_exact(&mut head).ok()?;
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
        let mut payload = vec![0; usize::try_from(length).unwrap()];
        stream.read_exact(&mut payload).ok()?;
        if head[3] == 1 {
            return Some(stream);
        }
    }
}

/// A gateway that lets large requests in and does not wait long.
fn gateway(department: &Stubborn, more: &str) -> TestGateway {
    let keys = format!(
        "endpoints = [\"http://{}\"]\nfirst_byte_timeout = \"500ms\"\neject = {{ at_most = 0 }}\n{more}",
        department.address
    );
    gateway_with(&keys, |files| {
        files.change(
            "routes.toml",
            "# body_limit    = \"16KiB\"",
            "body_limit = \"1MiB\" #",
        );
    })
}

fn scan(length: usize) -> Vec<u8> {
    let pad = "x".repeat(length);
    let body = format!("{{\"code\":\"{HEALTH_CARD}\",\"scene\":\"other\",\"pad\":\"{pad}\"}}");
    post("/v1/scan", "Content-Type: application/json\r\n", body)
}

/// Sends large requests one after the other, on a connection that was used if it is `reused`.
#[track_caller]
fn check(manner: Manner, frames: bool, reused: bool, all: usize) {
    let department = Stubborn::start(manner, frames);
    let protocol = if frames { "protocol = \"http2\"" } else { "" };
    let gateway = gateway(&department, protocol);
    for number in 1..=all {
        let mut client: Client = gateway.client();
        if reused {
            assert_eq!(client.exchange(scan(1)).text(), "ok");
        }
        let began = Instant::now();
        let told = verdict(&client.exchange(scan(LARGE)));
        assert_eq!(told, "outcome-unknown");
        assert!(began.elapsed() < super::super::SOON);
        assert_eq!(
            department.begun.load(Ordering::SeqCst),
            number,
            "sent again"
        );
    }
    if manner == Manner::Silence {
        department.given_up.store(true, Ordering::SeqCst);
        let taken = || department.taken.load(Ordering::SeqCst);
        super::super::eventually("what is left is read", || taken() > 0);
        report(format_args!("{} of {LARGE} bytes went out", taken()));
        assert!(taken() < LARGE, "nothing was stalled");
    }
}

#[test]
fn over_http_1_a_reset_in_the_middle_of_a_body_is_an_unknown_outcome() {
    for reused in [false, true] {
        check(Manner::Reset, false, reused, scale(FEW, PROOF));
    }
}

#[test]
fn over_http_2_a_reset_in_the_middle_of_a_body_is_an_unknown_outcome() {
    check(Manner::Reset, true, false, scale(FEW, PROOF));
}

#[test]
fn who_never_takes_a_request_holds_nobody_up_for_longer_than_the_deadline() {
    check(Manner::Silence, false, false, 2);
    check(Manner::Silence, false, true, 2);
    check(Manner::Silence, true, false, 1);
}
