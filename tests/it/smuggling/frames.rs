//! A client of HTTP/2 that writes frames as it likes: headers as literals, no table, no limits kept.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use multicode::tls::client_config;
use rustls::{ClientConnection, StreamOwned};
use rustls_pki_types::ServerName;

pub(super) const DATA: u8 = 0;
pub(super) const HEADERS: u8 = 1;
pub(super) const PRIORITY: u8 = 2;
pub(super) const RST_STREAM: u8 = 3;
pub(super) const SETTINGS: u8 = 4;
pub(super) const PING: u8 = 6;
pub(super) const GOAWAY: u8 = 7;
pub(super) const WINDOW_UPDATE: u8 = 8;
pub(super) const CONTINUATION: u8 = 9;

pub(super) const END_STREAM: u8 = 1;
pub(super) const ACK: u8 = 1;
pub(super) const END_HEADERS: u8 = 4;

/// RFC 9113, section 7.
pub(super) const ENHANCE_YOUR_CALM: u32 = 11;

/// A frame that came back.
#[derive(Debug)]
pub(super) struct Frame {
    pub(super) kind: u8,
    pub(super) flags: u8,
    pub(super) stream: u32,
    pub(super) payload: Vec<u8>,
}

/// What came of a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    Answered(u16, String),
    Reset(u32),
    /// The connection ended, with this error if it said one.
    Ended(Option<u32>),
}

pub(super) struct Connection(StreamOwned<ClientConnection, TcpStream>);

/// RFC 9113, section 4.1.
pub(super) fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    let mut frame = length[1..].to_vec();
    frame.extend([kind, flags]);
    frame.extend(stream.to_be_bytes());
    frame.extend(payload);
    frame
}

/// RFC 7541, section 6.2.2: literals without indexing, new names, no Huffman code.
pub(super) fn block(fields: &[(&[u8], &[u8])]) -> Vec<u8> {
    let mut block = Vec::new();
    for (name, value) in fields {
        block.push(0);
        string(name, &mut block);
        string(value, &mut block);
    }
    block
}

fn string(text: &[u8], block: &mut Vec<u8>) {
    let length = text.len();
    if length < 127 {
        block.push(u8::try_from(length).unwrap());
    } else {
        // Section 5.1: what does not fit the prefix follows in groups of seven bits.
        block.push(127);
        let mut rest = length - 127;
        while rest >= 128 {
            block.push(u8::try_from(rest % 128 + 128).unwrap());
            rest /= 128;
        }
        block.push(u8::try_from(rest).unwrap());
    }
    block.extend(text);
}

/// The headers of a scan with these beside them.
pub(super) fn scan(mark: &str, more: &[(&[u8], &[u8])]) -> Vec<u8> {
    let mut fields: Vec<(&[u8], &[u8])> = vec![
        (b":method", b"POST"),
        (b":scheme", b"https"),
        (b":path", b"/v1/scan"),
        (b":authority", b"localhost"),
        (b"x-mark", mark.as_bytes()),
    ];
    fields.extend(more);
    block(&fields)
}

impl Connection {
    /// Says what a client says first.
    pub(super) fn open(address: SocketAddr, authority: &Path) -> Self {
        let config = client_config(authority).unwrap();
        let mut config = Arc::unwrap_or_clone(config);
        config.alpn_protocols = vec![b"h2".to_vec()];
        let name = ServerName::try_from("localhost").unwrap();
        let session = ClientConnection::new(Arc::new(config), name).unwrap();
        let stream = TcpStream::connect(address).unwrap();
        stream
            .set_read_timeout(Some(Duration::from_secs(10)))
            .unwrap();
        stream
            .set_write_timeout(Some(Duration::from_secs(10)))
            .unwrap();
        stream.set_nodelay(true).unwrap();
        let mut connection = Self(StreamOwned::new(session, stream));
        connection.send(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
        connection.send(&frame(SETTINGS, 0, 0, &[]));
        connection
    }

    /// Whether all of it went out.
    pub(super) fn send(&mut self, bytes: &[u8]) -> bool {
        self.0.write_all(bytes).is_ok() && self.0.flush().is_ok()
    }

    /// The next frame; none once the connection has ended.
    pub(super) fn receive(&mut self) -> Option<Frame> {
        let mut header = [0; 9];
        self.0.read_exact(&mut header).ok()?;
        let length = u32::from_be_bytes([0, header[0], header[1], header[2]]);
        let mut payload = vec![0; usize::try_from(length).unwrap()];
        self.0.read_exact(&mut payload).ok()?;
        Some(Frame {
            kind: header[3],
            flags: header[4],
            stream: u32::from_be_bytes([header[5] & 0x7F, header[6], header[7], header[8]]),
            payload,
        })
    }

    /// What comes of this stream.
    pub(super) fn outcome(&mut self, stream: u32) -> Outcome {
        let (mut status, mut body) = (0, Vec::new());
        while let Some(frame) = self.receive() {
            match frame.kind {
                GOAWAY => return Outcome::Ended(Some(error(&frame.payload[4..]))),
                SETTINGS if frame.flags & ACK == 0 => {
                    self.send(&super::frames::frame(SETTINGS, ACK, 0, &[]));
                }
                RST_STREAM if frame.stream == stream => {
                    return Outcome::Reset(error(&frame.payload));
                }
                HEADERS if frame.stream == stream => status = status_of(&frame.payload),
                DATA if frame.stream == stream => body.extend(frame.payload),
                _ => {}
            }
            let ours = frame.stream == stream && matches!(frame.kind, HEADERS | DATA);
            if ours && frame.flags & END_STREAM != 0 {
                return Outcome::Answered(status, String::from_utf8_lossy(&body).into_owned());
            }
        }
        Outcome::Ended(None)
    }

    /// Reads to the end; gives the error the server named, if any.
    pub(super) fn end(&mut self) -> Option<u32> {
        let mut named = None;
        while let Some(frame) = self.receive() {
            if frame.kind == GOAWAY {
                named = named.max(Some(error(&frame.payload[4..])));
            }
        }
        named
    }

    /// Sends a whole scan and gives what comes of it.
    pub(super) fn scan(&mut self, stream: u32, mark: &str, body: &str) -> Outcome {
        self.send(&frame(HEADERS, END_HEADERS, stream, &scan(mark, &[])));
        self.send(&frame(DATA, END_STREAM, stream, body.as_bytes()));
        self.outcome(stream)
    }
}

fn error(payload: &[u8]) -> u32 {
    u32::from_be_bytes(payload[..4].try_into().unwrap())
}

/// RFC 7541, appendix A: the statuses the static table knows; 1 for any other.
fn status_of(block: &[u8]) -> u16 {
    match block.first() {
        Some(0x88) => 200,
        Some(0x8C) => 400,
        Some(0x8D) => 404,
        _ => 1,
    }
}
