//! The keys of the issuers, by (issuer, key id).
//!
//! Two issuers may use the same key id; a key is never looked up by its id alone. Rotation is two
//! keys whose windows overlap. [`Keys`] is a snapshot: renewing an issuer's keys makes another one.

use std::sync::Arc;

use rustc_hash::FxHashMap;

use super::revocation::Revocations;
use super::{Rejected, Untrusted, Verifier};
use crate::family::{Algorithm, Names, PurposeSet, Region};
use crate::time::Timestamp;

/// All issuers.
#[derive(Clone, Debug, Default)]
pub struct Keys {
    by_name: FxHashMap<Box<str>, Arc<Issuer>>,
    /// Who answers for every name, in a desk check with keys of its own.
    anyone: Option<Arc<Issuer>>,
}

impl Keys {
    /// One issuer for whatever name a code has.
    pub fn of_anyone(issuer: Issuer) -> Self {
        Self {
            by_name: FxHashMap::default(),
            anyone: Some(Arc::new(issuer)),
        }
    }

    /// The issuer of that name.
    pub fn issuer(&self, name: &str) -> Option<&Issuer> {
        self.meant_by(Some(name))
    }

    /// The issuer a code means that says this, or nothing, about it.
    pub(super) fn meant_by(&self, name: Option<&str>) -> Option<&Issuer> {
        let known = name.and_then(|name| self.by_name.get(name));
        known.or(self.anyone.as_ref()).map(|issuer| &**issuer)
    }

    /// Every issuer, in no order.
    pub fn issuers(&self) -> impl Iterator<Item = &Issuer> {
        let by_id = self.by_name.iter();
        by_id
            .filter(|(name, issuer)| ***name == *issuer.id)
            .map(|(_, issuer)| &**issuer)
            .chain(self.anyone.as_deref())
    }

    /// The same with other keys for one issuer.
    #[must_use]
    pub fn with(&self, issuer: Issuer) -> Self {
        let mut renewed = self.clone();
        renewed.insert(issuer);
        renewed
    }

    fn insert(&mut self, issuer: Issuer) {
        let issuer = Arc::new(issuer);
        for name in std::iter::once(&issuer.id).chain(&issuer.aliases) {
            self.by_name.insert(name.clone(), Arc::clone(&issuer));
        }
    }
}

impl FromIterator<Issuer> for Keys {
    fn from_iter<I: IntoIterator<Item = Issuer>>(issuers: I) -> Self {
        let mut keys = Self::default();
        for issuer in issuers {
            keys.insert(issuer);
        }
        keys
    }
}

/// One who issues codes.
#[derive(Clone, Debug, Default)]
pub struct Issuer {
    /// What the files call it.
    pub id: Box<str>,
    /// What codes call it beside that: the URL in `iss`.
    pub aliases: Box<[Box<str>]>,
    /// What people call it.
    pub names: Names,
    /// Where it sits, for codes that do not say.
    pub region: Option<Region>,
    /// Its keys.
    pub keys: Arc<KeySet>,
    /// What it took back.
    pub revoked: Arc<Revocations>,
}

impl Issuer {
    /// Whether that is one of its names.
    pub fn is_called(&self, name: &str) -> bool {
        *self.id == *name || self.aliases.iter().any(|alias| **alias == *name)
    }
}

/// The keys of one issuer.
#[derive(Clone, Debug, Default)]
pub struct KeySet {
    by_id: FxHashMap<Box<str>, Vec<Arc<Key>>>,
    nameless: Vec<Arc<Key>>,
    /// Where they come from.
    pub supply: Supply,
    /// What came with them and is none; `explain` tells why.
    pub rejected: Vec<Rejected>,
}

/// Where keys come from, and until when they serve.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Supply {
    /// From the files: they serve until the files change.
    #[default]
    Files,
    /// From a server; none could be had of it yet.
    Awaited,
    /// From a server, which may be asked for newer ones.
    Fetched {
        /// The first instant at which they no longer serve, if there is one.
        serve_until: Option<Timestamp>,
    },
}

impl KeySet {
    /// A set of these keys.
    pub fn new(keys: impl IntoIterator<Item = Key>, supply: Supply) -> Self {
        let mut set = Self {
            supply,
            ..Self::default()
        };
        set.extend(keys);
        set
    }

    /// The same keys, and what came with them and is none.
    #[must_use]
    pub fn without(self, rejected: Vec<Rejected>) -> Self {
        Self { rejected, ..self }
    }

    /// The same keys under another supply.
    #[must_use]
    pub fn supplied(&self, supply: Supply) -> Self {
        Self {
            supply,
            ..self.clone()
        }
    }

