//! Keys and what they sign: minted signatures of every algorithm, key sets of every form.

mod material;
mod signatures;
mod web_keys;

use std::sync::LazyLock;

use multicode::family::Algorithm;
use multicode::sandbox::signer::SigningKey;

/// A throw-away key, made for these tests with `openssl genpkey`; nothing trusts it.
pub(crate) const RSA: &[u8] = include_bytes!("rsa-2048.pk8");

/// One key for each algorithm.
static SIGNERS: LazyLock<Vec<SigningKey>> = LazyLock::new(|| {
    let signers = Algorithm::ALL.map(|algorithm| match algorithm {
        Algorithm::Ps256 | Algorithm::Rs256 => SigningKey::rsa(algorithm, RSA).unwrap(),
        other => SigningKey::generate(other).unwrap(),
    });
    signers.into()
});

fn signer(algorithm: Algorithm) -> &'static SigningKey {
    let mut signers = SIGNERS.iter();
    let signer = signers.find(|signer| signer.verifier().algorithm() == algorithm);
    signer.unwrap()
}
