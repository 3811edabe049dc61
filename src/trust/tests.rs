use std::sync::Arc;
use std::time::Duration;

use super::*;
use crate::family::signature::Signature as Written;
use crate::family::{
    Algorithm, AlgorithmSet, CaptureNames, Code, Family, Form, Kind, Mask, Names, Purpose,
    PurposeSet, Reader, Signed, Trust, Validity,
};
use crate::sandbox::signer::SigningKey;

const BYTES: &[u8] = b"signed";

fn now() -> Timestamp {
    Timestamp::from_seconds(1_795_309_200)
}

fn family(trust: Trust) -> Family {
    Family {
        id: "family".into(),
        names: Names::default(),
        kind: Kind::Credential,
        mask: Mask::All,
        trust,
        shapes: Box::default(),
        captures: CaptureNames::default(),
        checks: Box::default(),
        reader: Reader::Gs1,
        validity: Validity::default(),
        index: 0,
    }
}

fn key(id: Option<&str>, signer: &SigningKey) -> Key {
    Key {
        id: id.map(Into::into),
        algorithm: signer.verifier().algorithm(),
        window: KeyWindow::default(),
        purposes: PurposeSet::ALL,
        crl_version: None,
        verifier: Some(signer.verifier().clone()),
    }
}

fn keys(keys: impl IntoIterator<Item = Key>, supply: Supply) -> Keys {
    let issuer = Issuer {
        id: "issuer".into(),
        aliases: ["https://issuer.example".into()].into(),
        keys: Arc::new(KeySet::new(keys, supply)),
        ..Issuer::default()
    };
    [issuer].into_iter().collect()
}

fn signed_by(signer: &SigningKey) -> Signed<'static> {
    Signed {
        bytes: BYTES.into(),
        signature: Written::Bytes(signer.sign(Form::Raw, BYTES).unwrap().into()),
        form: Form::Raw,
        algorithms: AlgorithmSet::ALL,
        message: AlgorithmSet::ALL,
    }
}

fn code<'a>(family: &'a Family, key_id: Option<&'a str>, signer: &SigningKey) -> Code<'a> {
    Code {
        issuer: Some("https://issuer.example".into()),
        key_id: key_id.map(Into::into),
        signed: Some(signed_by(signer)),
        ..Code::opaque(family, "text")
    }
}

fn settled(keys: &Keys, code: Code<'_>) -> Result<Option<String>, Untrusted> {
    let mut findings = Findings::default();
    let verified = match keys.examine(code, Depth::FirstRefusal, &mut findings, now()) {
        Examination::Settled(verified) => verified,
        Examination::Asks(question) => {
            let Need::Verification(verification) = question.need().clone() else {
                panic!("asks somebody")
            };
            let answer = Answer::Verified(Some(verification.run()));
            question.resume(answer, &mut findings, now())
        }
    };
    verified.map(|verified| {
        assert_eq!(verified.assurance(), Assurance::Signature);
        assert_eq!(verified.issuer_name(), Some("issuer"));
        findings.key.map(|key| key.label().to_owned())
    })
}

fn made(algorithm: Algorithm) -> SigningKey {
    SigningKey::generate(algorithm).unwrap()
}

#[test]
fn every_key_a_code_may_mean_is_tried() {
    let family = family(Trust::Signature);
    for algorithm in [Algorithm::Es256, Algorithm::Sm2] {
        let signers: Vec<_> = (0..3).map(|_| made(algorithm)).collect();
        let [first, second, third] = signers.as_slice() else {
            panic!()
        };
        let set = || {
            [
                key(Some("same"), first),
                key(Some("same"), second),
                key(None, third),
            ]
        };
        let keys = keys(set(), Supply::Files);
        let found = |id, signer| settled(&keys, code(&family, id, signer));
        assert_eq!(found(Some("same"), first), Ok(Some("same".into())));
        assert_eq!(found(Some("same"), second), Ok(Some("same".into())));
        // A key without an id may be any, a code without one may mean any.
        assert_eq!(found(Some("same"), third), Ok(Some("-".into())));
        assert_eq!(found(Some("other"), third), Ok(Some("-".into())));
        assert_eq!(found(None, second), Ok(Some("same".into())));
        assert_eq!(found(Some("other"), second), Err(Untrusted::BadSignature));
        assert_eq!(found(None, &made(algorithm)), Err(Untrusted::BadSignature));
    }
}

