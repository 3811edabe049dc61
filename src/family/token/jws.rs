//! Compact JWS (RFC 7515, section 7.1) around claims of a JWT (RFC 7519).
//!
//! Deliberately absent: keys that a header brings along or points to (`jwk`, `jku`, `x5c`, `x5u`).

use serde_json::{Map, Value};

use super::{Envelope, Expected, MAX_KEY_ID, ParseError, Token, claims, json, text, unexpected};
use crate::family::{Algorithm, AlgorithmSet};

/// RFC 7518, section 3.1; RFC 8037, section 3.1; RFC 9864, section 2.2. Nobody registered the
/// national ones; the words for them are the ones that key files use.
const ALGORITHMS: [(&str, Algorithm); 11] = [
    ("ES256", Algorithm::Es256),
    ("ES384", Algorithm::Es384),
    ("EdDSA", Algorithm::EdDsa),
    ("Ed25519", Algorithm::EdDsa),
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
    let (header, envelope) = open(text)?;
    // Of JWE and of SMART Health Cards: whoever writes it packed the claims, and they would go unread.
    if header.contains_key("zip") {
        return Err(unexpected(0)("a header without compression"));
    }
    claims_of(&envelope.payload)
        .and_then(|claims| envelope.token(claims, &claims::JWT))
        .map_err(unexpected(payload_at(text)))
}

/// The algorithm of that name in JOSE.
pub fn algorithm(name: &str) -> Option<Algorithm> {
    let mut known = ALGORITHMS.into_iter();
    known.find_map(|(word, algorithm)| (word == name).then_some(algorithm))
}

/// The usual name of an algorithm in JOSE.
pub fn name(algorithm: Algorithm) -> &'static str {
    let mut known = ALGORITHMS.into_iter();
    let known = known.find_map(|(word, known)| (known == algorithm).then_some(word));
    known.unwrap_or_default()
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

#[cfg(test)]
mod tests {
    use base64::Engine;
    use base64::prelude::BASE64_URL_SAFE_NO_PAD;
    use ring::{hmac, signature};
    use serde_json::json;

    use super::*;
    use crate::time::Timestamp;

    /// RFC 7515, appendix A.1.1.
    const HMAC: &str = "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
    const HMAC_KEY: &str =
        "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow";

    /// RFC 7515, appendix A.3.1.
    const ES256: &str = "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q";
    const ES256_X: &str = "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU";
    const ES256_Y: &str = "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0";

    /// RFC 8037, appendix A.4.
    const ED25519: &str = "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc.hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg";
    const ED25519_X: &str = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";

    fn bytes(text: &str) -> Vec<u8> {
        BASE64_URL_SAFE_NO_PAD.decode(text).unwrap()
    }

    fn jws(header: &str, payload: &str) -> String {
        let encode = |part| BASE64_URL_SAFE_NO_PAD.encode(part);
        format!("{}.{}.AAAA", encode(header), encode(payload))
    }

    #[test]
    fn the_examples_of_the_rfcs_verify() {
        let token = parse(HMAC).unwrap();
        assert_eq!(token.algorithm, AlgorithmSet::only(Algorithm::HmacSha256));
        assert_eq!((token.issuer.as_deref(), token.key_id), (Some("joe"), None));
        let end = Timestamp::from_seconds(1_300_819_380);
        assert_eq!(token.expires_at, Some(end));
        assert_eq!(token.claims["http://example.com/is_root"], json!(true));
        let key = hmac::Key::new(hmac::HMAC_SHA256, &bytes(HMAC_KEY));
        hmac::verify(&key, &token.signed, &token.signature).unwrap();

        let token = parse(ES256).unwrap();
        assert_eq!(token.algorithm, AlgorithmSet::only(Algorithm::Es256));
        let point = [vec![4], bytes(ES256_X), bytes(ES256_Y)].concat();
        signature::UnparsedPublicKey::new(&signature::ECDSA_P256_SHA256_FIXED, point)
            .verify(&token.signed, &token.signature)
            .unwrap();

        let token = parse(ED25519).unwrap();
        assert_eq!(token.algorithm, AlgorithmSet::only(Algorithm::EdDsa));
        assert_eq!(token.claims, Value::Null);
        signature::UnparsedPublicKey::new(&signature::ED25519, bytes(ED25519_X))
            .verify(&token.signed, &token.signature)
            .unwrap();
    }

