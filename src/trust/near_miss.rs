//! Signatures that would hold if one thing were otherwise. `explain` tells an integrator which;
//! no decision depends on it.

use std::fmt;

use super::Verifier;
use super::verifier::{DEFAULT_SM2_ID, Scheme};
use crate::family::{Algorithm, Form};

/// The hashes a shared secret may be used with.
const HASHES: [(Algorithm, &str); 4] = [
    (Algorithm::HmacSha256, "SHA-256"),
    (Algorithm::HmacSha384, "SHA-384"),
    (Algorithm::HmacSha512, "SHA-512"),
    (Algorithm::HmacSm3, "SM3"),
];

/// What keeps a signature from holding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NearMiss {
    /// Signed under the identity of the standard, where another is declared.
    DefaultSm2Id,
    /// In DER, where r‖s is declared.
    DerSignature,
    /// Signed under an empty identity.
    EmptySm2Id,
    /// Made with another hash.
    OtherHash {
        /// The one it was made with.
        hash: &'static str,
    },
    /// The same key with another padding.
    OtherPadding {
        /// What it was signed with.
        algorithm: Algorithm,
    },
    /// As r‖s, where DER is declared.
    RawSignature,
}

impl NearMiss {
    /// The word for it in answers.
    pub const fn slug(self) -> &'static str {
        match self {
            Self::DefaultSm2Id => "default-sm2-id",
            Self::DerSignature => "der-signature",
            Self::EmptySm2Id => "empty-sm2-id",
            Self::OtherHash { .. } => "other-hash",
            Self::OtherPadding { .. } => "other-padding",
            Self::RawSignature => "raw-signature",
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
            Self::EmptySm2Id => f.write_str("it holds under an empty SM2 identity"),
            Self::OtherHash { hash } => write!(f, "it holds with {hash}"),
            Self::OtherPadding { algorithm } => write!(f, "it holds as {algorithm}"),
            Self::RawSignature => f.write_str("it holds read as r‖s, where DER is declared"),
        }
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
                    return rewritten.into_iter().chain(*miss).collect();
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
                    (sibling(""), NearMiss::EmptySm2Id),
                    (sibling(DEFAULT_SM2_ID), NearMiss::DefaultSm2Id),
                ]
            }
        };
        let sound = |(sibling, miss): (Result<Scheme, _>, _)| Some((sibling.ok()?.into(), miss));
        siblings.into_iter().filter_map(sound)
    }
}
