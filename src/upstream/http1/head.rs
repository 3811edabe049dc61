//! An answer's head, line by line, where it lies.
//!
//! hyper is lenient towards servers: LF for CRLF, two equal lengths, a length beside chunks, a coding
//! nobody knows. Who reads an answer otherwise than its department wrote it finds the next answer in
//! the wrong place, so here such an answer is none.

use std::ops::Range;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Response, StatusCode, Version};
use hyper::ext::ReasonPhrase;
use memchr::memchr;

use super::{super::connect::HEAD, buffers::Buffers, rest::Rest};
use crate::framing::{Chunks, is_text, is_token, length, lists_close};

/// Header lines; hyper reads no more either.
const FIELDS: usize = 100;

/// Bytes in front of the status code, and of the code itself.
const STATUS: Range<usize> = 9..12;

/// Why something is not the head of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Flaw {
    #[error("found a line that ends in LF alone, expected CRLF")]
    BareLineFeed,
    #[error("found a control character in the head, expected none")]
    Control,
    #[error("found an odd field name or a folded line, expected a token and a colon")]
    Field,
    #[error("found several Content-Length or an odd one, expected one")]
    Length,
    #[error("found something else than a status line of HTTP/1.1")]
    StatusLine,
    #[error("found a longer head, expected at most {HEAD} bytes and {FIELDS} fields")]
    TooLong,
    #[error("found an odd Transfer-Encoding, expected chunked alone")]
    TransferCoding,
    #[error("found Content-Length and Transfer-Encoding, expected one of them")]
    TwoLengths,
}

/// What is known of the head that comes in.
#[derive(Debug, Default)]
pub(super) struct Head {
    /// Where the line begins that is coming in.
    line: usize,
    /// How far was looked for the line's end.
    seen: usize,
    /// Whether the line's name is behind us.
    named: bool,
    status: Option<(Version, StatusCode)>,
    fields: usize,
    length: Option<u64>,
    chunked: bool,
    closes: bool,
}

impl Head {
    /// Reads on; `bytes` begin where the head does. Gives its end once that is here.
    pub(super) fn read(&mut self, bytes: &[u8]) -> Result<Option<usize>, Flaw> {
        while let Some(length) = memchr(b'\n', bytes.get(self.seen..).unwrap_or_default()) {
            let end = self.seen + length + 1;
            if end > HEAD {
                return Err(Flaw::TooLong);
            }
            let line = bytes.get(self.line..end).unwrap_or_default();
            let line = line.strip_suffix(b"\r\n").ok_or(Flaw::BareLineFeed)?;
            self.line = end;
            self.seen = end;
            self.named = false;
            if self.status.is_none() {
                self.status_line(line)?;
            } else if line.is_empty() {
                return self.framed().map(|()| Some(end));
            } else {
                self.field(line)?;
            }
        }
        if bytes.len() >= HEAD {
            return Err(Flaw::TooLong);
        }
        self.begun(bytes)?;
        Ok(None)
    }

    /// Nobody waits for the end of a line that can be none. Looks at no byte twice.
    fn begun(&mut self, bytes: &[u8]) -> Result<(), Flaw> {
        let fresh = bytes.get(self.seen..).unwrap_or_default();
        let fresh = fresh.strip_suffix(b"\r").unwrap_or(fresh);
        if !fresh.iter().copied().all(is_text) {
            return Err(Flaw::Control);
        }
        if self.status.is_none() {
            let line = bytes.get(self.line..).unwrap_or_default();
            let mut expected = b"HTTP/1.".iter().zip(line);
            if !expected.all(|(expected, found)| expected == found) {
                return Err(Flaw::StatusLine);
            }
        } else if !self.named {
            let colon = memchr(b':', fresh);
            let name = fresh
                .get(..colon.unwrap_or(fresh.len()))
                .unwrap_or_default();
            if !name.iter().copied().all(is_token) {
                return Err(Flaw::Field);
            }
            self.named = colon.is_some();
        }
        self.seen += fresh.len();
        Ok(())
    }

    /// Section 4. The space behind the code is missing from many who give no reason; what is told is
    /// the same.
    fn status_line(&mut self, line: &[u8]) -> Result<(), Flaw> {
        let version = match line.get(..STATUS.start) {
            Some(b"HTTP/1.1 ") => Version::HTTP_11,
            Some(b"HTTP/1.0 ") => Version::HTTP_10,
            _ => return Err(Flaw::StatusLine),
        };
        let code = line
            .get(STATUS)
            .and_then(|code| StatusCode::from_bytes(code).ok());
        let code = code.ok_or(Flaw::StatusLine)?;
        let reason = line.get(STATUS.end..).unwrap_or_default();
        if !reason.is_empty() && !reason.starts_with(b" ") {
            return Err(Flaw::StatusLine);
        }
        if !reason.iter().copied().all(is_text) {
            return Err(Flaw::Control);
        }
        self.status = Some((version, code));
        Ok(())
    }

