//! What is said where no handler is asked: about a head that is broken, late or too long, and at
//! the door when the house is full.

use std::collections::BTreeMap;

use bytes::Bytes;

use super::strict::Fault;

/// hyper's refusals have at most 123 bytes. Whatever the proxy says has a request's name beside that, and
/// what is written together with an earlier answer is longer, too.
const HYPERS: usize = 128;

/// Whole HTTP/1.1 messages, ready to be written; each must say `connection: close`.
#[derive(Clone, Debug)]
pub struct Refusals {
    /// To a head that breaks a rule; where this says nothing, what follows does.
    pub faults: BTreeMap<Fault, Bytes>,
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
    pub(super) fn instead_of(&self, bytes: &[u8], fault: Option<Fault>) -> Option<Bytes> {
        let code = bytes
            .strip_prefix(b"HTTP/1.1 ")
            .or_else(|| bytes.strip_prefix(b"HTTP/1.0 "))?;
        let bodyless = bytes
            .windows(19)
            .any(|part| part == b"content-length: 0\r\n");
        if !bodyless || bytes.len() > HYPERS || !bytes.ends_with(b"\r\n\r\n") {
            return None;
        }
        let general = match code.get(..3)? {
            b"400" => &self.malformed,
            b"414" | b"431" => &self.too_large,
            _ => return None,
        };
        let general = match fault {
            Some(fault) if fault.is_excess() => &self.too_large,
            _ => general,
        };
        let particular = fault.and_then(|fault| self.faults.get(&fault));
        Some(particular.unwrap_or(general).clone())
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
            faults: BTreeMap::new(),
            malformed: bare("400 Bad Request"),
            overloaded: bare("503 Service Unavailable"),
            too_large: bare("431 Request Header Fields Too Large"),
            too_slow: bare("408 Request Timeout"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(hypers: &str, fault: Option<Fault>, expected: Option<&str>) {
        let told = (Fault::Folded, Bytes::from("folded"));
        let refusals = Refusals {
            faults: [told].into(),
            malformed: Bytes::from("malformed"),
            too_large: Bytes::from("too large"),
            ..Refusals::default()
        };
        let words = refusals.instead_of(hypers.as_bytes(), fault);
        assert_eq!(words, expected.map(|words| Bytes::from(words.to_owned())));
    }

    #[test]
    fn hypers_words_are_replaced_by_those_about_the_rule() {
        let hypers = "HTTP/1.1 400 Bad Request\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";
        check(hypers, None, Some("malformed"));
        check(hypers, Some(Fault::Host), Some("malformed"));
        check(hypers, Some(Fault::Folded), Some("folded"));
        check(hypers, Some(Fault::TooManyFields), Some("too large"));
        check(&hypers.replace("400", "431"), None, Some("too large"));
    }

    #[test]
    fn nobody_elses_words_are_replaced() {
        let fault = Some(Fault::Folded);
        for words in [
            "HTTP/1.1 400 Bad Request\r\ncontent-length: 2\r\n\r\n",
            "HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n",
            "{\"code\":1}",
        ] {
            check(words, fault, None);
        }
        let handlers = format!(
            "HTTP/1.1 400 Bad Request\r\nx: {}\r\ncontent-length: 0\r\n\r\n",
            "y".repeat(99)
        );
        check(&handlers, fault, None);
        let two = "HTTP/1.1 200 OK\r\n\r\nHTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n";
        check(two, fault, None);
    }
}
