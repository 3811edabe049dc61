//! Structured fields (RFC 9651), as far as signatures and digests are written in them: dictionaries of
//! inner lists and of byte sequences.
//!
//! Stricter than the standard where that costs nobody anything: what stands twice is refused and not
//! overwritten, and there are no values that nobody asks for.

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use thiserror::Error;

/// Members, items and parameters of one list; a signature covers about six components.
const MOST: usize = 32;

/// Section 4.2.7: a parser is "synthesizing padding if necessary".
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Where a field's value is not what was expected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("expected {expected} at byte {at}")]
pub struct FieldError {
    /// The byte, from 0.
    pub at: usize,
    /// What should stand there.
    pub expected: &'static str,
}

/// A value of a parameter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Value {
    Integer(i64),
    Text(String),
}

/// An inner list of strings and its parameters: what a signature covers and how it was made.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Covered {
    pub(super) components: Vec<String>,
    pub(super) parameters: Vec<(String, Value)>,
}

impl Covered {
    /// Writes it as a signature base has it (RFC 9421, section 2.3; RFC 9651, section 4.1.1.1).
    pub(super) fn write(&self, to: &mut Vec<u8>) {
        to.push(b'(');
        for (place, component) in self.components.iter().enumerate() {
            if place > 0 {
                to.push(b' ');
            }
            write_text(component, to);
        }
        to.push(b')');
        for (name, value) in &self.parameters {
            to.push(b';');
            to.extend_from_slice(name.as_bytes());
            to.push(b'=');
            match value {
                Value::Integer(number) => to.extend_from_slice(number.to_string().as_bytes()),
                Value::Text(text) => write_text(text, to),
            }
        }
    }
}

/// A string in quotes (section 4.1.6).
pub(super) fn write_text(text: &str, to: &mut Vec<u8>) {
    to.push(b'"');
    for byte in text.bytes() {
        if matches!(byte, b'"' | b'\\') {
            to.push(b'\\');
        }
        to.push(byte);
    }
    to.push(b'"');
}

/// Reads a dictionary of inner lists of strings.
pub(super) fn lists(field: &[u8]) -> Result<Vec<(String, Covered)>, FieldError> {
    Reader { field, at: 0 }.dictionary(Reader::list)
}

/// Reads a dictionary of byte sequences without parameters.
pub(super) fn bytes(field: &[u8]) -> Result<Vec<(String, Vec<u8>)>, FieldError> {
    Reader { field, at: 0 }.dictionary(Reader::bytes)
}

/// A field's value and how far it was read.
struct Reader<'a> {
    field: &'a [u8],
    at: usize,
}

