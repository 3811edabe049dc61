//! A department that speaks HTTP/2 frame by frame (RFC 9113), and does as each request tells it.
//!
//! Written by hand: no library sends a GOAWAY with a last stream of one's choice.

use std::collections::HashMap;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{sleep, spawn};
use std::time::Duration;

use super::ledger::Ledger;
use super::told;

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const GOAWAY: u8 = 7;
const END_STREAM: u8 = 1;
const ACK: u8 = 1;
const END_HEADERS: u8 = 4;

/// Error codes (section 7).
const NO_ERROR: u32 = 0;
const PROTOCOL_ERROR: u32 = 1;
const INTERNAL_ERROR: u32 = 2;
const REFUSED_STREAM: u32 = 7;
const CANCEL: u32 = 8;
const ENHANCE_YOUR_CALM: u32 = 11;

/// What it can be told, and every verdict a terminal may get for it.
pub(super) const FAULTS: &[(&str, &[&str])] = &[
    ("ok", &["200"]),
    ("fin", &["outcome-unknown"]),
    ("rst", &["outcome-unknown"]),
    ("half-frame", &["outcome-unknown"]),
    ("half-body", &["cut"]),
    ("half-body-reset", &["cut"]),
    ("garbage", &["upstream-invalid", "outcome-unknown"]),
    ("tls", &["upstream-invalid", "outcome-unknown"]),
    ("bad-head", &["upstream-invalid", "outcome-unknown"]),
    ("hints", &["200"]),
    ("hints-fin", &["outcome-unknown"]),
    ("busy", &["503"]),
    ("refused", &["200"]),
    ("always-refused", &["upstream-unreachable"]),
    ("goaway-below", &["200"]),
    ("goaway-calm", &["200"]),
    ("goaway-equal", &["outcome-unknown"]),
    ("goaway-above", &["outcome-unknown"]),
    ("goaway-error", &["outcome-unknown"]),
    ("goaway-then-ok", &["200"]),
    ("ok-goaway", &["200"]),
    ("reset-protocol", &["outcome-unknown"]),
    ("reset-internal", &["outcome-unknown"]),
    ("reset-cancel", &["outcome-unknown"]),
    ("reset-none", &["outcome-unknown"]),
    ("hang", &["outcome-unknown"]),
    ("trickle-body", &["cut"]),
];

/// Those that take their time.
pub(super) const SLOW: &[&str] = &["hang", "trickle-body"];

/// Those that say the request was not looked at.
const REFUSALS: &[&str] = &["refused", "always-refused", "goaway-below", "goaway-calm"];

pub(super) struct Frames {
    pub(super) address: SocketAddr,
    pub(super) ledger: Ledger,
    pub(super) connections: Arc<AtomicUsize>,
}

/// One connection, written to by whoever has something to say.
struct Connection(Arc<Mutex<TcpStream>>);

/// What it has looked at: a GOAWAY may not say less, and nothing is looked at behind one (section
/// 6.8).
struct Looked {
    highest: u32,
    last: u32,
}

impl Frames {
    pub(super) fn start() -> Self {
        Self::with(Vec::new())
    }

    /// With these settings.
    pub(super) fn with(settings: Vec<u8>) -> Self {
        let connections = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&connections);
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let ledger = Ledger::default();
        let books = ledger.clone();
        spawn(move || {
            for stream in listener.incoming() {
                let (stream, ledger) = (stream.unwrap(), books.clone());
                count.fetch_add(1, Ordering::SeqCst);
                let settings = settings.clone();
                spawn(move || serve(stream, &ledger, &settings));
            }
        });
        Self {
            address,
            ledger,
            connections,
        }
    }
}

fn serve(mut stream: TcpStream, ledger: &Ledger, settings: &[u8]) -> Option<()> {
    stream.set_nodelay(true).ok()?;
    let connection = Connection(Arc::new(Mutex::new(stream.try_clone().ok()?)));
    let mut preface = [0; 24];
    stream.read_exact(&mut preface).ok()?;
    assert_eq!(&preface, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
    connection.frame(SETTINGS, 0, 0, settings);
    let mut bodies = HashMap::<u32, Vec<u8>>::new();
    let mut looked = Looked {
        highest: 0,
        last: u32::MAX,
    };
    loop {
        let mut head = [0; 9];
        stream.read_exact(&mut head).ok()?;
        let (kind, flags) = (head[3], head[4]);
        let stream_id = u32::from_be_bytes(head[5..].try_into().unwrap());
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
        let mut payload = vec![0; usize::try_from(length).unwrap()];
        stream.read_exact(&mut payload).ok()?;
        match kind {
            SETTINGS if flags & ACK == 0 => connection.frame(SETTINGS, ACK, 0, &[]),
            PING if flags & ACK == 0 => connection.frame(PING, ACK, 0, &payload),
            DATA if stream_id > looked.last => continue,
            DATA => bodies.entry(stream_id).or_default().extend(payload),
            _ => continue,
        }
        if kind == DATA && flags & END_STREAM != 0 {
            let body = String::from_utf8(bodies.remove(&stream_id)?).unwrap();
            let (id, fault) = told(&body).expect("a scan of ours");
            let fault = match fault {
                "goaway-below" | "goaway-calm" if looked.highest >= stream_id => "refused",
                other => other,
            };
            let fault = note(ledger, id, fault, stream_id);
            looked.highest = looked.highest.max(stream_id);
            if fault == "ok-goaway" || fault == "goaway-then-ok" {
                looked.last = looked.highest;
            }
            connection.play(id, fault, looked.highest, stream_id)?;
        }
    }
}

/// Writes the books; a request refused once is served the next time, unless it is always refused.
fn note<'f>(ledger: &Ledger, id: usize, fault: &'f str, stream_id: u32) -> &'f str {
    ledger.inject(fault, stream_id > 1);
    let refused = ledger.refusals(id);
    if REFUSALS.contains(&fault) && (refused == 0 || fault == "always-refused") {
        ledger.refuse(id);
        return fault;
    }
    ledger.deliver(id);
    if refused > 0 { "ok" } else { fault }
}

