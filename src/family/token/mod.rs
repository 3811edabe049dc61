//! Signed credentials in a text: compact JWS, SMART Health Cards, EU Digital COVID Certificates, CWT.
//!
//! A reader takes a text apart to its last byte and says who signed which bytes how. Signatures are
//! kept as their formats write them, (r, s) one behind the other. Deliberately absent: keys, the
//! clock, and the schemas of what is claimed; departments know those.

mod cbor;
mod claims;
pub mod cose;
pub mod cwt;
pub mod hcert;
mod inflate;
mod json;
pub mod jws;
mod layout;
pub mod shc;
mod text;

use std::fmt;

use serde_json::Value;

use self::claims::Names;
pub use self::layout::{Format, TokenLayout};
use super::{AlgorithmSet, ParseError, PurposeSet};
use crate::time::Timestamp;

/// The longest key id: a digest in hexadecimal is half as long, a URL in use as one is shorter.
pub const MAX_KEY_ID: usize = 128;

/// A credential, unbelieved.
#[derive(Clone)]
pub struct Token {
    /// Who says to have issued it.
    pub issuer: Option<String>,
    /// The key it says to be signed with; bytes of COSE that are no text stand in Base64.
    pub key_id: Option<String>,
    /// The algorithm its header names; all if it names none, none if it names one we do not have.
    pub algorithm: AlgorithmSet,
    /// When it was issued.
    pub issued_at: Option<Timestamp>,
    /// The first instant at which it is good.
    pub not_before: Option<Timestamp>,
    /// The first instant at which it is no longer good.
    pub expires_at: Option<Timestamp>,
    /// What it says; `Null` if a JWS carries something else than JSON. The labels of CBOR maps are
    /// decimal (`/-260/1/ver`), its byte strings Base64url.
    pub claims: Value,
    /// The signed bytes.
    pub signed: Vec<u8>,
    /// The signature over them.
    pub signature: Vec<u8>,
    /// What its key must be allowed to sign, every one of them.
    pub purposes: PurposeSet,
    /// What a list of revoked cards calls it.
    pub rid: Option<String>,
}

impl fmt::Debug for Token {
    /// Shows the algorithms only: the rest is personal data.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let algorithms: Vec<_> = self.algorithm.iter().collect();
        write!(f, "Token({algorithms:?})")
    }
}

/// What should have stood there; the caller knows where.
type Expected = &'static str;

fn unexpected(at: usize) -> impl Fn(Expected) -> ParseError {
    move |expected| ParseError::Unexpected { at, expected }
}

/// A signed message around a payload that nobody has looked at.
struct Envelope {
    key_id: Option<String>,
    algorithm: AlgorithmSet,
    payload: Vec<u8>,
    signed: Vec<u8>,
    signature: Vec<u8>,
}

impl Envelope {
    /// The token whose payload says `claims`.
    fn token(self, claims: Value, names: &Names) -> Result<Token, Expected> {
        Ok(Token {
            issuer: claims::text(&claims, names.issuer)?,
            key_id: self.key_id,
            algorithm: self.algorithm,
            issued_at: claims::time(&claims, names.issued_at)?,
            not_before: claims::time(&claims, names.not_before)?,
            expires_at: claims::time(&claims, names.expires_at)?,
            claims,
            signed: self.signed,
            signature: self.signature,
            purposes: PurposeSet::EMPTY,
            rid: None,
        })
    }
}
