//! SMART Health Cards (SMART Health Cards Framework 1.4): a JWS with a deflated payload, each of its
//! characters in two digits behind `shc:/`.

use serde_json::{Map, Value};

use super::{Expected, ParseError, Token, claims, inflate, json, jws, unexpected};
use crate::family::{Algorithm, AlgorithmSet};

/// How a card begins.
pub const PREFIX: &str = "shc:/";

/// Two digits are a character's number less this one's, `-` being the least of Base64url.
const LEAST: u8 = b'-';

/// The longest name of a card in a list of revoked ones.
pub const MAX_RID: usize = 24;

/// Reads a card.
pub fn parse(text: &str) -> Result<Token, ParseError> {
    let digits = text
        .strip_prefix(PREFIX)
        .ok_or_else(|| unexpected(0)(PREFIX))?;
    // `shc:/2/3/…` is the second of three.
    if digits.contains('/') {
        return Err(ParseError::Chunked);
    }
    let jws = decoded(digits).map_err(unexpected(PREFIX.len()))?;
    // Every character of the JWS was two digits of the text.
    token(&jws).map_err(|error| match error {
        ParseError::Unexpected { at, expected } => unexpected(PREFIX.len() + 2 * at)(expected),
        other => other,
    })
}

fn decoded(digits: &str) -> Result<String, Expected> {
    let (pairs, odd) = digits.as_bytes().as_chunks();
    let pair = |&[tens, ones]: &[u8; 2]| {
        let value = |digit: u8| digit.checked_sub(b'0').filter(|value| *value <= 9);
        let byte = value(tens)? * 10 + value(ones)? + LEAST;
        let is_of_jws = byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_');
        is_of_jws.then(|| char::from(byte))
    };
    let jws: Option<String> = pairs.iter().map(pair).collect();
    jws.filter(|_| odd.is_empty())
        .ok_or("two digits for each character of a jws")
}

fn token(text: &str) -> Result<Token, ParseError> {
    let (header, envelope) = jws::open(text)?;
    // "alg": "ES256", "zip": "DEF", "kid" is the thumbprint of the key.
    let has = |name, word| header.get(name).and_then(Value::as_str) == Some(word);
    if !has("zip", "DEF") {
        return Err(unexpected(0)("a header that says the payload is deflated"));
    }
    if envelope.algorithm != AlgorithmSet::only(Algorithm::Es256) || envelope.key_id.is_none() {
        return Err(unexpected(0)("a header with es256 and a key id"));
    }
    inflate::raw(&envelope.payload)
        .and_then(|payload| {
            let card = json::object(&payload)?;
            let rid = rid(&card)?;
            let token = envelope.token(card.into(), &claims::JWT)?;
            check(Token { rid, ..token })
        })
        .map_err(unexpected(jws::payload_at(text)))
}

/// A card is issued when it becomes good, and says by whom.
fn check(card: Token) -> Result<Token, Expected> {
    if !card.issuer.as_deref().is_some_and(is_issuer) {
        return Err("an https address without a slash at its end as issuer");
    }
    if card.not_before.is_none() {
        return Err("the time from which the card is good");
    }
    Ok(Token {
        issued_at: card.not_before,
        ..card
    })
}

/// "SHALL use the https scheme", "SHALL NOT include a trailing /", no query, no fragment.
fn is_issuer(address: &str) -> bool {
    let rest = address.strip_prefix("https://");
    rest.is_some_and(|rest| {
        let has_host =
            rest.starts_with(|first: char| first.is_ascii_alphanumeric() || first == '[');
        let plain = rest
            .bytes()
            .all(|byte| byte.is_ascii_graphic() && !b"?#@\\".contains(&byte));
        has_host && plain && !rest.ends_with('/')
    })
}

/// The name of the card in a list of revoked ones, and with it that there is a credential.
fn rid(card: &Map<String, Value>) -> Result<Option<String>, Expected> {
    let credential = card.get("vc").filter(|it| it.is_object());
    let rid = claims::text(credential.ok_or("a credential")?, "rid")?;
    if rid.as_deref().is_none_or(is_rid) {
        Ok(rid)
    } else {
        Err("at most 24 characters of base64url as identifier")
    }
}

/// Whether a card may be called so in a list of revoked ones.
pub fn is_rid(text: &str) -> bool {
    let base64url = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    (1..=MAX_RID).contains(&text.len()) && text.bytes().all(base64url)
}

#[cfg(test)]
mod tests {
    use base64::Engine;
    use base64::prelude::BASE64_URL_SAFE_NO_PAD;
    use miniz_oxide::deflate::{compress_to_vec, compress_to_vec_zlib};

    use super::*;
    use crate::time::Timestamp;

    const HEADER: &str = r#"{"zip":"DEF","alg":"ES256","kid":"k"}"#;
    const CARD: &str =
        r#"{"iss":"https://a.example/i","nbf":1715107763.677,"vc":{"rid":"MKy_-1"}}"#;