    fn field(&mut self, line: &[u8]) -> Result<(), Flaw> {
        self.fields += 1;
        if self.fields > FIELDS {
            return Err(Flaw::TooLong);
        }
        let (name, value) = field(line).ok_or(Flaw::Field)?;
        if name.is_empty() || !name.iter().copied().all(is_token) {
            return Err(Flaw::Field);
        }
        if !value.iter().copied().all(is_text) {
            return Err(Flaw::Control);
        }
        match name.len() {
            10 if name.eq_ignore_ascii_case(b"connection") => {
                self.closes |= lists_close(value);
            }
            14 if name.eq_ignore_ascii_case(b"content-length") => {
                if self.length.is_some() {
                    return Err(Flaw::Length);
                }
                self.length = Some(length(value).ok_or(Flaw::Length)?);
            }
            17 if name.eq_ignore_ascii_case(b"transfer-encoding") => {
                if self.chunked || !value.eq_ignore_ascii_case(b"chunked") {
                    return Err(Flaw::TransferCoding);
                }
                self.chunked = true;
            }
            _ => {}
        }
        Ok(())
    }

    /// Section 6.3: "a server MUST NOT send" both; section 6.1: what HTTP/1.0 sends in chunks "MUST"
    /// be treated "as if the framing is faulty".
    fn framed(&self) -> Result<(), Flaw> {
        if self.chunked && self.length.is_some() {
            return Err(Flaw::TwoLengths);
        }
        let old = matches!(self.status, Some((Version::HTTP_10, _)));
        if self.chunked && old {
            return Err(Flaw::TransferCoding);
        }
        Ok(())
    }

    pub(super) fn status(&self) -> StatusCode {
        self.status.map(|(_, code)| code).unwrap_or_default()
    }

    /// What follows the head, if the request was a HEAD or not (section 6.3).
    pub(super) fn rest(&self, of_head: bool) -> Rest {
        let bodyless = matches!(
            self.status(),
            StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED
        );
        if of_head || bodyless {
            Rest::Length(0)
        } else if self.chunked {
            Rest::Chunks(Chunks::default())
        } else {
            self.length.map_or(Rest::UntilClose, Rest::Length)
        }
    }

    /// Whether another request may follow. A 204 that announces a body may send it yet.
    pub(super) fn keeps_open(&self) -> bool {
        let (version, code) = self.status.unwrap_or_default();
        let announced = self.chunked || self.length.unwrap_or_default() > 0;
        version == Version::HTTP_11
            && !self.closes
            && !(code == StatusCode::NO_CONTENT && announced)
    }

    /// The head as others know it; `bytes` are all of it, and `headers` is room from before.
    pub(super) fn into_response(
        self,
        bytes: &Bytes,
        mut headers: HeaderMap,
        buffers: &Buffers,
    ) -> Response<()> {
        headers.reserve(self.fields);
        let mut lines = Lines { bytes, at: 0 };
        let status_line = lines.next().unwrap_or_default();
        while let Some(line) = lines.next().filter(|line| !line.is_empty()) {
            let Some((word, value)) = field(line) else {
                continue;
            };
            let value = HeaderValue::from_maybe_shared(bytes.slice_ref(value));
            if let (Some(name), Ok(value)) = (buffers.names().of(word), value) {
                headers.append(name, value);
            }
        }
        let mut response = Response::new(());
        *response.headers_mut() = headers;
        if let Some((version, code)) = self.status {
            *response.version_mut() = version;
            *response.status_mut() = code;
            let reason = status_line.get(STATUS.end + 1..);
            // Of what is no ASCII nobody knows the meaning; hyper leaves it out as well.
            let reason = reason
                .filter(|reason| reason.is_ascii())
                .unwrap_or_default();
            let usual = code.canonical_reason().unwrap_or_default().as_bytes();
            if reason != usual
                && let Ok(reason) = ReasonPhrase::try_from(bytes.slice_ref(reason))
            {
                response.extensions_mut().insert(reason);
            }
        }
        response
    }
}

/// The lines of a head that was read.
struct Lines<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Iterator for Lines<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let rest = self.bytes.get(self.at..)?;
        let length = memchr(b'\n', rest)?;
        self.at += length + 1;
        rest.get(..length)?.strip_suffix(b"\r")
    }
}

/// A name, and a value without spaces and tabs around it (section 5.1).
fn field(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let (name, rest) = line.split_at(memchr(b':', line)?);
    let value = rest.strip_prefix(b":")?;
    let space = |byte: &u8| !matches!(byte, b' ' | b'\t');
    let start = value.iter().position(space).unwrap_or(value.len());
    let end = value.iter().rposition(space).map_or(start, |last| last + 1);
    Some((name, value.get(start..end)?))
}
