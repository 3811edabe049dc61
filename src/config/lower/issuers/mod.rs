//! Issuers: what of their keys and lists is on this machine, and where the rest is.

mod kept;
mod keys;

use std::collections::BTreeMap;
use std::time::Duration;

use self::kept::Kept;
use super::Surroundings;
use crate::config::diagnostic::Diagnostic;
use crate::config::file::issuer::{Issuer as Written, Keys as WrittenKeys, List, Renewal};
use crate::config::file::{Named, Word};
use crate::config::source::Spanned;
use crate::config::suggest::quoted;
use crate::family::{Algorithm, Names};
use crate::fetch::source::{DEFAULT_MAX_STALE, DEFAULT_REFRESH};
use crate::fetch::{Feed, Origin};
use crate::trust::material::{self, Reading};
use crate::trust::{Issuer, KeySet, Keys, Revocations, Supply};

/// No key server wants to be asked more often.
const MIN_REFRESH: Duration = Duration::from_secs(1);

/// The issuers of a configuration.
#[derive(Default)]
pub(super) struct Issuers {
    /// Themselves, with the keys that are on this machine.
    pub(super) keys: Keys,
    /// What is kept fresh for them.
    pub(super) feeds: Vec<Feed>,
    /// Where they were written.
    pub(super) places: Vec<IssuerAt>,
}

/// Where an issuer was written.
#[derive(Clone, Debug)]
pub(crate) struct IssuerAt {
    /// Its name.
    pub(crate) id: Word,
    /// The algorithms of its keys.
    pub(crate) algorithms: Vec<Spanned<Algorithm>>,
}

/// Lowers every issuer.
pub(super) fn lower(written: &Named<Written>, around: Surroundings<'_>) -> Issuers {
    check_names(written, around);
    let mut kept = Kept::new(around);
    let mut issuers = Issuers::default();
    let mut all = Vec::new();
    for (id, issuer) in written {
        let Some(issuer) = issuer else { continue };
        let (feed, algorithms, issuer) = lower_one(id, issuer, &mut kept);
        all.push(issuer);
        issuers.feeds.extend(feed);
        let id = id.clone();
        issuers.places.push(IssuerAt { id, algorithms });
    }
    issuers.keys = all.into_iter().collect();
    issuers
}

/// Codes must mean one issuer by one name, whether it is a table's or an `iss`.
fn check_names(written: &Named<Written>, around: Surroundings<'_>) {
    let mut seen: BTreeMap<_, _> = written.iter().map(|(id, _)| (&*id.value, id.at)).collect();
    for iss in written.iter().filter_map(|(_, it)| Some(&it.as_ref()?.iss)) {
        for iss in iss {
            if iss.value.is_empty() {
                around.error("bad-value", iss.at, "no code calls its issuer \"\"");
            } else if let Some(first) = seen.insert(&iss.value, iss.at) {
                let message = format!("issuer {} exists already", quoted(&iss.value));
                let found = Diagnostic::error("duplicate-name", iss.at, message);
                around.collector.push(found.related(first, "the first one"));
            }
        }
    }
}

fn lower_one(
    id: &Word,
    written: &Written,
    kept: &mut Kept<'_>,
) -> (Option<Feed>, Vec<Spanned<Algorithm>>, Issuer) {
    let mut reading = reading(written);
    let (mut renewal, mut supply) = (&Renewal::default(), Supply::Files);
    let ((keys, rejected), origin) = match &written.keys {
        None => Default::default(),
        Some(WrittenKeys::Inline(keys)) => ((keys::lower(keys, &reading, kept), Vec::new()), None),
        Some(WrittenKeys::File(path)) => {
            let origin = Origin::File(kept.path(&path.value));
            (kept.keys(path, &reading), Some(origin))
        }
        Some(WrittenKeys::Server(server)) => {
            (renewal, supply) = (&server.renewal, Supply::Awaited);
            reading.from = material::Origin::Network;
            let remote = kept.remote(server, &written.iss);
            (Default::default(), remote.map(Origin::Remote))
        }
    };
    let (lists, revoked) = revoked(&written.revoked, kept);
    let (refresh, max_stale) = times(renewal, kept.around);
    let is_kept = origin.is_some() || !lists.is_empty();
    let feed = is_kept.then(|| Feed {
        issuer: id.value.as_str().into(),
        keys: origin,
        reading,
        revoked: lists,
        refresh,
        max_stale,
        when_stale: renewal.when_stale.map(|it| it.value).unwrap_or_default(),
        when_unlisted: written.when_unlisted.map(|it| it.value).unwrap_or_default(),
    });
    let mut algorithms = Vec::new();
    for key in &keys {
        let algorithm = Spanned::new(key.value.algorithm, key.at);
        if !algorithms.contains(&algorithm) {
            algorithms.push(algorithm);
        }
    }
    let aliases = written.iss.iter().map(|it| it.value.as_str().into());
    let issuer = Issuer {
        id: id.value.as_str().into(),
        aliases: aliases.collect(),
        names: written.names.as_ref().map(names).unwrap_or_default(),
        region: written.region.map(|region| region.value),
        keys: KeySet::new(keys.into_iter().map(|key| key.value), supply)
            .without(rejected)
            .into(),
        revoked: revoked.into(),
    };
    (feed, algorithms, issuer)
}

/// What keys of the issuer mean that do not say it themselves.
fn reading(written: &Written) -> Reading {
    let usual = Reading::default();
    let sm2_id = written.sm2_id.as_ref();
    Reading {
        rsa: written.rsa.map_or(usual.rsa, |it| it.value),
        sm2_id: sm2_id.map_or(usual.sm2_id, |it| it.value.as_str().into()),
        ..usual
    }
}

/// Where the lists are, and what those in files hold.
fn revoked(written: &[List], kept: &mut Kept<'_>) -> (Vec<Origin>, Revocations) {
    let mut held = Revocations::default();
    let lists = written.iter().filter_map(|list| match list {
        List::File(path) => {
            kept.list(path, &mut held);
            Some(Origin::File(kept.path(&path.value)))
        }
        List::Server(server) => kept.remote(server, &[]).map(Origin::Remote),
    });
    (lists.collect(), held)
}

fn names(written: &crate::config::file::Names) -> Names {
    let text = |name: &Option<String>| name.as_deref().unwrap_or_default().into();
    Names {
        en: text(&written.en),
        zh: text(&written.zh),
    }
}

/// How often keys are renewed, and how long they serve where that fails.
fn times(written: &Renewal, around: Surroundings<'_>) -> (Duration, Duration) {
    let refresh = written.refresh.map_or(DEFAULT_REFRESH, |it| it.value);
    let max_stale = written.max_stale.map_or(DEFAULT_MAX_STALE, |it| it.value);
    if let Some(written) = written.refresh.filter(|it| it.value < MIN_REFRESH) {
        let message = "\"refresh\" is shorter than a second: no server wants to be asked so often";
        around.error("bad-value", written.at, message);
    }
    let at = written.max_stale.or(written.refresh).map(|it| it.at);
    if let Some(at) = at.filter(|_| max_stale < refresh) {
        let message = "\"max_stale\" is shorter than \"refresh\": keys would be too old before they \
                       are renewed";
        around.error("bad-value", at, message);
    }
    (refresh, max_stale)
}
