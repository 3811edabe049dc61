//! Published credentials, found through `MULTICODE_CORPORA` as in `external`.
//!
//! `dcc/`: <https://github.com/eu-digital-green-certificates/dgc-testdata>, `common/2DCode/raw`,
//! Apache-2.0. `../domain/vectors_signed.json` holds more of them and SMART Health Cards of
//! <https://github.com/HL7/smart-health-cards-and-links>. Signatures are verified with `ring` itself:
//! what is proved here is that the signed bytes are the right ones.

use std::fs;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use multicode::explain::{Detail, explain};
use multicode::family::token::{Token, hcert, shc};
use multicode::family::{Algorithm, AlgorithmSet, ParseError, Purpose, PurposeSet};
use multicode::gateway::Matter;
use multicode::reason::Reason;
use multicode::scan::{Claims, Cleaning, Scan, clean};
use multicode::time::Timestamp;
use multicode::trust::material::{self, Origin, Reading};
use multicode::trust::{Issuer, KeySet, Keys, Revocations, Supply};
use ring::signature::{
    ECDSA_P256_SHA256_FIXED, RSA_PSS_2048_8192_SHA256, UnparsedPublicKey, VerificationAlgorithm,
};
use serde_json::{Value, json};

use crate::shipped::{GATEWAY, door};

#[expect(
    clippy::disallowed_methods,
    reason = "the test's own input, not the gateway's"
)]
#[expect(
    clippy::print_stderr,
    reason = "whoever reads the log must see that nothing was proved"
)]
fn corpus(asking: &str, name: &str) -> Option<Value> {
    let Ok(folder) = std::env::var("MULTICODE_CORPORA") else {
        eprintln!("{asking}: MULTICODE_CORPORA is not set, {name} NOT RUN");
        return None;
    };
    let path = format!("{folder}/{name}");
    let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
    Some(serde_json::from_str(&text).unwrap())
}

/// The vectors of a kind, or of several that begin alike.
fn vectors(asking: &str, kind: &str) -> Vec<Value> {
    let file = corpus(asking, "../domain/vectors_signed.json");
    let vectors = file.and_then(|file| file["vectors"].as_array().cloned());
    let is_of_kind = |vector: &Value| vector["kind"].as_str().unwrap().starts_with(kind);
    vectors
        .unwrap_or_default()
        .into_iter()
        .filter(is_of_kind)
        .collect()
}

/// The content of a DER object, and what is behind it.
fn der(bytes: &[u8]) -> (&[u8], &[u8]) {
    let (length, content) = match bytes[1] {
        0x81 => (bytes[2].into(), &bytes[3..]),
        0x82 => (u16::from_be_bytes([bytes[2], bytes[3]]).into(), &bytes[4..]),
        short => (short.into(), &bytes[2..]),
    };
    content.split_at(length)
}

/// The public key in a certificate's seventh field (RFC 5280, section 4.1), as `ring` wants it.
fn public_key(certificate: &str) -> Vec<u8> {
    let certificate = BASE64_STANDARD.decode(certificate).unwrap();
    let to_be_signed = der(der(&certificate).0).0;
    let key = (0..6).fold(to_be_signed, |rest, _| der(rest).1);
    let bits = der(der(der(key).0).1).0;
    bits[1..].to_vec()
}

fn verifies(token: &Token, certificate: &str) -> bool {
    let with: &dyn VerificationAlgorithm =
        if token.algorithm == AlgorithmSet::only(Algorithm::Es256) {
            &ECDSA_P256_SHA256_FIXED
        } else {
            assert_eq!(token.algorithm, AlgorithmSet::only(Algorithm::Ps256));
            &RSA_PSS_2048_8192_SHA256
        };
    UnparsedPublicKey::new(with, public_key(certificate))
        .verify(&token.signed, &token.signature)
        .is_ok()
}

/// The id that lists of certificates give one: the beginning of its digest.
fn id_of(certificate: &str) -> String {
    let certificate = BASE64_STANDARD.decode(certificate).unwrap();
    let digest = ring::digest::digest(&ring::digest::SHA256, &certificate);
    BASE64_STANDARD.encode(&digest.as_ref()[..8])
}