#[test]
fn a_bounded_number_of_keys_is_tried() {
    let family = family(Trust::Signature);
    let signers: Vec<_> = (0..20).map(|_| made(Algorithm::EdDsa)).collect();
    let keys = keys(signers.iter().map(|it| key(Some("k"), it)), Supply::Files);
    let believed = |signer| settled(&keys, code(&family, Some("k"), signer)).is_ok();
    assert_eq!(signers.iter().filter(|it| believed(it)).count(), 16);
}

#[test]
fn heavy_signatures_wait_for_their_own_verdict() {
    let family = family(Trust::Signature);
    let signer = made(Algorithm::Sm2);
    let keys = keys([key(Some("k"), &signer)], Supply::Files);
    let ask = |signer: &SigningKey| {
        let code = code(&family, Some("k"), signer);
        let mut findings = Findings::default();
        match keys.examine(code, Depth::FirstRefusal, &mut findings, now()) {
            Examination::Asks(question) => question,
            Examination::Settled(settled) => panic!("settled: {settled:?}"),
        }
    };
    let run = |question: &Question<'_>| match question.need() {
        Need::Verification(verification) => verification.run(),
        Need::Introspection { .. } => panic!("asks somebody"),
    };
    let resume = |question: Question<'_>, answer| {
        let outcome = question.resume(answer, &mut Findings::default(), now());
        outcome.map(|verified| verified.assurance())
    };
    let (sound, forged) = (ask(&signer), ask(&made(Algorithm::Sm2)));
    let (good, bad) = (run(&sound), run(&forged));
    // A verdict on another code is none, however good.
    let swapped = resume(forged, Answer::Verified(Some(good.clone())));
    assert_eq!(swapped, Err(Untrusted::BadSignature));
    let verdict = resume(ask(&made(Algorithm::Sm2)), Answer::Verified(Some(bad)));
    assert_eq!(verdict, Err(Untrusted::BadSignature));
    assert_eq!(
        resume(sound, Answer::Verified(Some(good))),
        Ok(Assurance::Signature)
    );
    let busy = resume(ask(&signer), Answer::Verified(None));
    assert_eq!(busy, Err(Untrusted::Busy));
    let told = Introspected {
        active: true,
        index: None,
        region: None,
        expires_at: None,
    };
    let told = resume(ask(&signer), Answer::Introspected(Some(told.into())));
    assert_eq!(told, Err(Untrusted::BadSignature));
}

#[test]
fn what_is_over_costs_no_signature() {
    let family = family(Trust::Signature);
    let signer = made(Algorithm::Sm2);
    let keys = keys([key(Some("k"), &signer)], Supply::Files);
    let over = Code {
        expires_at: Some(now()),
        ..code(&family, Some("k"), &signer)
    };
    let examine = |depth| {
        let mut findings = Findings::default();
        keys.examine(over.clone(), depth, &mut findings, now())
    };
    assert!(matches!(
        examine(Depth::FirstRefusal),
        Examination::Settled(Err(Untrusted::Expired { .. }))
    ));
    assert!(matches!(examine(Depth::Exhaustive), Examination::Asks(_)));
}

#[test]
fn the_key_decides_the_algorithm() {
    let family = family(Trust::Signature);
    let (first, second) = (made(Algorithm::Es256), made(Algorithm::EdDsa));
    let both = [key(Some("a"), &first), key(Some("b"), &second)];
    let keys = keys(both, Supply::Files);
    let check = |algorithms, message, expected: Result<(), Untrusted>| {
        let mut code = code(&family, Some("a"), &first);
        code.signed = Some(Signed {
            algorithms,
            message,
            ..signed_by(&first)
        });
        assert_eq!(settled(&keys, code).map(|_| ()), expected);
    };
    let (all, es256) = (AlgorithmSet::ALL, AlgorithmSet::only(Algorithm::Es256));
    check(all, es256, Ok(()));
    check(es256, all, Ok(()));
    let eddsa = AlgorithmSet::only(Algorithm::EdDsa);
    // What the message says can only exclude: `none`, or the algorithm of a key it is not.
    check(all, AlgorithmSet::EMPTY, Err(Untrusted::BadSignature));
    check(all, eddsa, Err(Untrusted::BadSignature));
    // A family that does not know the key's algorithm has no such key.
    check(eddsa, all, Err(Untrusted::UnknownKey));
}

