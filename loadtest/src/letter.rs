//! Requests as they go over the wire.

use std::fmt::Write as _;

use bytes::Bytes;
use http::{Method, Request, Uri};
use multicode::sandbox::qr::{QrError, Symbol};
use serde_json::Value;

use crate::plan::Draft;
use crate::scenario::{Case, Form, Scenario, Terminals};

/// Pixels a module of a picture: what a phone's screen shows.
const SCALE: usize = 6;

/// What stands for a request's number in a field.
const NUMBER: &str = "{n}";

/// Which version of HTTP is spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// HTTP/1.1
    H1,
    /// HTTP/2, chosen by ALPN.
    H2,
}

impl Protocol {
    /// Its word on the command line and in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::H1 => "h1",
            Self::H2 => "h2",
        }
    }
}

/// A request, ready to be sent.
#[derive(Clone, Debug)]
pub enum Wire {
    /// Head and body of HTTP/1.1.
    One(Bytes),
    /// Head and body of HTTP/2.
    Two(Box<Request<()>>, Bytes),
}

/// Why a request cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum LetterError {
    /// The code is too long for a symbol.
    #[error("no picture can be made")]
    Picture(#[from] QrError),
    /// A name that no header can hold.
    #[error("a name that HTTP cannot send")]
    Head(#[from] http::Error),
}

/// What is the same in all requests.
#[derive(Debug)]
pub struct Stationery {
    protocol: Protocol,
    scheme: &'static str,
    authority: String,
    path: String,
    /// What makes keys of this run differ from those of others.
    run: u64,
    terminals: Terminals,
    forms: Vec<Printed>,
}

/// What is the same in all requests of a case.
#[derive(Debug)]
struct Printed {
    form: Form,
    idempotency: bool,
    scenes: Vec<String>,
    /// The members of a JSON object after a comma, apart where the request's number stands.
    fields: Vec<String>,
}

impl Stationery {
    /// For the requests of a scenario to `scheme://authority/path`.
    pub fn new(
        scenario: &Scenario,
        protocol: Protocol,
        (scheme, authority, path): (&'static str, &str, &str),
        run: u64,
    ) -> Self {
        Self {
            protocol,
            scheme,
            authority: authority.to_owned(),
            path: path.to_owned(),
            run,
            terminals: scenario.terminals.clone(),
            forms: scenario.cases.iter().map(Printed::of).collect(),
        }
    }

    /// The request of a draft that shows this code.
    pub fn write(&self, draft: &Draft, code: &str) -> Result<Wire, LetterError> {
        let Some(printed) = self.forms.get(draft.case) else {
            return Ok(Wire::One(Bytes::new()));
        };
        let (media, query, body) = match printed.form {
            Form::Json => (
                "application/json",
                String::new(),
                self.json(printed, draft, code),
            ),
            Form::Text => (
                "text/plain; charset=utf-8",
                self.query(printed, draft),
                code.to_owned().into_bytes(),
            ),
            Form::Picture => (
                "image/png",
                self.query(printed, draft),
                Symbol::of(code)?.to_png(SCALE)?,
            ),
        };
        let key = (printed.idempotency).then(|| format!("{:016x}-{:016x}", self.run, draft.number));
        let proof = self.terminals.keys.get(draft.terminal);
        Ok(match self.protocol {
            Protocol::H1 => {
                let mut head = format!(
                    "POST {}{query} HTTP/1.1\r\nhost: {}\r\ncontent-type: {media}\r\ncontent-length: {}\r\n",
                    self.path,
                    self.authority,
                    body.len()
                );
                if let Some(key) = key {
                    let _ = write!(head, "idempotency-key: {key}\r\n");
                }
                if let Some(proof) = proof {
                    let _ = write!(head, "authorization: Bearer {proof}\r\n");
                }
                head.push_str("\r\n");
                Wire::One([head.into_bytes(), body].concat().into())
            }
            Protocol::H2 => {
                let uri = Uri::builder()
                    .scheme(self.scheme)
                    .authority(&*self.authority)
                    .path_and_query(format!("{}{query}", self.path))
                    .build()?;
                let mut request = Request::builder()
                    .method(Method::POST)
                    .uri(uri)
                    .header("content-type", media)
                    .header("content-length", body.len());
                if let Some(key) = key {
                    request = request.header("idempotency-key", key);
                }
                if let Some(proof) = proof {
                    request = request.header("authorization", format!("Bearer {proof}"));
                }
                Wire::Two(Box::new(request.body(())?), body.into())
            }
        })
    }

    fn named(&self, printed: &Printed, draft: &Draft) -> [(&'static str, Option<String>); 3] {
        [
            ("scene", printed.scenes.get(draft.scene).cloned()),
            (
                "terminal",
                self.terminals.names.get(draft.terminal).cloned(),
            ),
            (
                "organisation",
                self.terminals
                    .organisations
                    .get(draft.organisation)
                    .cloned(),
            ),
        ]
    }

    fn json(&self, printed: &Printed, draft: &Draft, code: &str) -> Vec<u8> {
        let mut body = format!("{{\"code\":{}", quoted(code));
        for (name, value) in self.named(printed, draft) {
            if let Some(value) = value {
                let _ = write!(body, ",\"{name}\":{}", quoted(&value));
            }
        }
        for (place, part) in printed.fields.iter().enumerate() {
            if place > 0 {
                let _ = write!(body, "{:x}-{}", self.run, draft.number);
            }
            body.push_str(part);
        }
        body.push('}');
        body.into_bytes()
    }

    fn query(&self, printed: &Printed, draft: &Draft) -> String {
        let mut query = String::new();
        for (name, value) in self.named(printed, draft) {
            if let Some(value) = value {
                query.push(if query.is_empty() { '?' } else { '&' });
                query.push_str(name);
                query.push('=');
                percent(&value, &mut query);
            }
        }
        query
    }
}

impl Printed {
    fn of(case: &Case) -> Self {
        let text = Value::Object(case.fields.clone()).to_string();
        let inside = text
            .strip_prefix('{')
            .and_then(|text| text.strip_suffix('}'));
        let inside = inside.filter(|inside| !inside.is_empty());
        let fields = inside.map_or_else(String::new, |inside| format!(",{inside}"));
        Self {
            form: case.form,
            idempotency: case.idempotency,
            scenes: case.scenes.clone(),
            fields: fields.split(NUMBER).map(str::to_owned).collect(),
        }
    }
}

fn quoted(text: &str) -> String {
    // A text always has a JSON form.
    serde_json::to_string(text).unwrap_or_default()
}

/// Everything but RFC 3986's unreserved characters by its bytes.
fn percent(text: &str, to: &mut String) {
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            to.push(char::from(byte));
        } else {
            let _ = write!(to, "%{byte:02X}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::tests::shipped;

    const DRAFT: Draft = Draft {
        case: 0,
        scene: 0,
        terminal: 0,
        organisation: 0,
        number: 7,
    };

    fn written(scenario: &Scenario, protocol: Protocol) -> Wire {
        let target = ("http", "scan.example", "/v1/scan");
        let stationery = Stationery::new(scenario, protocol, target, 0xAB);
        stationery.write(&DRAFT, "a \"code\"").unwrap()
    }

    #[test]
    fn a_json_scan_holds_its_fields_and_a_key_of_its_own() {
        let mut scenario = shipped("hospital.toml");
        let case = &mut scenario.cases[0];
        case.idempotency = true;
        case.scenes = vec!["挂号".to_owned()];
        case.fields = serde_json::from_str(r#"{"order":"LT{n}","total_fee":100}"#).unwrap();
        scenario.terminals.keys = vec!["k-1".to_owned()];
        let Wire::One(bytes) = written(&scenario, Protocol::H1) else {
            panic!("HTTP/1.1 was asked for");
        };
        let text = std::str::from_utf8(&bytes).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("POST /v1/scan HTTP/1.1\r\nhost: scan.example\r\n"));
        assert!(head.contains("\r\nidempotency-key: 00000000000000ab-0000000000000007"));
        assert!(head.contains("\r\nauthorization: Bearer k-1"));
        assert!(head.contains(&format!("\r\ncontent-length: {}", body.len())));
        let body: Value = serde_json::from_str(body).unwrap();
        assert_eq!(body["code"], "a \"code\"");
        assert_eq!(body["scene"], "挂号");
        assert_eq!(body["order"], "LTab-7");
        assert_eq!(body["total_fee"], 100);
        assert_eq!(body["terminal"], scenario.terminals.names[0]);
    }

    #[test]
    fn text_and_pictures_carry_their_fields_in_the_query() {
        let mut scenario = shipped("hospital.toml");
        scenario.cases[0].form = Form::Picture;
        scenario.cases[0].scenes = vec!["挂号".to_owned()];
        scenario.terminals.names = vec!["W 1".to_owned()];
        let Wire::Two(request, body) = written(&scenario, Protocol::H2) else {
            panic!("HTTP/2 was asked for");
        };
        assert!(body.starts_with(b"\x89PNG"));
        assert_eq!(request.headers()["content-type"], "image/png");
        let query = request.uri().query().unwrap();
        assert!(
            query.starts_with("scene=%E6%8C%82%E5%8F%B7&terminal=W%201"),
            "{query}"
        );
    }
}
