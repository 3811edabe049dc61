//! The signature base: what of a request was signed (RFC 9421, section 2.5).

use http::header::{HeaderMap, HeaderName, HeaderValue};

use super::fields::{Covered, write_text};
use super::{Head, Unproven};

/// Writes what was signed, line by line.
pub(super) fn base(head: &Head<'_>, covered: &Covered) -> Result<Vec<u8>, Unproven> {
    let mut base = Vec::with_capacity(512);
    for component in &covered.components {
        write_text(component, &mut base);
        base.extend_from_slice(b": ");
        match component.strip_prefix('@') {
            Some(derived) => derive(head, derived, &mut base)?,
            None => field(head.headers, component, &mut base)?,
        }
        base.push(b'\n');
    }
    base.extend_from_slice(b"\"@signature-params\": ");
    covered.write(&mut base);
    Ok(base)
}

/// Section 2.2, as far as a request has them and versions of HTTP agree on them.
fn derive(head: &Head<'_>, name: &str, base: &mut Vec<u8>) -> Result<(), Unproven> {
    let authority = || authority(head).ok_or(Unproven::NoAuthority);
    match name {
        "method" => base.extend_from_slice(head.method.as_str().as_bytes()),
        "authority" => base.extend_from_slice(authority()?.as_bytes()),
        "scheme" => base.extend_from_slice(head.scheme.name().as_bytes()),
        "path" => base.extend_from_slice(path(head).as_bytes()),
        // Section 2.2.7: "If the query string is absent from the request message, the component
        // value is the leading ? character alone".
        "query" => write_query(head.query.or(Some("")), base),
        "target-uri" => {
            let authority = authority()?;
            for part in [head.scheme.name(), "://", &authority, path(head)] {
                base.extend_from_slice(part.as_bytes());
            }
            write_query(head.query, base);
        }
        _ => return Err(Unproven::StrangeComponent),
    }
    Ok(())
}

fn write_query(query: Option<&str>, base: &mut Vec<u8>) {
    if let Some(query) = query {
        base.push(b'?');
        base.extend_from_slice(query.as_bytes());
    }
}

/// Section 2.2.6: "an empty path string is normalized as a single slash".
const fn path<'a>(head: &Head<'a>) -> &'a str {
    if head.path.is_empty() { "/" } else { head.path }
}

/// Section 2.2.3: in lower case, without the port that goes without saying (RFC 9110, section 4.2.3).
fn authority(head: &Head<'_>) -> Option<String> {
    let authority = head.authority?;
    // Nobody has a name there who asks a gateway.
    if authority.contains('@') {
        return None;
    }
    let authority = authority.to_ascii_lowercase();
    let plain = authority
        .strip_suffix(head.scheme.port())
        .or_else(|| authority.strip_suffix(':'));
    Some(plain.map_or_else(|| authority.clone(), str::to_owned))
}

/// Section 2.1: all values of the field, in their order.
fn field(headers: &HeaderMap, name: &str, base: &mut Vec<u8>) -> Result<(), Unproven> {
    // Names are compared in lower case, and this one has to be written so.
    let lower = !name.bytes().any(|byte| byte.is_ascii_uppercase());
    let known = HeaderName::from_bytes(name.as_bytes()).ok();
    let known = known.filter(|_| lower).ok_or(Unproven::StrangeComponent)?;
    let values = headers.get_all(known);
    if values.iter().next().is_none() {
        return Err(Unproven::AbsentComponent);
    }
    base.extend_from_slice(&joined(values.iter()));
    Ok(())
}

