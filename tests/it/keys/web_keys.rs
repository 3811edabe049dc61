use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use multicode::family::{Algorithm, PurposeSet};
use multicode::trust::KeyFault;
use multicode::trust::material::{Reading, read};
use serde_json::{Value, json};

use super::material::{check_key, jwk, network, one, pem};
use super::{RSA, SIGNERS};

/// The key of `algorithm` with some members replaced; `null` takes one away.
fn edited(algorithm: Algorithm, edits: &Value) -> Value {
    let mut jwk = jwk(algorithm);
    let members = jwk.as_object_mut().unwrap();
    for (name, value) in edits.as_object().unwrap() {
        members.insert(name.clone(), value.clone());
    }
    members.retain(|_, value| !value.is_null());
    jwk
}

#[test]
fn a_set_may_hold_every_algorithm() {
    let all: Vec<_> = SIGNERS
        .iter()
        .map(|it| it.jwk(it.verifier().algorithm().name()))
        .collect();
    let set = json!({"keys": all, "more": [[[1]]]}).to_string();
    let material = read(set.as_bytes(), &Reading::default()).unwrap();
    assert_eq!(material.rejected, []);
    assert_eq!(material.keys.len(), Algorithm::COUNT);
    for (key, algorithm) in material.keys.iter().zip(Algorithm::ALL) {
        assert_eq!(key.id.as_deref(), Some(algorithm.name()));
        assert_eq!(key.purposes, PurposeSet::ALL);
        check_key(key, algorithm);
    }
    // On its own, behind a byte-order mark, without an algorithm where the key says enough.
    for algorithm in Algorithm::ALL {
        let alone = format!("\u{FEFF} {}", jwk(algorithm));
        check_key(
            &one(alone.as_bytes(), &Reading::default()).unwrap(),
            algorithm,
        );
        if !algorithm.is_symmetric() {
            let silent = edited(algorithm, &json!({"alg": null, "kid": null, "use": null}));
            let reading = Reading {
                rsa: algorithm,
                ..network()
            };
            let key = one(silent.to_string().as_bytes(), &reading).unwrap();
            assert_eq!(key.id, None);
            check_key(&key, algorithm);
        }
    }
}

