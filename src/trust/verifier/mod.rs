//! A key, parsed once, and whether a signature is its own.
//!
//! The key decides the algorithm. What verifies in one form, padding or hash is refused in every
//! other; [`near_miss`](super::near_miss) tells people about those, and nobody else.

mod curve;
mod ecdsa;
mod ed25519;
mod fixed_base;
mod hmac;
mod pair;
mod rsa;
mod sm2;

use std::fmt;
use std::sync::Arc;

use ring::signature::{UnparsedPublicKey, VerificationAlgorithm};

use super::KeyFault;
use crate::family::{Algorithm, Form};

pub use self::hmac::MIN_SECRET_BYTES;
pub use self::pair::to_der;
pub(super) use self::rsa::RSA_BITS;
pub use self::sm2::{DEFAULT_SM2_ID, MAX_SM2_ID_BYTES};

use self::ecdsa::{Curve, EcdsaKey};
use self::ed25519::Ed25519Key;
use self::hmac::HmacKey;
use self::rsa::{Padding, RsaKey};
use self::sm2::Sm2Key;

/// A key ready to verify. Cloning shares it.
#[derive(Clone)]
pub struct Verifier(Arc<Scheme>);

/// What there is to a key, by kind of arithmetic.
pub(super) enum Scheme {
    Ecdsa(EcdsaKey),
    Ed25519(Ed25519Key),
    Hmac(HmacKey),
    Rsa(RsaKey),
    Sm2(Sm2Key),
}

impl Verifier {
    /// A shared secret.
    pub fn hmac(algorithm: Algorithm, secret: &[u8]) -> Result<Self, KeyFault> {
        HmacKey::new(algorithm, secret).map(|key| Scheme::Hmac(key).into())
    }

    /// An uncompressed point of P-256, for ES256 (SEC 1, section 2.3.3).
    pub fn p256(point: &[u8]) -> Result<Self, KeyFault> {
        EcdsaKey::new(Curve::P256, point).map(|key| Scheme::Ecdsa(key).into())
    }

    /// An uncompressed point of P-384, for ES384.
    pub fn p384(point: &[u8]) -> Result<Self, KeyFault> {
        EcdsaKey::new(Curve::P384, point).map(|key| Scheme::Ecdsa(key).into())
    }

    /// A compressed point of edwards25519 (RFC 8032, section 5.1.5).
    pub fn ed25519(point: &[u8]) -> Result<Self, KeyFault> {
        Ed25519Key::new(point).map(|key| Scheme::Ed25519(key).into())
    }

    /// A modulus and an exponent, big-endian, for [`Algorithm::Ps256`] or [`Algorithm::Rs256`].
    pub fn rsa(algorithm: Algorithm, n: &[u8], e: &[u8]) -> Result<Self, KeyFault> {
        let padding = match algorithm {
            Algorithm::Ps256 => Padding::Pss,
            Algorithm::Rs256 => Padding::Pkcs1,
            _ => return Err(KeyFault::NotForRsa { algorithm }),
        };
        RsaKey::new(padding, n, e).map(|key| Scheme::Rsa(key).into())
    }

    /// An uncompressed point of the SM2 curve and the identity its owner signs under, which may be
    /// empty.
    pub fn sm2(point: &[u8], identity: &str) -> Result<Self, KeyFault> {
        Sm2Key::new(point, identity).map(|key| Scheme::Sm2(key).into())
    }

    /// The one algorithm it is for.
    pub fn algorithm(&self) -> Algorithm {
        match self.scheme() {
            Scheme::Ecdsa(key) => key.curve.algorithm(),
            Scheme::Ed25519(_) => Algorithm::EdDsa,
            Scheme::Hmac(key) => key.algorithm(),
            Scheme::Rsa(key) => key.padding.algorithm(),
            Scheme::Sm2(_) => Algorithm::Sm2,
        }
    }

    /// Whether `signature`, written in `form`, is this key's over these bytes.
    pub fn verifies(&self, form: Form, bytes: &[u8], signature: &[u8]) -> bool {
        match self.scheme() {
            Scheme::Ecdsa(key) => key.verifies(form, bytes, signature),
            Scheme::Ed25519(key) => key.verifies(bytes, signature),
            Scheme::Hmac(key) => key.verifies(bytes, signature),
            Scheme::Rsa(key) => key.verifies(bytes, signature),
            Scheme::Sm2(key) => key.verifies(form, bytes, signature),
        }
    }

    /// Signs `bytes` as an issuer would, if the key is a shared secret; only the sandbox does.
    pub fn sign(&self, bytes: &[u8]) -> Option<Vec<u8>> {
        match self.scheme() {
            Scheme::Hmac(key) => Some(key.sign(bytes)),
            _ => None,
        }
    }

    pub(super) fn scheme(&self) -> &Scheme {
        &self.0
    }
}

impl From<Scheme> for Verifier {
    fn from(scheme: Scheme) -> Self {
        Self(Arc::new(scheme))
    }
}

impl fmt::Debug for Verifier {
    /// Shows the algorithm only.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Verifier({})", self.algorithm())
    }
}

fn by_ring(
    algorithm: &'static dyn VerificationAlgorithm,
    key: &[u8],
    bytes: &[u8],
    signature: &[u8],
) -> bool {
    let key = UnparsedPublicKey::new(algorithm, key);
    key.verify(bytes, signature).is_ok()
}
