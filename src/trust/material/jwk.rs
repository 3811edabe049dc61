//! JSON Web Keys and sets of them (RFC 7517; kinds of keys: RFC 7518, section 6, and RFC 8037).
//!
//! Members that are not needed are skipped as text, so that nothing in them costs memory or depth.
//! A member that stands in a key twice makes the key ambiguous, and readers differ on which one
//! counts: it is refused.

use std::collections::BTreeSet;
use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;
use zeroize::Zeroizing;

use super::{MAX_KEYS, Material, MaterialError, Origin, Reading};
use crate::family::{Algorithm, PurposeSet};
use crate::printable::is_printable;
use crate::trust::{Key, KeyFault, KeyWindow, Verifier};

/// The longest id of a key. Those in use are thumbprints or numbers; a code has to carry it.
pub const MAX_KEY_ID_BYTES: usize = 128;

/// The algorithms and their names (RFC 7518, section 3.1; RFC 8037; RFC 9864). Those with SM3 have
/// no registered one.
const NAMES: [(&str, Algorithm); 11] = [
    ("HS256", Algorithm::HmacSha256),
    ("HS384", Algorithm::HmacSha384),
    ("HS512", Algorithm::HmacSha512),
    ("HSM3", Algorithm::HmacSm3),
    ("ES256", Algorithm::Es256),
    ("ES384", Algorithm::Es384),
    ("EdDSA", Algorithm::EdDsa),
    ("Ed25519", Algorithm::EdDsa),
    ("PS256", Algorithm::Ps256),
    ("RS256", Algorithm::Rs256),
    ("SM2", Algorithm::Sm2),
];

/// Reads a set, or a key on its own.
pub(super) fn read(text: &[u8], reading: &Reading) -> Result<Material, MaterialError> {
    let object: Members<'_> = serde_json::from_slice(text).map_err(|error| broken(&error))?;
    let mut material = Material::default();
    if object.get("kty").is_some() {
        add(&mut material, &object, reading);
        return Ok(material);
    }
    let not_a_set = MaterialError::NoKeys {
        found: "JSON without one array \"keys\"",
    };
    let keys = object.get("keys").filter(|_| object.are_unique());
    let keys = keys.ok_or(not_a_set)?;
    let keys: Vec<&RawValue> = serde_json::from_str(keys.get()).map_err(|_| not_a_set)?;
    if keys.len() > MAX_KEYS {
        let found = keys.len();
        return Err(MaterialError::ManyKeys { found });
    }
    for key in keys {
        match serde_json::from_str(key.get()) {
            Ok(key) => add(&mut material, &key, reading),
            Err(_) => material.add(None, Err(KeyFault::NotAnObject)),
        }
    }
    Ok(material)
}

fn broken(error: &serde_json::Error) -> MaterialError {
    MaterialError::Json {
        line: error.line(),
        column: error.column(),
    }
}

fn add(material: &mut Material, key: &Members<'_>, reading: &Reading) {
    let id = key.text("kid").ok().flatten();
    material.add(id.as_deref(), parse(key, reading));
}

fn parse(key: &Members<'_>, reading: &Reading) -> Result<Key, KeyFault> {
    if !key.are_unique() {
        return Err(KeyFault::DuplicateMember);
    }
    let id = key.text("kid")?;
    let refuse = |expected| KeyFault::BadMember {
        member: "kid",
        expected,
    };
    if id.as_ref().is_some_and(|id| id.len() > MAX_KEY_ID_BYTES) {
        return Err(refuse("of 128 bytes at most"));
    }
    // Operators read it in their terminals and logs.
    if id.as_ref().is_some_and(|id| !id.chars().all(is_printable)) {
        return Err(refuse("of characters that show themselves"));
    }
    key.check_use()?;
    // RFC 7518, section 6: "d" is the private part of every kind of key pair, "k" all of a secret.
    if reading.from == Origin::Network && key.get("d").is_some() {
        return Err(KeyFault::PrivateKey);
    }
    let verifier = verifier(key, reading)?;
    Ok(Key {
        id: id.map(Into::into),
        algorithm: verifier.algorithm(),
        window: KeyWindow::default(),
        purposes: PurposeSet::ALL,
        verifier: Some(verifier),
        crl_version: key.crl_version()?,
    })
}

fn verifier(key: &Members<'_>, reading: &Reading) -> Result<Verifier, KeyFault> {
    match &*key.needed("kty")? {
        "EC" => match &*key.needed("crv")? {
            "P-256" => {
                key.check_algorithm(Algorithm::Es256)?;
                Verifier::p256(&key.point(32)?)
            }
            "P-384" => {
                key.check_algorithm(Algorithm::Es384)?;
                Verifier::p384(&key.point(48)?)
            }
            "SM2" => {
                key.check_algorithm(Algorithm::Sm2)?;
                Verifier::sm2(&key.point(32)?, &reading.sm2_id)
            }
            _ => Err(KeyFault::Unsupported { member: "\"crv\"" }),
        },
        "OKP" => match &*key.needed("crv")? {
            "Ed25519" => {
                key.check_algorithm(Algorithm::EdDsa)?;
                Verifier::ed25519(&key.bytes("x")?)
            }
            _ => Err(KeyFault::Unsupported { member: "\"crv\"" }),
        },
        "RSA" => {
            let algorithm = match key.algorithm()? {
                Some(algorithm @ (Algorithm::Ps256 | Algorithm::Rs256)) => algorithm,
                Some(_) => {
                    let fitting = reading.rsa;
                    return Err(KeyFault::AlgorithmMismatch { fitting });
                }
                None => reading.rsa,
            };
            Verifier::rsa(algorithm, &key.number("n")?, &key.number("e")?)
        }
        "oct" => secret(key, reading),
        _ => Err(KeyFault::Unsupported { member: "\"kty\"" }),
    }
}

