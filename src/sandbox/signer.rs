//! Keys that sign, as issuers have them: for minted codes, for the key sets the sandbox serves and
//! for tests. The gateway itself never signs.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::rand::{SecureRandom, SystemRandom};
use ring::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair,
    EcdsaSigningAlgorithm, Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256, RSA_PSS_SHA256, RsaEncoding,
    RsaKeyPair,
};
use serde_json::{Value, json};
use sm2::dsa::signature::Signer;
use zeroize::Zeroizing;

use crate::family::{Algorithm, Form};
use crate::trust::verifier::{DEFAULT_SM2_ID, to_der};
use crate::trust::{KeyFault, Verifier};

/// A made-up secret, as long as the longest hash.
const SECRET_BYTES: usize = 64;

/// A key with its private part.
pub struct SigningKey {
    pair: Pair,
    verifier: Verifier,
    /// The key as a JSON Web Key, without its name.
    jwk: Value,
}

enum Pair {
    Ecdsa(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
    /// Its verifier signs.
    Hmac,
    Rsa(RsaKeyPair),
    Sm2(sm2::dsa::SigningKey),
}

/// Why there is no key, or no signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SigningError {
    /// Keys of that algorithm can be read, not made.
    #[error("no key of {algorithm} can be made here")]
    CannotMake {
        /// The algorithm.
        algorithm: Algorithm,
    },
    /// The gateway would not take the key.
    #[error("not a key to verify with")]
    Key(#[from] KeyFault),
    /// The bytes are no private key of that algorithm.
    #[error("not a private key of {algorithm}")]
    NotAKey {
        /// The algorithm.
        algorithm: Algorithm,
    },
    /// The system gave no random bytes.
    #[error("no random bytes")]
    NoRandom,
}

impl SigningKey {
    /// Makes a key. RSA keys are read only: `ring` makes none.
    pub fn generate(algorithm: Algorithm) -> Result<Self, SigningError> {
        match algorithm {
            Algorithm::HmacSha256
            | Algorithm::HmacSha384
            | Algorithm::HmacSha512
            | Algorithm::HmacSm3 => Self::hmac(algorithm, &random::<SECRET_BYTES>()?),
            Algorithm::Es256 | Algorithm::Es384 => {
                Self::ecdsa(algorithm, &Self::make_pkcs8(algorithm)?)
            }
            Algorithm::EdDsa => Self::ed25519(&random()?),
            Algorithm::Ps256 | Algorithm::Rs256 => Err(SigningError::CannotMake { algorithm }),
            Algorithm::Sm2 => Self::sm2(&random()?, DEFAULT_SM2_ID),
        }
    }

    /// Takes a shared secret.
    pub fn hmac(algorithm: Algorithm, secret: &[u8]) -> Result<Self, SigningError> {
        let alg = match algorithm {
            Algorithm::HmacSha384 => "HS384",
            Algorithm::HmacSha512 => "HS512",
            Algorithm::HmacSm3 => "HSM3",
            _ => "HS256",
        };
        Ok(Self {
            pair: Pair::Hmac,
            verifier: Verifier::hmac(algorithm, secret)?,
            jwk: json!({"kty": "oct", "alg": alg, "k": base64url(secret)}),
        })
    }

    /// Reads an RSA key in PKCS #8, for [`Algorithm::Ps256`] or [`Algorithm::Rs256`].
    pub fn rsa(algorithm: Algorithm, pkcs8: &[u8]) -> Result<Self, SigningError> {
        let not_a_key = SigningError::NotAKey { algorithm };
        let pair = RsaKeyPair::from_pkcs8(pkcs8).map_err(|_| not_a_key)?;
        let public = ring::rsa::PublicKeyComponents::<Vec<u8>>::from(pair.public());
        let verifier = Verifier::rsa(algorithm, &public.n, &public.e)?;
        let alg = algorithm.name().to_uppercase();
        let (n, e) = (base64url(&public.n), base64url(&public.e));
        Ok(Self {
            pair: Pair::Rsa(pair),
            verifier,
            jwk: json!({"kty": "RSA", "alg": alg, "n": n, "e": e}),
        })
    }

    /// Takes the scalar of an SM2 key and the identity it signs under.
    pub fn sm2(scalar: &[u8; 32], identity: &str) -> Result<Self, SigningError> {
        let algorithm = Algorithm::Sm2;
        let pair = sm2::dsa::SigningKey::from_slice(identity, scalar)
            .map_err(|_| SigningError::NotAKey { algorithm })?;
        let point = pair.verifying_key().to_sec1_bytes();
        Ok(Self {
            pair: Pair::Sm2(pair),
            verifier: Verifier::sm2(&point, identity)?,
            jwk: on_curve("SM2", "SM2", &point),
        })
    }

    /// Makes a private key of [`Algorithm::Es256`] or [`Algorithm::Es384`], in PKCS #8.
    pub fn make_pkcs8(algorithm: Algorithm) -> Result<Zeroizing<Vec<u8>>, SigningError> {
        let made = EcdsaKeyPair::generate_pkcs8(curve(algorithm), &SystemRandom::new());
        let made = made.map_err(|_| SigningError::NoRandom)?;
        Ok(Zeroizing::new(made.as_ref().to_vec()))
    }

