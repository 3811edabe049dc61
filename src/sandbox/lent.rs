//! Key pairs for issuers whose private keys are where they belong: with the issuers.
//!
//! For the length of a demonstration or a test every issuer is lent the same few pairs, made for the
//! occasion, so that codes can be signed that only a public key verifies.

use std::sync::Arc;

use super::keyring::Keyring;
use super::signer::{Signers, SigningError, SigningKey};
use crate::family::{Algorithm, Family, PurposeSet, Reader, Trust};
use crate::trust::{Issuer, Key, KeyWindow, Keys};

/// What codes call the pairs. Read as Base64, as certificates' ids are, each spells itself.
const PAIRS: [(Algorithm, &str); 4] = [
    (Algorithm::Es256, "sandboxES256"),
    (Algorithm::Es384, "sandboxES384"),
    (Algorithm::EdDsa, "sandboxEdDSA"),
    (Algorithm::Sm2, "sandboxOfSM2"),
];

/// An address cards can call their issuer by.
const ADDRESS: &str = "https://sandbox.example/";

/// What codes call the pair of that algorithm.
pub fn key_id(algorithm: Algorithm) -> Option<&'static str> {
    let mut pairs = PAIRS.into_iter();
    pairs.find_map(|(known, id)| (known == algorithm).then_some(id))
}

/// The keys with the lent ones, and who signs with those. The only issuer of a family of tokens is
/// there even if it is not configured.
pub fn lend(families: &[Family], keys: &Keys) -> Result<(Keys, Signers), SigningError> {
    lend_from(&Keyring::make()?, families, keys)
}

/// The same with the pairs of a keyring.
pub fn lend_from(
    keyring: &Keyring,
    families: &[Family],
    keys: &Keys,
) -> Result<(Keys, Signers), SigningError> {
    let made = PAIRS.map(|(algorithm, id)| Ok((id, keyring.pair(algorithm)?)));
    let made = made.into_iter().collect::<Result<Vec<_>, SigningError>>()?;
    let unconfigured = families
        .iter()
        .filter_map(only_issuer)
        .filter(|name| keys.issuer(name).is_none())
        .map(|name| Issuer {
            id: name.into(),
            ..Issuer::default()
        });
    let mut signers = Signers::default();
    let lent = keys.issuers().cloned().chain(unconfigured).map(|issuer| {
        for (id, key) in &made {
            signers.add(&issuer.id, id, Arc::clone(key));
        }
        let address = format!("{ADDRESS}{}", issuer.id);
        let aliases = issuer.aliases.iter().cloned();
        Issuer {
            aliases: aliases.chain([address.into()]).collect(),
            keys: Arc::new(
                issuer
                    .keys
                    .and(made.iter().map(|(id, pair)| public(id, pair))),
            ),
            ..issuer
        }
    });
    let lent = lent.collect();
    Ok((lent, signers))
}

fn only_issuer(family: &Family) -> Option<&str> {
    match &family.reader {
        Reader::Token(layout) if family.trust == Trust::Signature => layout.issuer.as_deref(),
        _ => None,
    }
}

fn public(id: &str, pair: &SigningKey) -> Key {
    Key {
        id: Some(id.into()),
        algorithm: pair.verifier().algorithm(),
        window: KeyWindow::default(),
        purposes: PurposeSet::ALL,
        crl_version: None,
        verifier: Some(pair.verifier().clone()),
    }
}