impl Reader<'_> {
    /// Section 4.2.2.
    fn dictionary<T>(
        mut self,
        value: impl Fn(&mut Self) -> Result<T, FieldError>,
    ) -> Result<Vec<(String, T)>, FieldError> {
        let mut members: Vec<(String, T)> = Vec::new();
        self.skip(|byte| byte == b' ');
        loop {
            let at = self.at;
            let key = self.key()?;
            if members.iter().any(|(known, _)| *known == key) || members.len() == MOST {
                return Err(FieldError {
                    at,
                    expected: "a member that is not there already",
                });
            }
            self.take(b'=', "\"=\"")?;
            members.push((key, value(&mut self)?));
            self.skip(|byte| matches!(byte, b' ' | b'\t'));
            if self.peek().is_none() {
                return Ok(members);
            }
            self.take(b',', "a comma or the end")?;
            self.skip(|byte| matches!(byte, b' ' | b'\t'));
        }
    }

    /// Section 4.2.1.2, of strings without parameters.
    fn list(&mut self) -> Result<Covered, FieldError> {
        let mut list = Covered::default();
        self.take(b'(', "\"(\"")?;
        loop {
            self.skip(|byte| byte == b' ');
            if self.peek() == Some(b')') {
                self.at += 1;
                break;
            }
            let at = self.at;
            let component = self.text()?;
            if list.components.contains(&component) || list.components.len() == MOST {
                return Err(FieldError {
                    at,
                    expected: "a component that is not there already",
                });
            }
            if !matches!(self.peek(), Some(b' ' | b')')) {
                return self.expected("a space or \")\"");
            }
            list.components.push(component);
        }
        while self.peek() == Some(b';') {
            self.at += 1;
            self.skip(|byte| byte == b' ');
            let at = self.at;
            let name = self.key()?;
            let known = list.parameters.iter().any(|(known, _)| *known == name);
            if known || list.parameters.len() == MOST {
                return Err(FieldError {
                    at,
                    expected: "a parameter that is not there already",
                });
            }
            self.take(b'=', "\"=\"")?;
            let value = match self.peek() {
                Some(b'"') => Value::Text(self.text()?),
                _ => Value::Integer(self.integer()?),
            };
            list.parameters.push((name, value));
        }
        Ok(list)
    }

    /// Section 4.2.3.3.
    fn key(&mut self) -> Result<String, FieldError> {
        if !matches!(self.peek(), Some(b'a'..=b'z' | b'*')) {
            return self.expected("a key in lower case");
        }
        let inside = |byte: u8| {
            byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_-.*".contains(&byte)
        };
        Ok(self.skip(inside).iter().map(|&it| char::from(it)).collect())
    }

    /// Section 4.2.5.
    fn text(&mut self) -> Result<String, FieldError> {
        self.take(b'"', "a string in quotes")?;
        let mut text = String::new();
        loop {
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(text);
                }
                Some(b'\\') => {
                    self.at += 1;
                    match self.peek() {
                        Some(byte @ (b'"' | b'\\')) => text.push(char::from(byte)),
                        _ => return self.expected("a quote or a backslash"),
                    }
                }
                Some(byte @ b' '..=b'~') => text.push(char::from(byte)),
                _ => return self.expected("printable ASCII and a closing quote"),
            }
            self.at += 1;
        }
    }

    /// Section 4.2.4: fifteen digits at most.
    fn integer(&mut self) -> Result<i64, FieldError> {
        const DIGITS: usize = 15;
        let at = self.at;
        let minus = self.peek() == Some(b'-');
        self.at += usize::from(minus);
        let digits = self.skip(|byte| byte.is_ascii_digit());
        let few = (1..=DIGITS).contains(&digits.len());
        let number = std::str::from_utf8(digits).ok().filter(|_| few);
        let number = number.and_then(|digits| digits.parse::<i64>().ok());
        let number = number.ok_or(FieldError {
            at,
            expected: "a string or a whole number",
        })?;
        Ok(if minus { -number } else { number })
    }

    /// Section 4.2.7.
    fn bytes(&mut self) -> Result<Vec<u8>, FieldError> {
        self.take(b':', "bytes in base64 between colons")?;
        let at = self.at;
        let text = self.skip(|byte| byte != b':');
        let bytes = BASE64.decode(text).map_err(|_| FieldError {
            at,
            expected: "base64",
        })?;
        self.take(b':', "a closing colon")?;
        Ok(bytes)
    }

    fn peek(&self) -> Option<u8> {
        self.field.get(self.at).copied()
    }

    /// What fits from here on.
    fn skip(&mut self, fits: impl Fn(u8) -> bool) -> &[u8] {
        let rest = self.field.get(self.at..).unwrap_or_default();
        let length = rest.iter().take_while(|&&byte| fits(byte)).count();
        self.at += length;
        rest.get(..length).unwrap_or_default()
    }

    fn take(&mut self, byte: u8, expected: &'static str) -> Result<(), FieldError> {
        if self.peek() == Some(byte) {
            self.at += 1;
            return Ok(());
        }
        self.expected(expected)
    }

    const fn expected<T>(&self, expected: &'static str) -> Result<T, FieldError> {
        let at = self.at;
        Err(FieldError { at, expected })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn check(field: &str, expected: Result<&str, (usize, &str)>) {
        let read = lists(field.as_bytes()).map(|members| {
            let mut text = Vec::new();
            for (key, list) in members {
                text.extend_from_slice(format!("{key}=").as_bytes());
                list.write(&mut text);
            }
            String::from_utf8(text).unwrap()
        });
        let read = read.map_err(|error| (error.at, error.expected));
        assert_eq!(read.as_deref(), expected.as_ref().copied(), "{field}");
    }

    #[test]
    fn what_is_read_is_written_in_the_one_form() {
        let one = r#"a=("@method" "x");created=1;nonce="a\"\\""#;
        check(one, Ok(one));
        check(
            r#"  a=(  "@method"   "x" );  created=-01;nonce="b"  "#,
            Ok(r#"a=("@method" "x");created=-1;nonce="b""#),
        );
        check("a=()", Ok("a=()"));
    }

    #[test]
    fn what_is_none_is_told_by_its_place() {
        for (field, at, expected) in [
            ("", 0, "a key in lower case"),
            ("A=()", 0, "a key in lower case"),
            ("a", 1, "\"=\""),
            ("a=1", 2, "\"(\""),
            ("a=()x", 4, "a comma or the end"),
            ("a=(),", 5, "a key in lower case"),
            ("a=(), a=()", 6, "a member that is not there already"),
            ("a=(b)", 3, "a string in quotes"),
            (
                "a=(\"b\" \"b\")",
                7,
                "a component that is not there already",
            ),
            ("a=(\"b\"\"c\")", 6, "a space or \")\""),
            ("a=(\"b\";sf)", 6, "a space or \")\""),
            ("a=(\"b", 5, "printable ASCII and a closing quote"),
            ("a=(\"b\u{7f}\")", 5, "printable ASCII and a closing quote"),
            ("a=(\"b\\c\")", 6, "a quote or a backslash"),
            ("a=();b", 6, "\"=\""),
            ("a=();b=?1", 7, "a string or a whole number"),
            ("a=();b=1234567890123456", 7, "a string or a whole number"),
            ("a=();b=1.0", 8, "a comma or the end"),
            ("a=();b=1;b=2", 9, "a parameter that is not there already"),
        ] {
            check(field, Err((at, expected)));
        }
    }

    #[test]
    fn bytes_are_base64_with_its_padding_or_without() {
        let read = |field: &str| bytes(field.as_bytes());
        let hi = vec![("a".to_owned(), b"hi".to_vec())];
        assert_eq!(read("a=:aGk=:"), Ok(hi.clone()));
        assert_eq!(read("a=:aGk:"), Ok(hi));
        for wrong in ["a=:aGl=:", "a=:a-k=:", "a=:aGk=", "a=aGk=", "a=:aGk=:;b=1"] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(field in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = (lists(&field), bytes(&field));
        }

        /// Of the characters that mean something, which random bytes rarely hit.
        #[test]
        fn what_is_read_reads_the_same_again(field in r#"[ab=();" \\,:1-]{0,40}"#) {
            if let Ok(members) = lists(field.as_bytes()) {
                for (key, list) in members {
                    let mut text = format!("{key}=").into_bytes();
                    list.write(&mut text);
                    prop_assert_eq!(lists(&text), Ok(vec![(key, list)]));
                }
            }
        }
    }
}
