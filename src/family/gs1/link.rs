//! The walk over a GS1 Digital Link URI (GS1 Digital Link Standard: URI Syntax).
//!
//! The host says nothing about the goods and is not looked at; the URI is never fetched.

use std::borrow::Cow;

use super::ai::{Ai, MAX_VALUE};
use super::{Element, Form, ParseError};

/// What is left of a link.
pub(super) struct Link<'a> {
    text: &'a str,
    state: State,
}

/// Where in the link the walk stands.
enum State {
    /// Nothing was read yet.
    Start,
    /// In the path, at the segment of an identifier.
    Path {
        at: usize,
        end: usize,
        qualifiers: &'static [&'static str],
    },
    /// In the query, at the start of a parameter.
    Query { at: usize, end: usize },
    /// At the end, or behind a mistake.
    Done,
}

impl<'a> Link<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self {
            text,
            state: State::Start,
        }
    }

    fn step(&mut self) -> Option<Result<Element<'a>, ParseError>> {
        loop {
            match std::mem::replace(&mut self.state, State::Done) {
                State::Start => match self.key() {
                    Ok(element) => return Some(Ok(element)),
                    Err(error) => return Some(Err(error)),
                },
                State::Path {
                    at,
                    end,
                    qualifiers,
                } if at < end => {
                    return Some(self.qualifier(at, end, qualifiers));
                }
                State::Path { end, .. } => self.state = self.query(end),
                State::Query { at, end } if at < end => {
                    if let Some(element) = self.parameter(at, end) {
                        return Some(element);
                    }
                }
                State::Query { .. } | State::Done => return None,
            }
        }
    }

    /// The key is in the first segment that begins with a digit; what stands in front of it is a
    /// prefix of the resolver's own.
    fn key(&mut self) -> Result<Element<'a>, ParseError> {
        let (path, end) = self.path().ok_or(ParseError::NoKey)?;
        let mut at = path;
        while at < end
            && !self
                .text
                .get(at..)
                .is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
        {
            at = self.next_segment(at, end);
        }
        if at >= end {
            return Err(ParseError::NoKey);
        }
        let (code, next) = self.segment(at, end);
        let ai = whole(code).ok_or(ParseError::UnknownAi { at })?;
        let qualifiers = ai.qualifiers().ok_or(ParseError::NoKey)?;
        self.pair(ai, code, (at, next, end), qualifiers)
    }

    fn qualifier(
        &mut self,
        at: usize,
        end: usize,
        allowed: &'static [&'static str],
    ) -> Result<Element<'a>, ParseError> {
        let (code, next) = self.segment(at, end);
        let ai = whole(code).ok_or(ParseError::UnknownAi { at })?;
        let place = allowed.iter().position(|allowed| *allowed == code);
        let place = place.ok_or(ParseError::Misplaced { at })?;
        self.pair(
            ai,
            code,
            (at, next, end),
            allowed.get(place + 1..).unwrap_or_default(),
        )
    }

    /// Reads the value segment behind the identifier's and moves on behind both.
    fn pair(
        &mut self,
        ai: &'static Ai,
        code: &'a str,
        (at, value_at, end): (usize, usize, usize),
        qualifiers: &'static [&'static str],
    ) -> Result<Element<'a>, ParseError> {
        let (value, next) = self.segment(value_at.min(end), end);
        self.state = State::Path {
            at: next,
            end,
            qualifiers,
        };
        checked(Element {
            ai,
            code,
            value,
            at,
            value_at,
            form: Form::Link,
        })
        .inspect_err(|_| self.state = State::Done)
    }

    /// One parameter of the query; nothing if its name is no number: those are for the resolver.
    fn parameter(&mut self, at: usize, end: usize) -> Option<Result<Element<'a>, ParseError>> {
        let rest = self.text.get(at..end).unwrap_or_default();
        let length = rest.find(['&', ';']).unwrap_or(rest.len());
        self.state = State::Query {
            at: at + length + 1,
            end,
        };
        let (code, value) = rest.get(..length)?.split_once('=')?;
        if code.is_empty() || !code.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let element = whole(code)
            .ok_or(ParseError::UnknownAi { at })
            .and_then(|ai| {
                let value_at = at + code.len() + 1;
                checked(Element {
                    ai,
                    code,
                    value,
                    at,
                    value_at,
                    form: Form::Link,
                })
            });
        Some(element.inspect_err(|_| self.state = State::Done))
    }

    /// The range of the path behind its first slash.
    fn path(&self) -> Option<(usize, usize)> {
        let scheme = self.text.find("://")?;
        let known = self.text.get(..scheme).is_some_and(|name| {
            name.eq_ignore_ascii_case("https") || name.eq_ignore_ascii_case("http")
        });
        let host = scheme + 3;
        let slash = host + self.text.get(host..)?.find('/')?;
        let authority = self.text.get(host..slash)?;
        let usual = !authority.is_empty() && !authority.contains(['?', '#', '@']);
        let end = self
            .text
            .get(slash..)?
            .find(['?', '#'])
            .map_or(self.text.len(), |len| slash + len);
        (known && usual).then_some((slash + 1, end))
    }

    /// The parameters behind the path, if there are any, without the fragment.
    fn query(&self, path_end: usize) -> State {
        let rest = self.text.get(path_end..).unwrap_or_default();
        if !rest.starts_with('?') {
            return State::Done;
        }
        let end = rest
            .find('#')
            .map_or(self.text.len(), |length| path_end + length);
        State::Query {
            at: path_end + 1,
            end,
        }
    }

    /// The segment at `at`, and where the next one begins.
    fn segment(&self, at: usize, end: usize) -> (&'a str, usize) {
        let next = self.next_segment(at, end);
        let segment = self.text.get(at..end.min(next)).unwrap_or_default();
        (segment.strip_suffix('/').unwrap_or(segment), next)
    }

    fn next_segment(&self, at: usize, end: usize) -> usize {
        let rest = self.text.get(at..end).unwrap_or_default();
        rest.find('/').map_or(end, |length| at + length + 1)
    }
}

