//! Signatures that would hold if one thing were otherwise. `explain` tells an integrator which;
//! no decision depends on it.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::examine::{fits, validity};
use super::keys::{Key, Keys};
use super::verifier::{DEFAULT_SM2_ID, Scheme};
use super::{Rejected, Untrusted, Verifier};
use crate::family::signature::MAX_SIGNATURE_BYTES;
use crate::family::{Algorithm, Code, Form, Signed};
use crate::time::Timestamp;

/// The hashes a shared secret may be used with.
const HASHES: [(Algorithm, &str); 4] = [
    (Algorithm::HmacSha256, "SHA-256"),
    (Algorithm::HmacSha384, "SHA-384"),
    (Algorithm::HmacSha512, "SHA-512"),
    (Algorithm::HmacSm3, "SM3"),
];

/// How far a near miss is looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// Among the keys of every issuer there is: for one code on a desk.
    Everybody,
    /// Among the issuer's own keys.
    Issuer,
}

/// What keeps a signature from holding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NearMiss {
    /// Signed under the identity of the standard, where another is declared.
    DefaultSm2Id,
    /// In DER, where r‖s is declared.
    DerSignature,
    /// Signed, and good only later.
    Early {
        /// How much.
        by: Duration,
    },
    /// Signed under an empty identity.
    EmptySm2Id,
    /// Signed, and good until a while ago.
    Late {
        /// How long.
        by: Duration,
    },
    /// Made with another hash.
    OtherHash {
        /// The one it was made with.
        hash: &'static str,
    },
    /// Signed with a key whose time has not begun.
    KeyEarly {
        /// Which.
        key: Box<str>,
        /// How much.
        by: Duration,
    },
    /// Signed with a key that may sign other statements only.
    KeyForOthers {
        /// Which.
        key: Box<str>,
    },
    /// Signed with a key whose time is over.
    KeyOver {
        /// Which.
        key: Box<str>,
        /// How long.
        by: Duration,
    },
    /// Signed over the bytes alone, without the hash of identity, curve and key (GM/T 0003.2).
    MissingZ,
    /// The header names, or the family takes, another algorithm than the key's.
    OtherAlgorithm {
        /// Which key.
        key: Box<str>,
        /// What it is for.
        algorithm: Algorithm,
        /// Whether it is the header.
        by_header: bool,
    },
    /// Signed with a key of somebody else.
    OtherIssuer {
        /// Whose.
        issuer: Box<str>,
    },
    /// Signed with another key of the same issuer.
    OtherKey {
        /// Which.
        key: Box<str>,
    },
    /// The same key with another padding.
    OtherPadding {
        /// What it was signed with.
        algorithm: Algorithm,
    },
    /// As r‖s, where DER is declared.
    RawSignature,
    /// The key it names was there and could not be used.
    RejectedKey {
        /// Which, and why.
        rejected: Rejected,
    },
}

impl NearMiss {
    /// The word for it in answers.
    pub const fn slug(&self) -> &'static str {
        match self {
            Self::DefaultSm2Id => "default-sm2-id",
            Self::DerSignature => "der-signature",
            Self::Early { .. } => "early",
            Self::EmptySm2Id => "empty-sm2-id",
            Self::KeyEarly { .. } => "key-early",
            Self::KeyForOthers { .. } => "key-for-others",
            Self::KeyOver { .. } => "key-over",
            Self::Late { .. } => "late",
            Self::MissingZ => "missing-z",
            Self::OtherAlgorithm { .. } => "other-algorithm",
            Self::OtherHash { .. } => "other-hash",
            Self::OtherIssuer { .. } => "other-issuer-key",
            Self::OtherKey { .. } => "other-key",
            Self::OtherPadding { .. } => "other-padding",
            Self::RawSignature => "raw-signature",
            Self::RejectedKey { .. } => "rejected-key",
        }
    }
}

