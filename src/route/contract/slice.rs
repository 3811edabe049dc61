//! Finding a value in a JSON document without changing a byte of it.
//!
//! A value is handed on exactly as it was written: `88.80` stays `88.80`, a long number keeps its
//! digits, an object its order. Free functions from the rest of the text to a piece and what
//! follows; a document that is not JSON yields nothing or a slice the caller must still check.

use std::borrow::Cow;

use crate::pointer::Pointer;

/// The deepest nesting passed on; `serde_json`'s own limit.
const NESTING: usize = 128;

/// A member on the way to the value stands twice, so that readers could disagree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Repeated;

/// The text of the value at `pointer`.
pub(super) fn find<'a>(json: &'a str, pointer: &Pointer) -> Result<Option<&'a str>, Repeated> {
    let mut value = trim(json);
    for token in pointer.tokens() {
        let inside = value.strip_prefix('{').map(|rest| member(rest, token));
        let inside = inside.or_else(|| Some(Ok(element(value.strip_prefix('[')?, token))));
        match inside.transpose()?.flatten() {
            Some(found) => value = found,
            None => return Ok(None),
        }
    }
    let Some((value, _)) = piece(value) else {
        return Ok(None);
    };
    Ok(Some(value))
}

/// The text from the named member's value on.
fn member<'a>(mut rest: &'a str, token: &str) -> Result<Option<&'a str>, Repeated> {
    let mut found = None;
    while let Some((name, after)) = piece(rest) {
        let Some(value) = trim(after).strip_prefix(':').map(trim) else {
            break;
        };
        if unquoted(name).is_some_and(|name| name == token) && found.replace(value).is_some() {
            return Err(Repeated);
        }
        match piece(value).and_then(|(_, after)| trim(after).strip_prefix(',')) {
            Some(after) => rest = after,
            None => break,
        }
    }
    Ok(found)
}

/// The text from the numbered element on.
fn element<'a>(mut rest: &'a str, token: &str) -> Option<&'a str> {
    // RFC 6901, 4: no leading zeros.
    if token.len() > 1 && token.starts_with('0') || !token.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    for _ in 0..token.parse().ok()? {
        let (_, after) = piece(rest)?;
        rest = trim(after).strip_prefix(',')?;
    }
    Some(trim(rest))
}

/// One value at the start of the text, and what follows it.
fn piece(text: &str) -> Option<(&str, &str)> {
    let text = trim(text);
    let end = match text.bytes().next()? {
        b'"' => string_end(text)?,
        b'{' | b'[' => nest_end(text)?,
        b'}' | b']' | b',' | b':' => return None,
        _ => text
            .bytes()
            .position(|b| b",]} \t\r\n".contains(&b))
            .unwrap_or(text.len()),
    };
    text.split_at_checked(end)
}

fn string_end(text: &str) -> Option<usize> {
    let mut escaped = false;
    let end = text.bytes().skip(1).position(|b| {
        let closes = b == b'"' && !escaped;
        escaped = b == b'\\' && !escaped;
        closes
    });
    end.map(|at| at + 2)
}

fn nest_end(text: &str) -> Option<usize> {
    let (mut depth, mut quoted, mut escaped) = (0_usize, false, false);
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'"' if !escaped => quoted = !quoted,
            b'{' | b'[' if !quoted => depth += 1,
            b'}' | b']' if !quoted => depth -= 1,
            _ => {}
        }
        escaped = quoted && byte == b'\\' && !escaped;
        match depth {
            0 => return Some(at + 1),
            1..=NESTING => {}
            _ => return None,
        }
    }
    None
}

fn unquoted(name: &str) -> Option<Cow<'_, str>> {
    let inside = name.strip_prefix('"')?.strip_suffix('"')?;
    if inside.contains('\\') {
        return serde_json::from_str(name).ok().map(Cow::Owned);
    }
    Some(Cow::Borrowed(inside))
}

fn trim(text: &str) -> &str {
    text.trim_start_matches([' ', '\t', '\r', '\n'])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn check(json: &str, pointer: &str, expected: Result<Option<&str>, Repeated>) {
        assert_eq!(
            find(json, &Pointer::parse(pointer).unwrap()),
            expected,
            "{json} {pointer}"
        );
    }

    #[test]
    fn values_are_found_as_written() {
        check(
            r#" {"a" : 1.0 , "b":[ 1, {"c":"]\"}"} ] }"#,
            "/a",
            Ok(Some("1.0")),
        );
        check(
            r#" {"a" : 1.0 , "b":[ 1, {"c":"]\"}"} ] }"#,
            "/b/1/c",
            Ok(Some(r#""]\"}""#)),
        );
        check(
            r#" {"a" : 1.0 , "b":[ 1, {"c":"]\"}"} ] }"#,
            "/b/1",
            Ok(Some(r#"{"c":"]\"}"}"#)),
        );
        check(r#"{"a\u0062":1}"#, "/ab", Ok(Some("1")));
        check(r#"{"a":{"x":1},"a":2}"#, "/a/x", Err(Repeated));
        check("[1,2]", "/1", Ok(Some("2")));
        check("[1,2]", "/01", Ok(None));
        check("[1,2]", "/2", Ok(None));
        check("[]", "/0", Ok(None));
        check("{}", "/a", Ok(None));
        check("\"a\"", "/a", Ok(None));
        check("{\"a\"", "/a", Ok(None));
        check(&"[".repeat(200), "", Ok(None));
    }

    proptest! {
        #[test]
        fn no_text_panics(json in "[\\[\\]{}\",:\\\\ a01中]{0,40}", token in "[a01]{0,2}") {
            let _ = find(&json, &Pointer::member(&token));
        }
    }
}
