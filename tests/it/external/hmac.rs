use multicode::family::{Algorithm, Form};
use multicode::trust::Verifier;
use multicode::trust::verifier::MIN_SECRET_BYTES;

use super::{cases, corpus, unhex};

/// Both digests are 256 bits; a shorter tag is a truncated one.
const TAG_BITS: u64 = 256;

#[test]
fn external_hmac_vectors_agree() {
    let vectors = [
        (Algorithm::HmacSha256, "wycheproof/hmac_sha256_test.json"),
        (Algorithm::HmacSm3, "wycheproof/hmac_sm3_test.json"),
    ];
    for (algorithm, name) in vectors {
        let Some(corpus) = corpus("external_hmac_vectors_agree", name) else {
            continue;
        };
        let mut accepted = 0;
        let cases = cases(&corpus);
        for (group, test) in &cases {
            let full = group["tagSize"].as_u64().unwrap() == TAG_BITS;
            let text = |field: &str| test[field].as_str().unwrap();
            let (key, message) = (unhex(text("key")), unhex(text("msg")));
            let tag = unhex(text("tag"));
            let holds = Verifier::hmac(algorithm, &key)
                .is_ok_and(|verifier| verifier.verifies(Form::Raw, &message, &tag));
            let expected = text("result") == "valid" && full && key.len() >= MIN_SECRET_BYTES;
            assert_eq!(holds, expected, "{name}: test {}", test["tcId"]);
            accepted += usize::from(holds);
        }
        assert!(accepted > 20 && cases.len() - accepted > 20, "{name}");
    }
}
