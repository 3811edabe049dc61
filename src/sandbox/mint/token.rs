//! Signed credentials of given claims. Who has the key signs, in a closure.

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use minicbor::Encoder;
use miniz_oxide::deflate::{compress_to_vec, compress_to_vec_zlib};
use serde_json::{Value, json};

use crate::family::Algorithm;
use crate::family::token::cose::{self, Structure};
use crate::family::token::cwt::Writing;
use crate::family::token::{hcert, shc};

/// How hard DEFLATE tries, of ten; the least text makes the coarsest symbol.
const EFFORT: u8 = 10;

/// A compact JWS; the header is written as given and should name the algorithm and the key.
pub fn jws(header: &Value, claims: &Value, sign: impl FnOnce(&[u8]) -> Vec<u8>) -> String {
    compact(header, claims.to_string().as_bytes(), sign)
}

/// A SMART Health Card signed by an ES256 key.
pub fn shc(key_id: &str, claims: &Value, sign: impl FnOnce(&[u8]) -> Vec<u8>) -> String {
    let header = json!({ "alg": "ES256", "zip": "DEF", "kid": key_id });
    let payload = compress_to_vec(claims.to_string().as_bytes(), EFFORT);
    let jws = compact(&header, &payload, sign);
    let digits = jws.bytes().map(|byte| format!("{:02}", byte - b'-'));
    digits.fold(shc::PREFIX.to_owned(), |text, pair| text + &pair)
}

/// What the header of a COSE message says.
#[derive(Clone, Copy, Debug)]
pub struct Signer<'a> {
    /// The key's algorithm; left out of the header if COSE has no number for it.
    pub algorithm: Algorithm,
    /// The key's identifier.
    pub key_id: &'a [u8],
}

/// An EU Digital COVID Certificate. The claims are the token's, by label: `{"4": …, "-260": {"1": …}}`.
pub fn hcert(signer: Signer<'_>, claims: &Value, sign: impl FnOnce(&[u8]) -> Vec<u8>) -> String {
    let message = message(signer, claims, sign);
    let deflated = compress_to_vec_zlib(&message, EFFORT);
    hcert::PREFIX.to_owned() + &base45::encode(&deflated)
}

/// A CBOR Web Token, without a prefix.
pub fn cwt(
    signer: Signer<'_>,
    claims: &Value,
    writing: Writing,
    sign: impl FnOnce(&[u8]) -> Vec<u8>,
) -> String {
    let message = message(signer, claims, sign);
    match writing {
        Writing::Base45 => base45::encode(&message),
        Writing::Base64Url => BASE64_URL_SAFE_NO_PAD.encode(&message),
    }
}

fn compact(header: &Value, payload: &[u8], sign: impl FnOnce(&[u8]) -> Vec<u8>) -> String {
    let parts =
        [header.to_string().as_bytes(), payload].map(|part| BASE64_URL_SAFE_NO_PAD.encode(part));
    let signed = parts.join(".");
    let signature = BASE64_URL_SAFE_NO_PAD.encode(sign(signed.as_bytes()));
    format!("{signed}.{signature}")
}

fn message(signer: Signer<'_>, claims: &Value, sign: impl FnOnce(&[u8]) -> Vec<u8>) -> Vec<u8> {
    let structure = Structure::of(signer.algorithm);
    let algorithm = cose::label(signer.algorithm);
    let protected = written(|to| {
        to.map(1 + u64::from(algorithm.is_some()))?;
        if let Some(label) = algorithm {
            to.u8(1)?.i64(label)?;
        }
        to.u8(4)?.bytes(signer.key_id)?.ok()
    });
    let payload = written(|to| write(claims, to));
    let signature = sign(&structure.signed(&protected, &payload));
    written(|to| {
        let tag = minicbor::data::Tag::new(structure.tag());
        to.tag(tag)?.array(4)?.bytes(&protected)?;
        to.map(0)?.bytes(&payload)?.bytes(&signature)?.ok()
    })
}

type Written = Result<(), minicbor::encode::Error<std::convert::Infallible>>;

fn written(write: impl FnOnce(&mut Encoder<Vec<u8>>) -> Written) -> Vec<u8> {
    let mut encoder = Encoder::new(Vec::new());
    // A `Vec` takes whatever is written.
    let _ = write(&mut encoder);
    encoder.into_writer()
}

/// Writes what the reader of CBOR reads back as the same JSON; what is no number of 64 bits is not
/// JSON of ours.
fn write(value: &Value, to: &mut Encoder<Vec<u8>>) -> Written {
    match value {
        Value::Null => to.null()?.ok(),
        Value::Bool(truth) => to.bool(*truth)?.ok(),
        Value::Number(number) => match (number.as_i64(), number.as_u64()) {
            (Some(number), _) => to.i64(number)?.ok(),
            (_, Some(number)) => to.u64(number)?.ok(),
            _ => to.f64(number.as_f64().unwrap_or_default())?.ok(),
        },
        Value::String(text) => to.str(text)?.ok(),
        Value::Array(items) => {
            to.array(u64::try_from(items.len()).unwrap_or_default())?;
            items.iter().try_for_each(|item| write(item, to))
        }
        Value::Object(members) => {
            to.map(u64::try_from(members.len()).unwrap_or_default())?;
            members.iter().try_for_each(|(label, item)| {
                match label.parse::<i64>() {
                    Ok(number) if number.to_string() == *label => to.i64(number)?,
                    _ => to.str(label)?,
                };
                write(item, to)
            })
        }
    }
}
