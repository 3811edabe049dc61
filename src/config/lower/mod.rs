//! From what was written to what it means: names resolved, defaults applied, secrets fetched.
//!
//! Every mistake is noted and the rest still lowered, so that one load shows them all; whether the
//! result may be used is the collector's to say.

mod admin;
mod audit;
mod contracts;
mod doors;
mod families;
mod introspections;
mod issuers;
mod names;
mod policy;
mod rates;
mod routes;
mod scenes;
mod state;
mod telemetry;
mod terminals;
mod tokens;
mod trials;
mod upstreams;

use std::error::Error;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::sync::Arc;

use super::diagnostic::{Collector, Diagnostic};
use super::file::{self, Named, RoutesFile, Shared};
use super::fingerprint::Noted;
use super::meaning::Config;
use super::secrets::{Secret, SecretRef, Secrets};
use super::source::{Place, Spanned};
use crate::gateway::Parts;
pub(crate) use families::FamilyAt;
pub(crate) use issuers::IssuerAt;
pub(crate) use names::Known;
pub(crate) use routes::RouteAt;

/// All files as written.
#[derive(Debug)]
pub(crate) struct Files {
    /// `routes.toml`.
    pub(crate) main: RoutesFile,
    /// `routes.d/*.toml`.
    pub(crate) departments: Vec<Shared>,
    /// `plugins/*.toml`, each with its file's stem.
    pub(crate) families: Vec<(String, file::Family)>,
    /// `terminals.toml`.
    pub(crate) terminals: Named<file::Terminal>,
}

impl Files {
    /// What the main file and the departments' files hold, in the order of the files.
    pub(crate) fn shared(&self) -> impl Iterator<Item = &Shared> {
        std::iter::once(&self.main.shared).chain(&self.departments)
    }
}

/// What lowering needs beside the files.
#[derive(Clone, Copy)]
pub(crate) struct Surroundings<'s> {
    /// Takes the findings.
    pub(crate) collector: &'s Collector,
    /// Knows the secrets, and is told which files are read.
    pub(super) secrets: &'s Noted<'s>,
    /// The folder of `routes.toml`, which paths are relative to.
    pub(crate) folder: &'s PathBuf,
}

impl Surroundings<'_> {
    fn error(&self, code: &'static str, at: Place, message: impl Into<String>) {
        self.collector.push(Diagnostic::error(code, at, message));
    }

    /// Fetches a secret. One that is not set is worth a warning; one that cannot be used, an error.
    fn secret(&self, reference: &Spanned<SecretRef>) -> Option<Secret> {
        let name = &reference.value;
        match self.secrets.resolve(name) {
            Ok(Some(secret)) => Some(secret),
            Ok(None) => {
                let found =
                    Diagnostic::warning("unset-secret", reference.at, format!("{name} is not set"));
                let help = "what needs it answers key-unavailable, contract-unfilled, store-unavailable or audit-unavailable until it is";
                self.collector.push(found.help(help));
                None
            }
            Err(error) => {
                let found =
                    Diagnostic::error("bad-secret", reference.at, format!("{name} {error}"));
                self.collector.push(found.help(error.help()));
                None
            }
        }
    }

    /// Fetches a key of that many bytes, written in hexadecimal or base64.
    fn secret_key(
        &self,
        reference: &Spanned<SecretRef>,
        bytes: RangeInclusive<usize>,
    ) -> Option<Secret> {
        let name = &reference.value;
        let found = match self.secret(reference)?.decode_key() {
            Ok(key) if bytes.contains(&key.expose().len()) => return Some(key),
            Ok(key) => {
                let more = if bytes.end() > bytes.start() {
                    " or more"
                } else {
                    ""
                };
                let (length, expected) = (key.expose().len(), bytes.start());
                format!("found a key of {length} bytes, expected {expected}{more}")
            }
            Err(error) => format!("{name} {error}"),
        };
        let found = Diagnostic::error("bad-secret", reference.at, found);
        self.collector
            .push(found.help("make one with: openssl rand -base64 32"));
        None
    }
}

/// The meaning of the files, with the places the lints point at.
pub(crate) struct Lowered {
    /// What the rest of the program gets.
    pub(crate) config: Config,
    /// Where each enabled family was written, in the order of the families.
    pub(crate) families: Vec<FamilyAt>,
    /// Where each issuer was written.
    pub(crate) issuers: Vec<IssuerAt>,
    /// Where each route was written, in the order of the routes.
    pub(crate) routes: Vec<RouteAt>,
    /// Where each introspection's contract was named, in their order.
    pub(crate) introspections: Vec<Place>,
    /// Where each scene was written.
    pub(crate) scenes: Vec<(Box<str>, Place)>,
    /// Where each listener was written.
    pub(crate) listeners: Vec<Place>,
}

/// Lowers everything.
pub(crate) fn lower(files: &Files, around: Surroundings<'_>) -> Lowered {
    let known = Known::gather(files, around.collector);
    let mut families = families::lower(&files.families, around);
    let scenes = scenes::lower(&files.main.scenes, files.main.audit.is_some(), around);
    let upstreams = upstreams::lower(files, around);
    let hosts = doors::redirect_hosts(&files.main.redirect_hosts, around);
    let contracts = contracts::lower(files, around);
    let resolved = routes::Resolved {
        known: &known,
        contracts: &contracts,
        upstreams: &upstreams,
        hosts: &hosts,
    };
    let (routes, route_places) = routes::lower(files, &resolved, around);
    let (introspections, introspection_places) =
        introspections::lower(files, &resolved, &mut families, around);
    let issuers = issuers::lower(&files.main.issuers, around);
    let config = Config {
        gateway: Parts {
            families: families.enabled,
            scenes,
            terminals: terminals::lower(&files.terminals, around),
            routes,
        },
        keys: issuers.keys,
        feeds: issuers.feeds,
        snapshot: files
            .main
            .snapshot
            .as_ref()
            .map(|path| around.folder.join(&path.value)),
        templates: families.templates,
        listeners: doors::listeners(&files.main, &known, around),
        admin: files
            .main
            .admin
            .as_ref()
            .and_then(|admin| admin::lower(admin, around)),
        limits: doors::limits(&files.main.limits),
        audit: audit::lower(files.main.audit.as_ref(), around),
        state: state::lower(files.main.state.as_ref(), &files.main.scenes, around),
        telemetry: telemetry::lower(files.main.telemetry.as_ref(), around),
        rates: rates::lower(files, &known, around),
        upstreams,
        introspections,
        adapters: doors::adapters(files, around),
        landings: doors::landings(files, &hosts, around),
        trials: trials::lower(files, &known, around),
        // Set when everything about the files is known.
        written: Arc::default(),
    };
    Lowered {
        config,
        families: families.places,
        issuers: issuers.places,
        routes: route_places,
        introspections: introspection_places,
        scenes: scene_places(&files.main),
        listeners: listener_places(&files.main),
    }
}

fn scene_places(main: &RoutesFile) -> Vec<(Box<str>, Place)> {
    let scenes = main.scenes.iter();
    scenes
        .map(|(name, _)| (name.value.as_str().into(), name.at))
        .collect()
}

fn listener_places(main: &RoutesFile) -> Vec<Place> {
    let listeners = main.listeners.iter().filter(|(_, it)| it.is_some());
    listeners.map(|(name, _)| name.at).collect()
}

/// The innermost reason of an error: the outer ones say what the place shown already says.
fn innermost(error: &dyn Error) -> String {
    match error.source() {
        Some(source) => innermost(source),
        None => error.to_string(),
    }
}
