use multicode::family::Form;
use multicode::trust::material::{Reading, read};
use multicode::trust::verifier::to_der;
use multicode::trust::{NearMiss, Verifier};

use super::{cases, corpus, unhex};

/// 173 valid and 89 invalid signatures in r‖s; each key in four forms.
#[test]
fn external_ecdsa_vectors_agree() {
    let name = "wycheproof/ecdsa_secp256r1_sha256_p1363_test.json";
    let Some(corpus) = corpus("external_ecdsa_vectors_agree", name) else {
        return;
    };
    let mut accepted = 0;
    for (group, test) in cases(&corpus) {
        let point = group["publicKey"]["uncompressed"].as_str().unwrap();
        let verifier = Verifier::p256(&unhex(point)).unwrap();
        let text = |field: &str| test[field].as_str().unwrap();
        let (message, signature) = (unhex(text("msg")), unhex(text("sig")));
        let expected = text("result") == "valid";
        let holds = |verifier: &Verifier| verifier.verifies(Form::Raw, &message, &signature);
        assert_eq!(holds(&verifier), expected, "test {}", test["tcId"]);

        let jwk = group
            .get("publicKeyJwk")
            .map(|jwk| jwk.to_string().into_bytes());
        let pem = group["publicKeyPem"].as_str().unwrap().as_bytes().to_vec();
        let der = unhex(group["publicKeyDer"].as_str().unwrap());
        for material in [pem, der].into_iter().chain(jwk) {
            let material = read(&material, &Reading::default()).unwrap();
            assert_eq!(material.rejected, []);
            assert_eq!(holds(material.keys[0].verifier.as_ref().unwrap()), expected);
        }
        // The same signature in the other form is refused, and called what it is.
        if signature.len() == 64 {
            let der = to_der(&signature);
            assert_eq!(verifier.verifies(Form::Der, &message, &der), expected);
            assert!(!verifier.verifies(Form::Raw, &message, &der));
            let misses = verifier.near_misses(Form::Raw, &message, &der);
            assert_eq!(misses == [NearMiss::DerSignature], expected);
        }
        accepted += usize::from(expected);
    }
    assert_eq!(accepted, 173);
}
