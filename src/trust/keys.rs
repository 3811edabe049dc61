//! The keys of the issuers, by (issuer, key id).
//!
//! Two issuers may use the same key id; a key is never looked up by its id alone. Rotation is two
//! keys whose windows overlap.

use rustc_hash::FxHashMap;

use super::algorithm::Secret;
use crate::family::{Algorithm, Names, Region};
use crate::time::Timestamp;

/// All issuers.
#[derive(Debug, Default)]
pub struct Keys(FxHashMap<Box<str>, Issuer>);

impl Keys {
    /// The issuer of that name.
    pub fn issuer(&self, name: &str) -> Option<&Issuer> {
        self.0.get(name)
    }

    /// Every issuer, by name.
    pub fn issuers(&self) -> impl Iterator<Item = &Issuer> {
        self.0.values()
    }
}

impl FromIterator<Issuer> for Keys {
    fn from_iter<I: IntoIterator<Item = Issuer>>(issuers: I) -> Self {
        Self(
            issuers
                .into_iter()
                .map(|issuer| (issuer.id.clone(), issuer))
                .collect(),
        )
    }
}

/// One who issues codes.
#[derive(Debug)]
pub struct Issuer {
    /// What codes call it.
    pub id: Box<str>,
    /// What people call it.
    pub names: Names,
    /// Where it sits, for codes that do not say.
    pub region: Option<Region>,
    keys: FxHashMap<Box<str>, Key>,
}

impl Issuer {
    /// An issuer with its keys.
    pub fn new(id: &str, names: Names, region: Option<Region>, keys: Vec<Key>) -> Self {
        let keys = keys.into_iter().map(|key| (key.id.clone(), key)).collect();
        Self {
            id: id.into(),
            names,
            region,
            keys,
        }
    }

    /// The key of that id.
    pub fn key(&self, id: &str) -> Option<&Key> {
        self.keys.get(id)
    }

    /// Every key, in no order.
    pub fn keys(&self) -> impl Iterator<Item = &Key> {
        self.keys.values()
    }
}

/// One key of an issuer.
#[derive(Debug)]
pub struct Key {
    /// What codes call it.
    pub id: Box<str>,
    /// The one algorithm it is for.
    pub algorithm: Algorithm,
    /// When it may verify.
    pub window: KeyWindow,
    /// The secret; `None` while its reference is not set.
    pub secret: Option<Secret>,
}

/// When a key may verify.
#[derive(Clone, Copy, Debug, Default)]
pub struct KeyWindow {
    /// The first instant at which it may.
    pub not_before: Option<Timestamp>,
    /// The first instant at which it may no longer.
    pub not_after: Option<Timestamp>,
}

impl KeyWindow {
    /// Whether `now` lies in it.
    pub fn contains(self, now: Timestamp) -> bool {
        self.not_before.is_none_or(|begin| begin <= now)
            && self.not_after.is_none_or(|end| now < end)
    }
}
