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
    Ok(Token { purposes, ..token })
}

/// "kid": the first bytes of the digest of the signer's certificate, which every list of
/// certificates writes in Base64.
fn key_id(bytes: &[u8]) -> String {
    BASE64_STANDARD.encode(bytes)
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
