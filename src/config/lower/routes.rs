//! Routes: conditions and actions with every name resolved.

use std::collections::BTreeSet;

use http::{HeaderName, HeaderValue};

use super::contracts::{CREDENTIAL_HEADERS, Contracts, header_name, method, url};
use super::{Files, Known, Surroundings, innermost};
use crate::config::diagnostic::Diagnostic;
use crate::config::file::route::Conditions as WrittenConditions;
use crate::config::file::{self, Action as WrittenAction, Word};
use crate::config::meaning::Upstream;
use crate::config::source::Place;
use crate::config::suggest::{help, quoted};
use crate::route::contract::{Body, Contract, Secrets, Shape};
use crate::route::redirect::{Hosts, Redirect};
use crate::route::{Action, Conditions, Forward, Route, Told};

/// What routes refer to.
pub(super) struct Resolved<'r> {
    pub(super) known: &'r Known<'r>,
    pub(super) contracts: &'r Contracts<'r>,
    pub(super) upstreams: &'r [Upstream],
    pub(super) hosts: &'r Hosts,
}

/// Where a route was written.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RouteAt {
    /// Its name.
    pub(crate) name: Place,
    /// What it does, where it forwards.
    pub(crate) action: Option<Place>,
}

/// Lowers every route that is whole, the main file's first.
pub(super) fn lower(
    files: &Files,
    resolved: &Resolved<'_>,
    around: Surroundings<'_>,
) -> (Vec<Route>, Vec<RouteAt>) {
    warn_of_unused(files, around);
    let mut routes = Vec::new();
    let mut places = Vec::new();
    for shared in files.shared() {
        for one in &shared.routes {
            let conditions = conditions(&one.conditions, resolved.known, around);
            let action = one.action.as_ref().map(|it| resolved.action(it, around));
            let (Some(name), Some(Some(action))) = (&one.name, action) else {
                continue;
            };
            places.push(RouteAt {
                name: name.at,
                action: match &one.action {
                    Some(WrittenAction::Forward(forward)) => Some(forward.at),
                    _ => None,
                },
            });
            routes.push(Route {
                name: name.value.as_str().into(),
                owner: shared.owner.as_str().into(),
                conditions,
                action,
                index: routes.len(),
            });
        }
    }
    (routes, places)
}

fn conditions(
    written: &WrittenConditions,
    known: &Known<'_>,
    around: Surroundings<'_>,
) -> Conditions {
    let boxed = |words: &[Word]| words.iter().map(|it| it.value.as_str().into()).collect();
    for family in &written.family {
        known.families.check(family, around);
    }
    for issuer in &written.issuer {
        known.issuers.check(issuer, around);
    }
    for scene in &written.scene {
        known.scenes.check(scene, around);
    }
    for group in &written.group {
        known.groups.check(group, around);
    }
    Conditions {
        kinds: written
            .kind
            .as_ref()
            .map(|kinds| kinds.iter().map(|kind| kind.value).collect()),
        families: boxed(&written.family),
        issuers: boxed(&written.issuer),
        scenes: boxed(&written.scene),
        regions: written.region.iter().map(|rule| rule.value).collect(),
        groups: boxed(&written.group),
        organisations: boxed(&written.organisation),
        assurance: written.assurance.iter().map(|level| level.value).min(),
    }
}

impl Resolved<'_> {
    fn action(&self, written: &WrittenAction, around: Surroundings<'_>) -> Option<Action> {
        match written {
            WrittenAction::Forward(forward) => self
                .forward(forward, around)
                .map(|forward| Action::Forward(Box::new(forward))),
            WrittenAction::Redirect(one) => {
                let location = one.location.as_ref()?;
                let status = one.status.map_or(302, |status| status.value);
                redirect(location, status, self.hosts, around).map(Action::Redirect)
            }
            WrittenAction::Respond => Some(Action::Respond),
        }
    }

    fn forward(&self, one: &file::Forward, around: Surroundings<'_>) -> Option<Forward> {
        let upstream = one
            .upstream
            .as_ref()
            .map(|name| self.upstream(name, around));
        let contract = match &one.contract {
            Some(name) => self.contract(name, one, around),
            None => pass_through(one, around),
        };
        let headers: Vec<_> = one
            .headers
            .iter()
            .filter_map(|(name, told)| own_header(name, told, around))
            .collect();
        let (place, name) = upstream??;
        Some(Forward {
            upstream: place,
            upstream_name: name,
            contract: contract?,
            headers: headers.into(),
            idempotent: one.idempotent.is_some_and(|it| it.value),
        })
    }

    pub(super) fn upstream(
        &self,
        name: &Word,
        around: Surroundings<'_>,
    ) -> Option<(usize, Box<str>)> {
        self.known.upstreams.check(name, around);
        let mut all = self.upstreams.iter();
        let place = all.position(|upstream| *upstream.name == *name.value)?;
        Some((place, name.value.as_str().into()))
    }

    fn contract(
        &self,
        name: &Word,
        one: &file::Forward,
        around: Surroundings<'_>,
    ) -> Option<Contract> {
        for word in [&one.path, &one.method].into_iter().flatten() {
            let message = "the contract says this already";
            let found = Diagnostic::error("conflict", word.at, message);
            around
                .collector
                .push(found.related(name.at, "the contract"));
        }
        self.known.contracts.check(name, around);
        self.contracts.get(name.value.as_str())?.clone()
    }
}

