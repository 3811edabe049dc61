//! Compact JWS (RFC 7515, section 7.1) around claims of a JWT (RFC 7519).

use serde_json::{Map, Value};

use super::{Envelope, Expected, MAX_KEY_ID, ParseError, Token, claims, json, text, unexpected};
use crate::family::{Algorithm, AlgorithmSet};

/// RFC 7518, section 3.1; RFC 8037, section 3.1; RFC 9864, section 2.2. Nobody registered the
/// national ones; the words for them are the ones that key files use.
const ALGORITHMS: [(&str, Algorithm); 11] = [
    ("ES256", Algorithm::Es256),
    ("ES384", Algorithm::Es384),
    ("Ed25519", Algorithm::EdDsa),
    ("EdDSA", Algorithm::EdDsa),
    ("HS256", Algorithm::HmacSha256),
    ("HS384", Algorithm::HmacSha384),
    ("HS512", Algorithm::HmacSha512),
    ("HSM3", Algorithm::HmacSm3),
    ("PS256", Algorithm::Ps256),
    ("RS256", Algorithm::Rs256),
    ("SM2", Algorithm::Sm2),
];

/// Reads a token.
pub fn parse(text: &str) -> Result<Token, ParseError> {
    let (_, envelope) = open(text)?;
    claims_of(&envelope.payload)
        .and_then(|claims| envelope.token(claims, &claims::JWT))
        .map_err(unexpected(payload_at(text)))
}

/// The algorithm of that name in JOSE.
pub fn algorithm(name: &str) -> Option<Algorithm> {
    let mut known = ALGORITHMS.into_iter();
    known.find_map(|(word, algorithm)| (word == name).then_some(algorithm))
}

/// Takes a text apart: its header, and what is signed how.
pub(super) fn open(text: &str) -> Result<(Map<String, Value>, Envelope), ParseError> {
    let parts = || {
        let (signed, signature) = text.rsplit_once('.')?;
        let (header, payload) = signed.split_once('.')?;
        Some((header, payload, signed, signature))
    };
    let (header, payload, signed, signature) =
        parts().ok_or_else(|| unexpected(text.len())("three parts with dots between them"))?;
    let header = text::base64url(header)
        .and_then(|header| json::object(&header))
        .map_err(unexpected(0))?;
    let payload = text::base64url(payload).map_err(unexpected(payload_at(text)))?;
    let signature = text::base64url(signature)
        .and_then(|it| Some(it).filter(|it| !it.is_empty()).ok_or("a signature"))
        .map_err(unexpected(signed.len() + 1))?;
    let envelope = Envelope {
        key_id: key_id(&header).map_err(unexpected(0))?,
        algorithm: named(&header).map_err(unexpected(0))?,
        payload,
        signed: signed.as_bytes().to_vec(),
        signature,
    };
    Ok((header, envelope))
}

/// Where the second part begins.
pub(super) fn payload_at(text: &str) -> usize {
    text.find('.').map_or(0, |dot| dot + 1)
}

/// The claims if the payload is JSON, else `Null`: RFC 7515 lets it be anything. One that begins like
/// claims must be them, or what it says about its end would go unread.
fn claims_of(payload: &[u8]) -> Result<Value, Expected> {
    let begins = payload.trim_ascii_start().starts_with(b"{");
    json::read(payload).or_else(|expected| {
        if begins {
            Err(expected)
        } else {
            Ok(Value::Null)
        }
    })
}

fn key_id(header: &Map<String, Value>) -> Result<Option<String>, Expected> {
    match header.get("kid") {
        None => Ok(None),
        Some(Value::String(id)) if id.len() <= MAX_KEY_ID => Ok(Some(id.clone())),
        Some(_) => Err("text of at most 128 bytes as key id"),
    }
}

fn named(header: &Map<String, Value>) -> Result<AlgorithmSet, Expected> {
    // Section 4.1.11: what `crit` names must be understood, and no extension is.
    if header.contains_key("crit") {
        return Err("a header without a critical extension");
    }
    // Section 4.1.1: "This Header Parameter MUST be present".
    let name = header.get("alg").and_then(Value::as_str);
    let name = name.ok_or("a header that names its algorithm")?;
    Ok(algorithm(name).into_iter().collect())
}