impl<'a> Iterator for Link<'a> {
    type Item = Result<Element<'a>, ParseError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.step()
    }
}

/// Percent-decodes a value; what cannot be decoded stays as it is.
pub(super) fn decode(value: &str) -> Cow<'_, str> {
    let mut room = [0; MAX_VALUE];
    let decoded = decode_into(value, 0, &mut room).ok();
    match decoded.and_then(|bytes| std::str::from_utf8(bytes).ok()) {
        Some(decoded) if decoded != value => Cow::Owned(decoded.to_owned()),
        _ => Cow::Borrowed(value),
    }
}

/// The identifier that `code` is, to its last digit.
fn whole(code: &str) -> Option<&'static Ai> {
    Ai::at_start_of(code)
        .filter(|&(_, length)| length == code.len())
        .map(|(ai, _)| ai)
}

fn checked(element: Element<'_>) -> Result<Element<'_>, ParseError> {
    let mut room = [0; MAX_VALUE];
    let value = decode_into(element.value, element.value_at, &mut room)?;
    element.ai.accept(value, element.value_at)?;
    Ok(element)
}

/// Decodes `%41` and its like into `room`, which every value an identifier allows fits in.
fn decode_into<'r>(
    value: &str,
    at: usize,
    room: &'r mut [u8; MAX_VALUE],
) -> Result<&'r [u8], ParseError> {
    let mut bytes = value.bytes();
    let digit = |bytes: &mut std::str::Bytes<'_>| bytes.next().and_then(hex);
    let mut length = 0;
    while let Some(byte) = bytes.next() {
        let decoded = if byte == b'%' {
            let (high, low) = (digit(&mut bytes), digit(&mut bytes));
            high.zip(low)
                .map(|(high, low)| high * 16 + low)
                .ok_or(ParseError::BadEscape { at })?
        } else {
            byte
        };
        *room.get_mut(length).ok_or(ParseError::TooLong {
            at,
            most: MAX_VALUE,
        })? = decoded;
        length += 1;
    }
    Ok(room.get(..length).unwrap_or_default())
}

