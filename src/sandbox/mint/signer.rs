//! Who signs a minted code: the issuer it names, or somebody who only says so.

use super::plan::Task;
use super::{Flaw, MintError};
use crate::family::layout::Issuer;
use crate::family::signature::SignatureLayout;
use crate::random::Random;
use crate::trust::{Key, Keys, Secret};

/// Eight-byte words of a key nobody has.
const FOREIGN_SECRET_WORDS: usize = 4;

/// An issuer's name, a key's name, and what is signed with.
pub(super) struct Signer {
    pub(super) issuer: String,
    pub(super) key_id: String,
    pub(super) secret: Secret,
}

impl Signer {
    /// The signer an order means.
    pub(super) fn of(
        task: Task<'_>,
        layout: &SignatureLayout,
        keys: &Keys,
        random: &mut Random,
    ) -> Result<Self, MintError> {
        let issuer = match (&task.order.issuer, &task.layout.issuer) {
            (Some(ordered), _) => Some(ordered.as_str()),
            (None, Some(Issuer::Constant(only))) => Some(&**only),
            (None, _) => None,
        };
        match task.order.flaw {
            Flaw::Foreign => Self::foreign(task, layout, keys, issuer, random),
            _ => Self::configured(task, layout, keys, issuer),
        }
    }

    /// The first by name where the order leaves the choice; those with a secret before the others.
    fn configured(
        task: Task<'_>,
        layout: &SignatureLayout,
        keys: &Keys,
        issuer: Option<&str>,
    ) -> Result<Self, MintError> {
        let usable = |key: &&Key| {
            let named = task.order.key_id.as_deref().is_none_or(|id| *key.id == *id);
            let allowed = layout.algorithms.contains(&key.algorithm);
            named && allowed && key.window.contains(task.now)
        };
        let candidate = keys
            .issuers()
            .filter(|known| issuer.is_none_or(|id| *known.id == *id))
            .flat_map(|known| known.keys().filter(usable).map(|key| (&known.id, key)))
            .min_by_key(|(issuer, key)| (key.secret.is_none(), *issuer, &key.id));
        let (issuer, key) = candidate.ok_or_else(|| no_signer(task, keys, issuer))?;
        let unset = || MintError::KeyUnavailable {
            issuer: issuer.to_string(),
            key: key.id.to_string(),
        };
        Ok(Self {
            issuer: issuer.to_string(),
            key_id: key.id.to_string(),
            secret: key.secret.clone().ok_or_else(unset)?,
        })
    }

    /// Signs with a key of its own making, under a name of its own unless the order gives one.
    fn foreign(
        task: Task<'_>,
        layout: &SignatureLayout,
        keys: &Keys,
        issuer: Option<&str>,
        random: &mut Random,
    ) -> Result<Self, MintError> {
        let issuer = match issuer {
            Some(named) => named.to_owned(),
            None => Self::configured(task, layout, keys, None)?.issuer,
        };
        let words = (0..FOREIGN_SECRET_WORDS).flat_map(|_| random.next().to_be_bytes());
        let bytes: Vec<u8> = words.collect();
        let mut algorithms = layout.algorithms.iter().copied();
        let symmetric = algorithms.find(|algorithm| algorithm.is_symmetric());
        let algorithm = symmetric.ok_or(MintError::NoKey)?;
        let made_up = || format!("x{}", random.digits(3));
        Ok(Self {
            issuer,
            key_id: task.order.key_id.clone().unwrap_or_else(made_up),
            secret: Secret::new(algorithm, &bytes).map_err(|_| MintError::NoKey)?,
        })
    }
}

fn no_signer(task: Task<'_>, keys: &Keys, issuer: Option<&str>) -> MintError {
    match (issuer, &task.order.key_id) {
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