    /// Whether one of them is called that.
    pub fn has(&self, id: &str) -> bool {
        self.by_id.contains_key(id)
    }

    /// The same keys and some more.
    #[must_use]
    pub fn and(&self, more: impl IntoIterator<Item = Key>) -> Self {
        let mut set = self.clone();
        set.extend(more);
        set
    }

    /// Those keys only that have an id which begins so.
    #[must_use]
    pub fn called(&self, beginnings: &[&str]) -> Self {
        let mut set = self.clone();
        set.nameless.clear();
        set.by_id
            .retain(|id, _| beginnings.iter().any(|it| id.starts_with(it)));
        set
    }

    fn extend(&mut self, keys: impl IntoIterator<Item = Key>) {
        for key in keys {
            let place = match &key.id {
                Some(id) => self.by_id.entry(id.clone()).or_default(),
                None => &mut self.nameless,
            };
            place.push(Arc::new(key));
        }
    }

    /// The keys a code may mean that names `id`, or none. One that carries no id may be any.
    pub(super) fn candidates(&self, id: Option<&str>) -> impl Iterator<Item = &Arc<Key>> {
        let named = id.and_then(|id| self.by_id.get(id)).into_iter().flatten();
        let unnamed = id.is_none().then(|| self.by_id.values().flatten());
        let all = named.chain(unnamed.into_iter().flatten());
        all.chain(&self.nameless)
    }

    /// Every key, in no order.
    pub fn iter(&self) -> impl Iterator<Item = &Key> {
        let named = self.by_id.values().flatten();
        named.chain(&self.nameless).map(|key| &**key)
    }

    /// Whether the set serves at all.
    pub(super) fn serves(&self, now: Timestamp) -> Result<(), Untrusted> {
        match self.supply {
            Supply::Awaited => Err(Untrusted::KeyUnavailable),
            Supply::Fetched {
                serve_until: Some(since),
            } if now >= since => Err(Untrusted::KeysStale { since }),
            Supply::Files | Supply::Fetched { .. } => Ok(()),
        }
    }
}

/// One key of an issuer.
#[derive(Debug)]
pub struct Key {
    /// What codes call it; none: it carries no name and is tried for every code of its issuer.
    pub id: Option<Box<str>>,
    /// The one algorithm it is for.
    pub algorithm: Algorithm,
    /// When it may verify.
    pub window: KeyWindow,
    /// What it may sign, where its kind of code makes the distinction.
    pub purposes: PurposeSet,
    /// The key itself; `None` while its reference is not set.
    pub verifier: Option<Verifier>,
    /// The version of the list of what was taken back of the codes signed with it, where there is
    /// one (SMART Health Cards, `crlVersion`).
    pub crl_version: Option<u64>,
}

impl Key {
    /// Its id as it is shown.
    pub fn label(&self) -> &str {
        self.id.as_deref().unwrap_or("-")
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    fn key(id: Option<&str>) -> Key {
        Key {
            id: id.map(Into::into),
            algorithm: Algorithm::Es256,
            window: KeyWindow::default(),
            purposes: PurposeSet::ALL,
            verifier: None,
            crl_version: None,
        }
    }

    #[test]
    fn a_look_up_finds_the_one_key_among_all_there_are() {
        // As many as the largest directory of SMART Health Card issuers had.
        let issuers = (0..651).map(|place| {
            let ids: &[&str] = if place < 310 { &["k0", "k1"] } else { &["k0"] };
            let keys = ids.iter().map(|id| key(Some(id)));
            Issuer {
                id: format!("i{place}").into(),
                keys: KeySet::new(keys, Supply::Files).into(),
                ..Issuer::default()
            }
        });
        let keys: Keys = issuers.collect();
        assert_eq!(keys.issuers().flat_map(|it| it.keys.iter()).count(), 961);
        for place in 0..651 {
            let issuer = keys.issuer(&format!("i{place}")).unwrap();
            assert_eq!(issuer.keys.candidates(Some("k0")).count(), 1);
            let second = usize::from(place < 310);
            assert_eq!(issuer.keys.candidates(Some("k1")).count(), second);
        }
    }

    #[test]
    fn a_code_that_names_no_key_means_any_and_one_without_a_name_is_meant_by_all() {
        let set = KeySet::new([key(Some("a")), key(Some("b")), key(None)], Supply::Files);
        let count = |id| set.candidates(id).count();
        assert_eq!((count(None), count(Some("a")), count(Some("c"))), (3, 2, 1));
        let many = KeySet::new((0..50).map(|_| key(Some("a"))), Supply::Files);
        assert_eq!(many.candidates(Some("a")).count(), 50);
    }
}