#[test]
fn one_bad_key_spoils_no_set() {
    let set = json!({"keys": [
        {"kty": "EC", "kid": "old", "crv": "P-192"},
        {"kty": "EC", "kid": "\u{1b}[2J\u{202e}", "crv": "P-256"},
        jwk(Algorithm::Es256),
        7,
        jwk(Algorithm::HmacSha256),
        jwk(Algorithm::Es256),
    ]});
    let material = read(set.to_string().as_bytes(), &network()).unwrap();
    // The same id twice: both are kept, and both are tried.
    assert_eq!(material.keys.len(), 2);
    let rejected: Vec<_> = material
        .rejected
        .iter()
        .map(|it| (&*it.label, it.fault))
        .collect();
    let unseen = KeyFault::BadMember {
        member: "kid",
        expected: "of characters that show themselves",
    };
    assert_eq!(
        rejected,
        [
            ("old", KeyFault::Unsupported { member: "\"crv\"" }),
            ("\\u{1b}[2J\\u{202e}", unseen),
            ("key 4", KeyFault::NotAnObject),
            ("hmac-sha256", KeyFault::SecretFromNetwork),
        ]
    );
    let empty = read(br#"{"keys":[]}"#, &network()).unwrap();
    assert!(empty.keys.is_empty() && empty.rejected.is_empty());
}

/// JSON Web Keys with one fault each.
#[test]
#[expect(clippy::too_many_lines, reason = "a table")]
fn a_bad_web_key_is_refused_with_its_fault() {
    use Algorithm::{EdDsa, Es256, Es384, HmacSha256, HmacSha384, HmacSha512, Ps256, Sm2};
    use KeyFault::{BadMember, MissingMember, NotForSignatures, Unsupported};

    let base64url = "base64url without padding";
    let width = "as wide as the curve";
    let bad = |member, expected| BadMember { member, expected };
    let short = |found, least| KeyFault::ShortSecret { found, least };
    let y_of = |algorithm| jwk(algorithm)["y"].clone();
    let x_of = |algorithm| jwk(algorithm)["x"].clone();
    let zero = "A".repeat(43);
    let small = STANDARD
        .encode([0xFF; 129])
        .replace('/', "_")
        .replace('=', "");
    let wide = "_".repeat(1_368);
    let leading = format!("AA{}", "_".repeat(342));
    let id = "k".repeat(129);
    let exponent = KeyFault::RsaExponent;
    let cases: Vec<(Algorithm, Value, KeyFault)> = vec![
        (
            Es256,
            json!({"kty": "ec"}),
            Unsupported { member: "\"kty\"" },
        ),
        (Es256, json!({"kty": 1}), bad("kty", "a string")),
        (Es256, json!({"crv": null}), MissingMember { member: "crv" }),
        (
            Es256,
            json!({"crv": "P-521"}),
            Unsupported { member: "\"crv\"" },
        ),
        (
            Es256,
            json!({"crv": "secp256k1"}),
            Unsupported { member: "\"crv\"" },
        ),
        (Es256, json!({"crv": "P-384", "alg": null}), bad("x", width)),
        (
            Es256,
            json!({"crv": "SM2", "alg": null}),
            KeyFault::PointOffCurve,
        ),
        (
            Es256,
            json!({"alg": "ES384"}),
            KeyFault::AlgorithmMismatch { fitting: Es256 },
        ),
        (
            Es256,
            json!({"alg": "HS256"}),
            KeyFault::AlgorithmMismatch { fitting: Es256 },
        ),
        (
            Es256,
            json!({"alg": "none"}),
            Unsupported { member: "\"alg\"" },
        ),
        (
            Es256,
            json!({"alg": "es256"}),
            Unsupported { member: "\"alg\"" },
        ),
        (Es256, json!({"alg": ["ES256"]}), bad("alg", "a string")),
        (
            Es256,
            json!({"use": "enc"}),
            NotForSignatures { member: "\"use\"" },
        ),
        (Es256, json!({"use": true}), bad("use", "a string")),
        (
            Es256,
            json!({"key_ops": ["sign"]}),
            NotForSignatures {
                member: "\"key_ops\"",
            },
        ),
        (
            Es256,
            json!({"key_ops": []}),
            NotForSignatures {
                member: "\"key_ops\"",
            },
        ),
        (
            Es256,
            json!({"key_ops": "verify"}),
            bad("key_ops", "an array of strings"),
        ),
        (
            Es256,
            json!({"kid": id}),
            bad("kid", "of 128 bytes at most"),
        ),
        (Es256, json!({"kid": 5}), bad("kid", "a string")),
        (Es256, json!({"x": null}), MissingMember { member: "x" }),
        (Es256, json!({"y": null}), MissingMember { member: "y" }),
        (Es256, json!({"x": ""}), bad("x", width)),
        (Es256, json!({"x": "AQ"}), bad("x", width)),
        (
            Es256,
            json!({"x": format!("AA{}", "A".repeat(42))}),
            bad("x", width),
        ),
        (Es256, json!({"x": "!"}), bad("x", base64url)),
        (Es256, json!({"x": format!("{zero}=")}), bad("x", base64url)),
        (
            Es256,
            json!({"x": format!("{}B", "A".repeat(42))}),
            bad("x", base64url),
        ),
        (
            Es256,
            json!({"x": zero, "y": zero}),
            KeyFault::PointOffCurve,
        ),
        (
            Es256,
            json!({"x": y_of(Es256), "y": x_of(Es256)}),
            KeyFault::PointOffCurve,
        ),
        (
            Es256,
            json!({"y": "_".repeat(42) + "8"}),
            KeyFault::PointOffCurve,
        ),
        (
            Es384,
            json!({"x": y_of(Es384), "y": x_of(Es384)}),
            KeyFault::PointOffCurve,
        ),
        (
            Es384,
            json!({"alg": "ES256"}),
            KeyFault::AlgorithmMismatch { fitting: Es384 },
        ),
        (
            Sm2,
            json!({"x": y_of(Sm2), "y": x_of(Sm2)}),
            KeyFault::PointOffCurve,
        ),
        (
            Sm2,
            json!({"alg": "ES256"}),
            KeyFault::AlgorithmMismatch { fitting: Sm2 },
        ),
        (
            Sm2,
            json!({"crv": "P-256", "alg": null}),
            KeyFault::PointOffCurve,
        ),
        (
            EdDsa,
            json!({"crv": "X25519"}),
            Unsupported { member: "\"crv\"" },
        ),
        (
            EdDsa,
            json!({"crv": "Ed448"}),
            Unsupported { member: "\"crv\"" },
        ),
        (EdDsa, json!({"x": zero}), KeyFault::WeakPoint),
        (
            EdDsa,
            json!({"x": "Ag".to_owned() + &"A".repeat(41)}),
            KeyFault::PointOffCurve,
        ),
        (
            EdDsa,
            json!({"x": "_".repeat(42) + "8"}),
            KeyFault::PointOffCurve,
        ),
        (
            EdDsa,
            json!({"x": "AQ"}),
            KeyFault::PointForm {
                found: 1,
                expected: 32,
            },
        ),
        (
            Ps256,
            json!({"alg": "RS512"}),
            Unsupported { member: "\"alg\"" },
        ),
        (
            Ps256,
            json!({"alg": "RSA-OAEP"}),
            Unsupported { member: "\"alg\"" },
        ),
        (
            Ps256,
            json!({"alg": "ES256"}),
            KeyFault::AlgorithmMismatch { fitting: Ps256 },
        ),
        (
            Ps256,
            json!({"n": small}),
            KeyFault::RsaSize { bits: 1_032 },
        ),
        (Ps256, json!({"n": wide}), KeyFault::RsaSize { bits: 8_208 }),
        (
            Ps256,
            json!({"n": "_".repeat(340) + "_g"}),
            KeyFault::RsaModulus,
        ),
        (
            Ps256,
            json!({"n": leading}),
            bad("n", "a number without leading zeros"),
        ),
        (
            Ps256,
            json!({"n": ""}),
            bad("n", "a number without leading zeros"),
        ),
        (Ps256, json!({"n": null}), MissingMember { member: "n" }),
        (Ps256, json!({"e": null}), MissingMember { member: "e" }),
        (Ps256, json!({"e": "AQ"}), exponent),
        (Ps256, json!({"e": "Ag"}), exponent),
        (Ps256, json!({"e": "AgAAAAE"}), exponent),
        (
            Ps256,
            json!({"e": "AAEAAQ"}),
            bad("e", "a number without leading zeros"),
        ),
        (
            HmacSha256,
            json!({"alg": null}),
            MissingMember { member: "alg" },
        ),
        (
            HmacSha256,
            json!({"alg": "ES256"}),
            KeyFault::AlgorithmMismatch {
                fitting: HmacSha256,
            },
        ),
        (
            HmacSha256,
            json!({"k": null}),
            MissingMember { member: "k" },
        ),
        (HmacSha256, json!({"k": ""}), short(0, 32)),
        (HmacSha256, json!({"k": "A".repeat(42)}), short(31, 32)),
        (HmacSha384, json!({"k": zero}), short(32, 48)),
        (HmacSha512, json!({"k": zero}), short(32, 64)),
    ];
    assert!(cases.len() >= 40);
    for (algorithm, edits, fault) in cases {
        let bad = edited(algorithm, &edits).to_string();
        let found = one(bad.as_bytes(), &Reading::default()).map(|key| key.algorithm);
        assert_eq!(found, Err(fault), "{algorithm}: {edits}");
    }
    let twice = jwk(Es256)
        .to_string()
        .replacen('{', r#"{"ext":1,"ext":2,"#, 1);
    let found = one(twice.as_bytes(), &Reading::default()).unwrap_err();
    assert_eq!(found, KeyFault::DuplicateMember);
}

#[test]
fn what_is_secret_stays_at_home() {
    let private = edited(Algorithm::Es256, &json!({"d": "AAAA"})).to_string();
    let key = one(private.as_bytes(), &Reading::default()).unwrap();
    check_key(&key, Algorithm::Es256);
    let fault = one(private.as_bytes(), &network()).unwrap_err();
    assert_eq!(fault, KeyFault::PrivateKey);
    let secret = jwk(Algorithm::HmacSm3).to_string();
    let fault = one(secret.as_bytes(), &network()).unwrap_err();
    assert_eq!(fault, KeyFault::SecretFromNetwork);
    for label in ["PRIVATE KEY", "EC PRIVATE KEY", "RSA PRIVATE KEY"] {
        let fault = one(pem(label, RSA).as_bytes(), &Reading::default()).unwrap_err();
        assert_eq!(fault, KeyFault::PrivateInFile);
        let fault = one(pem(label, RSA).as_bytes(), &network()).unwrap_err();
        assert_eq!(fault, KeyFault::PrivateKey);
    }
}