impl fmt::Display for NearMiss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::DefaultSm2Id => {
                write!(f, "it holds under the SM2 identity {DEFAULT_SM2_ID}")
            }
            Self::DerSignature => f.write_str("it holds read as DER, where r‖s is declared"),
            Self::Early { by } => write!(f, "it holds, and is good in {} s", by.as_secs()),
            Self::EmptySm2Id => f.write_str("it holds under an empty SM2 identity"),
            Self::KeyEarly { key, by } => {
                write!(
                    f,
                    "it holds with key {key}, which is good in {} s",
                    by.as_secs()
                )
            }
            Self::KeyForOthers { key } => {
                write!(
                    f,
                    "it holds with key {key}, which may sign other codes only"
                )
            }
            Self::KeyOver { key, by } => {
                let ago = by.as_secs();
                write!(
                    f,
                    "it holds with key {key}, which was good until {ago} s ago"
                )
            }
            Self::MissingZ => {
                f.write_str("it holds without Z, the hash of the SM2 identity and key")
            }
            Self::OtherAlgorithm {
                key,
                algorithm,
                by_header,
            } => {
                let who = if *by_header {
                    "the header names"
                } else {
                    "the family takes"
                };
                write!(
                    f,
                    "{who} another algorithm than {algorithm}, which key {key} is for"
                )
            }
            Self::RejectedKey { rejected } => {
                write!(f, "key {} was rejected: {}", rejected.id, rejected.reason)
            }
            Self::Late { by } => write!(f, "it holds, and was good until {} s ago", by.as_secs()),
            Self::OtherHash { hash } => write!(f, "it holds with {hash}"),
            Self::OtherIssuer { issuer } => write!(f, "it holds with a key of issuer {issuer}"),
            Self::OtherKey { key } => write!(f, "it holds with the issuer's key {key}"),
            Self::OtherPadding { algorithm } => write!(f, "it holds as {algorithm}"),
            Self::RawSignature => f.write_str("it holds read as r‖s, where DER is declared"),
        }
    }
}

impl Keys {
    /// Everything that would have to be otherwise for the code to be believed; nothing if its
    /// signature is no near miss. Every key there is may be tried: this is for one code on a desk.
    pub fn near_misses(&self, code: &Code<'_>, reach: Reach, now: Timestamp) -> Vec<NearMiss> {
        let Some(signed) = &code.signed else {
            return Vec::new();
        };
        let mut buffer = [0; MAX_SIGNATURE_BYTES];
        let Some(signature) = signed.signature.decode(&mut buffer) else {
            return Vec::new();
        };
        let holds = |key: &Key| {
            let verifier = key.verifier.as_ref();
            verifier.is_some_and(|it| it.verifies(signed.form, &signed.bytes, signature))
        };
        let own = self.meant_by(code.issuer.as_deref());
        let id = code.key_id.as_deref();
        let named: Vec<_> = own
            .into_iter()
            .flat_map(|issuer| issuer.keys.candidates(id))
            .collect();
        let off = |key: &&Arc<Key>| off(key, code, signed, now);
        if let Some(key) = named.iter().find(|key| holds(key)) {
            return off(key).into_iter().collect();
        }
        let of_key = |key: &&Arc<Key>| {
            let verifier = key.verifier.as_ref()?;
            let found = verifier.near_misses(signed.form, &signed.bytes, signature);
            (!found.is_empty()).then_some(found)
        };
        if let Some(found) = named.iter().find_map(of_key) {
            return found;
        }
        let named_otherwise = named.iter().find_map(|key| other_algorithm(key, signed));
        let other_key = || {
            let other = own?.keys.iter().find(|key| holds(key))?;
            let key = other.label().into();
            Some(NearMiss::OtherKey { key })
        };
        let other_issuer = || {
            let mut others = self.issuers().filter(|_| reach == Reach::Everybody);
            let other = others.find(|issuer| issuer.keys.iter().any(holds))?;
            let issuer = other.id.clone();
            Some(NearMiss::OtherIssuer { issuer })
        };
        let rejected = || {
            let rejected = &own?.keys.rejected;
            let rejected = rejected.iter().find(|it| Some(&*it.id) == id)?;
            Some(NearMiss::RejectedKey {
                rejected: rejected.clone(),
            })
        };
        let miss = rejected()
            .or_else(other_key)
            .or_else(other_issuer)
            .or(named_otherwise);
        miss.into_iter().collect()
    }
}

