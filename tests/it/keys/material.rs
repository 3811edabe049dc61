use std::fs;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use multicode::family::{Algorithm, Form, Purpose, PurposeSet};
use multicode::time::Timestamp;
use multicode::trust::material::{
    MAX_CERTIFICATE_BYTES, MAX_KEYS, MAX_MATERIAL_BYTES, Material, Origin, Reading, read,
};
use multicode::trust::{Key, KeyFault};
use rcgen::{CertificateParams, ExtendedKeyUsagePurpose, KeyPair, KeyUsagePurpose, PublicKeyData};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::{RSA, signer};
use crate::source::root;

const TEXT: &[u8] = b"signed by a key of a set";

/// An uncompressed point of the SM2 curve follows (RFC 5480; curve 1.2.156.10197.1.301).
const SM2_PREFIX: [u8; 26] = [
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x02, 0x01, 0x06, 0x08, 0x2A,
    0x81, 0x1C, 0xCF, 0x55, 0x01, 0x82, 0x2D, 0x03, 0x42, 0x00,
];

pub(super) fn network() -> Reading {
    Reading {
        from: Origin::Network,
        ..Reading::default()
    }
}

pub(super) fn jwk(algorithm: Algorithm) -> Value {
    signer(algorithm).jwk(algorithm.name())
}

#[track_caller]
pub(super) fn one(bytes: &[u8], reading: &Reading) -> Result<Key, KeyFault> {
    let Material { mut keys, rejected } = read(bytes, reading).unwrap();
    assert_eq!(keys.len() + rejected.len(), 1);
    match rejected.first() {
        Some(rejected) => Err(rejected.fault),
        None => Ok(keys.remove(0)),
    }
}

/// Whether the key is that of the signer of its algorithm.
#[track_caller]
pub(super) fn check_key(key: &Key, expected: Algorithm) {
    let signature = signer(expected).sign(Form::Raw, TEXT).unwrap();
    assert_eq!(key.algorithm, expected);
    let verifier = key.verifier.as_ref().unwrap();
    assert!(verifier.verifies(Form::Raw, TEXT, &signature), "{expected}");
}

pub(super) fn pem(label: &str, der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    format!("-----BEGIN {label}-----\n{text}\n-----END {label}-----\n")
}

/// A self-signed certificate, by way of `change`.
fn certificate(pair: &KeyPair, change: impl FnOnce(&mut CertificateParams)) -> Vec<u8> {
    let mut parameters = CertificateParams::new([]).unwrap();
    parameters.not_before = rcgen::date_time_ymd(2026, 1, 1);
    parameters.not_after = rcgen::date_time_ymd(2027, 1, 1);
    change(&mut parameters);
    parameters.self_signed(pair).unwrap().der().to_vec()
}

fn public_keys() -> Vec<(Algorithm, Vec<u8>)> {
    let pair = |algorithm| {
        KeyPair::generate_for(algorithm)
            .unwrap()
            .subject_public_key_info()
    };
    let sm2 = jwk(Algorithm::Sm2);
    let coordinate = |name: &str| {
        let text = sm2[name]
            .as_str()
            .unwrap()
            .replace('-', "+")
            .replace('_', "/");
        STANDARD.decode(text + "=").unwrap()
    };
    let sm2 = [&SM2_PREFIX[..], &[4], &coordinate("x"), &coordinate("y")].concat();
    vec![
        (Algorithm::Es256, pair(&rcgen::PKCS_ECDSA_P256_SHA256)),
        (Algorithm::Es384, pair(&rcgen::PKCS_ECDSA_P384_SHA384)),
        (Algorithm::EdDsa, pair(&rcgen::PKCS_ED25519)),
        (Algorithm::Ps256, rsa().subject_public_key_info()),
        (Algorithm::Sm2, sm2),
    ]
}

fn rsa() -> KeyPair {
    KeyPair::try_from(RSA).unwrap()
}

#[test]
fn public_keys_are_read_in_der_and_pem() {
    for (algorithm, der) in public_keys() {
        for bytes in [der.clone(), pem("PUBLIC KEY", &der).into_bytes()] {
            let key = one(&bytes, &network()).unwrap();
            assert_eq!((key.id.as_deref(), key.algorithm), (None, algorithm));
            if matches!(algorithm, Algorithm::Ps256 | Algorithm::Sm2) {
                check_key(&key, algorithm);
            }
        }
        let reading = Reading {
            rsa: Algorithm::Rs256,
            ..network()
        };
        if algorithm == Algorithm::Ps256 {
            check_key(&one(&der, &reading).unwrap(), Algorithm::Rs256);
        }
        // No cut, no flipped bit and nothing behind leads anywhere but to a key or a fault.
        for cut in 0..der.len() {
            assert!(read(&der[..cut], &reading).is_err() || one(&der[..cut], &reading).is_err());
        }
        assert!(one(&[&der[..], &[0]].concat(), &reading).is_err());
        for place in 0..der.len() {
            let mut flipped = der.clone();
            flipped[place] ^= 1;
            let _ = read(&flipped, &reading);
        }
    }
}