/// Reads a redirect, whose host must be on the list.
pub(super) fn redirect(
    location: &Word,
    status: u16,
    hosts: &Hosts,
    around: Surroundings<'_>,
) -> Option<Redirect> {
    match Redirect::parse(status, &location.value, hosts) {
        Ok(redirect) => Some(redirect),
        Err(error) => {
            around.error("bad-redirect", location.at, innermost(&error));
            None
        }
    }
}

/// The contract of a route without one: the terminal's own body, to a path of the route's.
fn pass_through(one: &file::Forward, around: Surroundings<'_>) -> Option<Contract> {
    let Some(path) = &one.path else {
        let message = "forward needs a \"contract\", or the \"path\" the body passes through to";
        around.error("missing-key", one.at, message);
        return None;
    };
    let shape = Shape {
        body: Body::PassThrough,
        headers: Vec::new(),
        method: method(one.method.as_ref(), around)?,
        path: url(path, around)?,
    };
    match Contract::new("pass-through", None, shape, Secrets::default()) {
        Ok(contract) => Some(contract),
        Err(mistakes) => {
            for mistake in mistakes {
                around.error("bad-contract", path.at, mistake.to_string());
            }
            None
        }
    }
}

/// Headers no route may set: they frame the message, route it, or are the gateway's own.
const TAKEN: [&str; 18] = [
    "connection",
    "content-length",
    "content-type",
    "expect",
    "forwarded",
    "host",
    "keep-alive",
    "proxy-connection",
    "te",
    "traceparent",
    "tracestate",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "x-forwarded-for",
    "x-forwarded-proto",
    "x-real-ip",
    "x-request-id",
];

fn own_header(name: &Word, told: &Word, around: Surroundings<'_>) -> Option<(HeaderName, Told)> {
    let header = header_name(name, around)?;
    if TAKEN.contains(&header.as_str()) || header.as_str().starts_with("x-multicode-") {
        let message = format!("{header} is set by the gateway itself");
        around.error("bad-value", name.at, message);
    }
    let told = match (told.value.as_str(), told.value.strip_prefix('=')) {
        (_, Some(_)) if CREDENTIAL_HEADERS.contains(&header.as_str()) => {
            around.collector.mask(told.at);
            let message = format!("{header} holds a credential in plain text");
            let found = Diagnostic::error("plain-secret", told.at, message);
            let help = "let a contract write it, with a secret; treat what stood here as disclosed";
            around.collector.push(found.help(help));
            return None;
        }
        (_, Some(literal)) if literal.bytes().all(|it| matches!(it, b' '..=b'~')) => {
            Told::Literal(HeaderValue::from_str(literal).ok()?)
        }
        ("assurance", _) => Told::Assurance,
        ("family", _) => Told::Family,
        ("issuer", _) => Told::Issuer,
        ("kind", _) => Told::Kind,
        ("route", _) => Told::Route,
        ("scene", _) => Told::Scene,
        (other, _) => {
            let words = ["assurance", "family", "issuer", "kind", "route", "scene"];
            let message = format!("a header cannot tell {}", quoted(other));
            let found = Diagnostic::error("bad-value", told.at, message);
            let near =
                help(other, words).map(|near| format!("{near} (or \"=text\" for a fixed text)"));
            around.collector.push(found.help_if(near));
            return None;
        }
    };
    Some((header, told))
}

fn warn_of_unused(files: &Files, around: Surroundings<'_>) {
    let forwards = || {
        let actions = files.shared().flat_map(|one| &one.routes);
        actions.filter_map(|route| match &route.action {
            Some(WrittenAction::Forward(forward)) => Some(forward),
            _ => None,
        })
    };
    let asks = || {
        let all = files.shared().flat_map(|one| &one.introspections);
        all.filter_map(|(_, one)| one.as_ref())
    };
    let names = |word: Option<&'_ Word>| word.map(|word| word.value.clone());
    let upstreams = forwards().map(|it| it.upstream.as_ref());
    let upstreams = upstreams.chain(asks().map(|it| it.upstream.as_ref()));
    let upstreams: BTreeSet<_> = upstreams.filter_map(names).collect();
    let contracts = forwards().map(|it| it.contract.as_ref());
    let contracts = contracts.chain(asks().map(|it| it.contract.as_ref()));
    let contracts: BTreeSet<_> = contracts.filter_map(names).collect();
    let warn = |sort: &str, name: &Word| {
        let message = format!("no route uses {sort} {}", quoted(&name.value));
        let found = Diagnostic::warning("unused", name.at, message);
        around.collector.push(found);
    };
    for shared in files.shared() {
        let unused = |used: &BTreeSet<String>, name: &Word| !used.contains(&name.value);
        for (name, _) in shared
            .upstreams
            .iter()
            .filter(|it| unused(&upstreams, &it.0))
        {
            warn("upstream", name);
        }
        for (name, _) in shared
            .contracts
            .iter()
            .filter(|it| unused(&contracts, &it.0))
        {
            warn("contract", name);
        }
    }
}
