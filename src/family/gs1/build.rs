//! Writes GS1 texts, for minting and for the round trips of the tests.
//!
//! The builders write what they are given: a wrong check digit is sometimes just what is wanted.

use std::fmt::Write;

use super::FNC1;
use super::ai::Ai;
use crate::family::checksum::mod10_digit;

/// An element string as scanned, with a separator only where the next element needs one.
pub fn build(elements: &[(&str, &str)]) -> String {
    let mut text = String::new();
    for (place, (code, value)) in elements.iter().enumerate() {
        text.push_str(code);
        text.push_str(value);
        let counted = Ai::at_start_of(code).is_some_and(|(ai, _)| ai.predefined_len().is_some());
        if !counted && place + 1 < elements.len() {
            text.push(FNC1);
        }
    }
    text
}

/// The same with brackets, as printed for people.
pub fn bracketed(elements: &[(&str, &str)]) -> String {
    let parts = elements
        .iter()
        .flat_map(|&(code, value)| ["(", code, ")", value]);
    parts.collect()
}

/// A Digital Link under `resolver`, such as `https://id.example.org`: the first element is the key,
/// its qualifiers follow in the path, all others in the query.
pub fn link(resolver: &str, elements: &[(&str, &str)]) -> String {
    let mut path = resolver.trim_end_matches('/').to_owned();
    let mut query = String::new();
    let key = elements.first().and_then(|(code, _)| Ai::at_start_of(code));
    let mut qualifiers = key.and_then(|(ai, _)| ai.qualifiers()).unwrap_or_default();
    for (place, (code, value)) in elements.iter().enumerate() {
        let next = qualifiers.iter().position(|qualifier| qualifier == code);
        if place == 0 || (next.is_some() && query.is_empty()) {
            qualifiers = next
                .and_then(|at| qualifiers.get(at + 1..))
                .unwrap_or(qualifiers);
            write_pair(&mut path, ('/', '/'), code, value);
        } else {
            let first = if query.is_empty() { '?' } else { '&' };
            write_pair(&mut query, (first, '='), code, value);
        }
    }
    path + &query
}

/// `body` with its check digit behind it; as it is if it holds anything but digits.
pub fn with_check_digit(body: &str) -> String {
    body.chars().chain(mod10_digit(body)).collect()
}

fn write_pair(text: &mut String, (before, between): (char, char), code: &str, value: &str) {
    text.push(before);
    text.push_str(code);
    text.push(between);
    for byte in value.bytes() {
        // RFC 3986, section 2.3: only unreserved characters mean themselves everywhere.
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            text.push(char::from(byte));
        } else {
            // Writing to a string cannot fail.
            let _ = write!(text, "%{byte:02X}");
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::{Form, parse};
    use super::*;

    #[test]
    fn separators_stand_where_they_are_needed() {
        let elements = [
            ("10", "A"),
            ("01", "51022222233336"),
            ("17", "261130"),
            ("21", "B"),
        ];
        assert_eq!(build(&elements), "10A\u{1d}01510222222333361726113021B");
        assert_eq!(
            bracketed(&elements),
            "(10)A(01)51022222233336(17)261130(21)B"
        );
    }

    #[test]
    fn a_link_holds_qualifiers_in_its_path() {
        let elements = [
            ("01", "51022222233336"),
            ("10", "A/1"),
            ("17", "261130"),
            ("21", "B"),
            ("99", "C"),
        ];
        let written = link("https://id.example.org/", &elements);
        assert_eq!(
            written,
            "https://id.example.org/01/51022222233336/10/A%2F1?17=261130&21=B&99=C"
        );
    }

    /// Values of set 82 without the opening bracket, which could begin an identifier.
    const TEXT: &str = "[!\"%&'*+,./0-9:;<=>?A-Z_a-z-]{1,20}";

    prop_compose! {
        fn elements()(
            key in prop_oneof![
                "[0-9]{13}".prop_map(|body| ("01", with_check_digit(&body))),
                "[0-9]{17}".prop_map(|body| ("8018", with_check_digit(&body))),
                TEXT.prop_map(|value| ("8004", value)),
            ],
            lot in proptest::option::of(TEXT),
            expiry in proptest::option::of("[0-9]{2}(0[1-9]|1[0-2])(0[0-9]|1[0-9]|2[0-8])"),
            weight in proptest::option::of("[0-9]{6}"),
            serial in proptest::option::of(TEXT),
        ) -> Vec<(&'static str, String)> {
            let optional = [("10", lot), ("17", expiry), ("3103", weight), ("21", serial)];
            std::iter::once(key)
                .chain(optional.into_iter().filter_map(|(code, value)| Some((code, value?))))
                .collect()
        }
    }

    proptest! {
        #[test]
        fn what_was_built_is_read_again(elements in elements()) {
            let given: Vec<_> = elements.iter().map(|(code, value)| (*code, value.as_str())).collect();
            for (text, form) in [
                (build(&given), Form::ElementString),
                (bracketed(&given), Form::Bracketed),
                (link("https://id.example.org", &given), Form::Link),
            ] {
                let read = parse(&text);
                prop_assert!(read.is_ok(), "{text}: {read:?}");
                let read = read.unwrap();
                prop_assert_eq!(read.form(), form);
                let pairs: Vec<_> = read.iter().map(|e| (e.code, e.decoded().into_owned())).collect();
                prop_assert_eq!(&pairs, &elements);
                prop_assert_eq!(read.primary().map(|key| key.code), Some(elements[0].0));
            }
        }

        #[test]
        fn a_wrong_check_digit_is_told_apart(body in "[0-9]{13}", step in 1_u8..10) {
            let mut key = with_check_digit(&body).into_bytes();
            key[13] = b'0' + (key[13] - b'0' + step) % 10;
            let text = build(&[("01", std::str::from_utf8(&key).unwrap())]);
            prop_assert!(parse(&text).unwrap_err().is_checksum());
        }
    }
}
