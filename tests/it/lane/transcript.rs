//! What a server says on one connection, so that two can be compared.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::thread::sleep;
use std::time::Duration;

use multicode::tls::client_config;
use rustls::{ClientConfig, ClientConnection, ProtocolVersion, StreamOwned};
use rustls_pki_types::ServerName;

const HTTP1: &[u8] = b"http/1.1";

/// Where a server is, and how it is spoken to there.
pub(crate) enum Door {
    Plain(SocketAddr),
    /// By TLS, whose client ends with a farewell (RFC 8446, section 6.1) or without one.
    Secure {
        address: SocketAddr,
        client: Arc<ClientConfig>,
        farewell: bool,
    },
}

impl Door {
    /// A server that is `localhost` to this authority.
    pub(crate) fn secure(address: SocketAddr, authority: &Path, farewell: bool) -> Self {
        let mut client = Arc::unwrap_or_clone(client_config(authority).unwrap());
        client.alpn_protocols = vec![HTTP1.to_vec()];
        Self::Secure {
            address,
            client: Arc::new(client),
            farewell,
        }
    }

    /// Sends the bytes in so many pieces and no more; gives all that was said until the server closed, and
    /// whether that was by a farewell, which plain TCP does not know.
    pub(crate) fn said(&self, bytes: &[u8], pieces: usize) -> (Vec<u8>, bool) {
        match self {
            Self::Plain(address) => {
                let leave = |stream: &mut TcpStream| drop(stream.shutdown(Shutdown::Write));
                (exchange(connect(*address), bytes, pieces, leave).0, false)
            }
            Self::Secure {
                address,
                client,
                farewell,
            } => {
                let name = ServerName::try_from("localhost").unwrap();
                let mut session = ClientConnection::new(Arc::clone(client), name).unwrap();
                let mut stream = connect(*address);
                session.complete_io(&mut stream).unwrap();
                assert_eq!(session.protocol_version(), Some(ProtocolVersion::TLSv1_3));
                assert_eq!(session.alpn_protocol(), Some(HTTP1));
                let stream = Secured(StreamOwned::new(session, stream));
                exchange(stream, bytes, pieces, |stream| stream.leave(*farewell))
            }
        }
    }
}

/// A client's side that reads on where nobody takes what it writes.
struct Secured(StreamOwned<ClientConnection, TcpStream>);

impl Secured {
    fn leave(&mut self, farewell: bool) {
        if farewell {
            self.0.conn.send_close_notify();
            let _ = self.0.flush();
        }
        let _ = self.0.sock.shutdown(Shutdown::Write);
    }
}

impl Read for Secured {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let StreamOwned { conn, sock } = &mut self.0;
        loop {
            match conn.reader().read(buffer) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                read => return read,
            }
            conn.read_tls(sock)?;
            conn.process_new_packets().map_err(io::Error::other)?;
        }
    }
}

impl Write for Secured {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_nodelay(true).unwrap();
    let patience = Duration::from_secs(10);
    stream.set_read_timeout(Some(patience)).unwrap();
    stream
}

/// What was said, and whether it ended as it should.
fn exchange<S: Read + Write>(
    mut stream: S,
    bytes: &[u8],
    pieces: usize,
    leave: impl FnOnce(&mut S),
) -> (Vec<u8>, bool) {
    for piece in bytes.chunks(bytes.len().div_ceil(pieces).max(1)) {
        // It may have heard enough.
        if stream.write_all(piece).is_err() {
            break;
        }
        if pieces > 1 {
            sleep(Duration::from_micros(500));
        }
    }
    leave(&mut stream);
    let mut said = Vec::new();
    let end = stream.read_to_end(&mut said).map_err(|error| error.kind());
    let hangs = end == Err(ErrorKind::WouldBlock);
    assert!(!hangs, "no end behind {}", bytes.escape_ascii());
    (said, end.is_ok())
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
