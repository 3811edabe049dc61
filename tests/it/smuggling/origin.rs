//! Departments that write down every byte: one by the letter, one that takes anything for a request.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

/// What a department made of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Seen {
    pub(super) line: String,
    /// What the sender called it, in `X-Mark`.
    pub(super) mark: String,
    pub(super) body: String,
}

/// How a department reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reading {
    /// RFC 9112, and a panic about anything else.
    Strict,
    /// LF for CRLF, spaces before colons, underscores for dashes, folded lines, chunks before lengths,
    /// the last of several lengths, whatever digits it begins with.
    Lenient,
}

/// A listening department; its threads end with the tests.
pub(super) struct Origin {
    pub(super) address: SocketAddr,
    seen: Arc<Mutex<Vec<Seen>>>,
    faults: Arc<Mutex<Vec<String>>>,
}

impl Origin {
    pub(super) fn start(reading: Reading) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let origin = Self {
            address,
            seen: Arc::default(),
            faults: Arc::default(),
        };
        let (seen, faults) = (Arc::clone(&origin.seen), Arc::clone(&origin.faults));
        thread::spawn(move || {
            for stream in listener.incoming() {
                let (seen, faults) = (Arc::clone(&seen), Arc::clone(&faults));
                let stream = stream.unwrap();
                thread::spawn(move || serve(stream, reading, &seen, &faults));
            }
        });
        origin
    }

    /// What was seen since the last call.
    pub(super) fn take(&self) -> Vec<Seen> {
        std::mem::take(&mut self.seen.lock().unwrap())
    }

    /// What a strict department had to say about its requests.
    pub(super) fn faults(&self) -> Vec<String> {
        self.faults.lock().unwrap().clone()
    }
}

fn serve(
    stream: TcpStream,
    reading: Reading,
    seen: &Mutex<Vec<Seen>>,
    faults: &Mutex<Vec<String>>,
) {
    let address = stream.local_addr().unwrap();
    let mut stream = BufReader::new(stream);
    while let Some(lines) = head(&mut stream) {
        let request = match reading {
            Reading::Strict => strict(&lines, address).unwrap_or_else(|fault| {
                faults.lock().unwrap().push(format!("{fault}: {lines:?}"));
                Framed::default()
            }),
            Reading::Lenient => lenient(&lines),
        };
        let Some(body) = body(&mut stream, &request) else {
            faults
                .lock()
                .unwrap()
                .push(format!("half a body: {lines:?}"));
            return;
        };
        let body = String::from_utf8_lossy(&body).into_owned();
        let said = format!("{}|{body}", request.mark);
        seen.lock().unwrap().push(Seen {
            line: lines[0].trim_end().to_owned(),
            mark: request.mark,
            body,
        });
        let length = said.len();
        let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n{said}");
        if stream.get_mut().write_all(answer.as_bytes()).is_err() {
            return;
        }
    }
}

#[derive(Default)]
struct Framed {
    mark: String,
    length: usize,
    chunked: bool,
}

/// Lines to the first empty one, each with its end.
fn head(stream: &mut impl BufRead) -> Option<Vec<String>> {
    let mut lines = Vec::new();
    loop {
        let mut line = Vec::new();
        stream.read_until(b'\n', &mut line).ok()?;
        if line.is_empty() {
            return None;
        }
        let line = String::from_utf8_lossy(&line).into_owned();
        match (line.trim().is_empty(), lines.is_empty()) {
            (true, false) => return Some(lines),
            (true, true) => {}
            (false, _) => lines.push(line),
        }
    }
}

fn strict(lines: &[String], address: SocketAddr) -> Result<Framed, &'static str> {
    let (mut length, mut hosts, mut marks) = (None, 0, Vec::new());
    if lines[0] != "POST /in HTTP/1.1\r\n" {
        return Err("another request");
    }
    for line in &lines[1..] {
        let line = line.strip_suffix("\r\n").ok_or("LF alone")?;
        let (name, value) = line.split_once(": ").ok_or("no field")?;
        if name
            .chars()
            .any(|it| !it.is_ascii_alphanumeric() && it != '-')
        {
            return Err("an odd name");
        }
        if value.chars().any(char::is_control) {
            return Err("a control character");
        }
        match &*name.to_ascii_lowercase() {
            "content-length" if length.is_some() => return Err("two lengths"),
            "content-length" => length = Some(value.parse().map_err(|_| "an odd length")?),
            "transfer-encoding" | "connection" | "te" | "trailer" | "upgrade" | "expect" => {
                return Err("a header of another hop");
            }
            "host" if value == address.to_string() => hosts += 1,
            "host" => return Err("another host"),
            "x-mark" => marks.push(value.to_owned()),
            _ => {}
        }
    }
    if hosts != 1 || marks.len() > 1 {
        return Err("no host, or several marks");
    }
    Ok(Framed {
        mark: marks.pop().unwrap_or_default(),
        length: length.ok_or("no length")?,
        chunked: false,
    })
}

fn lenient(lines: &[String]) -> Framed {
    let mut framed = Framed::default();
    for line in &lines[1..] {
        let Some((name, value)) = line.split_once(':') else {
            continue;
        };
        let digits = value.trim().trim_start_matches('+');
        let digits = digits.split(|it: char| !it.is_ascii_digit()).next();
        match &*name.trim().to_ascii_lowercase().replace('_', "-") {
            "content-length" => framed.length = digits.and_then(|it| it.parse().ok()).unwrap_or(0),
            "transfer-encoding" => framed.chunked |= value.to_lowercase().contains("chunked"),
            "x-mark" => value.trim().clone_into(&mut framed.mark),
            _ => {}
        }
    }
    framed
}

fn body(stream: &mut impl BufRead, framed: &Framed) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    if !framed.chunked {
        body.resize(framed.length, 0);
        stream.read_exact(&mut body).ok()?;
        return Some(body);
    }
    loop {
        let mut line = String::new();
        stream.read_line(&mut line).ok()?;
        let digits = line
            .trim()
            .split(|it: char| !it.is_ascii_hexdigit())
            .next()?;
        let mut chunk = vec![0; usize::from_str_radix(digits, 16).ok()?];
        stream.read_exact(&mut chunk).ok()?;
        body.extend(&chunk);
        stream.read_line(&mut line).ok()?;
        if chunk.is_empty() {
            return Some(body);
        }
    }
}