    /// Reads such a key.
    pub fn ecdsa(algorithm: Algorithm, pkcs8: &[u8]) -> Result<Self, SigningError> {
        let pair = EcdsaKeyPair::from_pkcs8(curve(algorithm), pkcs8, &SystemRandom::new());
        let pair = pair.map_err(|_| SigningError::NotAKey { algorithm })?;
        let point = pair.public_key().as_ref();
        let (verifier, jwk) = match algorithm {
            Algorithm::Es384 => (Verifier::p384(point)?, on_curve("P-384", "ES384", point)),
            _ => (Verifier::p256(point)?, on_curve("P-256", "ES256", point)),
        };
        Ok(Self {
            pair: Pair::Ecdsa(pair),
            verifier,
            jwk,
        })
    }

    /// Takes the seed of an Ed25519 key.
    pub fn ed25519(seed: &[u8; 32]) -> Result<Self, SigningError> {
        let algorithm = Algorithm::EdDsa;
        let pair = Ed25519KeyPair::from_seed_unchecked(seed)
            .map_err(|_| SigningError::NotAKey { algorithm })?;
        let x = base64url(pair.public_key().as_ref());
        Ok(Self {
            verifier: Verifier::ed25519(pair.public_key().as_ref())?,
            pair: Pair::Ed25519(pair),
            jwk: json!({"kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "x": x}),
        })
    }

    /// What the gateway holds of it.
    pub fn verifier(&self) -> &Verifier {
        &self.verifier
    }

    /// The key as its issuer's set lists it (RFC 7517). Of a shared secret that is the secret.
    pub fn jwk(&self, kid: &str) -> Value {
        let mut jwk = self.jwk.clone();
        if let Some(members) = jwk.as_object_mut() {
            members.insert("kid".to_owned(), kid.into());
            members.insert("use".to_owned(), "sig".into());
        }
        jwk
    }

    /// Signs `bytes`, in `form` where the algorithm has two.
    pub fn sign(&self, form: Form, bytes: &[u8]) -> Result<Vec<u8>, SigningError> {
        let random = SystemRandom::new();
        let no_random = |_| SigningError::NoRandom;
        let pair = match &self.pair {
            Pair::Ecdsa(pair) => {
                let signature = pair.sign(&random, bytes).map_err(no_random)?;
                signature.as_ref().to_vec()
            }
            Pair::Sm2(pair) => pair.sign(bytes).to_vec(),
            Pair::Ed25519(pair) => return Ok(pair.sign(bytes).as_ref().to_vec()),
            Pair::Hmac => {
                let algorithm = self.verifier.algorithm();
                let tag = self.verifier.sign(bytes);
                return tag.ok_or(SigningError::NotAKey { algorithm });
            }
            Pair::Rsa(pair) => {
                let padding: &dyn RsaEncoding = match self.verifier.algorithm() {
                    Algorithm::Rs256 => &RSA_PKCS1_SHA256,
                    _ => &RSA_PSS_SHA256,
                };
                let mut signature = vec![0; pair.public().modulus_len()];
                let signed = pair.sign(padding, &random, bytes, &mut signature);
                return signed.map(|()| signature).map_err(no_random);
            }
        };
        Ok(match form {
            Form::Raw => pair,
            Form::Der => to_der(&pair),
        })
    }
}

impl fmt::Debug for SigningKey {
    /// Shows the algorithm only.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey({})", self.verifier.algorithm())
    }
}

/// The private keys of issuers whose public ones are all a gateway has.
#[derive(Clone, Debug, Default)]
pub struct Signers(HashMap<(String, String), Arc<SigningKey>>);

impl Signers {
    /// Adds the key an issuer calls `key_id`.
    pub fn add(&mut self, issuer: &str, key_id: &str, key: Arc<SigningKey>) {
        let name = (issuer.to_owned(), key_id.to_owned());
        self.0.insert(name, key);
    }

    /// The public halves of an issuer's keys, as it would publish them (RFC 7517, section 5).
    pub fn key_set(&self, issuer: &str) -> Value {
        let own = self.0.iter().filter(|((of, _), _)| of == issuer);
        let mut own: Vec<_> = own.map(|((_, id), key)| (id, key.jwk(id))).collect();
        own.sort_unstable_by_key(|(id, _)| id.as_str());
        let keys: Vec<_> = own.into_iter().map(|(_, jwk)| jwk).collect();
        json!({ "keys": keys })
    }

    /// The key an issuer calls `key_id`.
    pub fn find(&self, issuer: &str, key_id: &str) -> Option<&Arc<SigningKey>> {
        self.0.get(&(issuer.to_owned(), key_id.to_owned()))
    }
}

/// The curve of an algorithm, and how it is signed on.
fn curve(algorithm: Algorithm) -> &'static EcdsaSigningAlgorithm {
    match algorithm {
        Algorithm::Es384 => &ECDSA_P384_SHA384_FIXED_SIGNING,
        _ => &ECDSA_P256_SHA256_FIXED_SIGNING,
    }
}

/// A key on a curve, from `04 x y`.
fn on_curve(crv: &str, alg: &str, point: &[u8]) -> Value {
    let both = point.get(1..).unwrap_or_default();
    let (x, y) = both.split_at(both.len() / 2);
    json!({"kty": "EC", "crv": crv, "alg": alg, "x": base64url(x), "y": base64url(y)})
}

fn base64url(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

fn random<const LENGTH: usize>() -> Result<[u8; LENGTH], SigningError> {
    let mut bytes = [0; LENGTH];
    let filled = SystemRandom::new().fill(&mut bytes);
    filled.map(|()| bytes).map_err(|_| SigningError::NoRandom)
}
