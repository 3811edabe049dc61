//! The names of a request: its id and its place in a trace.

use std::cell::RefCell;
use std::ops::Range;

use http::header::{HeaderMap, HeaderName, HeaderValue};

use super::ink::{Ink, value};
use super::respond::REQUEST_ID;
use crate::random::Random;
use crate::reason::Stage;
use crate::telemetry::{Sampling, TraceContext};

/// W3C Trace Context, section 3.2.
pub const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

/// W3C Trace Context, section 3.3.
pub const TRACESTATE: HeaderName = HeaderName::from_static("tracestate");

/// The longest request id taken from a client; a UUID has 36 characters.
const MAX_REQUEST_ID: usize = 128;

/// Version, trace id, parent id and flags with their dashes.
const TRACEPARENT_LENGTH: usize = 55;

/// The trace is recorded (W3C Trace Context, section 3.2.2.5.1).
const SAMPLED: u8 = 1;

/// The trace's id is random (level 2, section 3.2.2.5.2). All other flags are "set to zero".
const RANDOM: u8 = 2;

/// Where the trace id stands.
const TRACE: Range<usize> = 3..35;

/// The names of one request.
#[derive(Clone, Debug)]
pub struct Identity {
    /// The client's own id if it is presentable, else the trace id.
    pub request_id: HeaderValue,
    /// What the department is sent: the client's trace, or a new one, and our asking as its parent.
    pub traceparent: HeaderValue,
    /// The same as numbers, with the client's part.
    pub trace: TraceContext,
    /// Whether the id is the client's own.
    pub named: bool,
    /// Whether the trace is the client's, so that its `tracestate` still means something.
    pub continued: bool,
}

/// Draws names; one on each worker, seeded by the caller.
#[derive(Debug)]
pub struct Names {
    random: RefCell<Random>,
    ink: Ink,
    /// Which traces are recorded.
    sampling: Sampling,
}

impl Names {
    /// Starts from a random seed, different for each worker and start.
    pub fn new(seed: u64, sampling: Sampling) -> Self {
        Self {
            random: RefCell::new(Random::seeded(seed)),
            ink: Ink::default(),
            sampling,
        }
    }

    /// Names a request.
    pub fn identify(&self, headers: &HeaderMap) -> Identity {
        let sent = trace_of(headers);
        let mut trace = match &sent {
            Some(sent) => TraceContext {
                span: self.draw(),
                ..sent.context
            },
            None => self.begin(),
        };
        trace.sampled = self.sampling.decides(&trace);
        let random = sent.as_ref().map_or(0, |sent| sent.flags & RANDOM);
        let flags = random | u8::from(trace.sampled);
        let text = self.ink.write(TRACEPARENT_LENGTH, |text| {
            text.extend_from_slice(b"00-");
            text.extend_from_slice(&hex::<32>(trace.trace));
            text.extend_from_slice(b"-");
            text.extend_from_slice(&hex::<16>(trace.part(Stage::Forward).into()));
            text.extend_from_slice(b"-");
            text.extend_from_slice(&hex::<2>(flags.into()));
        });
        let own = || value(text.slice(TRACE));
        let named = presentable(headers);
        Identity {
            named: named.is_some(),
            request_id: named.cloned().unwrap_or_else(own),
            traceparent: value(text),
            trace,
            continued: sent.is_some(),
        }
    }

    /// A trace of our own.
    fn begin(&self) -> TraceContext {
        let [high, low] = [self.draw(), self.draw()].map(u128::from);
        TraceContext {
            trace: (high << 64) | low,
            span: self.draw(),
            ..TraceContext::default()
        }
    }

    /// Never zero, which the standard forbids for ids.
    fn draw(&self) -> u64 {
        self.random.borrow_mut().next().max(1)
    }
}

/// A `traceparent` as it was sent.
struct Sent {
    context: TraceContext,
    flags: u8,
}

/// The last so many hexadecimal digits of a number, in lower case.
fn hex<const DIGITS: usize>(number: u128) -> [u8; DIGITS] {
    let mut left = number;
    let mut digits = [b'0'; DIGITS];
    for digit in digits.iter_mut().rev() {
        let nibble = u8::try_from(left & 15).unwrap_or_default();
        *digit = nibble + if nibble < 10 { b'0' } else { b'a' - 10 };
        left >>= 4;
    }
    digits
}

