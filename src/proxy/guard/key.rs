//! The key by which a terminal names a request, so that its repetitions are known.
//!
//! `Idempotency-Key` is a structured string (RFC 9651, section 3.3.3; draft-ietf-httpapi-idempotency-
//! key-header-07, section 2.1): in quotes. Without them it is taken as well, as most clients send it.

use std::borrow::Cow;

use http::HeaderMap;
use http::header::HeaderName;

use crate::proxy::respond::Refusal;
use crate::reason::Reason;
use crate::route::contract::form;

/// The header.
pub(super) const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// The longest key, as long as clients know it from elsewhere.
const MAX_KEY_BYTES: usize = 255;

/// The request's key: of its header or of its body, and of both only if they agree.
pub(super) fn find<'a>(
    headers: &'a HeaderMap,
    in_body: Option<&'a str>,
) -> Result<Option<Cow<'a, str>>, Refusal> {
    let mut values = headers.get_all(IDEMPOTENCY_KEY).iter();
    let in_header = match (values.next(), values.next()) {
        (None, _) => None,
        (Some(value), None) => Some(read(value.as_bytes())?),
        (Some(_), Some(_)) => return Err(malformed("found two keys, expected one")),
    };
    let in_body = in_body.map(|key| check(Cow::Borrowed(key))).transpose()?;
    match (in_header, in_body) {
        (Some(one), Some(other)) if one != other => Err(malformed(
            "found one key in the header and another in the body, expected one",
        )),
        (one, other) => Ok(one.or(other)),
    }
}

/// A key as it stands in a path, percent-encoded where it must be. A plus is a space in forms only.
pub(super) fn of_path(segment: &str) -> Result<Cow<'_, str>, Refusal> {
    let mut escapes = segment.split('%').skip(1);
    let is_hex = |escape: &str| {
        let digits = escape.as_bytes().first_chunk::<2>();
        digits.is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
    };
    if !escapes.all(is_hex) {
        return Err(malformed("found a percent sign without two digits"));
    }
    let decoded = form::decode(&segment.replace('+', "%2B")).map(Cow::into_owned);
    check(Cow::Owned(
        decoded.ok_or_else(|| malformed("expected printable ASCII"))?,
    ))
}

fn read(value: &[u8]) -> Result<Cow<'_, str>, Refusal> {
    let text =
        std::str::from_utf8(value).map_err(|_| malformed("found bytes that are no ASCII"))?;
    let text = text.trim_matches([' ', '\t']);
    match text.strip_prefix('"') {
        Some(quoted) => check(unquote(quoted)?),
        None => check(Cow::Borrowed(text)),
    }
}

/// The string behind its first quote, which must end with the other one.
fn unquote(text: &str) -> Result<Cow<'_, str>, Refusal> {
    let inner = text
        .strip_suffix('"')
        .ok_or_else(|| malformed("found no closing quote"))?;
    if !inner.contains(['\\', '"']) {
        return Ok(Cow::Borrowed(inner));
    }
    let (mut plain, mut rest) = (String::new(), inner.chars());
    while let Some(one) = rest.next() {
        plain.push(match one {
            '\\' => rest
                .next()
                .filter(|escaped| matches!(escaped, '\\' | '"'))
                .ok_or_else(|| malformed("found a backslash before neither quote nor backslash"))?,
            '"' => return Err(malformed("found a quote in the middle")),
            other => other,
        });
    }
    Ok(Cow::Owned(plain))
}

fn check(key: Cow<'_, str>) -> Result<Cow<'_, str>, Refusal> {
    if key.is_empty() || key.len() > MAX_KEY_BYTES {
        return Err(malformed("expected a key of 1 to 255 bytes"));
    }
    if key.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
        Ok(key)
    } else {
        Err(malformed("expected printable ASCII"))
    }
}

fn malformed(detail: &str) -> Refusal {
    Refusal::because(Reason::IdempotencyKeyMalformed, detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_header(value: &[u8], expected: Result<&str, &str>) {
        let mut headers = HeaderMap::new();
        headers.insert(IDEMPOTENCY_KEY, value.try_into().unwrap());
        let found = find(&headers, None);
        let found = found.map(|key| key.unwrap().into_owned());
        let found = found.map_err(|refusal| refusal.detail.unwrap());
        let found = found.as_deref().map_err(String::as_str);
        assert_eq!(found, expected);
    }

    #[test]
    fn a_key_is_the_same_with_and_without_quotes() {
        check_header(b"\"8e03978e-40d5\"", Ok("8e03978e-40d5"));
        check_header(b"8e03978e-40d5", Ok("8e03978e-40d5"));
        check_header(br#""a \"b\" \\ c""#, Ok(r#"a "b" \ c"#));
    }

    #[test]
    fn what_is_no_key_is_refused() {
        check_header(b"", Err("expected a key of 1 to 255 bytes"));
        check_header(b"\"\"", Err("expected a key of 1 to 255 bytes"));
        check_header(&[b'a'; 256], Err("expected a key of 1 to 255 bytes"));
        check_header(b"\"a", Err("found no closing quote"));
        check_header(b"\"a\"b\"", Err("found a quote in the middle"));
        check_header(b"\xe4\xb8\xad", Err("expected printable ASCII"));
        let at = "found a backslash before neither quote nor backslash";
        check_header(br#""a\n""#, Err(at));
    }

    #[test]
    fn two_keys_must_agree() {
        let mut headers = HeaderMap::new();
        headers.insert(IDEMPOTENCY_KEY, "one".try_into().unwrap());
        assert!(find(&headers, Some("one")).unwrap().is_some());
        assert!(find(&headers, Some("other")).is_err());
        headers.append(IDEMPOTENCY_KEY, "one".try_into().unwrap());
        assert!(find(&headers, None).is_err());
    }
}