/// One published certificate and what should come of it.
struct Vector<'a> {
    name: &'a str,
    text: &'a str,
    certificate: &'a str,
    clock: Option<Timestamp>,
    expected: &'a Value,
}

impl Vector<'_> {
    fn expects(&self, result: &str) -> Option<bool> {
        self.expected[format!("EXPECTED{result}")].as_bool()
    }

    /// Reads and verifies the certificate; says whether it is good in every respect.
    fn check(&self) -> bool {
        let read = hcert::parse(self.text);
        let at = |error: &ParseError| match error {
            ParseError::Unexpected { at, expected } => (*at, *expected),
            other => panic!("{}: {other}", self.name),
        };
        // What does not come as far as CBOR fails where it should.
        if self.expects("UNPREFIX") == Some(false) {
            assert_eq!(at(&read.unwrap_err()), (0, "HC1:"), "{}", self.name);
            return false;
        }
        if self.expects("B45DECODE") == Some(false) {
            assert_eq!(at(&read.unwrap_err()), (4, "base45"), "{}", self.name);
            return false;
        }
        if self.expects("COMPRESSION") == Some(false) {
            let (_, expected) = at(&read.unwrap_err());
            assert!(expected.contains("zlib"), "{}: {expected}", self.name);
            return false;
        }
        if self.expects("DECODE") == Some(false) {
            assert!(read.is_err(), "{}", self.name);
            return false;
        }
        let Ok(token) = read else {
            assert_eq!(
                self.expects("VERIFY"),
                Some(false),
                "{}: {read:?}",
                self.name
            );
            return false;
        };
        let is_signed =
            token.key_id == Some(id_of(self.certificate)) && verifies(&token, self.certificate);
        assert_eq!(
            is_signed,
            self.expects("VERIFY").unwrap_or(true),
            "{}",
            self.name
        );
        let is_good = self.clock.is_none_or(|clock| {
            let has_begun = token.issued_at.is_none_or(|issued| issued <= clock);
            has_begun && token.expires_at.is_none_or(|end| clock < end)
        });
        let expected = self.expects("EXPIRATIONCHECK");
        assert!(
            expected.is_none_or(|expected| expected == is_good),
            "{}",
            self.name
        );
        is_signed && is_good
    }
}

fn clock(vector: &Value) -> Option<Timestamp> {
    vector.as_str().and_then(Timestamp::parse)
}

#[test]
fn external_certificates_are_judged_as_published() {
    let vectors = vectors("external_certificates_are_judged_as_published", "eu_dcc");
    let mut good = Vec::new();
    for vector in &vectors {
        let name = vector["source"]
            .as_str()
            .unwrap()
            .rsplit_once(' ')
            .unwrap()
            .1;
        let is_good = Vector {
            name,
            text: vector["text"].as_str().unwrap(),
            certificate: vector["dsc_der_b64"].as_str().unwrap(),
            clock: clock(&vector["validation_clock"]),
            expected: &vector["expected"],
        }
        .check();
        if let (true, Some(issuer)) = (is_good, vector["iss"].as_str()) {
            let token = hcert::parse(vector["text"].as_str().unwrap()).unwrap();
            let seconds = |time: Option<Timestamp>| time.map(Timestamp::seconds);
            assert_eq!(token.issuer.as_deref(), Some(issuer));
            assert_eq!(token.key_id.as_deref(), vector["kid"].as_str());
            assert_eq!(seconds(token.expires_at), vector["exp"].as_i64());
            assert_eq!(seconds(token.issued_at), vector["iat"].as_i64());
        }
        good.extend(is_good.then_some(name));
    }
    if vectors.is_empty() {
        return;
    }
    assert_eq!(vectors.len(), 18);
    // The Dutch one is signed as it should be, but states a test and its key is for vaccinations.
    let dutch = vectors.iter().find(|it| it["kind"] == "eu_dcc_negative");
    let dutch = hcert::parse(dutch.unwrap()["text"].as_str().unwrap()).unwrap();
    assert_eq!(dutch.purposes, PurposeSet::only(Purpose::Test));
    let names: Vec<_> = good
        .iter()
        .map(|name| name.split('/').next_back().unwrap())
        .collect();
    assert_eq!(
        names,
        [
            "1.json",
            "1.json",
            "216-NL-test+wrong_key.json",
            "CO18.json",
            "CO1.json"
        ]
    );
}

