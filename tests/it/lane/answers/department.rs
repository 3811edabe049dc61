//! A department that answers with the bytes it is given, and what came of them by either way.

use std::{
    collections::HashMap,
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread,
    time::Duration,
};

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Version};
use http_body_util::{BodyExt, Full};
use multicode::{
    tick::Timer,
    upstream::{BodyError, SendError, UpstreamConfig, Upstreams, unrecorded},
};
use tokio::time::sleep;

use crate::engine::upstream::towards;

/// Long enough for anything that is going to happen, also on a busy machine.
const SOON: Duration = Duration::from_secs(20);

/// How long something is waited for that does not come.
const NEVER: Duration = Duration::from_millis(500);

/// What the department does behind its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// Closes the connection.
    Close,
    /// Says nothing more, although somebody waits for it.
    Hang,
    /// Takes the next request.
    Stay,
}

/// One answer.
#[derive(Clone, Debug)]
pub(super) struct Case {
    pub(super) method: Method,
    pub(super) answer: Vec<u8>,
    pub(super) end: End,
    /// Bytes written at once.
    pub(super) piece: usize,
}

impl Case {
    /// Whether a head comes to its end, and no interim one: however slowly the machine writes it.
    fn has_head(&self) -> bool {
        let ended = self.answer.windows(4).any(|bytes| bytes == b"\r\n\r\n");
        ended && !self.answer.starts_with(b"HTTP/1.1 100")
    }
}

/// What became of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Seen {
    pub(super) told: Result<Told, String>,
    /// Whether the next request came over the same connection.
    pub(super) kept: bool,
    /// What the department has read, but for the time that was left.
    pub(super) asked: Vec<Vec<u8>>,
}

/// An answer as the caller has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Told {
    pub(super) status: u16,
    pub(super) version: Version,
    pub(super) headers: Vec<(String, Vec<u8>)>,
    pub(super) body: Result<Bytes, String>,
}

impl Seen {
    /// Whether the whole answer was told.
    pub(super) fn is_sound(&self) -> bool {
        self.told.as_ref().is_ok_and(|told| told.body.is_ok())
    }
}

#[derive(Default)]
struct Record {
    connections: Vec<usize>,
    asked: Vec<Vec<u8>>,
    done: bool,
}

type Records = Arc<Mutex<HashMap<String, Record>>>;
type Cases = Arc<Mutex<HashMap<String, Case>>>;

/// Serves every case, by its path.
pub(super) struct Department {
    port: u16,
    cases: Cases,
    records: Records,
    number: usize,
}

impl Department {
    pub(super) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let (cases, records) = (Cases::default(), Records::default());
        let (known, seen) = (Arc::clone(&cases), Arc::clone(&records));
        thread::spawn(move || {
            for (number, stream) in listener.incoming().enumerate() {
                let (known, seen) = (Arc::clone(&known), Arc::clone(&seen));
                thread::spawn(move || serve(&mut stream.unwrap(), number, &known, &seen));
            }
        });
        Self {
            port,
            cases,
            records,
            number: 0,
        }
    }

    /// Sends one request, and another one behind it.
    pub(super) async fn ask(&mut self, case: &Case, timer: &Timer, fast_lane: bool) -> Seen {
        self.number += 1;
        let path = format!("/{}?x", self.number);
        self.cases
            .lock()
            .unwrap()
            .insert(path.clone(), case.clone());
        let patience = if case.end == End::Hang { NEVER } else { SOON };
        let config = UpstreamConfig {
            timeout: SOON,
            first_byte_timeout: if case.has_head() { SOON } else { patience },
            idle_timeout: patience,
            connect_timeout: SOON,
            fast_lane,
            ..towards(&[self.port])
        };
        let upstreams = Upstreams::new(&[config], timer);
        let told = told(&upstreams, case.method.clone(), &path).await;
        let done = || {
            self.records
                .lock()
                .unwrap()
                .get(&path)
                .is_some_and(|it| it.done)
        };
        while !done() {
            sleep(Duration::from_millis(1)).await;
        }
        // Until hyper's task has put the connection in order, too.
        sleep(Duration::from_millis(2)).await;
        let probe = format!("/probe/{}", self.number);
        let other = self::told(&upstreams, Method::POST, &probe).await.unwrap();
        assert_eq!(
            (other.status, other.body),
            (200, Ok("probe".into())),
            "{case:?}"
        );
        let mut records = self.records.lock().unwrap();
        let (one, other) = (
            records.remove(&path).unwrap(),
            records.remove(&probe).unwrap(),
        );
        assert_eq!(other.asked.len(), 1, "{case:?}");
        Seen {
            told,
            kept: one.connections == other.connections,
            asked: one.asked,
        }
    }
}