#[test]
fn a_key_signs_what_its_certificate_allows() {
    let family = family(Trust::Signature);
    let signer = made(Algorithm::Es256);
    let tests = PurposeSet::only(Purpose::Test);
    let allowed = Key {
        purposes: tests,
        ..key(Some("k"), &signer)
    };
    let keys = keys([allowed], Supply::Files);
    let check = |purposes, expected| {
        let code = Code {
            purposes,
            ..code(&family, Some("k"), &signer)
        };
        assert_eq!(settled(&keys, code).map(|_| ()), expected, "{purposes:?}");
    };
    check(tests, Ok(()));
    // The same bytes in a format that states nothing: they say no more than they did.
    check(PurposeSet::EMPTY, Err(Untrusted::UnknownKey));
    check(PurposeSet::ALL, Err(Untrusted::UnknownKey));
    let vaccination = PurposeSet::only(Purpose::Vaccination);
    check(vaccination, Err(Untrusted::UnknownKey));
}

#[test]
fn keys_serve_as_long_as_their_source_lets_them() {
    let family = family(Trust::Signature);
    let signer = made(Algorithm::Es256);
    let check = |supply, expected: Result<(), Untrusted>| {
        let keys = keys([key(Some("k"), &signer)], supply);
        let found = settled(&keys, code(&family, Some("k"), &signer));
        assert_eq!(found.map(|_| ()), expected, "{supply:?}");
    };
    let until = |serve_until| Supply::Fetched { serve_until };
    let later = now().after(Duration::from_millis(1));
    check(Supply::Files, Ok(()));
    check(until(None), Ok(()));
    check(until(Some(later)), Ok(()));
    let stale = Err(Untrusted::KeysStale { since: now() });
    check(until(Some(now())), stale);
    check(Supply::Awaited, Err(Untrusted::KeyUnavailable));
}

#[test]
fn what_was_taken_back_is_refused_whoever_signed_it() {
    let family = family(Trust::Signature);
    for algorithm in [Algorithm::Es256, Algorithm::Sm2] {
        let signer = made(algorithm);
        let mut revoked = Revocations::default();
        revoked.read(b"code lost\nkey gone\n").unwrap();
        let issuer = Issuer {
            id: "issuer".into(),
            aliases: ["https://issuer.example".into()].into(),
            keys: Arc::new(KeySet::new(
                [key(Some("k"), &signer), key(Some("gone"), &signer)],
                Supply::Files,
            )),
            revoked: Arc::new(revoked),
            ..Issuer::default()
        };
        let keys: Keys = [issuer].into_iter().collect();
        let check = |id, nonce: &'static str, expected| {
            let code = Code {
                nonce: Some(nonce.into()),
                ..code(&family, Some(id), &signer)
            };
            assert_eq!(settled(&keys, code).map(|_| ()), expected, "{id} {nonce}");
        };
        check("k", "kept", Ok(()));
        check("k", "lost", Err(Untrusted::Revoked));
        check("gone", "kept", Err(Untrusted::Revoked));
    }
}

