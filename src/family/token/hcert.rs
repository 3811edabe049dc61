//! EU Digital COVID Certificates (Electronic Health Certificate Specification 1.3): a CWT, deflated,
//! in Base45 behind `HC1:`.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::Value;

use super::{Expected, ParseError, Token, cose, cwt, inflate, text, unexpected};
use crate::family::{Purpose, PurposeSet};

/// The context identifier: the only version there is.
pub const PREFIX: &str = "HC1:";

/// Where the certificate is within the claims: `hcert`, and in it the first schema.
const CERTIFICATE: &str = "/-260/1";

/// The groups of a certificate; it states what those it has are about.
const GROUPS: [(&str, Purpose); 3] = [
    ("t", Purpose::Test),
    ("v", Purpose::Vaccination),
    ("r", Purpose::Recovery),
];

/// Reads a certificate.
pub fn parse(text: &str) -> Result<Token, ParseError> {
    let encoded = text
        .strip_prefix(PREFIX)
        .ok_or_else(|| unexpected(0)(PREFIX))?;
    token(encoded).map_err(unexpected(PREFIX.len()))
}

fn token(encoded: &str) -> Result<Token, Expected> {
    let message = inflate::zlib(&text::base45(encoded)?)?;
    let token = cwt::token(cose::open(&message, key_id)?)?;
    // "exp SHALL hold a timestamp": without one a certificate would be good for ever.
    if token.expires_at.is_none() {
        return Err("the time at which the certificate expires");
    }
    let purposes = purposes(&token.claims)?;
    let rid = identifier(&token.claims);
    Ok(Token {
        purposes,
        rid,
        ..token
    })
}

/// "kid": the first bytes of the digest of the signer's certificate, which every list of
/// certificates writes in Base64.
fn key_id(bytes: &[u8]) -> String {
    BASE64_STANDARD.encode(bytes)
}

/// What lists of revoked certificates call it: the identifier of its first entry (UVCI).
fn identifier(claims: &Value) -> Option<String> {
    let certificate = claims.pointer(CERTIFICATE)?;
    let entries = GROUPS
        .iter()
        .filter_map(|(group, _)| certificate.get(*group)?.get(0));
    let mut identifiers = entries.filter_map(|entry| entry.get("ci")?.as_str());
    identifiers.next().map(str::to_owned)
}

fn purposes(claims: &Value) -> Result<PurposeSet, Expected> {
    let certificate = claims.pointer(CERTIFICATE);
    let certificate = certificate
        .and_then(Value::as_object)
        .ok_or("a health certificate")?;
    let stated = GROUPS.into_iter().filter(|(group, _)| {
        let entries = certificate.get(*group).and_then(Value::as_array);
        entries.is_some_and(|entries| !entries.is_empty())
    });
    let purposes: PurposeSet = stated.map(|(_, purpose)| purpose).collect();
    if purposes.is_empty() {
        return Err("a test, a vaccination or a recovery");
    }
    Ok(purposes)
}

#[cfg(test)]
mod tests {
    use miniz_oxide::deflate::compress_to_vec_zlib;

    use super::*;
    use crate::time::Timestamp;

    /// A certificate of a payload, signed by nobody.
    fn certificate(payload: &[u8]) -> Vec<u8> {
        let length = u8::try_from(payload.len()).unwrap();
        let head = b"\xd2\x84\x43\xa1\x01\x26\xa1\x04\x41\xff\x58";
        let message = [head, &[length][..], payload, b"\x43sig"].concat();
        compress_to_vec_zlib(&message, 6)
    }

    fn read(deflated: &[u8]) -> Result<Token, ParseError> {
        parse(&(PREFIX.to_owned() + &base45::encode(deflated)))
    }

    #[track_caller]
    fn check(payload: &[u8], expected: Result<&[Purpose], &'static str>) {
        let found = read(&certificate(payload));
        let found = found.map(|token| token.purposes.iter().collect::<Vec<_>>());
        let expected = expected.map(<[_]>::to_vec).map_err(unexpected(4));
        assert_eq!(found, expected, "{payload:02x?}");
    }

    #[test]
    fn purposes_are_the_groups_that_have_entries() {
        use Purpose::{Recovery, Test, Vaccination};
        check(
            b"\xa2\x04\x01\x39\x01\x03\xa1\x01\xa1\x61v\x81\xa0",
            Ok(&[Vaccination]),
        );
        check(
            b"\xa2\x04\x01\x39\x01\x03\xa1\x01\xa2\x61r\x81\xa0\x61t\x81\xa0",
            Ok(&[Test, Recovery]),
        );
        check(
            b"\xa2\x04\x01\x39\x01\x03\xa1\x01\xa3\x61r\xf6\x61t\x80\x61v\x81\xa0",
            Ok(&[Vaccination]),
        );
        let none = "a test, a vaccination or a recovery";
        check(b"\xa2\x04\x01\x39\x01\x03\xa1\x01\xa0", Err(none));
        check(b"\xa2\x04\x01\x39\x01\x03\xa1\x01\xa1\x61v\xa0", Err(none));
    }

    #[test]
    fn a_certificate_has_an_end_and_a_content() {
        let content = "a health certificate";
        check(
            b"\xa1\x39\x01\x03\xa1\x01\xa1\x61v\x81\xa0",
            Err("the time at which the certificate expires"),
        );
        check(b"\xa1\x04\x01", Err(content));
        check(
            b"\xa2\x04\x01\x39\x01\x03\xa1\x02\xa1\x61v\x81\xa0",
            Err(content),
        );
        check(b"\xa2\x04\x01\x39\x01\x03\xa1\x01\x81\xa0", Err(content));
        check(b"\xa2\x04\x01\x39\x01\x03\x00", Err(content));
        check(b"\x80", Err("a map of claims"));
    }

    #[test]
    fn everything_around_it_is_strict() {
        let sound = certificate(b"\xa2\x04\xf9\x3e\x00\x39\x01\x03\xa1\x01\xa1\x61v\x81\xa0");
        let token = read(&sound).unwrap();
        assert_eq!(token.key_id.as_deref(), Some("/w=="));
        assert_eq!(token.expires_at.map(Timestamp::millis), Some(1_500));
        assert!(read(&[&*sound, b"\0"].concat()).is_err());
        assert!(read(&compress_to_vec_zlib(&vec![0; 1 << 20], 9)).is_err());
        let text = PREFIX.to_owned() + &base45::encode(&sound);
        assert!(parse(&text).is_ok());
        for wrong in [
            text.replace("HC1", "HC2"),
            text.replace("HC1:", "hc1:"),
            text.replace("HC1:", ""),
            text.replace("HC1:", "HC1: "),
            text.to_lowercase(),
            text + " ",
        ] {
            assert!(parse(&wrong).is_err(), "{wrong}");
        }
    }
}
