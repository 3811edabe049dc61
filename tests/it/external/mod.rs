//! Published test vectors too large for this repository, found through `MULTICODE_CORPORA`.
//!
//! `wycheproof/*_test.json`: <https://github.com/C2SP/wycheproof> at dac1dd4, `testvectors_v1`,
//! Apache-2.0. `sm2/verify.json`: made with OpenSSL 3.0, each verdict agreed by sm-crypto.
//! `shc/*.json`: <https://github.com/smart-on-fhir/health-cards-dev-tools> at b9b961d, MIT.
//! `dcc/*.json`: <https://github.com/eu-digital-green-certificates/dgc-testdata> at 4a62c8d,
//! Apache-2.0. Without the variable a test says by name that it did not run; `tests/run`
//! announces it, too.

mod ecdsa;
mod hmac;
mod keys;
mod sm2;

use std::fs;

use serde_json::Value;

/// One file of the corpora; `None`, and a word about it, where there are none.
fn corpus(test: &str, name: &str) -> Option<Value> {
    let bytes = bytes_of(test, name)?;
    Some(serde_json::from_slice(&bytes).unwrap())
}

#[expect(
    clippy::disallowed_methods,
    reason = "the test's own input, not the gateway's"
)]
#[expect(
    clippy::print_stderr,
    reason = "whoever reads the log must see that nothing was proved"
)]
fn bytes_of(test: &str, name: &str) -> Option<Vec<u8>> {
    let Ok(folder) = std::env::var("MULTICODE_CORPORA") else {
        eprintln!("{test}: MULTICODE_CORPORA is not set, {name} NOT RUN");
        return None;
    };
    let path = format!("{folder}/{name}");
    Some(fs::read(&path).unwrap_or_else(|error| panic!("{path}: {error}")))
}

/// Every test of a Wycheproof file, each with its group.
fn cases(corpus: &Value) -> Vec<(&Value, &Value)> {
    let groups = corpus["testGroups"].as_array().unwrap().iter();
    let cases: Vec<_> = groups
        .flat_map(|group| {
            let tests = group["tests"].as_array().unwrap().iter();
            tests.map(move |test| (group, test))
        })
        .collect();
    assert_eq!(
        u64::try_from(cases.len()).ok(),
        corpus["numberOfTests"].as_u64()
    );
    cases
}

/// The bytes of hexadecimal digits.
pub(crate) fn unhex(text: &str) -> Vec<u8> {
    let digits: Vec<_> = text.chars().map(|c| c.to_digit(16).unwrap()).collect();
    let byte = |pair: &[u32]| u8::try_from(pair[0] * 16 + pair[1]).unwrap();
    digits.chunks_exact(2).map(byte).collect()
}
