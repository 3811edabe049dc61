//! The files letter by letter: what was written and where, nothing resolved, no default applied.
//!
//! Each table of the manual is one struct here; a key that must be there is an `Option` only where
//! its absence must not hide the rest of the table.

pub(crate) mod audit;
pub(crate) mod family;
pub(crate) mod introspection;
pub(crate) mod issuer;
pub(crate) mod listener;
pub(crate) mod policy;
pub(crate) mod rate;
pub(crate) mod route;
pub(crate) mod scene;
pub(crate) mod state;
pub(crate) mod telemetry;
pub(crate) mod terminal;
pub(crate) mod trial;
pub(crate) mod upstream;

use super::reader::{Table, Value, choice, list, parsed, string};
use super::source::Spanned;
use crate::family::{Kind, Region};
pub(crate) use audit::Audit;
pub(crate) use family::Family;
pub(crate) use introspection::Introspection;
pub(crate) use issuer::Issuer;
pub(crate) use listener::{Admin, Limits, Listener};
pub(crate) use policy::{Policy, Weighted};
pub(crate) use route::{Action, Forward, Route};
pub(crate) use scene::Scene;
pub(crate) use state::State;
pub(crate) use telemetry::Telemetry;
pub(crate) use terminal::Terminal;
pub(crate) use trial::{Trial, TrialCode};
pub(crate) use upstream::{Adapter, Body, Contract, Json, Landing, Upstream};

/// The version of the format this program reads.
const CONFIG_VERSION: i64 = 1;

/// Tables with names of their own; `None` where the table could not be read.
pub(crate) type Named<T> = Vec<(Spanned<String>, Option<T>)>;

/// A word and where it stands.
pub(crate) type Word = Spanned<String>;

/// `routes.toml`.
#[derive(Debug)]
pub(crate) struct RoutesFile {
    /// `[listener.*]`.
    pub(crate) listeners: Named<Listener>,
    /// `[admin]`.
    pub(crate) admin: Option<Admin>,
    /// `[limits]`.
    pub(crate) limits: Limits,
    /// `[issuer.*]`.
    pub(crate) issuers: Named<Issuer>,
    /// `[keys] snapshot`.
    pub(crate) snapshot: Option<Word>,
    /// `[state]`.
    pub(crate) state: Option<State>,
    /// `[telemetry]`.
    pub(crate) telemetry: Option<Telemetry>,
    /// `[audit]`.
    pub(crate) audit: Option<Audit>,
    /// `[scene.*]`.
    pub(crate) scenes: Named<Scene>,
    /// `[redirects] hosts`.
    pub(crate) redirect_hosts: Vec<Word>,
    /// What a department's file may hold as well.
    pub(crate) shared: Shared,
}

/// What `routes.toml` and a department's file have in common.
#[derive(Debug)]
pub(crate) struct Shared {
    /// The department; empty for `routes.toml`.
    pub(crate) owner: String,
    /// `[upstream.*]`.
    pub(crate) upstreams: Named<Upstream>,
    /// `[contract.*]`.
    pub(crate) contracts: Named<Contract>,
    /// `[introspection.*]`.
    pub(crate) introspections: Named<Introspection>,
    /// `[[route]]`.
    pub(crate) routes: Vec<Route>,
    /// `[[adapter]]`.
    pub(crate) adapters: Vec<Adapter>,
    /// `[[landing]]`.
    pub(crate) landings: Vec<Landing>,
    /// `[[test]]`.
    pub(crate) trials: Vec<Trial>,
}

impl RoutesFile {
    /// Reads `routes.toml`.
    pub(crate) fn read(mut table: Table<'_>) -> Self {
        table.required("config_version", version);
        let listeners = table.named("listener", |_, table| Some(Listener::read(table)));
        if listeners.is_empty() {
            table.missing("listener");
        }
        let admin = table.optional("admin", |value| Some(Admin::read(value.table()?)));
        let limits = table.optional("limits", |value| Some(Limits::read(value.table()?)));
        let file = Self {
            listeners,
            admin,
            limits: limits.unwrap_or_default(),
            issuers: table.named("issuer", |_, table| Some(Issuer::read(table))),
            snapshot: table.optional("keys", |value| snapshot(value.table()?)),
            state: table.optional("state", |value| Some(State::read(value.table()?))),
            telemetry: table.optional("telemetry", |value| Some(Telemetry::read(value.table()?))),
            audit: table.optional("audit", |value| Some(Audit::read(value.table()?))),
            scenes: table.named("scene", |_, table| Some(Scene::read(table))),
            redirect_hosts: table
                .optional("redirects", |value| hosts(value.table()?))
                .unwrap_or_default(),
            shared: Shared::read(&mut table, String::new()),
        };
        table.finish();
        file
    }
}

impl Shared {
    /// Reads a department's file.
    pub(crate) fn read_department(mut table: Table<'_>) -> Self {
        let owner = table.required("owner", string);
        let shared = Self::read(&mut table, owner.map(|it| it.value).unwrap_or_default());
        table.finish();
        shared
    }

    fn read(table: &mut Table<'_>, owner: String) -> Self {
        Self {
            owner,
            upstreams: table.named("upstream", |_, table| Some(Upstream::read(table))),
            contracts: table.named("contract", |_, table| Some(Contract::read(table))),
            introspections: table
                .named("introspection", |_, table| Some(Introspection::read(table))),
            routes: table.array("route", |table| Some(Route::read(table))),
            adapters: table.array("adapter", Adapter::read),
            landings: table.array("landing", Landing::read),
            trials: table.array("test", Trial::read),
        }
    }
}

/// Names in the two languages of the manual.
#[derive(Clone, Debug, Default)]
pub(crate) struct Names {
    /// English.
    pub(crate) en: Option<String>,
    /// Chinese.
    pub(crate) zh: Option<String>,
}

/// Reads `{ en = "…", zh = "…" }`.
pub(crate) fn names(value: Value<'_>) -> Option<Names> {
    let mut table = value.table()?;
    let names = Names {
        en: table.optional("en", string).map(|it| it.value),
        zh: table.optional("zh", string).map(|it| it.value),
    };
    table.finish();
    Some(names)
}

/// Reads an array of strings.
pub(crate) fn words(value: Value<'_>) -> Option<Vec<Word>> {
    list(string)(value)
}

/// Reads a kind.
pub(crate) fn kind(value: Value<'_>) -> Option<Spanned<Kind>> {
    let words = Kind::ALL.map(|kind| (kind.name(), kind));
    choice(&words)(value)
}

/// Reads a region: two, four or six digits.
pub(crate) fn region(value: Value<'_>) -> Option<Spanned<Region>> {
    let expected = "a region code of 2, 4 or 6 digits such as \"350200\"";
    parsed(value, expected, Region::parse)
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "a reader uses its value up, so that nobody reads it twice"
)]
fn version(value: Value<'_>) -> Option<()> {
    let toml::de::DeValue::Integer(number) = value.get() else {
        return value.mismatch("an integer");
    };
    if number.as_str().parse() == Ok(CONFIG_VERSION) {
        return Some(());
    }
    value.invalid(&format!(
        "must be {CONFIG_VERSION}, the only version this program reads"
    ))
}

fn snapshot(mut table: Table<'_>) -> Option<Word> {
    let snapshot = table.required("snapshot", string);
    table.finish();
    snapshot
}

fn hosts(mut table: Table<'_>) -> Option<Vec<Word>> {
    let hosts = table.required("hosts", words);
    table.finish();
    hosts
}
