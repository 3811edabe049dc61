//! A head, line by line, where it lies.

use std::ops::Range;

use memchr::memchr;

use super::{Announced, Fault, is_text, is_token, length};

/// A request line and its headers. Terminals send some hundred bytes, browsers two thousand.
pub(in crate::server) const HEAD: usize = 8 * 1024;

/// Header lines. Terminals send ten, browsers behind two proxies forty; hyper reads no more either.
const FIELDS: usize = 100;

/// Hears where the parts of a head lie, counted from where the head begins.
pub(in crate::server) trait Layout {
    /// The request line was read.
    fn line(&mut self, method: Range<usize>, target: Range<usize>);

    /// A field was read, its value without spaces around it.
    fn field(&mut self, name: Range<usize>, value: Range<usize>);
}

/// Whoever only wants to know where a head ends.
impl Layout for () {
    fn line(&mut self, _: Range<usize>, _: Range<usize>) {}

    fn field(&mut self, _: Range<usize>, _: Range<usize>) {}
}

/// What is known of the head that is being received.
#[derive(Debug, Default)]
pub(in crate::server) struct Head {
    /// Where the line begins that is being received.
    line: usize,
    /// How far was looked for the line's end.
    seen: usize,
    version: Option<Version>,
    fields: usize,
    length: Option<u64>,
    chunked: bool,
    /// Where the target names its server, if it does.
    authority: Option<Range<usize>>,
    host: Option<Range<usize>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Version {
    Http10,
    Http11,
}

impl Head {
    /// Whether it is one of HTTP/1.1.
    pub(in crate::server) const fn is_http11(&self) -> bool {
        matches!(self.version, Some(Version::Http11))
    }

    /// Reads on; `bytes` begin where the head does. Gives its end once that is here.
    pub(in crate::server) fn read(
        &mut self,
        bytes: &[u8],
        layout: &mut impl Layout,
    ) -> Result<Option<(usize, Announced)>, Fault> {
        while let Some(length) = memchr(b'\n', bytes.get(self.seen..).unwrap_or_default()) {
            let end = self.seen + length + 1;
            if end > HEAD {
                break;
            }
            let line = bytes.get(self.line..end).unwrap_or_default();
            let line = line.strip_suffix(b"\r\n").ok_or(Fault::BareLineFeed)?;
            if line.is_empty() && self.version.is_some() {
                return Ok(Some((end, self.finish(bytes)?)));
            }
            match self.version {
                None => self.request_line(line, layout)?,
                Some(_) => self.field(line, layout)?,
            }
            self.line = end;
            self.seen = end;
        }
        let begun = bytes.get(self.seen..bytes.len().min(HEAD));
        let begun = begun.unwrap_or_default();
        let begun = begun.strip_suffix(b"\r").unwrap_or(begun);
        // Said before it is too long: how much came at once means nothing.
        if !begun.iter().copied().all(is_text) {
            return Err(Fault::Control);
        }
        if bytes.len() >= HEAD {
            return Err(Fault::HeadTooLong);
        }
        self.seen += begun.len();
        Ok(None)
    }

    fn request_line(&mut self, line: &[u8], layout: &mut impl Layout) -> Result<(), Fault> {
        // Section 2.2: a server "SHOULD ignore at least one empty line (CRLF) received prior to the
        // request-line".
        if line.is_empty() && self.line == 0 {
            return Ok(());
        }
        if !line.iter().copied().all(is_text) {
            return Err(Fault::Control);
        }
        let mut words = line.splitn(3, |byte| *byte == b' ');
        let (Some(method), Some(target), Some(version)) =
            (words.next(), words.next(), words.next())
        else {
            return Err(Fault::RequestLine);
        };
        if method.is_empty() || !method.iter().copied().all(is_token) {
            return Err(Fault::RequestLine);
        }
        self.version = match version {
            b"HTTP/1.1" => Some(Version::Http11),
            b"HTTP/1.0" => Some(Version::Http10),
            b"HTTP/2.0" if (method, target) == (b"PRI", b"*") => return Err(Fault::Preface),
            _ if version.contains(&b' ') => return Err(Fault::RequestLine),
            _ => return Err(Fault::Version),
        };
        if method == b"CONNECT" {
            return Err(Fault::Connect);
        }
        let at = self.line + method.len() + 1;
        layout.line(self.line..at - 1, at..at + target.len());
        self.target(method, target, at)
    }

    /// Holds the target, which begins there, against the forms of section 3.2.
    fn target(&mut self, method: &[u8], target: &[u8], at: usize) -> Result<(), Fault> {
        if !target.iter().copied().all(is_of_a_target) {
            return Err(Fault::Target);
        }
        if target.starts_with(b"/") || (method, target) == (b"OPTIONS", b"*") {
            return Ok(());
        }
        let scheme = ["http://", "https://"].into_iter().find(|scheme| {
            let start = target.get(..scheme.len());
            start.is_some_and(|start| start.eq_ignore_ascii_case(scheme.as_bytes()))
        });
        let scheme = scheme.ok_or(Fault::Target)?.len();
        let rest = target.get(scheme..).unwrap_or_default();
        let length = rest.iter().position(|byte| matches!(byte, b'/' | b'?'));
        let length = length.unwrap_or(rest.len());
        if !is_authority(rest.get(..length).unwrap_or_default()) {
            return Err(Fault::Target);
        }
        self.authority = Some(at + scheme..at + scheme + length);
        Ok(())
    }