#[test]
fn the_platforms_word_counts_as_long_as_it_says() {
    let family = family(Trust::Introspection { by: 3 });
    let keys = Keys::default();
    let check = |told: Option<Introspected>, expected: Result<Option<&str>, Untrusted>| {
        let code = Code::opaque(&family, "text");
        let mut findings = Findings::default();
        let Examination::Asks(question) =
            keys.examine(code, Depth::FirstRefusal, &mut findings, now())
        else {
            panic!("did not ask")
        };
        assert!(matches!(question.need(), Need::Introspection { by: 3 }));
        let answer = Answer::Introspected(told.map(Arc::new));
        let found = question.resume(answer, &mut findings, now());
        let index = found.map(|verified| {
            assert_eq!(verified.assurance(), Assurance::Introspected);
            verified.index().map(str::to_owned)
        });
        assert_eq!(index, expected.map(|index| index.map(str::to_owned)));
    };
    let told = |active, expires_at| Introspected {
        active,
        index: Some("index".into()),
        region: None,
        expires_at,
    };
    check(Some(told(true, None)), Ok(Some("index")));
    let later = now().after(Duration::from_millis(1));
    check(Some(told(true, Some(later))), Ok(Some("index")));
    let not_after = now();
    let over = Untrusted::Expired { not_after };
    check(Some(told(true, Some(not_after))), Err(over));
    check(Some(told(false, None)), Err(Untrusted::Inactive));
    check(None, Err(Untrusted::IssuerUnavailable));
}

/// What keeps a code from being believed, by its word.
fn misses(keys: &Keys, code: &Code<'_>) -> Vec<&'static str> {
    let found = keys.near_misses(code, Reach::Everybody, now());
    found.iter().map(NearMiss::slug).collect()
}

#[test]
fn why_a_key_did_not_do_is_told() {
    let family = family(Trust::Signature);
    let signer = made(Algorithm::Es256);
    let check = |key: Key, change: fn(&mut Code<'_>), expected: &[&str]| {
        let keys = keys([key], Supply::Files);
        let mut code = code(&family, Some("k"), &signer);
        change(&mut code);
        assert!(settled(&keys, code.clone()).is_err(), "{expected:?}");
        assert_eq!(misses(&keys, &code), expected);
    };
    let sound = || key(Some("k"), &signer);
    let window = |not_before, not_after| Key {
        window: KeyWindow {
            not_before,
            not_after,
        },
        ..sound()
    };
    let second = Duration::from_secs(1);
    check(window(None, Some(now())), |_| {}, &["key-over"]);
    check(
        window(Some(now().after(second)), None),
        |_| {},
        &["key-early"],
    );
    let for_tests = Key {
        purposes: PurposeSet::only(Purpose::Test),
        ..sound()
    };
    check(for_tests, |_| {}, &["key-for-others"]);
    let names_another = |code: &mut Code<'_>| {
        let message = AlgorithmSet::only(Algorithm::HmacSha256);
        code.signed.as_mut().unwrap().message = message;
    };
    check(sound(), names_another, &["other-algorithm"]);
    let late = |code: &mut Code<'_>| code.expires_at = Some(now());
    check(sound(), late, &["late"]);
    let renamed = Key {
        id: Some("other".into()),
        ..sound()
    };
    check(renamed, |_| {}, &["other-key"]);
}

#[test]
fn a_rejected_key_says_why_its_codes_are_unknown() {
    let family = family(Trust::Signature);
    let signer = made(Algorithm::Es256);
    let rejected = Rejected {
        id: "k".into(),
        reason: "\"use\" does not allow verifying signatures".into(),
    };
    let issuer = Issuer {
        id: "issuer".into(),
        aliases: ["https://issuer.example".into()].into(),
        keys: Arc::new(KeySet::new([], Supply::Files).without(vec![rejected])),
        ..Issuer::default()
    };
    let keys: Keys = [issuer].into_iter().collect();
    let found = keys.near_misses(&code(&family, Some("k"), &signer), Reach::Issuer, now());
    let told: Vec<_> = found.iter().map(ToString::to_string).collect();
    let why = "key k was rejected: \"use\" does not allow verifying signatures";
    assert_eq!(told, [why]);
}

#[test]
fn what_must_say_when_it_was_issued_and_does_not_is_refused() {
    let mut family = family(Trust::Signature);
    family.validity.max_age = Some(Duration::from_secs(180));
    let signer = made(Algorithm::Es256);
    let keys = keys([key(Some("k"), &signer)], Supply::Files);
    let undated = code(&family, Some("k"), &signer);
    assert_eq!(settled(&keys, undated.clone()), Err(Untrusted::Undated));
    let dated = Code {
        issued_at: Some(now()),
        ..undated
    };
    assert_eq!(settled(&keys, dated), Ok(Some("k".into())));
}
