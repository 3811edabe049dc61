//! CBOR Web Tokens (RFC 8392), for departments that want compact codes.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;

use super::{Envelope, Expected, ParseError, Token, cbor, claims, cose, text, unexpected};

/// How the bytes of a token are written as text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Writing {
    /// RFC 9285.
    Base45,
    /// RFC 4648, section 5, without padding.
    Base64Url,
}

/// Reads a token that is all of `text`.
pub fn parse(text: &str, writing: Writing) -> Result<Token, ParseError> {
    let bytes = match writing {
        Writing::Base45 => text::base45(text),
        Writing::Base64Url => text::base64url(text),
    };
    bytes
        .and_then(|bytes| token(cose::open(&bytes, key_id)?))
        .map_err(unexpected(0))
}

/// The token in a message's payload, which must be a claims set (RFC 8392, section 7.2).
pub(super) fn token(envelope: Envelope) -> Result<Token, Expected> {
    let claims = cbor::read(&envelope.payload)?.into_json();
    if !claims.is_object() {
        return Err("a map of claims");
    }
    envelope.token(claims, &claims::CWT)
}

/// Text where the bytes are some, as in the examples of RFC 9052, else Base64.
fn key_id(bytes: &[u8]) -> String {
    match str::from_utf8(bytes) {
        Ok(text) if bytes.iter().all(u8::is_ascii_graphic) => text.into(),
        _ => BASE64_STANDARD.encode(bytes),
    }
}
