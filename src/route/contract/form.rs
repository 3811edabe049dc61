//! Reading `application/x-www-form-urlencoded`, as the WHATWG URL standard does, without copying
//! what needs no decoding.

use std::borrow::Cow;

/// The pairs of a form or a query string; empty pairs are passed over.
pub(crate) fn pairs(text: &str) -> impl Iterator<Item = (&str, &str)> {
    let pairs = text.split('&').filter(|pair| !pair.is_empty());
    pairs.map(|pair| pair.split_once('=').unwrap_or((pair, "")))
}

/// A name or value with its escapes undone; a `%` without two hex digits stays as it is.
/// `None` if the bytes are no UTF-8.
pub(crate) fn decode(text: &str) -> Option<Cow<'_, str>> {
    if !text.bytes().any(|b| b == b'%' || b == b'+') {
        return Some(Cow::Borrowed(text));
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((byte, after)) = rest.split_first() {
        rest = after;
        match byte {
            b'+' => bytes.push(b' '),
            b'%' => match escaped(after) {
                Some((byte, after)) => {
                    bytes.push(byte);
                    rest = after;
                }
                None => bytes.push(b'%'),
            },
            byte => bytes.push(*byte),
        }
    }
    String::from_utf8(bytes).ok().map(Cow::Owned)
}

fn escaped(rest: &[u8]) -> Option<(u8, &[u8])> {
    let (digits, after) = rest.split_first_chunk::<2>()?;
    let [high, low] = digits.map(|digit| char::from(digit).to_digit(16));
    let byte = u8::try_from(high? * 16 + low?).ok()?;
    Some((byte, after))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::escape::Place;
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Option<&str>) {
        assert_eq!(decode(text).as_deref(), expected);
    }

    #[test]
    fn escapes_are_undone_and_loose_percent_signs_stay() {
        check("plain", Some("plain"));
        check("a+b%2Bc", Some("a b+c"));
        check("%E4%B8%AD", Some("中"));
        check("100%", Some("100%"));
        check("%zz%4", Some("%zz%4"));
        check("%FF", None);
        let found: Vec<_> = pairs("a=1&&b&=x&c=1=2").collect();
        assert_eq!(found, [("a", "1"), ("b", ""), ("", "x"), ("c", "1=2")]);
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(text in any::<String>()) {
            let mut out = Vec::new();
            Place::Form.write(&text, &mut out).unwrap();
            let written = String::from_utf8(out).unwrap();
            prop_assert!(pairs(&written).count() <= 1);
            let read = decode(&written).map(Cow::into_owned);
            prop_assert_eq!(read, Some(text));
        }

        #[test]
        fn no_text_panics(text in any::<String>()) {
            for (name, value) in pairs(&text) {
                let _ = (decode(name), decode(value));
            }
        }
    }
}
