//! Signed requests: the fields they are written in, and what a signature is about.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use http::header::CONTENT_TYPE;
use http::uri::{PathAndQuery, Uri};
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use multicode::identity::fuzzing::{Member, bytes, lists};
use multicode::identity::{
    Book, Head, Heard, Nonces, Proofs, SIGNATURE, SIGNATURE_INPUT, Scheme, Unproven,
};
use ring::hmac;

use super::{NOW, headers};

/// The one terminal there is.
const TERMINAL: &str = "W-0001";

/// What is read of a field reads the same once it is written; a signature that holds over a request holds
/// over no other.
pub(crate) fn signature_fields(data: &[u8]) {
    let mut parts = data.splitn(3, |byte| *byte == 0x1e);
    let mut part = || parts.next().unwrap_or_default();
    let (field, line, lines) = (part(), part(), part());
    if let Ok(members) = bytes(field) {
        let member = |(label, bytes): &(String, Vec<u8>)| {
            format!("{label}=:{}:", BASE64_STANDARD.encode(bytes))
        };
        let written: Vec<_> = members.iter().map(member).collect();
        assert_eq!(bytes(written.join(", ").as_bytes()), Ok(members));
    }
    let Ok(members) = lists(field) else { return };
    let member = |member: &Member| [member.label.as_bytes(), b"=", &member.write()].concat();
    let written: Vec<_> = members.iter().map(member).collect();
    assert_eq!(lists(&written.join(&b", "[..])), Ok(members.clone()));
    let Some(request) = Request::read(line, headers(lines)) else {
        return;
    };
    for member in &members {
        if let Ok(base) = member.base(&request.head()) {
            has_its_lines(member, &base);
        }
    }
    if let [member] = &*members {
        holds_over_nothing_else(member, request, &written.concat());
    }
}

/// Every component has its line, and no value brings lines of its own along.
fn has_its_lines(member: &Member, base: &[u8]) {
    let mut lines = base.split(|byte| *byte == b'\n');
    for component in member.components() {
        let escaped = component.replace('\\', "\\\\").replace('"', "\\\"");
        let line = lines.next().expect("a line for each component");
        assert!(line.starts_with(format!("\"{escaped}\": ").as_bytes()));
    }
    let last = lines
        .next()
        .and_then(|it| it.strip_prefix(b"\"@signature-params\": "));
    assert_eq!(last, Some(&*member.write()));
    assert_eq!(lines.next(), None);
}

/// What a signature is about.
#[derive(Clone)]
struct Request {
    method: Method,
    target: Uri,
    headers: HeaderMap,
}

impl Request {
    /// A line is a method and a whole target.
    fn read(line: &[u8], headers: HeaderMap) -> Option<Self> {
        let mut words = line.splitn(2, |byte| *byte == b' ');
        Some(Self {
            method: Method::from_bytes(words.next()?).ok()?,
            target: Uri::try_from(words.next()?).ok()?,
            headers,
        })
    }

    fn head(&self) -> Head<'_> {
        Head {
            method: &self.method,
            scheme: match self.target.scheme_str() {
                Some("https") => Scheme::Https,
                _ => Scheme::Http,
            },
            authority: self.target.authority().map(http::uri::Authority::as_str),
            path: self.target.path(),
            query: self.target.query(),
            headers: &self.headers,
            certificate: None,
        }
    }

    /// Whether it is heard as the terminal's, with this content.
    fn is_heard(&self, book: &Book, content: &[u8]) -> bool {
        match book.hear(&self.head(), NOW) {
            Ok(Heard::Signed(signed)) => {
                let proven = signed.over(content, &Nonces::default(), NOW);
                proven.is_ok_and(|proven| proven.name() == TERMINAL)
            }
            Ok(Heard::Proven(_)) => panic!("there is no other proof"),
            Ok(Heard::Nobody) | Err(_) => false,
        }
    }

    fn with_target(&self, path: &str, query: Option<&str>) -> Option<Self> {
        let target = match query {
            Some(query) => format!("{path}?{query}"),
            None => path.to_owned(),
        };
        let mut parts = self.target.clone().into_parts();
        parts.path_and_query = Some(PathAndQuery::try_from(target).ok()?);
        let target = Uri::from_parts(parts).ok()?;
        Some(Self {
            target,
            ..self.clone()
        })
    }

    fn with(&self, name: HeaderName, value: &'static str) -> Self {
        let mut other = self.clone();
        other.headers.append(name, HeaderValue::from_static(value));
        other
    }

    /// The same but for one thing that decides what it is.
    fn others(&self) -> impl Iterator<Item = Self> {
        let method = match self.method {
            Method::POST => Method::PUT,
            _ => Method::POST,
        };
        let (path, query) = (self.target.path(), self.target.query());
        let queried = format!("{}x", query.unwrap_or_default());
        let all = [
            Some(Self {
                method,
                ..self.clone()
            }),
            self.with_target(&format!("{path}x"), query),
            self.with_target(path, Some(&queried)),
            Some(self.with(CONTENT_TYPE, "text/odd")),
            Some(self.with(HeaderName::from_static("idempotency-key"), "odd")),
            Some(self.with(HeaderName::from_static("x-multicode-scene"), "odd")),
            Some(self.with(HeaderName::from_static("x-multicode-terminal"), "odd")),
            Some(self.with(SIGNATURE, "a=:AAAA:")),
            Some(self.with(SIGNATURE_INPUT, "a=()")),
        ];
        all.into_iter().flatten()
    }
}

/// Signs the request as its field says; once it is heard, no other is with the same signature.
fn holds_over_nothing_else(member: &Member, mut request: Request, input: &[u8]) {
    let key = hmac::Key::new(hmac::HMAC_SHA256, &[7; 32]);
    request.headers.remove(SIGNATURE);
    let input = HeaderValue::from_bytes(input).expect("what is written is plain text");
    request.headers.insert(SIGNATURE_INPUT, input);
    let Ok(base) = member.base(&request.head()) else {
        return;
    };
    let mac = BASE64_STANDARD.encode(hmac::sign(&key, &base));
    let signature = HeaderValue::try_from(format!("{}=:{mac}:", member.label));
    request
        .headers
        .insert(SIGNATURE, signature.expect("plain text"));
    let proofs = Proofs {
        signature_key: Some(key),
        ..Proofs::default()
    };
    let book = Book::of([(TERMINAL, &proofs)].into_iter());
    let content = [&b""[..], b"{}"].into_iter();
    let Some(content) = content.into_iter().find(|it| request.is_heard(&book, it)) else {
        return;
    };
    assert!(!request.is_heard(&book, b"{\"odd\":1}"), "other content");
    for other in request.others() {
        assert!(!other.is_heard(&book, content), "{}", other.target);
    }
    // Once is enough.
    let nonces = Nonces::default();
    let again = |_| match book.hear(&request.head(), NOW) {
        Ok(Heard::Signed(signed)) => signed.over(content, &nonces, NOW).map(drop),
        other => panic!("{other:?}"),
    };
    let both: Vec<_> = (0..2).map(again).collect();
    assert_eq!(both, [Ok(()), Err(Unproven::Replayed)]);
}
