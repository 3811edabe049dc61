//! Published test vectors too large for this repository, found through `MULTICODE_CORPORA`.
//!
//! `wycheproof/hmac_{sha256,sm3}_test.json`: <https://github.com/C2SP/wycheproof> at dac1dd4,
//! `testvectors_v1`, Apache-2.0. Without the variable the test says by name that it did not run;
//! `tests/run` announces it, too.

use std::fs;

use multicode::family::{Algorithm, Form};
use multicode::trust::Verifier;
use multicode::trust::verifier::MIN_SECRET_BYTES;
use serde_json::Value;

/// Both digests are 256 bits; a shorter tag is a truncated one.
const TAG_BITS: u64 = 256;

#[expect(
    clippy::disallowed_methods,
    reason = "the test's own input, not the gateway's"
)]
#[expect(
    clippy::print_stderr,
    reason = "whoever reads the log must see that nothing was proved"
)]
fn corpus(name: &str) -> Option<Value> {
    let Ok(folder) = std::env::var("MULTICODE_CORPORA") else {
        eprintln!("external_hmac_vectors_agree: MULTICODE_CORPORA is not set, {name} NOT RUN");
        return None;
    };
    let path = format!("{folder}/wycheproof/{name}");
    let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
    Some(serde_json::from_str(&text).unwrap())
}

fn unhex(text: &str) -> Vec<u8> {
    let digits: Vec<_> = text.chars().map(|c| c.to_digit(16).unwrap()).collect();
    let byte = |pair: &[u32]| u8::try_from(pair[0] * 16 + pair[1]).unwrap();
    digits.chunks_exact(2).map(byte).collect()
}

/// How many vectors were accepted and how many refused.
fn run(algorithm: Algorithm, name: &str) -> Option<(usize, usize)> {
    let corpus = corpus(name)?;
    let (mut accepted, mut refused) = (0, 0);
    for group in corpus["testGroups"].as_array().unwrap() {
        let full = group["tagSize"].as_u64().unwrap() == TAG_BITS;
        for test in group["tests"].as_array().unwrap() {
            let text = |field: &str| test[field].as_str().unwrap();
            let (key, message) = (unhex(text("key")), unhex(text("msg")));
            let tag = unhex(text("tag"));
            let holds = Verifier::hmac(algorithm, &key)
                .is_ok_and(|verifier| verifier.verifies(Form::Raw, &message, &tag));
            let expected = text("result") == "valid" && full && key.len() >= MIN_SECRET_BYTES;
            assert_eq!(holds, expected, "{name}: test {}", test["tcId"]);
            accepted += usize::from(holds);
            refused += usize::from(!holds);
        }
    }
    assert_eq!(
        u64::try_from(accepted + refused).ok(),
        corpus["numberOfTests"].as_u64()
    );
    Some((accepted, refused))
}

#[test]
fn external_hmac_vectors_agree() {
    let vectors = [
        (Algorithm::HmacSha256, "hmac_sha256_test.json"),
        (Algorithm::HmacSm3, "hmac_sm3_test.json"),
    ];
    for (algorithm, name) in vectors {
        let Some((accepted, refused)) = run(algorithm, name) else {
            continue;
        };
        assert!(
            accepted > 20 && refused > 20,
            "{name}: {accepted}, {refused}"
        );
    }
}
