//! What a server says on one connection, so that two can be compared.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::thread::sleep;
use std::time::Duration;

/// Sends the bytes in so many pieces and no more; gives all that was said until the server closed.
pub(crate) fn said(address: SocketAddr, bytes: &[u8], pieces: usize) -> Vec<u8> {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_nodelay(true).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_secs(10)))
        .unwrap();
    for piece in bytes.chunks(bytes.len().div_ceil(pieces).max(1)) {
        // It may have heard enough.
        if stream.write_all(piece).is_err() {
            break;
        }
        if pieces > 1 {
            sleep(Duration::from_micros(500));
        }
    }
    let _ = stream.shutdown(Shutdown::Write);
    let mut said = Vec::new();
    if let Err(error) = stream.read_to_end(&mut said) {
        let hangs = error.kind() == std::io::ErrorKind::WouldBlock;
        assert!(!hangs, "no end behind {}", bytes.escape_ascii());
    }
    said
}

/// The answers one by one: status line, headers in order of the alphabet but the date, and what came of the
/// body. `hidden` are headers whose value is left out.
pub(crate) fn answers(mut said: &[u8], hidden: &[&str]) -> Vec<String> {
    let mut answers = Vec::new();
    while !said.is_empty() {
        let Some(end) = said.windows(4).position(|it| it == b"\r\n\r\n") else {
            answers.push(format!("cut: {}", said.escape_ascii()));
            break;
        };
        let head = String::from_utf8_lossy(&said[..end]).into_owned();
        said = &said[end + 4..];
        let mut lines = head.split("\r\n");
        let status = lines.next().unwrap();
        let mut fields: Vec<_> = lines.map(|line| field(line, hidden)).collect();
        fields.sort();
        let body = body(&fields, &mut said);
        answers.push(format!("{status} {fields:?} {body}"));
    }
    answers
}

fn field(line: &str, hidden: &[&str]) -> String {
    let (name, value) = line.split_once(": ").unwrap();
    // Its form is fixed; a handler's own is kept.
    if name == "date" && value.ends_with(" GMT") {
        assert_eq!(value.len(), 29, "{value}");
        return name.to_owned();
    }
    if hidden.contains(&name) {
        return name.to_owned();
    }
    line.to_owned()
}

fn body(fields: &[String], said: &mut &[u8]) -> String {
    let of = |name: &str| fields.iter().find_map(|field| field.strip_prefix(name));
    if let Some(length) = of("content-length: ") {
        let length: usize = length.parse().unwrap();
        let here = length.min(said.len());
        let (body, rest) = said.split_at(here);
        *said = rest;
        let cut = if here < length { " cut" } else { "" };
        return format!("{}{cut}", String::from_utf8_lossy(body));
    }
    if of("transfer-encoding: chunked").is_some() {
        return chunks(said);
    }
    String::new()
}

/// The data of chunks together: how it was cut in pieces means nothing.
fn chunks(said: &mut &[u8]) -> String {
    let mut data = Vec::new();
    loop {
        let Some(end) = said.windows(2).position(|it| it == b"\r\n") else {
            *said = &[];
            return format!("{} cut", data.escape_ascii());
        };
        let size = usize::from_str_radix(str::from_utf8(&said[..end]).unwrap(), 16).unwrap();
        let rest = &said[end + 2..];
        let here = size.min(rest.len());
        data.extend_from_slice(&rest[..here]);
        *said = rest.get(here + 2..).unwrap_or_default();
        if size == 0 {
            return data.escape_ascii().to_string();
        }
    }
}

/// What came of one connection on either way: its answers, and what was seen behind them.
pub(crate) type Came<T> = (Vec<String>, T);

/// What differs between the two, if anything does. In pieces a body that nobody reads may be here in one
/// moment and not in the next, and its connection lives on or does not: such a pair is tried again. And where
/// it does not, the fast lane says so in its answer; hyper just closes.
pub(crate) fn difference<T: PartialEq>(
    pieces: usize,
    pair: impl Fn() -> (Came<T>, Came<T>),
) -> Option<(Came<T>, Came<T>)> {
    let tries = if pieces > 1 { 5 } else { 1 };
    let mut last = None;
    for _ in 0..tries {
        let (mut fast, mut slow) = pair();
        if pieces > 1 {
            for (answers, _) in [&mut fast, &mut slow] {
                if let Some(answer) = answers.last_mut() {
                    *answer = answer.replacen("\"connection: close\", ", "", 1);
                }
            }
        }
        if fast == slow {
            return None;
        }
        last = Some((fast, slow));
    }
    last
}
