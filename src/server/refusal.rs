//! What is said where no handler is asked: about a head that is broken, late or too long, and at
//! the door when the house is full.

use bytes::Bytes;

/// Whole HTTP/1.1 messages, ready to be written; each must say `connection: close`.
#[derive(Clone, Debug)]
pub struct Refusals {
    /// To a head that is not HTTP.
    pub malformed: Bytes,
    /// To a connection beyond the limit.
    pub overloaded: Bytes,
    /// To a head beyond its limit.
    pub too_large: Bytes,
    /// To a head that does not end in time.
    pub too_slow: Bytes,
}

impl Refusals {
    /// The words for what hyper would say without any: its refusals have no body.
    pub(super) fn instead_of(&self, bytes: &[u8]) -> Option<Bytes> {
        let code = bytes
            .strip_prefix(b"HTTP/1.1 ")
            .or_else(|| bytes.strip_prefix(b"HTTP/1.0 "))?;
        let bodyless = bytes
            .windows(19)
            .any(|part| part == b"content-length: 0\r\n");
        if !bodyless || !bytes.ends_with(b"\r\n\r\n") {
            return None;
        }
        match code.get(..3)? {
            b"400" => Some(self.malformed.clone()),
            b"414" | b"431" => Some(self.too_large.clone()),
            _ => None,
        }
    }
}

impl Default for Refusals {
    fn default() -> Self {
        let bare = |status: &str| {
            Bytes::from(format!(
                "HTTP/1.1 {status}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
            ))
        };
        Self {
            malformed: bare("400 Bad Request"),
            overloaded: bare("503 Service Unavailable"),
            too_large: bare("431 Request Header Fields Too Large"),
            too_slow: bare("408 Request Timeout"),
        }
    }
}