/// The values of one field as one: "concatenate" with "a single comma followed by a single space",
/// each stripped of its "leading and trailing whitespace".
pub(super) fn joined<'a>(values: impl Iterator<Item = &'a HeaderValue>) -> Vec<u8> {
    let mut whole = Vec::new();
    for (place, value) in values.enumerate() {
        if place > 0 {
            whole.extend_from_slice(b", ");
        }
        whole.extend_from_slice(value.as_bytes().trim_ascii());
    }
    whole
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    use http::{HeaderMap, Method};
    use ring::hmac;

    use super::super::fields::lists;
    use super::super::{Head, Scheme};
    use super::*;

    /// The secret of RFC 9421, appendix B.1.5.
    const SHARED: &str =
        "uzvJfB4u3N0Jy4T7NZ75MDVcr8zSTInedJtkgcu46YW4XByzNJjxBdtjUkdJPBtbmHhIDi6pcl8jsasjlTMtDQ==";

    fn headers(all: &[(&str, &str)]) -> HeaderMap {
        let pair = |(name, value): &(&str, &str)| {
            let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
            (name, HeaderValue::from_str(value).unwrap())
        };
        all.iter().map(pair).collect()
    }

    /// `test-request` of appendix B.2.
    fn request(headers: &HeaderMap) -> Head<'_> {
        Head {
            method: &Method::POST,
            scheme: Scheme::Https,
            authority: Some("example.com"),
            path: "/foo",
            query: Some("param=Value&Pet=dog"),
            headers,
            certificate: None,
        }
    }

    #[test]
    fn the_example_of_the_standard_holds() {
        let headers = headers(&[
            ("Host", "example.com"),
            ("Date", "Tue, 20 Apr 2021 02:07:55 GMT"),
            ("Content-Type", "application/json"),
        ]);
        let input = "sig-b25=(\"date\" \"@authority\" \"content-type\")\
                     ;created=1618884473;keyid=\"test-shared-secret\"";
        let (_, covered) = lists(input.as_bytes()).unwrap().remove(0);
        let base = base(&request(&headers), &covered).unwrap();
        let key = STANDARD.decode(SHARED).unwrap();
        let key = hmac::Key::new(hmac::HMAC_SHA256, &key);
        // Appendix B.2.5.
        let signed = STANDARD.decode("pxcQw6G3AjtMBQjwo8XzkZf/bws5LelbaMk5rGIGtE8=");
        assert!(hmac::verify(&key, &base, &signed.unwrap()).is_ok());
    }

    #[track_caller]
    fn check(head: &Head<'_>, component: &str, expected: Result<&str, Unproven>) {
        let covered = Covered {
            components: vec![component.to_owned()],
            parameters: Vec::new(),
        };
        let found = base(head, &covered).map(|base| String::from_utf8(base).unwrap());
        let expected = expected.map(|value| {
            format!("\"{component}\": {value}\n\"@signature-params\": (\"{component}\")")
        });
        assert_eq!(found, expected);
    }

    #[test]
    fn components_are_those_of_the_standard() {
        let headers = headers(&[
            ("x-twice", "  one "),
            ("x-twice", "two,three"),
            ("x-empty", ""),
        ]);
        let head = request(&headers);
        check(&head, "@method", Ok("POST"));
        check(&head, "@authority", Ok("example.com"));
        check(&head, "@scheme", Ok("https"));
        check(&head, "@path", Ok("/foo"));
        check(&head, "@query", Ok("?param=Value&Pet=dog"));
        let target = Ok("https://example.com/foo?param=Value&Pet=dog");
        check(&head, "@target-uri", target);
        check(&head, "x-twice", Ok("one, two,three"));
        check(&head, "x-empty", Ok(""));
        for strange in [
            "@status",
            "@request-target",
            "@signature-params",
            "X-Twice",
            "a b",
            "",
        ] {
            check(&head, strange, Err(Unproven::StrangeComponent));
        }
        check(&head, "x-none", Err(Unproven::AbsentComponent));
        let bare = Head {
            path: "",
            query: None,
            ..head
        };
        check(&bare, "@path", Ok("/"));
        check(&bare, "@query", Ok("?"));
        check(&bare, "@target-uri", Ok("https://example.com/"));
    }

    #[test]
    fn an_authority_is_the_same_in_every_spelling() {
        let headers = HeaderMap::new();
        let of = |authority, scheme| Head {
            scheme,
            authority,
            ..request(&headers)
        };
        for (written, scheme, expected) in [
            ("EXAMPLE.com:443", Scheme::Https, "example.com"),
            ("example.com:80", Scheme::Https, "example.com:80"),
            ("example.com:80", Scheme::Http, "example.com"),
            ("example.com:", Scheme::Http, "example.com"),
            ("[2001:DB8::1]:8443", Scheme::Https, "[2001:db8::1]:8443"),
            ("[2001:db8::443]", Scheme::Https, "[2001:db8::443]"),
        ] {
            check(&of(Some(written), scheme), "@authority", Ok(expected));
        }
        let none = Err(Unproven::NoAuthority);
        check(&of(None, Scheme::Http), "@authority", none.clone());
        check(&of(Some("a@b"), Scheme::Http), "@target-uri", none);
    }
}