#[test]
fn external_certificates_of_the_corpus_say_their_json() {
    let asking = "external_certificates_of_the_corpus_say_their_json";
    for (name, is_good) in [("CO1", true), ("CO3", true), ("H1", false), ("Z1", false)] {
        let Some(vector) = corpus(asking, &format!("dcc/{name}.json")) else {
            return;
        };
        let context = &vector["TESTCTX"];
        let text = vector["PREFIX"].as_str().unwrap();
        let found = Vector {
            name,
            text,
            certificate: context["CERTIFICATE"].as_str().unwrap(),
            clock: clock(&context["VALIDATIONCLOCK"]),
            expected: &vector["EXPECTEDRESULTS"],
        }
        .check();
        assert_eq!(found, is_good, "{name}");
        if is_good {
            let token = hcert::parse(text).unwrap();
            assert_eq!(token.claims.pointer("/-260/1"), Some(&vector["JSON"]));
        }
    }
}

#[test]
fn external_cards_are_read_and_verify() {
    let asking = "external_cards_are_read_and_verify";
    let Some(file) = corpus(asking, "../domain/vectors_signed.json") else {
        return;
    };
    let keys = file["jwks"]["keys"].as_array().unwrap();
    let cards = vectors(asking, "smart_health_card");
    assert_eq!(cards.len(), 3);
    for card in &cards {
        let token = shc::parse(card["text"].as_str().unwrap()).unwrap();
        assert_eq!(token.issuer.as_deref(), card["iss"].as_str());
        assert_eq!(token.key_id.as_deref(), card["kid"].as_str());
        assert_eq!(token.rid.as_deref(), card["rid"].as_str());
        let time = |value: &Value| {
            value
                .as_number()
                .and_then(|it| Timestamp::parse(&it.to_string()))
        };
        assert_eq!(token.issued_at, time(&card["nbf"]));
        assert_eq!(token.expires_at, time(&card["exp"]));
        assert_eq!(token.algorithm, AlgorithmSet::only(Algorithm::Es256));
        // Two digits a character, and a signature of 64 bytes.
        assert_eq!(card["jws_len"], token.signed.len() + 1 + 86);
        for key in keys {
            let coordinate = |name| {
                BASE64_URL_SAFE_NO_PAD
                    .decode(key[name].as_str().unwrap())
                    .unwrap()
            };
            let point = [vec![4], coordinate("x"), coordinate("y")].concat();
            let verified = UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point)
                .verify(&token.signed, &token.signature);
            assert_eq!(
                verified.is_ok(),
                key["kid"] == card["kid"],
                "{}",
                card["source"]
            );
        }
    }
}

/// What the shipped gateway decides about a text, with these keys and no others.
fn decided(text: &str, keys: &[u8], lists: &[u8], now: Timestamp) -> Result<String, Reason> {
    let reading = Reading {
        from: Origin::File,
        ..Reading::default()
    };
    // A certificate whose usage allows no credential is no key: its codes then have none.
    let keys = material::read(keys, &reading).map_or_else(|_| Vec::new(), |read| read.keys);
    let mut revoked = Revocations::default();
    revoked.read(lists).unwrap();
    let keys = Keys::of_anyone(Issuer {
        keys: Arc::new(KeySet::new(keys, Supply::Files)),
        revoked: Arc::new(revoked),
        ..Issuer::default()
    });
    let scan = Scan {
        text: clean(text, Cleaning::Scanner),
        claims: Claims::default(),
    };
    let door = door();
    let (story, _) = explain(
        &GATEWAY,
        Matter {
            scan: &scan,
            door: &door,
            keys: &keys,
        },
        Detail::Verdict,
        now,
    );
    match story.reason {
        None => Ok(story.assurance.unwrap_or_default().to_owned()),
        Some(slug) => {
            let mut reasons = Reason::ALL.iter();
            Err(*reasons.find(|reason| reason.slug() == slug).unwrap())
        }
    }
}