fn secret(key: &Members<'_>, reading: &Reading) -> Result<Verifier, KeyFault> {
    if reading.from == Origin::Network {
        return Err(KeyFault::SecretFromNetwork);
    }
    let algorithm = key
        .algorithm()?
        .ok_or(KeyFault::MissingMember { member: "alg" })?;
    let fitting = Algorithm::HmacSha256;
    let least = match algorithm {
        Algorithm::HmacSha256 | Algorithm::HmacSm3 => 32,
        Algorithm::HmacSha384 => 48,
        Algorithm::HmacSha512 => 64,
        _ => return Err(KeyFault::AlgorithmMismatch { fitting }),
    };
    let secret = key.bytes("k")?;
    // RFC 7518, section 3.2: "A key of the same size as the hash output [...] or larger MUST be
    // used with this algorithm."
    if secret.len() < least {
        let found = secret.len();
        return Err(KeyFault::ShortSecret { found, least });
    }
    Verifier::hmac(algorithm, &secret)
}

/// The members of an object, each as it is written.
struct Members<'a>(Vec<(String, &'a RawValue)>);

impl<'a> Members<'a> {
    fn get(&self, member: &str) -> Option<&'a RawValue> {
        let found = self.0.iter().find(|(name, _)| name == member);
        found.map(|(_, value)| *value)
    }

    fn are_unique(&self) -> bool {
        let names: BTreeSet<_> = self.0.iter().map(|(name, _)| name).collect();
        names.len() == self.0.len()
    }

    fn text(&self, member: &'static str) -> Result<Option<String>, KeyFault> {
        let expected = "a string";
        let value = self
            .get(member)
            .map(|value| serde_json::from_str(value.get()));
        value
            .transpose()
            .map_err(|_| KeyFault::BadMember { member, expected })
    }

    /// SMART Health Cards, "Revocation": the version of the key's revocation list.
    fn crl_version(&self) -> Result<Option<u64>, KeyFault> {
        let (member, expected) = ("crlVersion", "a whole number");
        let value = self
            .get(member)
            .map(|value| serde_json::from_str(value.get()));
        value
            .transpose()
            .map_err(|_| KeyFault::BadMember { member, expected })
    }

    fn needed(&self, member: &'static str) -> Result<String, KeyFault> {
        self.text(member)?.ok_or(KeyFault::MissingMember { member })
    }

    fn bytes(&self, member: &'static str) -> Result<Zeroizing<Vec<u8>>, KeyFault> {
        let text = Zeroizing::new(self.needed(member)?);
        let expected = "base64url without padding";
        let bytes = URL_SAFE_NO_PAD.decode(text.as_bytes());
        bytes
            .map(Into::into)
            .map_err(|_| KeyFault::BadMember { member, expected })
    }

    /// RFC 7518, section 2: a number "MUST utilize the minimum number of octets".
    fn number(&self, member: &'static str) -> Result<Zeroizing<Vec<u8>>, KeyFault> {
        let bytes = self.bytes(member)?;
        let expected = "a number without leading zeros";
        match bytes.first() {
            None | Some(0) => Err(KeyFault::BadMember { member, expected }),
            Some(_) => Ok(bytes),
        }
    }

    /// RFC 7518, section 6.2.1.2: a coordinate "MUST be the full size of a coordinate for the
    /// curve".
    fn point(&self, width: usize) -> Result<Vec<u8>, KeyFault> {
        let coordinate = |member| {
            let bytes = self.bytes(member)?;
            let expected = "as wide as the curve";
            let fits = bytes.len() == width;
            fits.then_some(bytes)
                .ok_or(KeyFault::BadMember { member, expected })
        };
        Ok([
            &[4],
            coordinate("x")?.as_slice(),
            coordinate("y")?.as_slice(),
        ]
        .concat())
    }

    fn algorithm(&self) -> Result<Option<Algorithm>, KeyFault> {
        let Some(alg) = self.text("alg")? else {
            return Ok(None);
        };
        let known = NAMES.iter().find(|(name, _)| *name == alg);
        let unsupported = KeyFault::Unsupported { member: "\"alg\"" };
        known
            .map(|(_, algorithm)| Some(*algorithm))
            .ok_or(unsupported)
    }

    fn check_algorithm(&self, fitting: Algorithm) -> Result<(), KeyFault> {
        match self.algorithm()? {
            Some(named) if named != fitting => Err(KeyFault::AlgorithmMismatch { fitting }),
            _ => Ok(()),
        }
    }

    /// RFC 7517, sections 4.2 and 4.3: what the key is meant for, where it says so.
    fn check_use(&self) -> Result<(), KeyFault> {
        if self.text("use")?.is_some_and(|meant| meant != "sig") {
            return Err(KeyFault::NotForSignatures { member: "\"use\"" });
        }
        let Some(operations) = self.get("key_ops") else {
            return Ok(());
        };
        let operations: Vec<String> =
            serde_json::from_str(operations.get()).map_err(|_| KeyFault::BadMember {
                member: "key_ops",
                expected: "an array of strings",
            })?;
        let verifies = operations.iter().any(|operation| operation == "verify");
        verifies.then_some(()).ok_or(KeyFault::NotForSignatures {
            member: "\"key_ops\"",
        })
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Members<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;

        impl<'de> Visitor<'de> for Object {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Members<'de>, M::Error> {
                let mut members = Vec::new();
                while let Some((name, value)) = map.next_entry()? {
                    members.push((name, value));
                }
                Ok(Members(members))
            }
        }

        deserializer.deserialize_map(Object)
    }
}
