//! A department that speaks HTTP/1.1, byte by byte, and does as each request tells it.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::thread::{sleep, spawn};
use std::time::Duration;

use super::ledger::Ledger;
use super::told;

/// What it can be told, and every verdict a terminal may get for it. `"200"` with a broken body
/// counts as a verdict of its own: `"cut"`.
pub(super) const FAULTS: &[(&str, &[&str])] = &[
    ("ok", &["200"]),
    ("fin", &["outcome-unknown"]),
    ("rst", &["outcome-unknown"]),
    ("rst-in-body", &["outcome-unknown"]),
    ("half-head", &["outcome-unknown"]),
    ("half-body", &["cut"]),
    ("half-chunk", &["cut"]),
    ("garbage", &["upstream-invalid"]),
    ("tls", &["upstream-invalid", "outcome-unknown"]),
    ("continue", &["outcome-unknown"]),
    ("hints", &["200"]),
    ("hints-fin", &["outcome-unknown"]),
    ("busy", &["503"]),
    ("busy-close", &["503"]),
    ("surplus", &["200"]),
    ("late-surplus", &["200"]),
    ("ok-fin", &["200"]),
    ("ok-rst", &["200"]),
    ("hang", &["outcome-unknown"]),
    ("trickle-head", &["outcome-unknown"]),
    ("trickle-body", &["cut"]),
];

/// Those that take their time.
pub(super) const SLOW: &[&str] = &["hang", "trickle-head", "trickle-body"];

/// Longer than the gateway waits in these tests.
const FOREVER: Duration = Duration::from_secs(3);

pub(super) struct Plain {
    pub(super) address: SocketAddr,
    pub(super) ledger: Ledger,
}

impl Plain {
    pub(super) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let ledger = Ledger::default();
        let books = ledger.clone();
        spawn(move || {
            for stream in listener.incoming() {
                let (stream, ledger) = (stream.unwrap(), books.clone());
                spawn(move || serve(stream, &ledger));
            }
        });
        Self { address, ledger }
    }
}

fn serve(stream: TcpStream, ledger: &Ledger) {
    stream.set_nodelay(true).unwrap();
    let mut stream = BufReader::new(stream);
    for number in 1.. {
        let Some(body) = request(&mut stream) else {
            return;
        };
        let (id, fault) = told(&body).expect("a scan of ours");
        ledger.inject(fault, number > 1);
        ledger.deliver(id);
        if !play(stream.get_mut(), id, fault) {
            return;
        }
    }
}

/// The next request's body, once all of it is here.
fn request(stream: &mut BufReader<TcpStream>) -> Option<String> {
    let mut length = None;
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).ok()? == 0 {
            return None;
        }
        let line = line.to_ascii_lowercase();
        if let Some(value) = line.strip_prefix("content-length: ") {
            length = Some(value.trim().parse().unwrap());
        }
        if line.starts_with("x-multicode-timeout-ms: ") {
            let left: u64 = line.trim().rsplit(' ').next().unwrap().parse().unwrap();
            assert!((1..=2_000).contains(&left), "a budget of {left} ms");
        }
        if line == "\r\n" {
            break;
        }
    }
    let mut body = vec![0; length?];
    stream.read_exact(&mut body).ok()?;
    Some(String::from_utf8(body).unwrap())
}

/// A whole answer that carries the request's own number.
fn ok(id: usize) -> String {
    let body = format!("<{id}>");
    let length = body.len();
    format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n{body}")
}

/// Whether the connection goes on.
fn play(stream: &mut TcpStream, id: usize, fault: &str) -> bool {
    match fault {
        "ok" => say(stream, ok(id).as_bytes()),
        "fin" => false,
        "rst" | "rst-in-body" => reset(stream),
        "half-head" => last(stream, b"HTTP/1.1 200 OK\r\nContent-Le"),
        "half-body" => last(stream, b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n<1"),
        "half-chunk" => last(
            stream,
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\n<1",
        ),
        "garbage" => last(stream, b"\x00\xff\x17 nothing of the kind \r\n\r\n"),
        // An alert: "unexpected message".
        "tls" => last(stream, b"\x15\x03\x03\x00\x02\x02\x0a\r\n\r\n"),
        "continue" => last(stream, b"HTTP/1.1 100 Continue\r\n\r\n"),
        "hints" => {
            say(stream, b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n")
                && say(stream, ok(id).as_bytes())
        }
        "hints-fin" => last(stream, b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"),
        "busy" => say(
            stream,
            b"HTTP/1.1 503 Busy\r\nContent-Length: 4\r\n\r\nbusy",
        ),
        "busy-close" => last(
            stream,
            b"HTTP/1.1 503 Busy\r\nConnection: close\r\n\r\nbusy",
        ),
        // An answer nobody asked for behind the one that was: whose would it be?
        "surplus" => say(stream, format!("{}{}", ok(id), ok(999_999_999)).as_bytes()),
        "late-surplus" => {
            let said = say(stream, ok(id).as_bytes());
            sleep(Duration::from_millis(2));
            said && say(stream, ok(999_999_999).as_bytes())
        }
        "ok-fin" => last(stream, ok(id).as_bytes()),
        "ok-rst" => {
            let said = say(stream, ok(id).as_bytes());
            sleep(Duration::from_millis(2));
            said && reset(stream)
        }
        "hang" => {
            sleep(FOREVER);
            false
        }
        "trickle-head" => trickle(stream, b"HTTP/1.1 200 OK\r\nX-Slow: ".as_slice()),
        "trickle-body" => {
            say(
                stream,
                b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n<",
            ) && trickle(stream, b"1")
        }
        other => panic!("no fault {other}"),
    }
}

fn say(stream: &mut TcpStream, bytes: &[u8]) -> bool {
    stream.write_all(bytes).is_ok()
}

/// Says it and closes.
fn last(stream: &mut TcpStream, bytes: &[u8]) -> bool {
    let _ = stream.write_all(bytes);
    false
}

/// Closes with a reset.
fn reset(stream: &TcpStream) -> bool {
    let linger = socket2::SockRef::from(stream).set_linger(Some(Duration::ZERO));
    linger.unwrap();
    false
}

/// One byte after the other, each soon enough, and never an end.
fn trickle(stream: &mut TcpStream, first: &[u8]) -> bool {
    let mut going_on = stream.write_all(first).is_ok();
    for _ in 0..60 {
        sleep(Duration::from_millis(50));
        going_on = going_on && stream.write_all(b"x").is_ok();
    }
    let _ = stream.shutdown(Shutdown::Both);
    false
}