async fn told(upstreams: &Upstreams, method: Method, path: &str) -> Result<Told, String> {
    let body = if method == Method::POST {
        "{\"code\":1}"
    } else {
        ""
    };
    let mut request = Request::new(Full::new(Bytes::from_static(body.as_bytes())));
    *request.method_mut() = method;
    *request.uri_mut() = path.parse().unwrap();
    for (name, value) in [
        ("content-type", "application/json"),
        ("x-two", "1"),
        ("x-two", "2"),
    ] {
        let value = HeaderValue::from_static(value);
        request.headers_mut().append(name, value);
    }
    let answer = upstreams.send(0, request.into(), unrecorded).await;
    let (head, body) = answer.map_err(|error| kind(&error))?.into_parts();
    let body = body.collect().await.map_err(|error| match error {
        BodyError::Broken(_) | BodyError::Reset(_) => "broken".to_owned(),
        BodyError::Stalled => "stalled".to_owned(),
    });
    let headers = head.headers.iter();
    let headers = headers.map(|(name, value)| (name.to_string(), value.as_bytes().to_vec()));
    Ok(Told {
        status: head.status.as_u16(),
        version: head.version,
        headers: headers.collect(),
        body: body.map(http_body_util::Collected::to_bytes),
    })
}

fn kind(error: &SendError) -> String {
    format!("{error:?}")
}

fn serve(stream: &mut TcpStream, number: usize, cases: &Cases, records: &Records) {
    stream.set_nodelay(true).unwrap();
    while let Some((path, asked)) = read(stream) {
        let note = |change: &dyn Fn(&mut Record)| {
            change(records.lock().unwrap().entry(path.clone()).or_default());
        };
        note(&|record| {
            record.connections.push(number);
            record.asked.push(asked.clone());
        });
        let case = cases.lock().unwrap().get(&path).cloned();
        let Some(case) = case else {
            let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nprobe";
            if stream.write_all(answer).is_err() {
                return;
            }
            continue;
        };
        for piece in case.answer.chunks(case.piece) {
            // The caller may have heard enough.
            if stream.write_all(piece).is_err() {
                break;
            }
            if case.piece < case.answer.len() {
                thread::sleep(Duration::from_micros(50));
            }
        }
        if case.end == End::Close {
            let _ = stream.shutdown(std::net::Shutdown::Write);
        }
        note(&|record| record.done = true);
    }
}

/// The next request: its target, and all of it but for the time that was left.
fn read(stream: &mut TcpStream) -> Option<(String, Vec<u8>)> {
    let mut all = Vec::new();
    let mut byte = [0];
    while !all.ends_with(b"\r\n\r\n") {
        if stream.read(&mut byte).ok()? == 0 {
            return None;
        }
        all.push(byte[0]);
    }
    let head = String::from_utf8(all).unwrap();
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "));
    let mut body = vec![0; length.map_or(0, |length| length.parse().unwrap())];
    stream.read_exact(&mut body).ok()?;
    let path = head.split(' ').nth(1).unwrap().to_owned();
    let lines = head.lines().skip(1);
    let lines = lines.filter(|line| !line.starts_with("x-multicode-timeout-ms: "));
    let mut asked = lines.collect::<Vec<_>>().join("\n").into_bytes();
    asked.extend(body);
    Some((path, asked))
}