/// What keeps a code from being believed whose signature holds under this key.
fn off(key: &Key, code: &Code<'_>, signed: &Signed<'_>, now: Timestamp) -> Option<NearMiss> {
    let key_label = || key.label().into();
    match (key.window.not_before, key.window.not_after) {
        (_, Some(end)) if now >= end => {
            return Some(NearMiss::KeyOver {
                key: key_label(),
                by: now.since(end),
            });
        }
        (Some(begin), _) if now < begin => {
            return Some(NearMiss::KeyEarly {
                key: key_label(),
                by: begin.since(now),
            });
        }
        _ => {}
    }
    if let Some(miss) = other_algorithm(key, signed) {
        return Some(miss);
    }
    if !fits(key, code, signed, now) {
        return Some(NearMiss::KeyForOthers { key: key_label() });
    }
    off_in_time(code, now)
}

/// Whether the code's header, or its family, names another algorithm than the key's.
fn other_algorithm(key: &Key, signed: &Signed<'_>) -> Option<NearMiss> {
    let taken = signed.algorithms.intersection(signed.message);
    (!taken.contains(key.algorithm)).then(|| NearMiss::OtherAlgorithm {
        key: key.label().into(),
        algorithm: key.algorithm,
        by_header: !signed.message.contains(key.algorithm),
    })
}

fn off_in_time(code: &Code<'_>, now: Timestamp) -> Option<NearMiss> {
    match validity(code, now) {
        Err(Untrusted::Expired { not_after }) => Some(NearMiss::Late {
            by: now.since(not_after),
        }),
        Err(Untrusted::NotYetValid { not_before }) => Some(NearMiss::Early {
            by: not_before.since(now),
        }),
        _ => None,
    }
}

impl Verifier {
    /// Everything that would have to be otherwise for `signature` to hold; nothing if it is no
    /// near miss.
    pub fn near_misses(&self, form: Form, bytes: &[u8], signature: &[u8]) -> Vec<NearMiss> {
        let (other_form, rewritten) = match form {
            Form::Raw => (Form::Der, NearMiss::DerSignature),
            Form::Der => (Form::Raw, NearMiss::RawSignature),
        };
        let siblings: Vec<_> = [(self.clone(), None)]
            .into_iter()
            .chain(self.siblings().map(|(sibling, miss)| (sibling, Some(miss))))
            .collect();
        for (form, rewritten) in [(form, None), (other_form, Some(rewritten))] {
            for (verifier, miss) in &siblings {
                if verifier.verifies(form, bytes, signature) {
                    return rewritten.into_iter().chain(miss.clone()).collect();
                }
            }
        }
        Vec::new()
    }

    /// The same key under other circumstances.
    fn siblings(&self) -> impl Iterator<Item = (Self, NearMiss)> {
        let siblings = match self.scheme() {
            Scheme::Ecdsa(key) => {
                let (sibling, hash) = key.under_other_hash();
                vec![(Ok(Scheme::Ecdsa(sibling)), NearMiss::OtherHash { hash })]
            }
            Scheme::Ed25519(_) => Vec::new(),
            Scheme::Hmac(key) => HASHES
                .map(|(algorithm, hash)| {
                    let sibling = key.under(algorithm).map(Scheme::Hmac);
                    (sibling, NearMiss::OtherHash { hash })
                })
                .into(),
            Scheme::Rsa(key) => {
                let sibling = key.under_other_padding();
                let algorithm = sibling.padding.algorithm();
                vec![(
                    Ok(Scheme::Rsa(sibling)),
                    NearMiss::OtherPadding { algorithm },
                )]
            }
            Scheme::Sm2(key) => {
                let sibling = |identity| key.as_signer(identity).map(Scheme::Sm2);
                vec![
                    (Ok(Scheme::Sm2(key.without_z())), NearMiss::MissingZ),
                    (sibling(""), NearMiss::EmptySm2Id),
                    (sibling(DEFAULT_SM2_ID), NearMiss::DefaultSm2Id),
                ]
            }
        };
        let sound = |(sibling, miss): (Result<Scheme, _>, _)| Some((sibling.ok()?.into(), miss));
        siblings.into_iter().filter_map(sound)
    }
}
