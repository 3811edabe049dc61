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
const MAX_RID: usize = 24;

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
    let fits = |rid: &String| {
        let base64url = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        (1..=MAX_RID).contains(&rid.len()) && rid.bytes().all(base64url)
    };
    if rid.as_ref().is_none_or(fits) {
        Ok(rid)
    } else {
        Err("at most 24 characters of base64url as identifier")
    }
}
