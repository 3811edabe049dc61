//! Request smuggling: whatever a client sends, departments see what the gateway meant, and every answer
//! goes to whoever asked.

mod bodies;
mod floods;
mod frames;
mod framings;
mod heads;
mod http2;
mod lanes;
mod origin;
mod pipelines;
mod slow;
mod tools;

use std::collections::BTreeSet;

use self::origin::{Origin, Reading};
use crate::edge::{Client, Files, HEALTH_CARD, TestGateway, keep};

/// A connection's bytes, and what must come of them.
struct Case {
    name: String,
    bytes: Vec<u8>,
    /// The statuses of its answers; no more may come.
    answers: &'static [u16],
    /// The marks of the requests a department is to see.
    seen: &'static [&'static str],
    after: After,
}

/// Whether the connection may be used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum After {
    Open,
    Closed,
    /// Nobody depends on it: if it is open, the next request gets its own answer.
    Either,
}

impl Case {
    /// Not HTTP, or not by the letter: one refusal, and the connection ends.
    fn refused(name: impl Into<String>, bytes: impl AsRef<[u8]>) -> Self {
        Self {
            name: name.into(),
            bytes: bytes.as_ref().to_vec(),
            answers: &[400],
            seen: &[],
            after: After::Closed,
        }
    }

    /// A request like any other.
    fn taken(name: impl Into<String>, bytes: impl AsRef<[u8]>) -> Self {
        Self {
            answers: &[200],
            seen: &["attack"],
            after: After::Open,
            ..Self::refused(name, bytes)
        }
    }

    const fn answered(mut self, answers: &'static [u16], after: After) -> Self {
        self.answers = answers;
        self.after = after;
        self
    }

    const fn seen(mut self, seen: &'static [&'static str]) -> Self {
        self.seen = seen;
        self
    }
}

/// A head without its end: a scan that would pass through, with these lines.
fn head(lines: &str) -> String {
    format!("POST /v1/scan HTTP/1.1\r\nHost: gateway\r\nX-Mark: attack\r\n{lines}")
}

/// A scan with these lines and a sound length.
fn sized(lines: &str) -> String {
    format!("{}Content-Length: 66\r\n\r\n{HEALTH_CARD}", head(lines))
}

/// A scan in one sound chunk, with these lines.
fn chunked(lines: &str) -> String {
    let lines = head(lines);
    format!("{lines}Transfer-Encoding: chunked\r\n\r\n42\r\n{HEALTH_CARD}\r\n0\r\n\r\n")
}

/// A whole scan called that.
fn scan(mark: &str) -> String {
    format!(
        "POST /v1/scan HTTP/1.1\r\nHost: gateway\r\nX-Mark: {mark}\r\nContent-Length: 66\r\n\r\n{HEALTH_CARD}"
    )
}

/// Lets the scans' listener speak TLS, by a certificate for `localhost` that is its own authority.
fn secured(files: &Files) {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".into()]).unwrap();
    files.write("gateway.pem", &made.cert.pem());
    keep(
        &files.path("gateway.key"),
        &made.signing_key.serialize_pem(),
    );
    let listener = "[listener.scan]\n";
    let tls = "tls = { cert = \"gateway.pem\", key = \"gateway.key\" }\n";
    files.change("routes.toml", listener, &format!("{listener}{tls}"));
}

fn cases() -> Vec<Case> {
    let mut cases = heads::cases();
    cases.extend(framings::cases());
    cases.extend(bodies::cases());
    cases.extend(pipelines::cases());
    cases
}

#[test]
fn there_are_enough_cases_and_each_has_a_name() {
    let cases = cases();
    let names: BTreeSet<_> = cases.iter().map(|case| &case.name).collect();
    assert_eq!(names.len(), cases.len());
    assert!(cases.len() >= 200, "{}", cases.len());
}

#[test]
fn a_department_by_the_letter_sees_what_the_gateway_meant() {
    check_all(Reading::Strict);
}

#[test]
fn a_department_that_takes_anything_sees_what_the_gateway_meant() {
    check_all(Reading::Lenient);
}

/// Every case, whole and in pieces, each followed by scans on the same and on another connection.
#[track_caller]
fn check_all(reading: Reading) {
    let origin = Origin::start(reading);
    let gateway = TestGateway::with(|files| files.pass_through(origin.address));
    let mut wrong = Vec::new();
    for case in cases() {
        for pieces in [1, 3] {
            if let Err(why) = check(&gateway, &origin, &case, pieces) {
                wrong.push(format!("{} in {pieces}: {why}", case.name));
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "{} wrong:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
    assert_eq!(origin.faults(), [""; 0]);
}

fn check(gateway: &TestGateway, origin: &Origin, case: &Case, pieces: usize) -> Result<(), String> {
    let mut client = gateway.client();
    for piece in case.bytes.chunks(case.bytes.len().div_ceil(pieces)) {
        client.try_write(piece);
        if pieces > 1 {
            std::thread::sleep(std::time::Duration::from_millis(2));
        }
    }
    let mut found = Vec::new();
    for _ in case.answers {
        let Some((status, text)) = next(&mut client) else {
            return Err(format!("ended after {found:?}"));
        };
        if text.contains("smuggled") && !case.seen.contains(&"smuggled") {
            return Err(format!("{status} tells {text}"));
        }
        found.push(status);
    }
    if found != case.answers {
        return Err(format!("{found:?}, expected {:?}", case.answers));
    }
    let mut expected = case.seen.to_vec();
    match case.after {
        After::Closed => {
            let rest = client.rest();
            if !rest.is_empty() {
                return Err(format!("and then {}", rest.escape_ascii()));
            }
        }
        After::Open | After::Either => {
            client.try_write(scan("clean-same"));
            match next(&mut client) {
                Some((200, text)) if text.starts_with("clean-same|") => expected.push("clean-same"),
                None if case.after == After::Either => {}
                other => return Err(format!("and the next one is answered {other:?}")),
            }
        }
    }
    let mut another = gateway.client();
    another.write(scan("clean-new"));
    match next(&mut another) {
        Some((200, text)) if text.starts_with("clean-new|") => expected.push("clean-new"),
        other => return Err(format!("and another connection is answered {other:?}")),
    }
    let seen = origin.take();
    let marks: Vec<_> = seen.iter().map(|it| &*it.mark).collect();
    if marks != expected {
        return Err(format!("seen {marks:?}, expected {expected:?}"));
    }
    match seen
        .iter()
        .find(|it| it.line != "POST /in HTTP/1.1" || it.body != HEALTH_CARD)
    {
        Some(odd) => Err(format!("seen {odd:?}")),
        None => Ok(()),
    }
}

/// The next final answer's status and body, unless the connection ends.
fn next(client: &mut Client) -> Option<(u16, String)> {
    loop {
        if std::io::BufRead::fill_buf(&mut client.0).ok()?.is_empty() {
            return None;
        }
        let mut answer = client.head();
        if answer.status != 100 {
            let body = client.rest_of(&mut answer).unwrap_or_default();
            return Some((answer.status, body));
        }
    }
}
