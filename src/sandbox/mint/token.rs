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

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use proptest::prelude::*;

    use super::*;
    use crate::family::token::{
        Token, cwt as read_cwt, hcert as read_hcert, jws as read_jws, shc as read_shc,
    };
    use crate::family::{AlgorithmSet, ParseError, Purpose, PurposeSet};
    use crate::time::Timestamp;

    const ISSUED: i64 = 1_795_309_200;

    fn json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<u64>().prop_map(Value::from),
            any::<i32>().prop_map(|quarters| (f64::from(quarters) / 4.0).into()),
            ".{0,12}".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 48, 6, |inner| {
            let members = prop::collection::btree_map(
                "[a-z]{0,6}|-?[0-9]{1,3}|[+0][0-9]{1,2}",
                inner.clone(),
                0..6,
            );
            let object = members.prop_map(|members| Value::Object(members.into_iter().collect()));
            prop_oneof![
                prop::collection::vec(inner, 0..6).prop_map(Value::from),
                object
            ]
        })
    }

    /// Claims that hold `more`, too.
    fn with(mut known: Value, more: &Value) -> Value {
        known["more"] = more.clone();
        known
    }

    /// Mints a text, reads it, and sees that what is read was signed.
    #[track_caller]
    fn check(
        claims: &Value,
        mint: impl FnOnce(&dyn Fn(&[u8]) -> Vec<u8>) -> String,
        parse: impl FnOnce(&str) -> Result<Token, ParseError>,
    ) -> Token {
        let signed = RefCell::new(Vec::new());
        let text = mint(&|bytes| {
            signed.replace(bytes.to_vec());
            b"signature".to_vec()
        });
        let token = parse(&text).unwrap();
        assert_eq!(token.claims, *claims);
        assert_eq!(token.signed, *signed.borrow());
        assert_eq!(token.signature, b"signature");
        token
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn what_is_minted_is_read_back(more in json()) {
            let claims = with(json!({ "iss": "campus", "iat": ISSUED, "exp": ISSUED + 1 }), &more);
            let header = json!({ "alg": "HS384", "kid": "2026-11" });
            let token = check(&claims, |sign| jws(&header, &claims, sign), read_jws::parse);
            assert_eq!(token.algorithm, AlgorithmSet::only(Algorithm::HmacSha384));
            assert_eq!((token.issuer.as_deref(), token.key_id.as_deref()), (Some("campus"), Some("2026-11")));
            assert_eq!(token.issued_at, Some(Timestamp::from_seconds(ISSUED)));

            let card = json!({ "iss": "https://a.example", "nbf": 1_795_309_200.5, "vc": { "rid": "r1" } });
            let claims = with(card, &more);
            let token = check(&claims, |sign| shc("k1", &claims, sign), read_shc::parse);
            assert_eq!((token.key_id.as_deref(), token.rid.as_deref()), (Some("k1"), Some("r1")));
            assert_eq!(token.issued_at, Some(Timestamp::from_millis(ISSUED * 1_000 + 500)));

            let certificate = json!({ "1": "AT", "4": ISSUED + 1, "6": ISSUED, "-260": { "1": { "t": [{}] } } });
            let claims = with(certificate, &more);
            let signer = Signer { algorithm: Algorithm::Ps256, key_id: b"\xd9\x19\x37\x5f\xc1\xe7\xb6\xb2" };
            let token = check(&claims, |sign| hcert(signer, &claims, sign), read_hcert::parse);
            assert_eq!(token.algorithm, AlgorithmSet::only(Algorithm::Ps256));
            assert_eq!(token.key_id.as_deref(), Some("2Rk3X8HntrI="));
            assert_eq!(token.purposes, PurposeSet::only(Purpose::Test));
            assert_eq!(token.expires_at, Some(Timestamp::from_seconds(ISSUED + 1)));

            let claims = with(json!({ "1": "campus", "5": 1.5 }), &more);
            for (writing, algorithm) in [
                (Writing::Base45, Algorithm::EdDsa),
                (Writing::Base64Url, Algorithm::HmacSha512),
            ] {
                let signer = Signer { algorithm, key_id: b"k1" };
                let mint = |sign: &dyn Fn(&[u8]) -> Vec<u8>| cwt(signer, &claims, writing, sign);
                let token = check(&claims, mint, |text| read_cwt::parse(text, writing));
                assert_eq!(token.algorithm, AlgorithmSet::only(algorithm));
                assert_eq!(token.key_id.as_deref(), Some("k1"));
                assert_eq!(token.not_before, Some(Timestamp::from_millis(1_500)));
            }
        }
    }

    #[test]
    fn algorithms_without_a_number_are_left_to_the_key() {
        let claims = json!({ "1": "campus" });
        for algorithm in [Algorithm::Sm2, Algorithm::HmacSm3] {
            let signer = Signer {
                algorithm,
                key_id: b"k1",
            };
            let mint =
                |sign: &dyn Fn(&[u8]) -> Vec<u8>| cwt(signer, &claims, Writing::Base45, sign);
            let token = check(&claims, mint, |text| read_cwt::parse(text, Writing::Base45));
            assert!(token.algorithm.contains(algorithm));
            assert!(!token.algorithm.contains(match algorithm {
                Algorithm::Sm2 => Algorithm::HmacSm3,
                _ => Algorithm::Sm2,
            }));
        }
    }
}
