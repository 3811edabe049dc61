use multicode::family::{Algorithm, Form};
use multicode::sandbox::signer::SigningKey;
use multicode::trust::verifier::{DEFAULT_SM2_ID, to_der};
use multicode::trust::{KeyFault, NearMiss, Verifier};

use super::{RSA, SIGNERS, signer};
use crate::external::unhex;

const TEXT: &[u8] = b"MZT1.fujian.2026a.350100.1795309200.1795312800.mi=A1";

/// Whether the algorithm has two forms.
fn has_forms(algorithm: Algorithm) -> bool {
    matches!(
        algorithm,
        Algorithm::Es256 | Algorithm::Es384 | Algorithm::Sm2
    )
}

#[test]
fn every_algorithm_verifies_what_it_signed_and_nothing_else() {
    for signer in SIGNERS.iter() {
        let verifier = signer.verifier();
        let algorithm = verifier.algorithm();
        for form in Form::ALL {
            let signature = signer.sign(form, TEXT).unwrap();
            let holds = |bytes: &[u8], signature: &[u8]| verifier.verifies(form, bytes, signature);
            assert!(holds(TEXT, &signature), "{algorithm}");
            assert!(verifier.near_misses(form, TEXT, &signature).is_empty());

            for place in 0..signature.len() {
                let mut flipped = signature.clone();
                flipped[place] ^= 1 << (place % 8);
                assert!(!holds(TEXT, &flipped), "{algorithm}, byte {place}");
            }
            for place in (0..TEXT.len()).step_by(7) {
                let mut changed = TEXT.to_vec();
                changed[place] ^= 1;
                assert!(!holds(&changed, &signature), "{algorithm}, byte {place}");
            }
            for length in (0..signature.len()).step_by(5).chain([signature.len() - 1]) {
                assert!(!holds(TEXT, &signature[..length]), "{algorithm}, {length}");
            }
            assert!(!holds(TEXT, &[&signature[..], &[0]].concat()));
            assert!(!holds(TEXT, &vec![0; signature.len()]));
            assert!(!holds(TEXT, &vec![0xFF; signature.len()]));
            assert!(!holds(b"", &signature) && !holds(TEXT, &[]));

            let other = match form {
                Form::Raw => Form::Der,
                Form::Der => Form::Raw,
            };
            assert_eq!(
                verifier.verifies(other, TEXT, &signature),
                !has_forms(algorithm)
            );
        }
    }
}

#[test]
fn nobody_else_signs_for_a_key() {
    for signer in SIGNERS.iter() {
        let signature = signer.sign(Form::Raw, TEXT).unwrap();
        let own = signer.verifier().algorithm();
        for other in SIGNERS.iter().filter(|it| it.verifier().algorithm() != own) {
            let by = other.verifier();
            assert!(!by.verifies(Form::Raw, TEXT, &signature), "{own} {by:?}");
        }
        if let Ok(stranger) = SigningKey::generate(own) {
            assert!(!stranger.verifier().verifies(Form::Raw, TEXT, &signature));
            assert!(
                stranger
                    .verifier()
                    .near_misses(Form::Raw, TEXT, &signature)
                    .is_empty()
            );
        }
    }
}

#[test]
fn an_empty_text_can_be_signed() {
    for signer in SIGNERS.iter() {
        let signature = signer.sign(Form::Raw, b"").unwrap();
        assert!(signer.verifier().verifies(Form::Raw, b"", &signature));
        assert!(!signer.verifier().verifies(Form::Raw, b"\0", &signature));
    }
}

#[track_caller]
fn check(verifier: &Verifier, form: Form, signature: &[u8], expected: &[NearMiss]) {
    assert!(!verifier.verifies(form, TEXT, signature));
    assert_eq!(verifier.near_misses(form, TEXT, signature), expected);
    for miss in expected {
        assert!(!miss.slug().is_empty() && miss.to_string().starts_with("it holds"));
    }
}