    fn digits(jws: &str) -> String {
        let digits = jws.bytes().map(|byte| format!("{:02}", byte - LEAST));
        digits.fold(PREFIX.to_owned(), |text, pair| text + &pair)
    }

    fn card(header: &str, deflated: &[u8]) -> String {
        let header = BASE64_URL_SAFE_NO_PAD.encode(header);
        let payload = BASE64_URL_SAFE_NO_PAD.encode(deflated);
        digits(&format!("{header}.{payload}.AAAA"))
    }

    fn read(header: &str, payload: &str) -> Result<Token, ParseError> {
        parse(&card(header, &compress_to_vec(payload.as_bytes(), 6)))
    }

    #[test]
    fn a_card_says_who_issued_it_when() {
        let token = read(HEADER, CARD).unwrap();
        assert_eq!(token.issuer.as_deref(), Some("https://a.example/i"));
        assert_eq!(token.rid.as_deref(), Some("MKy_-1"));
        let from = token.issued_at.map(Timestamp::millis);
        assert_eq!((from, token.expires_at), (Some(1_715_107_763_677), None));
        let signed = String::from_utf8(token.signed).unwrap();
        let text = digits(&format!("{signed}.AAAA"));
        assert_eq!(parse(&text).unwrap().claims, token.claims);
        let plain = CARD.replace(r#"{"rid":"MKy_-1"}"#, "{}");
        assert_eq!(read(HEADER, &plain).unwrap().rid, None);
    }

    #[test]
    fn a_part_of_a_card_is_called_that() {
        for text in ["shc:/1/3/567629", "shc:/2/3/", "shc:/1/1/5676"] {
            let error = parse(text).unwrap_err();
            assert_eq!(error, ParseError::Chunked);
            assert!(error.to_string().contains("several codes"));
        }
    }

    #[test]
    fn digits_stand_for_the_characters_of_a_jws() {
        for text in [
            "shc:/",
            "shc:/5",
            "shc:/567",
            "shc:/0202",
            "shc:/78",
            "shc:/01010101",
            "shc:/ 56",
            "shc:/5é",
            "shc:5676",
            "SHC:/5676",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
        let sound = card(HEADER, &compress_to_vec(CARD.as_bytes(), 6));
        assert!(parse(&(sound + "0")).is_err());
    }

    #[test]
    fn the_header_is_the_one_of_cards() {
        for header in [
            r#"{"alg":"ES256","kid":"k"}"#,
            r#"{"zip":"def","alg":"ES256","kid":"k"}"#,
            r#"{"zip":"DEF","alg":"ES384","kid":"k"}"#,
            r#"{"zip":"DEF","alg":"none","kid":"k"}"#,
            r#"{"zip":"DEF","alg":"ES256"}"#,
        ] {
            assert!(read(header, CARD).is_err(), "{header}");
        }
    }

    #[test]
    fn what_a_card_must_say_is_asked_for() {
        for (sound, other) in [
            ("https://a.example/i", "http://a.example/i"),
            ("https://a.example/i", "https://a.example/i/"),
            ("https://a.example/i", "https://"),
            ("https://a.example/i", "https:///i"),
            ("https://a.example/i", "https://a.example/i?x"),
            ("https://a.example/i", "https://a.example/i#x"),
            ("https://a.example/i", "https://b@a.example/i"),
            ("https://a.example/i", "https://a.example/i j"),
            ("1715107763.677", "null"),
            ("nbf", "iat"),
            (r#"{"rid":"MKy_-1"}"#, "[]"),
            ("vc", "vp"),
            ("MKy_-1", ""),
            ("MKy_-1", "MKy.1"),
            ("MKy_-1", "MKyCxh7p6uQMKyCxh7p6uQMKy"),
            (r#""MKy_-1""#, "1"),
        ] {
            let changed = CARD.replace(sound, other);
            assert!(read(HEADER, &changed).is_err(), "{changed}");
        }
        assert!(read(HEADER, &CARD.replace("MKy_-1", "MKyCxh7p6uQMKyCxh7p6uQMK")).is_ok());
        assert!(
            read(
                HEADER,
                &CARD.replace("https://a.example/i", "https://a.example:8443")
            )
            .is_ok()
        );
    }

    #[test]
    fn payloads_are_deflated_and_small() {
        assert!(parse(&card(HEADER, CARD.as_bytes())).is_err());
        assert!(parse(&card(HEADER, &compress_to_vec_zlib(CARD.as_bytes(), 6))).is_err());
        let padded = |spaces| read(HEADER, &(CARD.to_owned() + &" ".repeat(spaces)));
        assert!(padded((64 << 10) - CARD.len()).is_ok());
        let error = padded((64 << 10) - CARD.len() + 1).unwrap_err();
        assert!(error.to_string().contains("64 KiB"));
        // The payload begins behind the header's 50 characters and a dot, each of them two digits.
        let at = PREFIX.len() + 2 * 51;
        assert!(error.to_string().ends_with(&format!("at byte {at}")));
    }
}