    fn field(&mut self, line: &[u8], layout: &mut impl Layout) -> Result<(), Fault> {
        self.fields += 1;
        if self.fields > FIELDS {
            return Err(Fault::TooManyFields);
        }
        if line.starts_with(b" ") || line.starts_with(b"\t") {
            return Err(Fault::Folded);
        }
        let colon = memchr(b':', line).ok_or(Fault::FieldName)?;
        let (name, rest) = line.split_at(colon);
        if name.is_empty() || !name.iter().copied().all(is_token) {
            return Err(Fault::FieldName);
        }
        let value = rest.strip_prefix(b":").unwrap_or(rest);
        if !value.iter().copied().all(is_text) {
            return Err(Fault::Control);
        }
        let at = self.line + colon + 1;
        let start = at + value.len() - value.trim_ascii_start().len();
        let bare = start..start + trimmed(value).len();
        layout.field(self.line..self.line + colon, bare.clone());
        match name.len() {
            4 if name.eq_ignore_ascii_case(b"host") => self.host(value, bare),
            14 if is(name, b"content-length")? => self.content_length(value),
            17 if is(name, b"transfer-encoding")? => self.transfer_encoding(value),
            _ => Ok(()),
        }
    }

    /// `at` is where it lies, bare.
    fn host(&mut self, value: &[u8], at: Range<usize>) -> Result<(), Fault> {
        if self.host.is_some() || !is_authority(trimmed(value)) {
            return Err(Fault::Host);
        }
        self.host = Some(at);
        Ok(())
    }

    /// Section 6.3 lets a recipient take equal lengths for one. Whoever sends them reads otherwise than
    /// we do.
    fn content_length(&mut self, value: &[u8]) -> Result<(), Fault> {
        if self.length.is_some() {
            return Err(Fault::Length);
        }
        self.length = Some(length(trimmed(value)).ok_or(Fault::Length)?);
        Ok(())
    }

    fn transfer_encoding(&mut self, value: &[u8]) -> Result<(), Fault> {
        // Section 6.1: "a server that receives an HTTP/1.0 message containing a Transfer-Encoding
        // header field MUST treat the message as if the framing is faulty".
        let sound = self.version == Some(Version::Http11)
            && !self.chunked
            && trimmed(value).eq_ignore_ascii_case(b"chunked");
        if !sound {
            return Err(Fault::TransferCoding);
        }
        self.chunked = true;
        Ok(())
    }

    /// What only the whole head tells.
    fn finish(&self, bytes: &[u8]) -> Result<Announced, Fault> {
        if self.host.is_none() && self.version == Some(Version::Http11) {
            return Err(Fault::Host);
        }
        if let (Some(authority), Some(host)) = (&self.authority, &self.host) {
            let of = |range: &Range<usize>| bytes.get(range.clone()).unwrap_or_default();
            if !of(authority).eq_ignore_ascii_case(of(host)) {
                return Err(Fault::HostsDiffer);
            }
        }
        match (self.length, self.chunked) {
            (Some(_), true) => Err(Fault::TwoLengths),
            (None, true) => Ok(Announced::Chunks),
            (length, false) => Ok(Announced::Length(length.unwrap_or(0))),
        }
    }
}

/// Whether a name is that one. One with underscores is none of the gateway's, but a backend that hands
/// headers on as variables (RFC 3875, section 4.1.18) takes it for that.
fn is(name: &[u8], known: &[u8]) -> Result<bool, Fault> {
    if name.eq_ignore_ascii_case(known) {
        return Ok(true);
    }
    let dashed = name.iter().map(|byte| {
        if *byte == b'_' {
            b'-'
        } else {
            byte.to_ascii_lowercase()
        }
    });
    if dashed.eq(known.iter().copied()) {
        return Err(Fault::Lookalike);
    }
    Ok(false)
}

/// Without spaces and tabs around it (section 5.1).
fn trimmed(value: &[u8]) -> &[u8] {
    // Of what this takes away only these two are left in a line that was looked at.
    value.trim_ascii()
}

/// RFC 3986: what stands in a URI without a fragment.
const fn is_of_a_target(byte: u8) -> bool {
    !matches!(
        byte,
        0..=b' ' | b'"' | b'#' | b'<' | b'>' | b'\\' | b'^' | b'`' | b'{'..=b'}' | 0x7F..
    )
}

/// Whether this is an authority as a request may name it: a name or an address, perhaps with a port
/// (RFC 3986, section 3.2), and no user information.
pub fn is_authority(text: &[u8]) -> bool {
    let (host, port) = match text.strip_prefix(b"[") {
        Some(rest) => {
            let Some(end) = memchr(b']', rest) else {
                return false;
            };
            let (address, port) = rest.split_at(end);
            let address = str::from_utf8(address).unwrap_or_default();
            if address.parse::<std::net::Ipv6Addr>().is_err() {
                return false;
            }
            (b"v6".as_slice(), port.strip_prefix(b"]").unwrap_or(port))
        }
        None => text.split_at(memchr(b':', text).unwrap_or(text.len())),
    };
    let named = !host.is_empty()
        && host
            .iter()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-._~%!$&'()*+,;=".contains(byte));
    let ported = match port.strip_prefix(b":") {
        Some(digits) => {
            let number = str::from_utf8(digits)
                .ok()
                .filter(|it| !it.starts_with('+'));
            digits.is_empty() || number.is_some_and(|it| it.parse::<u16>().is_ok())
        }
        None => port.is_empty(),
    };
    named && ported
}