fn presentable(headers: &HeaderMap) -> Option<&HeaderValue> {
    headers.get(REQUEST_ID).filter(|value| {
        (1..=MAX_REQUEST_ID).contains(&value.len())
            && value.as_bytes().iter().all(u8::is_ascii_graphic)
    })
}

/// The one valid `traceparent`.
fn trace_of(headers: &HeaderMap) -> Option<Sent> {
    let mut sent = headers.get_all(TRACEPARENT).iter();
    let (value, None) = (sent.next()?.to_str().ok()?, sent.next()) else {
        return None;
    };
    let mut parts = value.split('-');
    let (version, trace, parent, flags) =
        (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let is_hex = |part: &str, length: usize| {
        part.len() == length
            && part
                .bytes()
                .all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
    };
    let is_id =
        |part: &str, length: usize| is_hex(part, length) && part.bytes().any(|byte| byte != b'0');
    // Section 4: version ff is invalid; a later version may add fields, version 00 has four.
    let whole = if version == "00" {
        parts.next().is_none()
    } else {
        is_hex(version, 2) && version != "ff"
    };
    if !(whole && is_id(trace, 32) && is_id(parent, 16) && is_hex(flags, 2)) {
        return None;
    }
    let flags = u8::from_str_radix(flags, 16).ok()?;
    let context = TraceContext {
        trace: u128::from_str_radix(trace, 16).ok()?,
        parent: u64::from_str_radix(parent, 16).ok(),
        span: 0,
        sampled: flags & SAMPLED == SAMPLED,
    };
    Some(Sent { context, flags })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn identify(headers: &[(HeaderName, &str)]) -> (String, String, bool) {
        let pair = |(name, value): &(HeaderName, &str)| {
            (name.clone(), HeaderValue::from_str(value).unwrap())
        };
        let identity =
            Names::new(7, Sampling::default()).identify(&headers.iter().map(pair).collect());
        let text = |value: HeaderValue| value.to_str().unwrap().to_owned();
        (
            text(identity.request_id),
            text(identity.traceparent),
            identity.continued,
        )
    }

    const SENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    #[test]
    fn a_valid_trace_is_continued_with_a_parent_of_our_own() {
        let (id, trace, continued) = identify(&[(TRACEPARENT, SENT), (REQUEST_ID, "abc-1")]);
        assert!(
            continued
                && trace.starts_with("00-4bf92f3577b34da6a3ce929d0e0e4736-")
                && trace.ends_with("-01")
        );
        assert!(!trace.contains("00f067aa0ba902b7"));
        assert_eq!(id, "abc-1");
    }

    #[test]
    fn the_department_is_told_who_asks_it_and_whether_that_is_recorded() {
        let headers = [(TRACEPARENT, HeaderValue::from_static(SENT))];
        let headers = headers.into_iter().collect();
        let recorded = |share, heeds_parent| {
            let sampling = Sampling {
                share,
                heeds_parent,
            };
            let names = Names::new(7, sampling);
            [names.identify(&headers), names.identify(&HeaderMap::new())].map(|named| {
                let asking = TraceContext {
                    span: named.trace.part(Stage::Forward),
                    ..named.trace
                };
                assert_eq!(named.traceparent, asking.to_string());
                named.trace.sampled
            })
        };
        assert_eq!(recorded(0.0, true), [true, false]);
        assert_eq!(recorded(1.0, true), [true, true]);
        assert_eq!(recorded(0.0, false), [false, false]);
        let (_, trace, _) = identify(&[(TRACEPARENT, &SENT.replace("-01", "-ff"))]);
        assert!(trace.ends_with("-03"), "{trace}");
    }

    #[test]
    fn anything_else_begins_a_new_trace() {
        let later = format!("{SENT}-more");
        for wrong in [
            &later,
            "00-4bf9-00f067aa0ba902b7-01",
            &SENT.to_uppercase(),
            "",
            &SENT.replace("00-4", "ff-4"),
        ] {
            let (id, trace, continued) = identify(&[(TRACEPARENT, wrong)]);
            assert!(!continued, "{wrong}");
            assert_eq!(trace.get(3..35), Some(&*id));
        }
        assert!(!identify(&[(TRACEPARENT, SENT), (TRACEPARENT, SENT)]).2);
    }

    #[test]
    fn an_id_that_is_too_long_or_unprintable_is_replaced() {
        for wrong in ["", "a b", &"x".repeat(129)] {
            assert_eq!(identify(&[(REQUEST_ID, wrong)]).0.len(), 32, "{wrong}");
        }
    }
}