impl Connection {
    fn frame(&self, kind: u8, flags: u8, stream_id: u32, payload: &[u8]) {
        let [_, a, b, c] = u32::try_from(payload.len()).unwrap().to_be_bytes();
        let mut frame = vec![a, b, c, kind, flags];
        frame.extend(stream_id.to_be_bytes());
        frame.extend(payload);
        let _ = self.0.lock().unwrap().write_all(&frame);
    }

    /// A head with this status and length, in HPACK without a table (RFC 7541).
    fn head(&self, stream_id: u32, status: &str, length: Option<usize>, flags: u8) {
        let mut block = vec![0x08, 3];
        block.extend(status.as_bytes());
        if let Some(length) = length.map(|length| length.to_string()) {
            block.extend([0x0F, 13, u8::try_from(length.len()).unwrap()]);
            block.extend(length.as_bytes());
        }
        self.frame(HEADERS, END_HEADERS | flags, stream_id, &block);
    }

    fn ok(&self, id: usize, stream_id: u32) {
        let body = format!("<{id}>");
        self.head(stream_id, "200", Some(body.len()), 0);
        self.frame(DATA, END_STREAM, stream_id, body.as_bytes());
    }

    fn go_away(&self, last: u32, code: u32) {
        let payload = [last.to_be_bytes(), code.to_be_bytes()].concat();
        self.frame(GOAWAY, 0, 0, &payload);
    }

    fn reset(&self, stream_id: u32, code: u32) {
        self.frame(RST_STREAM, 0, stream_id, &code.to_be_bytes());
    }

    fn raw(&self, bytes: &[u8]) {
        let _ = self.0.lock().unwrap().write_all(bytes);
    }

    /// Nothing when the connection ends.
    fn play(&self, id: usize, fault: &str, highest: u32, stream: u32) -> Option<()> {
        match fault {
            "ok" => self.ok(id, stream),
            "busy" => {
                self.head(stream, "503", Some(4), 0);
                self.frame(DATA, END_STREAM, stream, b"busy");
            }
            "hints" => {
                self.head(stream, "103", None, 0);
                self.ok(id, stream);
            }
            "refused" | "always-refused" => self.reset(stream, REFUSED_STREAM),
            "reset-protocol" => self.reset(stream, PROTOCOL_ERROR),
            "reset-internal" => self.reset(stream, INTERNAL_ERROR),
            "reset-cancel" => self.reset(stream, CANCEL),
            "reset-none" => self.reset(stream, NO_ERROR),
            "half-body-reset" => {
                self.head(stream, "200", Some(9), 0);
                self.frame(DATA, 0, stream, b"<1");
                self.reset(stream, NO_ERROR);
            }
            "bad-head" => self.frame(HEADERS, END_HEADERS, stream, &[0x08, 3, b'x', b'y', b'z']),
            "goaway-then-ok" => {
                self.go_away(highest, NO_ERROR);
                sleep(Duration::from_millis(2));
                self.ok(id, stream);
            }
            "ok-goaway" => {
                self.ok(id, stream);
                self.go_away(highest, NO_ERROR);
            }
            // The other requests on the connection are served meanwhile.
            "hang" => {}
            "nap" => {
                let connection = Self(Arc::clone(&self.0));
                spawn(move || {
                    sleep(Duration::from_millis(200));
                    connection.ok(id, stream);
                });
            }
            "trickle-body" => {
                self.head(stream, "200", None, 0);
                // Another fault may close the connection: this one must not hold it open.
                let connection = Arc::downgrade(&self.0);
                spawn(move || {
                    for _ in 0..60 {
                        sleep(Duration::from_millis(50));
                        let Some(connection) = connection.upgrade() else {
                            return;
                        };
                        Self(connection).frame(DATA, 0, stream, b"x");
                    }
                });
            }
            _ => return self.end(fault, stream),
        }
        Some(())
    }

    /// The faults after which nothing more comes.
    fn end(&self, fault: &str, stream: u32) -> Option<()> {
        match fault {
            "fin" => {}
            "rst" => {
                let stream = self.0.lock().unwrap();
                let linger = socket2::SockRef::from(&*stream).set_linger(Some(Duration::ZERO));
                linger.unwrap();
            }
            "half-frame" => self.raw(&[0, 0, 9, HEADERS, END_HEADERS, 0, 0]),
            "half-body" => {
                self.head(stream, "200", Some(9), 0);
                self.frame(DATA, 0, stream, b"<1");
            }
            "garbage" => self.raw(&[0xFF; 64]),
            "tls" => self.raw(b"\x15\x03\x03\x00\x02\x02\x0a"),
            "hints-fin" => self.head(stream, "103", None, 0),
            "goaway-below" => self.go_away(stream - 1, NO_ERROR),
            "goaway-calm" => self.go_away(0, ENHANCE_YOUR_CALM),
            "goaway-equal" => self.go_away(stream, NO_ERROR),
            "goaway-above" => self.go_away(0x7FFF_FFFF, NO_ERROR),
            "goaway-error" => self.go_away(stream, INTERNAL_ERROR),
            other => panic!("no fault {other}"),
        }
        None
    }
}
