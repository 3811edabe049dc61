//! Routes: when, and what then.

use super::scene::{assurance, pairs, rule};
use super::{Word, kind, words};
use crate::config::diagnostic::Diagnostic;
use crate::config::reader::{Table, boolean, integer, list, string};
use crate::config::source::{Place, Spanned};
use crate::family::Kind;
use crate::policy::RegionRule;
use crate::trust::Assurance;

/// `[[route]]`.
#[derive(Debug)]
pub(crate) struct Route {
    pub(crate) name: Option<Word>,
    pub(crate) conditions: Conditions,
    pub(crate) action: Option<Action>,
}

/// `match = { … }`.
#[derive(Debug, Default)]
pub(crate) struct Conditions {
    pub(crate) kind: Option<Vec<Spanned<Kind>>>,
    pub(crate) family: Vec<Word>,
    pub(crate) issuer: Vec<Word>,
    pub(crate) scene: Vec<Word>,
    pub(crate) region: Vec<Spanned<RegionRule>>,
    pub(crate) group: Vec<Word>,
    pub(crate) organisation: Vec<Word>,
    pub(crate) assurance: Vec<Spanned<Assurance>>,
}

/// `forward`, `redirect` or `respond`.
#[derive(Debug)]
pub(crate) enum Action {
    /// Ask a backend.
    Forward(Box<Forward>),
    /// Send the terminal elsewhere.
    Redirect(Redirect),
    /// Answer with the decision.
    Respond,
}

/// `forward = { … }`.
#[derive(Debug)]
pub(crate) struct Forward {
    pub(crate) at: Place,
    pub(crate) upstream: Option<Word>,
    pub(crate) contract: Option<Word>,
    pub(crate) path: Option<Word>,
    pub(crate) method: Option<Word>,
    pub(crate) headers: Vec<(Word, Word)>,
    pub(crate) idempotent: Option<Spanned<bool>>,
}

/// `redirect = { … }`.
#[derive(Debug)]
pub(crate) struct Redirect {
    pub(crate) status: Option<Spanned<u16>>,
    pub(crate) location: Option<Word>,
}

impl Route {
    /// Reads one route.
    pub(crate) fn read(mut table: Table<'_>) -> Self {
        let route = Self {
            name: table.required("name", string),
            conditions: table
                .required("match", |value| Some(Conditions::read(value.table()?)))
                .unwrap_or_default(),
            action: action(&mut table),
        };
        table.finish();
        route
    }
}

impl Conditions {
    fn read(mut table: Table<'_>) -> Self {
        let mut list_of = |key| table.optional(key, words).unwrap_or_default();
        let conditions = Self {
            family: list_of("family"),
            issuer: list_of("issuer"),
            scene: list_of("scene"),
            group: list_of("group"),
            organisation: list_of("organisation"),
            kind: table.optional("kind", list(kind)),
            region: table.optional("region", list(rule)).unwrap_or_default(),
            assurance: table
                .optional("assurance", list(assurance))
                .unwrap_or_default(),
        };
        table.finish();
        conditions
    }
}

fn action(table: &mut Table<'_>) -> Option<Action> {
    let keys = ["forward", "redirect", "respond"];
    let written = keys.iter().filter(|key| table.has(key)).count();
    let forward = table.optional("forward", |value| Some(Forward::read(value.table()?)));
    let redirect = table.optional("redirect", |value| Some(Redirect::read(value.table()?)));
    let respond = table.optional("respond", |value| {
        let is = boolean(value)?;
        Some(is.value.then_some(Action::Respond))
    });
    let message = match (written, respond) {
        (1, Some(None)) => "\"respond\" can only be true",
        (1, respond) => {
            let forward = forward.map(|it| Action::Forward(Box::new(it)));
            let redirect = redirect.map(Action::Redirect);
            return forward.or(redirect).or_else(|| respond.flatten());
        }
        (0, _) => "a route needs one of \"forward\", \"redirect\" and \"respond\"",
        _ => "a route has one of \"forward\", \"redirect\" and \"respond\"",
    };
    let found = Diagnostic::error("route-action", table.at(), message);
    table.context().report(found);
    None
}

impl Forward {
    fn read(mut table: Table<'_>) -> Self {
        let forward = Self {
            at: table.at(),
            upstream: table.required("upstream", string),
            contract: table.optional("contract", string),
            path: table.optional("path", string),
            method: table.optional("method", string),
            headers: table.optional("headers", pairs).unwrap_or_default(),
            idempotent: table.optional("idempotent", boolean),
        };
        table.finish();
        forward
    }
}

impl Redirect {
    fn read(mut table: Table<'_>) -> Self {
        let redirect = Self {
            status: table.optional("status", integer(300..=399)),
            location: table.required("location", string),
        };
        table.finish();
        redirect
    }
}
