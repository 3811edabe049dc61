//! From the bytes of a usual head to a request, without copying them.

use std::ops::Range;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Request, Uri};

use super::super::{
    body::RequestBody,
    strict::{Head, Layout},
};
use crate::framing::Names;

/// Where the parts of a head lie.
#[derive(Debug, Default)]
pub(super) struct Parts {
    method: Range<usize>,
    target: Range<usize>,
    fields: Vec<(Range<usize>, Range<usize>)>,
}

/// A request the lane takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Usual {
    pub(super) method: Way,
    /// Whether its sender wants no other answer on this connection.
    pub(super) is_last: bool,
}

/// The methods the lane takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    Get,
    Post,
}

impl Layout for Parts {
    fn line(&mut self, method: Range<usize>, target: Range<usize>) {
        self.method = method;
        self.target = target;
    }

    fn field(&mut self, name: Range<usize>, value: Range<usize>) {
        self.fields.push((name, value));
    }
}

impl Parts {
    pub(super) fn clear(&mut self) {
        self.fields.clear();
    }

    /// What the lane has to know of a head that lies in `bytes`; nothing if hyper shall look at it.
    pub(super) fn usual(&self, bytes: &[u8]) -> Option<Usual> {
        let of = |range: &Range<usize>| bytes.get(range.clone()).unwrap_or_default();
        let method = match of(&self.method) {
            b"POST" => Way::Post,
            b"GET" => Way::Get,
            _ => return None,
        };
        if !of(&self.target).starts_with(b"/") {
            return None;
        }
        let mut connection = None;
        for (name, value) in &self.fields {
            let name = of(name);
            let is = |known: &str| name.eq_ignore_ascii_case(known.as_bytes());
            match name.len() {
                6 if is("expect") => return None,
                7 if is("upgrade") => return None,
                10 if is("connection") => {
                    let value = of(value);
                    let is_last = value.eq_ignore_ascii_case(b"close");
                    let is_kept = value.eq_ignore_ascii_case(b"keep-alive");
                    if connection.replace(is_last).is_some() || !(is_last || is_kept) {
                        return None;
                    }
                }
                _ => {}
            }
        }
        Some(Usual {
            method,
            is_last: connection == Some(true),
        })
    }

    /// The request of a usual head. Nothing if its target is none to the library, which then says so
    /// itself.
    pub(super) fn request(
        &self,
        head: &Bytes,
        (method, mut headers): (Way, HeaderMap),
        names: &Names,
    ) -> Option<Request<RequestBody>> {
        let uri = Uri::from_maybe_shared(slice(head, &self.target)?).ok()?;
        headers.reserve(self.fields.len());
        for (name, value) in &self.fields {
            let name = names.of(head.get(name.clone())?)?;
            let value = HeaderValue::from_maybe_shared(slice(head, value)?).ok()?;
            headers.append(name, value);
        }
        let mut request = Request::new(RequestBody::from(Bytes::new()));
        *request.method_mut() = match method {
            Way::Get => Method::GET,
            Way::Post => Method::POST,
        };
        *request.uri_mut() = uri;
        *request.headers_mut() = headers;
        Some(request)
    }
}

/// The request of a whole message that begins with its head, if the lane takes it: for the fuzz targets.
pub(in crate::server) fn of_message(message: &Bytes) -> Option<Request<RequestBody>> {
    let (mut head, mut parts) = (Head::default(), Parts::default());
    head.read(message, &mut parts).ok()??;
    let usual = parts.usual(message).filter(|_| head.is_http11())?;
    let filled = (usual.method, HeaderMap::new());
    parts.request(message, filled, &Names::default())
}

fn slice(bytes: &Bytes, range: &Range<usize>) -> Option<Bytes> {
    (range.start <= range.end && range.end <= bytes.len()).then(|| bytes.slice(range.clone()))
}