#[test]
fn a_near_miss_is_called_by_its_name() {
    for algorithm in [Algorithm::Es256, Algorithm::Es384, Algorithm::Sm2] {
        let verifier = signer(algorithm).verifier();
        let raw = signer(algorithm).sign(Form::Raw, TEXT).unwrap();
        check(verifier, Form::Der, &raw, &[NearMiss::RawSignature]);
        check(
            verifier,
            Form::Raw,
            &to_der(&raw),
            &[NearMiss::DerSignature],
        );
    }

    let (secret, hashes) = ([7; 64], ["SHA-256", "SHA-384", "SHA-512", "SM3"]);
    let hmac = Algorithm::ALL.into_iter().filter(|it| it.is_symmetric());
    for (made, hash) in hmac.clone().zip(hashes) {
        let tag = Verifier::hmac(made, &secret).unwrap().sign(TEXT).unwrap();
        for declared in hmac.clone().filter(|declared| *declared != made) {
            let verifier = Verifier::hmac(declared, &secret).unwrap();
            check(&verifier, Form::Raw, &tag, &[NearMiss::OtherHash { hash }]);
        }
    }

    for (made, declared) in [
        (Algorithm::Ps256, Algorithm::Rs256),
        (Algorithm::Rs256, Algorithm::Ps256),
    ] {
        let signature = SigningKey::rsa(made, RSA).unwrap().sign(Form::Raw, TEXT);
        let miss = NearMiss::OtherPadding { algorithm: made };
        check(
            signer(declared).verifier(),
            Form::Raw,
            &signature.unwrap(),
            &[miss],
        );
    }
}

#[test]
fn whom_an_sm2_key_signs_as_is_a_near_miss() {
    let as_signer = |identity| SigningKey::sm2(&[3; 32], identity).unwrap();
    let signed = |identity| as_signer(identity).sign(Form::Raw, TEXT).unwrap();
    let (own, usual) = (as_signer("campus"), as_signer(DEFAULT_SM2_ID));
    check(
        own.verifier(),
        Form::Raw,
        &signed(""),
        &[NearMiss::EmptySm2Id],
    );
    check(
        usual.verifier(),
        Form::Raw,
        &signed(""),
        &[NearMiss::EmptySm2Id],
    );
    check(
        own.verifier(),
        Form::Raw,
        &signed(DEFAULT_SM2_ID),
        &[NearMiss::DefaultSm2Id],
    );
    check(usual.verifier(), Form::Raw, &signed("campus"), &[]);
    check(
        own.verifier(),
        Form::Raw,
        &to_der(&signed("")),
        &[NearMiss::DerSignature, NearMiss::EmptySm2Id],
    );
}

/// The curve's points of small order, and the spellings of points that are not the shortest.
#[test]
fn weak_points_of_ed25519_are_refused() {
    let unhex = |text: &str| -> [u8; 32] { unhex(text).try_into().unwrap() };
    let weak = [
        "0100000000000000000000000000000000000000000000000000000000000000",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "0000000000000000000000000000000000000000000000000000000000000000",
        "0000000000000000000000000000000000000000000000000000000000000080",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
        // x = 0 with a sign.
        "0100000000000000000000000000000000000000000000000000000000000080",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
    ];
    let unreduced = [
        // p, p + 1 and 2^255 - 1, with either sign.
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
        "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
        // No point has y = 2.
        "0200000000000000000000000000000000000000000000000000000000000000",
    ];
    let verifier = signer(Algorithm::EdDsa).verifier();
    let cases = weak.map(|point| (point, KeyFault::WeakPoint));
    let others = unreduced.map(|point| (point, KeyFault::PointOffCurve));
    for (text, fault) in cases.into_iter().chain(others) {
        let point = unhex(text);
        assert_eq!(Verifier::ed25519(&point).unwrap_err(), fault, "{text}");
        // As R, with the S that fits a hash of zero, and with any other.
        for s in [[0; 32], [1; 32]] {
            assert!(!verifier.verifies(Form::Raw, TEXT, &[point, s].concat()));
        }
    }
    // S + L says the same to who does not look (RFC 8032, section 5.1.7).
    let signature = signer(Algorithm::EdDsa).sign(Form::Raw, TEXT).unwrap();
    let order = unhex("edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010");
    let (r, s) = signature.split_at(32);
    let mut carry = 0;
    let sum = s.iter().zip(order).map(|(&s, l)| {
        let sum = u16::from(s) + u16::from(l) + carry;
        carry = sum >> 8;
        u8::try_from(sum & 0xFF).unwrap()
    });
    let malleable = [r, &sum.collect::<Vec<_>>()].concat();
    assert!(!verifier.verifies(Form::Raw, TEXT, &malleable));
}

#[test]
fn an_sm2_signature_without_z_is_a_near_miss() {
    use sm2::dsa::signature::hazmat::PrehashSigner as _;
    use sm3::Digest as _;

    let id = DEFAULT_SM2_ID;
    let plain = sm2::dsa::SigningKey::from_slice(id, &[3; 32]).unwrap();
    let signature = plain.sign_prehash(&sm3::Sm3::digest(TEXT)).unwrap();
    let verifier = SigningKey::sm2(&[3; 32], id).unwrap();
    check(
        verifier.verifier(),
        Form::Raw,
        &signature.to_bytes(),
        &[NearMiss::MissingZ],
    );
}