#[test]
fn external_certificates_are_decided_as_published() {
    let asking = "external_certificates_are_decided_as_published";
    let mut verdicts = Vec::new();
    for vector in vectors(asking, "eu_dcc") {
        let certificate = BASE64_STANDARD.decode(vector["dsc_der_b64"].as_str().unwrap());
        // Where no clock is given, the hour after it was issued.
        let text = vector["text"].as_str().unwrap();
        let issued = hcert::parse(text).ok().and_then(|token| token.issued_at);
        let now = clock(&vector["validation_clock"]);
        let now = now.or_else(|| issued.map(|at| at.after(Duration::from_secs(3_600))));
        let found = decided(text, &certificate.unwrap(), b"", now.unwrap());
        let checks = [
            "VALIDOBJECT",
            "UNPREFIX",
            "B45DECODE",
            "COMPRESSION",
            "DECODE",
            "VERIFY",
            "EXPIRATIONCHECK",
            "KEYUSAGE",
        ];
        let holds = |check: &&str| vector["expected"][format!("EXPECTED{check}")] != false;
        let expected = checks.iter().all(holds);
        assert_eq!(found.is_ok(), expected, "{}: {found:?}", vector["source"]);
        verdicts.push(found);
    }
    if verdicts.is_empty() {
        return;
    }
    let count = |wanted: &[Reason]| {
        let refused = verdicts.iter().filter_map(|verdict| verdict.as_ref().err());
        refused.filter(|reason| wanted.contains(reason)).count()
    };
    assert_eq!(verdicts.iter().filter(|verdict| verdict.is_ok()).count(), 4);
    assert_eq!(count(&[Reason::UnknownCode]), 3);
    assert_eq!(count(&[Reason::MalformedCode]), 5);
    assert_eq!(count(&[Reason::NotYetValid, Reason::Expired]), 2);
    assert_eq!(count(&[Reason::UnknownKey]), 3);
    assert_eq!(count(&[Reason::BadSignature]), 1);
}

#[test]
fn external_cards_are_decided_as_published() {
    let asking = "external_cards_are_decided_as_published";
    let Some(file) = corpus(asking, "../domain/vectors_signed.json") else {
        return;
    };
    let keys = file["jwks"].to_string();
    let check = |card: &Value, lists: &Value, at: i64, expected: Result<&str, Reason>| {
        let (text, now) = (card["text"].as_str().unwrap(), Timestamp::from_seconds(at));
        let found = decided(text, keys.as_bytes(), lists.to_string().as_bytes(), now);
        assert_eq!(
            found.as_deref(),
            expected.as_ref().copied(),
            "{}",
            card["source"]
        );
    };
    let cards = vectors(asking, "smart_health_card");
    let (issued, end) = (1_715_107_763, 1_746_643_763);
    for card in &cards {
        check(card, &file["crl"], issued + 60, Ok("signature"));
        check(card, &file["crl"], issued - 60, Err(Reason::NotYetValid));
    }
    // The third ends; its list takes back what was issued before it.
    check(&cards[2], &file["crl"], end, Ok("signature"));
    check(&cards[2], &file["crl"], end + 1, Err(Reason::Expired));
    let mut list = file["crl"].clone();
    list["rids"] = json!(["vwAjHdarZuc"]);
    check(&cards[2], &list, issued + 60, Err(Reason::Revoked));
    list["rids"] = json!([format!("vwAjHdarZuc.{}", issued + 1)]);
    check(&cards[2], &list, issued + 60, Err(Reason::Revoked));
    list["kid"] = json!("EBKOr72QQDcTBUuVzAzkfBTGew0ZA16GuWty64nS-sw");
    check(&cards[2], &list, issued + 60, Ok("signature"));
}