#[test]
fn a_certificate_says_when_and_for_what() {
    let pair = KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).unwrap();
    let bare = certificate(&pair, |_| ());
    let key = one(&bare, &network()).unwrap();
    assert_eq!(key.purposes, PurposeSet::ALL);
    let id = STANDARD.encode(&ring::digest::digest(&ring::digest::SHA256, &bare).as_ref()[..8]);
    assert_eq!(key.id.as_deref(), Some(&*id));
    let instant = |text| Timestamp::parse(text).unwrap();
    assert!(!key.window.contains(instant("2025-12-31T23:59:59Z")));
    assert!(key.window.contains(instant("2026-01-01T00:00:00Z")));
    assert!(key.window.contains(instant("2027-01-01T00:00:00.999Z")));
    assert!(!key.window.contains(instant("2027-01-01T00:00:01Z")));

    let roots: [&[u64]; 3] = [
        &[1, 3, 6, 1, 4, 1, 1847, 2021, 1],
        &[1, 3, 6, 1, 4, 1, 0, 1847, 2021, 1],
        &[0, 4, 0, 1847, 2021, 1],
    ];
    for root in roots {
        for (last, purpose) in [
            (1, Purpose::Test),
            (2, Purpose::Vaccination),
            (3, Purpose::Recovery),
        ] {
            let der = certificate(&pair, |it| {
                it.key_usages = vec![KeyUsagePurpose::DigitalSignature];
                let id = [root, &[last]].concat();
                it.extended_key_usages = vec![
                    ExtendedKeyUsagePurpose::ServerAuth,
                    ExtendedKeyUsagePurpose::Other(id),
                ];
            });
            let key = one(&der, &network()).unwrap();
            assert_eq!(key.purposes, PurposeSet::only(purpose));
        }
    }
    let authority = certificate(&pair, |it| {
        it.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    });
    let fault = one(&authority, &network()).unwrap_err();
    assert_eq!(fault, KeyFault::NotForSignatures { member: "keyUsage" });
    for bytes in [
        authority.clone(),
        pem("CERTIFICATE", &authority).into_bytes(),
    ] {
        let rejected = read(&bytes, &network()).unwrap().rejected;
        let digest = Sha256::digest(&authority);
        let (id, _) = digest.split_at(8);
        assert_eq!(
            *rejected[0].label,
            STANDARD.encode(id),
            "named though of no use"
        );
    }
    let other = certificate(&rsa(), |_| ());
    check_key(&one(&other, &network()).unwrap(), Algorithm::Ps256);
}

#[test]
fn a_bundle_holds_any_number_of_sections() {
    let sound = public_keys();
    let mut text = String::from("# trusted since 2026\n");
    for (_, der) in &sound {
        text += &pem("PUBLIC KEY", der);
    }
    let pair = KeyPair::generate_for(&rcgen::PKCS_ED25519).unwrap();
    text += &pem("CERTIFICATE", &certificate(&pair, |_| ()));
    text += &pem("CERTIFICATE", &[0x30; 40]);
    text += &pem("CERTIFICATE", &vec![0x30; MAX_CERTIFICATE_BYTES + 1]);
    text += &pem("X509 CRL", &[0x30; 40]);
    text += "-----BEGIN CERTIFICATE-----\nMII";
    let material = read(text.as_bytes(), &network()).unwrap();
    assert_eq!(material.keys.len(), sound.len() + 1);
    let faults: Vec<_> = material
        .rejected
        .iter()
        .map(|it| (&*it.label, it.fault))
        .collect();
    let large = KeyFault::LargeCertificate {
        found: MAX_CERTIFICATE_BYTES + 1,
        most: MAX_CERTIFICATE_BYTES,
    };
    let crl = KeyFault::PemSection {
        advice: "a list of X.509 takes back nothing here: see `revoked`",
    };
    assert_eq!(
        faults,
        [
            ("key 7", KeyFault::Der),
            ("key 8", large),
            ("X509 CRL", crl),
            ("key 10", KeyFault::Pem),
        ]
    );
}

