//! Scenes: where in the visit a code is scanned, and what that demands.

use std::time::Duration;

use super::{Names, Word, kind, names, words};
use crate::config::reader::{
    Table, Value, boolean, choice, duration, integer, list, parsed, string,
};
use crate::config::source::{Place, Spanned};
use crate::family::Kind;
use crate::policy::{Audited, Demand, Idempotency, RegionRule, WhenAway};
use crate::trust::Assurance;

/// `[scene.*]`.
#[derive(Debug)]
pub(crate) struct Scene {
    pub(crate) at: Place,
    pub(crate) names: Option<Names>,
    pub(crate) aliases: Vec<Word>,
    pub(crate) accepts: Option<Vec<Spanned<Kind>>>,
    pub(crate) freshness: Option<Spanned<Demand>>,
    pub(crate) assurance: Option<Spanned<Assurance>>,
    pub(crate) max_age: Option<Spanned<Duration>>,
    pub(crate) settlement: Option<Spanned<bool>>,
    pub(crate) idempotency: Option<Spanned<Idempotency>>,
    pub(crate) reuse: Option<Spanned<bool>>,
    pub(crate) when_store_away: Option<Spanned<WhenAway>>,
    pub(crate) replicas: Option<Spanned<u8>>,
    pub(crate) audit: Option<Spanned<Audited>>,
    pub(crate) regions: Vec<Spanned<RegionRule>>,
    pub(crate) codes: Vec<(Word, Word)>,
}

impl Scene {
    /// Reads one scene. What it demands has no default: none may weaken it unseen.
    pub(crate) fn read(mut table: Table<'_>) -> Self {
        let demands = [
            ("any", Demand::Any),
            ("dynamic", Demand::Dynamic),
            ("static", Demand::Static),
        ];
        let keys = [
            ("optional", Idempotency::Optional),
            ("required", Idempotency::Required),
        ];
        let away = [("closed", WhenAway::Closed), ("local", WhenAway::Local)];
        let audits = [
            ("best-effort", Audited::BestEffort),
            ("required", Audited::Required),
        ];
        let scene = Self {
            at: table.at(),
            names: table.optional("names", names),
            aliases: table.optional("aliases", words).unwrap_or_default(),
            accepts: table.required("accepts", list(kind)),
            freshness: table.required("freshness", choice(&demands)),
            assurance: table.required("assurance", assurance),
            max_age: table.optional("max_age", duration),
            settlement: table.required("settlement", boolean),
            idempotency: table.optional("idempotency", choice(&keys)),
            reuse: table.optional("reuse", boolean),
            when_store_away: table.optional("when_store_away", choice(&away)),
            replicas: table.optional("replicas", integer(0..=5_u8)),
            audit: table.optional("audit", choice(&audits)),
            regions: table.optional("regions", list(rule)).unwrap_or_default(),
            codes: table.optional("codes", pairs).unwrap_or_default(),
        };
        table.finish();
        scene
    }
}

/// Reads a level of assurance.
pub(crate) fn assurance(value: Value<'_>) -> Option<Spanned<Assurance>> {
    choice(&Assurance::ALL.map(|level| (level.name(), level)))(value)
}

/// Reads a relation word or the first digits of a region code.
pub(crate) fn rule(value: Value<'_>) -> Option<Spanned<RegionRule>> {
    let expected = "\"same-city\", \"same-province\", \"elsewhere\", \"unknown\" \
                    or the first digits of a region code";
    parsed(value, expected, RegionRule::parse)
}

/// Reads a table of strings under free keys.
pub(crate) fn pairs(value: Value<'_>) -> Option<Vec<(Word, Word)>> {
    let entries = value.table()?.in_order();
    Some(
        entries
            .filter_map(|(key, value)| Some((key, string(value)?)))
            .collect(),
    )
}
