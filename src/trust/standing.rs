//! How the keys of an issuer stand, as operators are told.

use std::iter::successors;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::keys::{Issuer, Key, Supply};
use crate::family::Names;
use crate::time::Timestamp;

/// The keys of one issuer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Standing {
    /// The issuer's id.
    pub issuer: Box<str>,
    /// What people call it.
    pub names: Names,
    /// Where its keys come from, as the files say it; none: that is not known here.
    pub source: Option<Box<str>>,
    /// The sum of it.
    pub state: SupplyState,
    /// The keys.
    pub keys: Vec<KeyStanding>,
    /// What came with them and is none.
    pub rejected: Vec<Rejected>,
    /// How much it took back.
    pub revoked: Revoked,
    /// Where it says so.
    pub lists: Vec<ListStanding>,
    /// When the source last gave keys.
    pub last_success: Option<Timestamp>,
    /// When it was last asked.
    pub last_attempt: Option<Timestamp>,
    /// Why it gave none then.
    pub last_error: Option<Box<str>>,
    /// When it will be asked again.
    pub next_refresh: Option<Timestamp>,
    /// The first instant at which the keys no longer serve, unless they are renewed.
    pub serve_until: Option<Timestamp>,
}

/// One list of what was taken back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ListStanding {
    /// Where it is.
    pub source: Box<str>,
    /// How much it holds; none: it could not be had yet.
    pub revoked: Option<Revoked>,
    /// When it could last be had.
    pub last_success: Option<Timestamp>,
    /// When it was last asked for.
    pub last_attempt: Option<Timestamp>,
    /// Why it could not be had then.
    pub last_error: Option<Box<str>>,
    /// When it will be asked for again.
    pub next_refresh: Option<Timestamp>,
}

/// The sum of an issuer's keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum SupplyState {
    /// Its server never answered, so there are none.
    Awaited,
    /// Its server does not answer; the keys still serve.
    Failing,
    /// They stand in files.
    Files,
    /// Its server gave them, the last time it was asked.
    Fresh,
    /// They are older than they may be.
    Stale,
}

/// One key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct KeyStanding {
    /// What codes call it; none: it is tried for every code of the issuer.
    pub id: Option<Box<str>>,
    /// The word for its algorithm.
    pub algorithm: Box<str>,
    /// Whether it verifies.
    pub state: KeyState,
    /// The first instant at which it may.
    pub not_before: Option<Timestamp>,
    /// The first instant at which it may no longer.
    pub not_after: Option<Timestamp>,
}

/// Whether a key verifies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum KeyState {
    /// It does.
    Active,
    /// Not yet.
    NotYet,
    /// No longer.
    Over,
    /// Its issuer took it back.
    Revoked,
    /// Its reference is not set.
    Unset,
}

/// What was rejected.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Rejected {
    /// A key's id or its place, a file's name.
    pub id: Box<str>,
    /// Why.
    pub reason: Box<str>,
}

/// How much an issuer took back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Revoked {
    /// Keys.
    pub keys: usize,
    /// Codes.
    pub codes: usize,
}

impl Standing {
    /// What a snapshot knows of an issuer. Who asks its server knows more.
    pub fn of(issuer: &Issuer, now: Timestamp) -> Self {
        let (state, serve_until) = match issuer.keys.supply {
            Supply::Files => (SupplyState::Files, None),
            Supply::Awaited => (SupplyState::Awaited, None),
            Supply::Fetched { serve_until } => match serve_until {
                Some(end) if now >= end => (SupplyState::Stale, serve_until),
                _ => (SupplyState::Fresh, serve_until),
            },
        };
        let (keys, codes) = issuer.revoked.len();
        let mut standings = KeyStanding::all(issuer.keys.iter(), now);
        for key in &mut standings {
            if issuer.revoked.hold(key.id.as_deref(), None, None) {
                key.state = KeyState::Revoked;
            }
        }
        Self {
            issuer: issuer.id.clone(),
            names: issuer.names.clone(),
            source: None,
            state,
            keys: standings,
            rejected: Vec::new(),
            revoked: Revoked { keys, codes },
            lists: Vec::new(),
            last_success: None,
            last_attempt: None,
            last_error: None,
            next_refresh: None,
            serve_until,
        }
    }

    /// The keys in that state.
    pub fn count(&self, state: KeyState) -> usize {
        self.keys.iter().filter(|key| key.state == state).count()
    }

