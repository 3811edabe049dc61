//! Who signs a minted code: the issuer it names, or somebody who only says so.

use std::sync::Arc;

use super::{Flaw, MintError, Order};
use crate::family::{Algorithm, AlgorithmSet, Form};
use crate::random::Random;
use crate::sandbox::signer::SigningKey;
use crate::time::Timestamp;
use crate::trust::{Issuer, Key, Keys, Verifier};

/// Eight-byte words of a key nobody has.
const FOREIGN_SECRET_WORDS: usize = 4;

/// What a family asks of who signs.
#[derive(Clone, Copy)]
pub(super) struct Demand<'a> {
    /// The one issuer of the family, where it has only one.
    pub(super) issuer: Option<&'a str>,
    /// The algorithms its keys may have.
    pub(super) algorithms: AlgorithmSet,
}

/// An issuer's name, a key's name, and what is signed with.
#[derive(Debug)]
pub(super) struct Signer {
    pub(super) issuer: String,
    pub(super) key_id: String,
    pub(super) algorithm: Algorithm,
    hand: Hand,
}

/// Who holds the key.
#[derive(Debug)]
enum Hand {
    /// Issuer and gateway share it.
    Both(Verifier),
    /// The issuer alone.
    Issuer(Arc<SigningKey>),
}

impl Signer {
    /// The signer an order means.
    pub(super) fn of(
        order: &Order,
        demand: Demand<'_>,
        keys: &Keys,
        random: &mut Random,
        now: Timestamp,
    ) -> Result<Self, MintError> {
        let demand = Demand {
            issuer: order.issuer.as_deref().or(demand.issuer),
            ..demand
        };
        match order.flaw {
            Flaw::Foreign => Self::foreign(order, demand, keys, random, now),
            _ => Self::configured(order, demand, keys, now),
        }
    }

    /// The first by name where the order leaves the choice; those that can sign before the others.
    fn configured(
        order: &Order,
        demand: Demand<'_>,
        keys: &Keys,
        now: Timestamp,
    ) -> Result<Self, MintError> {
        let usable = |key: &&Key| {
            let named = order.key_id.as_deref().is_none_or(|id| key.label() == id);
            named && demand.algorithms.contains(key.algorithm) && key.window.contains(now)
        };
        let is_meant = |issuer: &&Issuer| demand.issuer.is_none_or(|name| issuer.is_called(name));
        let candidate = keys
            .issuers()
            .filter(is_meant)
            .flat_map(|issuer| {
                issuer
                    .keys
                    .iter()
                    .filter(usable)
                    .map(move |key| (issuer, key))
            })
            .map(|(issuer, key)| (hand(order, issuer, key), issuer, key))
            .min_by_key(|(hand, issuer, key)| {
                // One that only a family of tokens names has no name for people.
                let is_nobody = issuer.names.en.is_empty();
                (hand.is_none(), is_nobody, &issuer.id, key.label())
            });
        let (hand, issuer, key) = candidate.ok_or_else(|| no_signer(order, keys, demand.issuer))?;
        let unset = || {
            let (issuer, key_id) = (issuer.id.to_string(), key.label().to_owned());
            if key.algorithm.is_symmetric() {
                let key = key_id;
                MintError::KeyUnavailable { issuer, key }
            } else {
                MintError::PublicOnly { issuer }
            }
        };
        Ok(Self {
            issuer: issuer.id.to_string(),
            key_id: key.label().to_owned(),
            algorithm: key.algorithm,
            hand: hand.ok_or_else(unset)?,
        })
    }

    /// Signs with a key of its own making, under a name of its own unless the order gives one.
    fn foreign(
        order: &Order,
        demand: Demand<'_>,
        keys: &Keys,
        random: &mut Random,
        now: Timestamp,
    ) -> Result<Self, MintError> {
        let issuer = match demand.issuer {
            Some(named) => named.to_owned(),
            None => Self::configured(order, demand, keys, now)?.issuer,
        };
        let made_up = || format!("x{}", random.digits(3));
        let key_id = order.key_id.clone().unwrap_or_else(made_up);
        let mut algorithms = demand.algorithms.iter();
        let algorithm = algorithms.next().ok_or(MintError::NoKey)?;
        let hand = if algorithm.is_symmetric() {
            let words = (0..FOREIGN_SECRET_WORDS).flat_map(|_| random.next().to_be_bytes());
            let bytes: Vec<u8> = words.collect();
            Verifier::hmac(algorithm, &bytes).ok().map(Hand::Both)
        } else {
            let made = SigningKey::generate(algorithm).ok();
            made.map(|key| Hand::Issuer(Arc::new(key)))
        };
        Ok(Self {
            issuer,
            key_id,
            algorithm,
            hand: hand.ok_or(MintError::NoKey)?,
        })
    }

    /// Signs `bytes`, in `form` where the algorithm has two.
    pub(super) fn sign(&self, form: Form, bytes: &[u8]) -> Result<Vec<u8>, MintError> {
        let signature = match &self.hand {
            Hand::Both(secret) => secret.sign(bytes),
            Hand::Issuer(key) => key.sign(form, bytes).ok(),
        };
        signature.ok_or(MintError::NoKey)
    }
}

fn hand(order: &Order, issuer: &Issuer, key: &Key) -> Option<Hand> {
    if key.algorithm.is_symmetric() {
        return key.verifier.clone().map(Hand::Both);
    }
    let own = order.signers.find(&issuer.id, key.label());
    own.cloned().map(Hand::Issuer)
}

fn no_signer(order: &Order, keys: &Keys, issuer: Option<&str>) -> MintError {
    match (issuer, &order.key_id) {
        (Some(id), _) if keys.issuer(id).is_none() => MintError::UnknownIssuer {
            issuer: id.to_owned(),
        },
        (Some(id), Some(key)) => MintError::UnknownKey {
            issuer: id.to_owned(),
            key: key.clone(),
        },
        _ => MintError::NoKey,
    }
}