fn hex(byte: u8) -> Option<u8> {
    char::from(byte)
        .to_digit(16)
        .and_then(|digit| u8::try_from(digit).ok())
}

#[cfg(test)]
mod tests {
    use super::super::{ParseError, parse};

    #[track_caller]
    fn check(text: &str, expected: &[(&str, &str)]) {
        let elements = parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
        let found: Vec<_> = elements
            .iter()
            .map(|e| (e.code, e.decoded().into_owned()))
            .collect();
        let expected: Vec<_> = expected.iter().map(|&(c, v)| (c, v.to_owned())).collect();
        assert_eq!(found, expected, "{text}");
    }

    #[track_caller]
    fn check_refused(text: &str, expected: ParseError) {
        assert_eq!(parse(text).unwrap_err(), expected, "{text}");
    }

    #[test]
    fn path_and_query_are_read() {
        check(
            "https://id.example.org/01/09521234543213/10/ABC1/21/12345?17=261130",
            &[
                ("01", "09521234543213"),
                ("10", "ABC1"),
                ("21", "12345"),
                ("17", "261130"),
            ],
        );
        check(
            "HTTP://example.org/414/9521234543213/254/7",
            &[("414", "9521234543213"), ("254", "7")],
        );
        check(
            "https://example.org/8018/123456789012345675/8019/1",
            &[("8018", "123456789012345675"), ("8019", "1")],
        );
    }

    #[test]
    fn resolver_prefixes_and_parameters_are_passed_over() {
        check(
            "https://example.org:8443/some/shop/01/09521234543213/?linkType=x&10=A;flag#21=B",
            &[("01", "09521234543213"), ("10", "A")],
        );
    }

    #[test]
    fn values_are_percent_decoded_before_they_are_judged() {
        check("https://example.org/8004/A%2Fb%25", &[("8004", "A/b%")]);
        check_refused(
            "https://example.org/8004/A%2",
            ParseError::BadEscape { at: 25 },
        );
        check_refused(
            "https://example.org/8004/A%zz",
            ParseError::BadEscape { at: 25 },
        );
        check_refused(
            "https://example.org/8004/A%20B",
            ParseError::BadCharacter { at: 25 },
        );
        check_refused(
            "https://example.org/8004/%FF",
            ParseError::BadCharacter { at: 25 },
        );
        let long = format!("https://example.org/8004/{}", "%41".repeat(90));
        check_refused(&long, ParseError::TooLong { at: 25, most: 30 });
        let longer = format!("https://example.org/8004/{}", "A".repeat(91));
        check_refused(&longer, ParseError::TooLong { at: 25, most: 90 });
    }

    #[test]
    fn a_path_without_a_key_is_refused() {
        for text in [
            "https://example.org",
            "https://example.org/",
            "https://example.org/about/us",
            "https://example.org?01=09521234543213",
            "https://user@example.org/01/09521234543213",
            "hxxp://example.org/01/09521234543213",
            "https:///01/09521234543213",
            "h",
        ] {
            check_refused(text, ParseError::NoKey);
        }
        check_refused("https://example.org/10/ABC", ParseError::NoKey);
        check_refused(
            "https://example.org/2026/11/x",
            ParseError::UnknownAi { at: 20 },
        );
        check_refused(
            "https://example.org/01",
            ParseError::TooShort { at: 22, least: 14 },
        );
        check_refused(
            "https://example.org/01/09521234543214",
            ParseError::BadChecksum { at: 23 },
        );
    }

    #[test]
    fn qualifiers_belong_to_their_key_in_order() {
        let link = |rest: &str| format!("https://example.org/01/09521234543213/{rest}");
        check_refused(&link("21/1/10/A"), ParseError::Misplaced { at: 43 });
        check_refused(&link("17/261130"), ParseError::Misplaced { at: 38 });
        check_refused(&link("10/A/shop"), ParseError::UnknownAi { at: 43 });
        check_refused(&link("10/"), ParseError::TooShort { at: 41, least: 1 });
        check_refused(&link("?18=1"), ParseError::UnknownAi { at: 39 });
    }
}
