//! Rates: who is held to which.

use rustc_hash::FxHashMap;

use super::{Files, Known, Surroundings};
use crate::limit::{Rate, Rates};

/// Gives every terminal its group's rate, else the terminals'; every issuer its own, else the
/// issuers'.
pub(super) fn lower(files: &Files, known: &Known<'_>, around: Surroundings<'_>) -> Rates {
    let written = &files.main.limits.rate;
    let mut groups: FxHashMap<&str, Rate> = FxHashMap::default();
    for (name, rate) in &written.groups {
        known.groups.check(name, around);
        groups.extend(rate.map(|rate| (name.value.as_str(), rate)));
    }
    let terminals = files.terminals.iter().filter_map(|(name, terminal)| {
        let group = terminal.as_ref().and_then(|it| it.group.as_ref());
        let own = group.and_then(|group| groups.get(group.value.as_str()));
        Some((
            name.value.as_str().into(),
            own.copied().or(written.terminal)?,
        ))
    });
    let issuers = files.main.issuers.iter().filter_map(|(name, issuer)| {
        let own = issuer.as_ref().and_then(|issuer| issuer.rate);
        Some((name.value.as_str().into(), own.or(written.issuer)?))
    });
    Rates {
        address: written.address,
        strangers: written.terminal,
        terminals: terminals.collect(),
        issuers: issuers.collect(),
    }
}