#[test]
fn a_section_is_read_or_listed() {
    let bare = pem("RSA PUBLIC KEY", rsa().der_bytes());
    check_key(&one(bare.as_bytes(), &network()).unwrap(), Algorithm::Ps256);
    let broken = pem("RSA PUBLIC KEY", &[0x30; 40]);
    let fault = one(broken.as_bytes(), &network()).unwrap_err();
    assert_eq!(fault, KeyFault::Der);
    for (label, advice) in [
        ("CERTIFICATE REQUEST", "openssl req"),
        ("TRUSTED CERTIFICATE", "openssl x509"),
        ("EC PARAMETERS", "openssl pkey -pubout"),
        ("SSH2 PUBLIC KEY", "ssh-keygen"),
        ("PUBLIC\u{202e}KEY", "RSA PUBLIC KEY"),
    ] {
        let text = pem(label, &[0x30; 40]);
        let rejected = read(text.as_bytes(), &network()).unwrap().rejected;
        let [one] = &*rejected else {
            panic!("{label}: {rejected:?}");
        };
        assert!(one.fault.to_string().contains(advice), "{label}: {one:?}");
        assert!(!one.label.contains('\u{202e}'), "{one:?}");
    }
}

#[test]
fn what_is_no_key_set_is_refused_whole() {
    let found = |bytes: &[u8]| read(bytes, &network()).unwrap_err().to_string();
    for (bytes, start) in [
        (&b""[..], "nothing"),
        (b" \r\n", "nothing"),
        (b"<!doctype html><p>503", "HTML or XML"),
        (b"\xEF\xBB\xBF<html>", "HTML or XML"),
        (b"Bad Gateway", "something else"),
        (b"[]", "something else"),
        (b"{}", "JSON without"),
        (br#"{"error":"no"}"#, "JSON without"),
        (br#"{"keys":{}}"#, "JSON without"),
        (br#"{"keys":null}"#, "JSON without"),
        (br#"{"keys":[],"keys":[]}"#, "JSON without"),
        (br#"{"keys":["#, "broken JSON in line 1, column"),
        (b"{\n \"keys\": [\n,]}", "broken JSON in line 3, column"),
        (br#"{"keys":[]} more"#, "broken JSON"),
        (b"{\"keys\":[\"\xFF\"]}", "broken JSON"),
    ] {
        let shown = found(bytes);
        assert!(shown.starts_with(start), "{shown}");
    }
    assert!(found(&vec![b' '; MAX_MATERIAL_BYTES + 1]).starts_with("1048577 bytes"));
    let many = format!(r#"{{"keys":[{}7]}}"#, "7,".repeat(MAX_KEYS));
    assert!(found(many.as_bytes()).starts_with("4097 keys"));
    let many = pem("CERTIFICATE", b"0").repeat(MAX_KEYS + 1);
    assert!(found(many.as_bytes()).starts_with("4097 keys"));
    // Depth is not followed, wherever it is.
    let deep = "[".repeat(200_000);
    let deep = format!(r#"{{"keys":[{{"kty":"EC","x":{deep}"#);
    assert!(found(deep.as_bytes()).starts_with("broken JSON"));
    let (open, close) = ("[".repeat(100_000), "]".repeat(100_000));
    let deep = format!(r#"{{"keys":[{{"kty":"EC","crv":{open}{close}}}]}}"#);
    let material = read(deep.as_bytes(), &network()).unwrap();
    assert_eq!(material.rejected.len(), 1);
}

/// The fuzz corpus was written by OpenSSL 3.0.
#[test]
fn what_others_wrote_is_read() {
    use Algorithm::{EdDsa, Es256, Es384, HmacSha256, Ps256, Rs256, Sm2};
    let corpus = root().join("tests/fuzz/corpus/key_material");
    let reading = Reading {
        rsa: Rs256,
        ..Reading::default()
    };
    for (name, expected) in [
        ("certificate", &[Es256][..]),
        ("jwk-oct", &[HmacSha256]),
        ("jwk-p256", &[Es256]),
        ("jwk-rsa", &[Ps256]),
        ("jwk-set", &[Es256, Es384, Sm2, EdDsa, Ps256, HmacSha256]),
        ("pem", &[Es256, Es256]),
        ("spki-ed25519", &[EdDsa]),
        ("spki-p256", &[Es256]),
        ("spki-p384", &[Es384]),
        ("spki-rsa", &[Rs256]),
        ("spki-rsa-pss", &[Ps256]),
        ("spki-sm2", &[Sm2]),
    ] {
        let material = read(&fs::read(corpus.join(name)).unwrap(), &reading).unwrap();
        assert_eq!(material.rejected, [], "{name}");
        let found: Vec<_> = material.keys.iter().map(|key| key.algorithm).collect();
        assert_eq!(found, expected, "{name}");
    }
}
