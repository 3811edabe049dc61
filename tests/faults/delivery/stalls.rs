//! Departments that break off in the middle of a request, or never take all of it.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::{sleep, spawn};
use std::time::{Duration, Instant};

use socket2::{Domain, SockRef, Socket, Type};

use super::super::SOON;
use super::{gateway_with, verdict};
use crate::edge::{Client, HEALTH_CARD, TestGateway, post};
use crate::proof::scale;

/// A body larger than the buffers and the window of who takes it.
const LARGE: usize = 1_000_000;

/// What a department that breaks off has read by then.
const SOME: usize = 40_000;

/// A frame's type.
const HEADERS: u8 = 1;

/// Attempts in a test run, and in the long proof.
const FEW: usize = 10;
const PROOF: usize = 1_000;

/// What is done to a large request; a small one is answered.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Manner {
    /// Some of its body is read, then the connection is reset.
    Reset,
    /// Its head is read and nothing more; over HTTP/2 the window is never opened further.
    Silence,
}

/// A department with small buffers.
struct Stubborn {
    address: SocketAddr,
    /// Large requests whose beginning came.
    begun: Arc<AtomicUsize>,
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
        };
        let begun = Arc::clone(&department.begun);
        spawn(move || {
            for stream in listener.incoming() {
                let stream = stream.unwrap();
                stream.set_nodelay(true).unwrap();
                let begun = Arc::clone(&begun);
                spawn(move || serve(stream, manner, frames, &begun));
            }
        });
        department
    }
}

/// Nothing when the connection ends.
fn serve(stream: TcpStream, manner: Manner, frames: bool, begun: &AtomicUsize) -> Option<()> {
    let mut stream = if frames {
        over_http_2(stream, manner)?
    } else {
        over_http_1(stream)?
    };
    begun.fetch_add(1, Ordering::SeqCst);
    match (manner, frames) {
        (Manner::Reset, _) => {
            stream.read_exact(&mut vec![0; SOME]).ok()?;
            SockRef::from(&stream).set_linger(Some(Duration::ZERO)).ok()
        }
        (Manner::Silence, false) => {
            sleep(Duration::from_secs(3));
            Some(())
        }
        (Manner::Silence, true) => {
            while frame(&mut stream).is_some() {}
            Some(())
        }
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

/// The stream when a request's head has come.
fn over_http_2(mut stream: TcpStream, manner: Manner) -> Option<TcpStream> {
    stream.read_exact(&mut [0; 24]).ok()?;
    stream.write_all(&[0, 0, 0, 4, 0, 0, 0, 0, 0]).ok()?;
    if manner == Manner::Reset {
        // SETTINGS_INITIAL_WINDOW_SIZE, and as much for the connection (RFC 9113, section 6.9).
        let settings = [0, 0, 6, 4, 0, 0, 0, 0, 0, 0, 4, 0x7F, 0xFF, 0xFF, 0xFF];
        let update = [0, 0, 4, 8, 0, 0, 0, 0, 0, 0x7F, 0xFE, 0, 0];
        stream.write_all(&settings).ok()?;
        stream.write_all(&update).ok()?;
    }
    while frame(&mut stream)?.0 != HEADERS {}
    Some(stream)
}

/// The next frame's type and payload.
fn frame(stream: &mut TcpStream) -> Option<(u8, Vec<u8>)> {
    let mut head = [0; 9];
    stream.read_exact(&mut head).ok()?;
    let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
    let mut payload = vec![0; usize::try_from(length).unwrap()];
    stream.read_exact(&mut payload).ok()?;
    Some((head[3], payload))
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
        assert!(began.elapsed() < SOON);
        assert_eq!(
            department.begun.load(Ordering::SeqCst),
            number,
            "sent again"
        );
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
    // The next one would go over the same connection, until its PING is not answered for seconds.
    check(Manner::Silence, true, false, 1);
}