    /// Why somebody should look at it: the keys, or a list of what was taken back, could not be
    /// had.
    pub fn trouble(&self) -> Option<&str> {
        let lists = self.lists.iter().map(|list| &list.last_error);
        let mut errors = std::iter::once(&self.last_error).chain(lists);
        let told = errors.find_map(Option::as_deref);
        let word = match self.state {
            SupplyState::Awaited | SupplyState::Failing | SupplyState::Stale => {
                Some(self.state.name())
            }
            SupplyState::Files | SupplyState::Fresh => None,
        };
        told.or(word)
    }
}

impl KeyStanding {
    /// Keys as they stand, by their ids.
    pub fn all<'k>(keys: impl IntoIterator<Item = &'k Key>, now: Timestamp) -> Vec<Self> {
        let mut all: Vec<_> = keys.into_iter().map(|key| Self::of(key, now)).collect();
        all.sort_by(|a, b| (&a.id, a.not_before).cmp(&(&b.id, b.not_before)));
        all
    }

    fn of(key: &Key, now: Timestamp) -> Self {
        let window = key.window;
        Self {
            id: key.id.clone(),
            algorithm: key.algorithm.name().into(),
            state: if key.verifier.is_none() {
                KeyState::Unset
            } else if window.contains(now) {
                KeyState::Active
            } else if window.not_before.is_some_and(|begin| now < begin) {
                KeyState::NotYet
            } else {
                KeyState::Over
            },
            not_before: window.not_before,
            not_after: window.not_after,
        }
    }
}

impl KeyState {
    /// Every state.
    pub const ALL: [Self; 5] = [
        Self::Active,
        Self::NotYet,
        Self::Over,
        Self::Revoked,
        Self::Unset,
    ];

    /// The word for it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::NotYet => "not-yet",
            Self::Over => "over",
            Self::Revoked => "revoked",
            Self::Unset => "unset",
        }
    }
}

impl SupplyState {
    /// The word for it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Awaited => "awaited",
            Self::Failing => "failing",
            Self::Files => "files",
            Self::Fresh => "fresh",
            Self::Stale => "stale",
        }
    }
}

impl Rejected {
    /// Something and its fault.
    pub fn new(id: &str, fault: &dyn std::error::Error) -> Self {
        Self {
            id: id.into(),
            reason: chain(fault).into(),
        }
    }
}

/// An error and its causes on one line; every error says its own level only.
pub fn chain(error: &dyn std::error::Error) -> String {
    let causes = successors(error.source(), |cause| cause.source());
    causes.fold(error.to_string(), |told, cause| format!("{told}: {cause}"))
}

#[cfg(test)]
mod tests {
    use super::super::{KeySet, KeyWindow, Verifier};
    use super::*;
    use crate::family::{Algorithm, PurposeSet};

    #[test]
    fn a_snapshot_says_what_it_knows() {
        let at = Timestamp::from_seconds;
        let key = |id: &str, begin, end, set: bool| Key {
            id: Some(id.into()),
            algorithm: Algorithm::HmacSm3,
            window: KeyWindow {
                not_before: Some(at(begin)),
                not_after: Some(at(end)),
            },
            purposes: PurposeSet::ALL,
            verifier: set.then(|| Verifier::hmac(Algorithm::HmacSm3, &[7; 32]).unwrap()),
            crl_version: None,
        };
        let keys = [
            key("d", 0, 9, false),
            key("c", 0, 9, true),
            key("b", 6, 9, true),
            key("a", 0, 5, true),
        ];
        let issuer = Issuer {
            id: "x".into(),
            keys: KeySet::new(
                keys,
                Supply::Fetched {
                    serve_until: Some(at(8)),
                },
            )
            .into(),
            ..Issuer::default()
        };
        let standing = Standing::of(&issuer, at(5));
        let states: Vec<_> = standing.keys.iter().map(|key| key.state.name()).collect();
        assert_eq!(states, ["over", "not-yet", "active", "unset"]);
        assert_eq!(standing.state, SupplyState::Fresh);
        assert_eq!(Standing::of(&issuer, at(8)).state, SupplyState::Stale);
        let told = serde_json::to_string(&standing).unwrap();
        assert!(
            told.contains("\"serve_until\":\"1970-01-01T00:00:08Z\""),
            "{told}"
        );
        assert_eq!(serde_json::from_str::<Standing>(&told).unwrap(), standing);
    }
}