    #[track_caller]
    fn check(header: &str, payload: &str, at: usize, expected: &str) {
        let error = parse(&jws(header, payload)).unwrap_err();
        let said = format!("expected {expected} at byte {at}");
        assert_eq!(error.to_string(), said, "{header} {payload}");
    }

    #[test]
    fn headers_are_read_strictly() {
        let alg = "a header that names its algorithm";
        check("{}", "{}", 0, alg);
        check(r#"{"alg":null}"#, "{}", 0, alg);
        check(r#"{"alg":["ES256"]}"#, "{}", 0, alg);
        check("[]", "{}", 0, "a json object");
        check("{", "{}", 0, "json without repeated names");
        check(
            r#"{"alg":"ES256","alg":"HS256"}"#,
            "{}",
            0,
            "json without repeated names",
        );
        let crit = "a header without a critical extension";
        check(
            r#"{"alg":"ES256","crit":["b64"],"b64":false}"#,
            "{}",
            0,
            crit,
        );
        check(r#"{"alg":"ES256","crit":[]}"#, "{}", 0, crit);
        let kid = "text of at most 128 bytes as key id";
        check(r#"{"alg":"ES256","kid":1}"#, "{}", 0, kid);
        check(
            &format!(r#"{{"alg":"ES256","kid":"{}"}}"#, "k".repeat(129)),
            "{}",
            0,
            kid,
        );
    }

    #[test]
    fn an_algorithm_we_do_not_have_is_none() {
        for name in ["none", "None", "es256", "HS256 ", "RSA-OAEP", ""] {
            let token = parse(&jws(&json!({ "alg": name }).to_string(), "{}")).unwrap();
            assert!(token.algorithm.is_empty(), "{name}");
        }
        let token = parse(&jws(r#"{"alg":"SM2","kid":"k1"}"#, "{}")).unwrap();
        assert_eq!(token.algorithm, AlgorithmSet::only(Algorithm::Sm2));
        assert_eq!(token.key_id.as_deref(), Some("k1"));
    }

    #[test]
    fn claims_are_read_and_other_payloads_left_alone() {
        let header = r#"{"alg":"ES256"}"#;
        let at = 21;
        check(
            header,
            r#"{"exp":"1300819380"}"#,
            at,
            "times in seconds since 1970",
        );
        check(header, r#"{"nbf":null}"#, at, "times in seconds since 1970");
        check(
            header,
            r#"{"iss":["joe"]}"#,
            at,
            "text as issuer or identifier",
        );
        check(
            header,
            r#"{"exp":1,"exp":9}"#,
            at,
            "json without repeated names",
        );
        check(header, " {\"exp\":1,}", at, "json without repeated names");
        for (payload, claims) in [
            ("It\u{2019}s a dangerous business", json!(null)),
            ("", json!(null)),
            ("[1]", json!([1])),
            (" {}\n", json!({})),
            (
                r#"{"iat":1.5,"big":18446744073709551616}"#,
                json!({"iat": 1.5, "big": 18_446_744_073_709_551_616.0}),
            ),
        ] {
            assert_eq!(
                parse(&jws(header, payload)).unwrap().claims,
                claims,
                "{payload}"
            );
        }
    }

    #[test]
    fn the_three_parts_are_strict() {
        let encode = |part: &str| BASE64_URL_SAFE_NO_PAD.encode(part);
        let (header, claims) = (encode(r#"{"alg":"ES256"}"#), encode("{}"));
        let sound = format!("{header}.{claims}.AAAA");
        assert!(parse(&sound).is_ok());
        for (text, at) in [
            (String::new(), 0),
            (header.clone(), 20),
            (format!("{header}.{claims}"), 24),
            (format!("{header}.{claims}."), 25),
            (format!("{header}.{claims}.AAAB="), 25),
            (format!("{header}.{claims}.AB"), 25),
            (format!("{header}.{claims}=.AAAA"), 21),
            (format!("{header}.e3+9.AAAA"), 21),
            (format!("{header} .{claims}.AAAA"), 0),
            (format!(".{claims}.AAAA"), 0),
            (format!("{sound}.AAAA"), 21),
            (format!("{header}.{claims}.AAAA.AAAA.AAAA"), 21),
            (format!("{sound}\n"), 25),
        ] {
            match parse(&text) {
                Err(ParseError::Unexpected { at: found, .. }) => assert_eq!(found, at, "{text}"),
                other => panic!("{text}: {other:?}"),
            }
        }
    }
}
