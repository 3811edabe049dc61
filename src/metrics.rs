//! What the gateway counts, in one file.
//!
//! Every label value comes from the configuration or a closed enum, never from a scan. Handles are
//! resolved when a configuration is loaded: counting a scan is one atomic addition.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;

use crate::gateway::Gateway;
use crate::reason::Reason;
use crate::scan::{Artefact, Artefacts};
use crate::time::Timestamp;

type Labels = Vec<(&'static str, String)>;

/// Every metric of the process; clones share them.
#[derive(Clone, Debug)]
pub struct Metrics {
    registry: Arc<Registry>,
    scans: Family<Labels, Counter>,
    artefacts: Family<Labels, Counter>,
    ambiguous: Family<Labels, Counter>,
    introspections: Family<Labels, Counter>,
    reloads: Family<Labels, Counter>,
    issuers: Issuers,
    last_reload_successful: Gauge,
    last_reload_success: Gauge<f64, AtomicU64>,
}

/// The counters of one configuration, found by place instead of by label.
#[derive(Debug)]
pub struct Handles {
    routes: Box<[Counter]>,
    reasons: Box<[Counter]>,
    artefacts: Box<[Counter]>,
    ambiguous: Box<[Counter]>,
}

/// How an issuer's platform's word about a code was had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    /// It calls the code good.
    Active,
    /// Too many questions were open, so it was not asked.
    Busy,
    /// It does not call the code good.
    Inactive,
    /// An earlier question served.
    Kept,
    /// It was asked in vain.
    Unavailable,
}

impl Asked {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::Active,
        Self::Busy,
        Self::Inactive,
        Self::Kept,
        Self::Unavailable,
    ];

    /// The word for it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Busy => "busy",
            Self::Inactive => "inactive",
            Self::Kept => "kept",
            Self::Unavailable => "unavailable",
        }
    }
}

/// The counters of one introspection.
#[derive(Debug)]
pub struct Introspections(Box<[Counter]>);

impl Introspections {
    /// Counts how a word was had.
    pub fn count(&self, how: Asked) {
        let place = Asked::ALL.iter().position(|&one| one == how);
        count(&self.0, place.unwrap_or_default());
    }
}

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::with_prefix("multicode");
        let build = Info::new(vec![("version", env!("CARGO_PKG_VERSION"))]);
        registry.register("build", "The running program", build);
        let scans = counters(&mut registry, "scans", "Scans by what became of them");
        let artefacts = counters(
            &mut registry,
            "artefacts_cleaned",
            "Scans from which an artefact was taken off, by kind",
        );
        let ambiguous = counters(
            &mut registry,
            "classify_ambiguous",
            "Texts that a second family claimed, by the family that won or tied",
        );
        let introspections = counters(
            &mut registry,
            "introspections",
            "Codes whose issuer's platform had to be asked, by how its word was had",
        );
        let reloads = counters(
            &mut registry,
            "config_reloads",
            "Times the configuration was loaded",
        );
        let last_reload_successful = Gauge::default();
        let name = "config_last_reload_successful";
        registry.register(
            name,
            "Whether the newest files are in force",
            last_reload_successful.clone(),
        );
        let last_reload_success = Gauge::default();
        let name = "config_last_reload_success_timestamp_seconds";
        registry.register(
            name,
            "When files last came into force",
            last_reload_success.clone(),
        );
        let issuers = Issuers::register(&mut registry);
        Self {
            registry: Arc::new(registry),
            scans,
            artefacts,
            ambiguous,
            introspections,
            reloads,
            issuers,
            last_reload_successful,
            last_reload_success,
        }
    }
}

/// What is counted of the issuers' keys.
#[derive(Clone, Debug, Default)]
struct Issuers {
    fetches: Family<Labels, Counter>,
    keys: Family<Labels, Gauge>,
    times: [Family<Labels, Gauge<f64, AtomicU64>>; 4],
}

/// The instants of an issuer's keys, in the order of [`KeysGauge::times`].
const KEY_TIMES: [(&str, &str); 4] = [
    (
        "keys_fresh_timestamp_seconds",
        "When an issuer's keys could last be had",
    ),
    (
        "keys_next_refresh_timestamp_seconds",
        "When an issuer's keys will be asked for again",
    ),
    (
        "keys_stale_timestamp_seconds",
        "When an issuer's keys no longer serve unless they can be had again",
    ),
    (
        "keys_expiry_timestamp_seconds",
        "When the first of an issuer's active keys ends",
    ),
];

/// What came of asking an issuer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fetch {
    /// Nothing that could be used.
    Failure,
    /// Something new.
    Success,
    /// The same as before.
    Unchanged,
}

impl Fetch {
    const ALL: [Self; 3] = [Self::Failure, Self::Success, Self::Unchanged];

    const fn name(self) -> &'static str {
        match self {
            Self::Failure => "failure",
            Self::Success => "success",
            Self::Unchanged => "unchanged",
        }
    }
}

/// How it stands with one issuer's keys.
#[derive(Clone, Copy, Debug)]
pub struct KeysGauge<'a> {
    /// Its id.
    pub issuer: &'a str,
    /// How many keys are in which state.
    pub states: &'a [(&'static str, usize)],
    /// How many of those it published cannot be used.
    pub rejected: usize,
    /// When they could last be had.
    pub fresh: Option<Timestamp>,
    /// When they will be asked for again.
    pub next: Option<Timestamp>,
    /// When they no longer serve.
    pub stale: Option<Timestamp>,
    /// When the first that is active ends.
    pub expiry: Option<Timestamp>,
}

impl KeysGauge<'_> {
    const fn times(&self) -> [Option<Timestamp>; 4] {
        [self.fresh, self.next, self.stale, self.expiry]
    }
}

impl Issuers {
    fn register(registry: &mut Registry) -> Self {
        let issuers = Self {
            fetches: counters(
                registry,
                "key_fetches",
                "Times an issuer's keys or lists were asked for, by what came of it",
            ),
            ..Self::default()
        };
        let help = "Keys of an issuer, by whether they verify";
        registry.register("keys", help, issuers.keys.clone());
        for ((name, help), family) in KEY_TIMES.iter().zip(&issuers.times) {
            registry.register(*name, *help, family.clone());
        }
        issuers
    }
}

fn counters(registry: &mut Registry, name: &str, help: &str) -> Family<Labels, Counter> {
    let family = Family::default();
    registry.register(name, help, family.clone());
    family
}

impl Metrics {
    /// Resolves, and thereby shows as zero, the counters of a configuration. Those of routes that
    /// are gone disappear.
    pub fn handles(&self, gateway: &Gateway) -> Handles {
        let scan = |route: &str, outcome: &str, reason: &str| {
            let labels = vec![
                ("route", route.into()),
                ("outcome", outcome.into()),
                ("reason", reason.into()),
            ];
            self.scans.get_or_create_owned(&labels)
        };
        self.scans.clear();
        self.ambiguous.clear();
        self.introspections.clear();
        let routes = gateway
            .routes()
            .iter()
            .map(|route| scan(&route.name, "decision", ""));
        let reasons = Reason::ALL
            .iter()
            .map(|reason| scan("", "rejection", reason.slug()));
        let artefacts = Artefact::ALL.iter().map(|kind| {
            self.artefacts
                .get_or_create_owned(&vec![("artefact", kind.name().into())])
        });
        let ambiguous = gateway.families().iter().map(|family| {
            self.ambiguous
                .get_or_create_owned(&vec![("family", String::from(&*family.id))])
        });
        Handles {
            routes: routes.collect(),
            reasons: reasons.collect(),
            artefacts: artefacts.collect(),
            ambiguous: ambiguous.collect(),
        }
    }

    /// Resolves the counters of an introspection, after [`Self::handles`].
    pub fn introspection(&self, name: &str) -> Introspections {
        let counters = Asked::ALL.iter().map(|how| {
            let labels = vec![
                ("introspection", name.into()),
                ("outcome", how.name().into()),
            ];
            self.introspections.get_or_create_owned(&labels)
        });
        Introspections(counters.collect())
    }

    /// Notes that files were loaded, or could not be.
    pub fn reloaded(&self, success: bool, now: Timestamp) {
        let result = if success { "success" } else { "failure" };
        self.reloads
            .get_or_create_owned(&vec![("result", result.into())])
            .inc();
        self.last_reload_successful.set(i64::from(success));
        if success {
            self.last_reload_success.set(seconds(now));
        }
    }

    /// Counts a question to an issuer.
    pub fn keys_fetched(&self, issuer: &str, outcome: Fetch) {
        for kind in Fetch::ALL {
            let labels = vec![("issuer", issuer.into()), ("outcome", kind.name().into())];
            let counter = self.issuers.fetches.get_or_create_owned(&labels);
            counter.inc_by(u64::from(kind == outcome));
        }
    }

    /// Notes how it stands with an issuer's keys.
    pub fn keys_stand(&self, gauge: &KeysGauge<'_>) {
        let rejected = ("rejected", gauge.rejected);
        for &(state, count) in gauge.states.iter().chain([&rejected]) {
            let labels = vec![("issuer", gauge.issuer.into()), ("state", state.into())];
            let count = i64::try_from(count).unwrap_or(i64::MAX);
            self.issuers.keys.get_or_create_owned(&labels).set(count);
        }
        let labels = vec![("issuer", gauge.issuer.into())];
        for (family, time) in self.issuers.times.iter().zip(gauge.times()) {
            match time {
                Some(time) => {
                    let gauge = family.get_or_create_owned(&labels);
                    gauge.set(seconds(time));
                }
                None => {
                    family.remove(&labels);
                }
            }
        }
    }

    /// Forgets the issuers; those that are left are noted again.
    pub fn forget_issuers(&self) {
        self.issuers.keys.clear();
        self.issuers.times.iter().for_each(Family::clear);
    }

    /// Every metric in the OpenMetrics text format.
    pub fn exposition(&self) -> String {
        let mut text = String::new();
        // Writing to a string cannot fail.
        encode(&mut text, &self.registry).unwrap_or_default();
        text
    }
}

impl Handles {
    /// Counts a scan that took the route at this place.
    pub fn decided(&self, route: usize) {
        count(&self.routes, route);
    }

    /// Counts a refusal.
    pub fn refused(&self, reason: Reason) {
        count(&self.reasons, reason.index());
    }

    /// Counts what was taken off a text.
    pub fn cleaned(&self, artefacts: Artefacts) {
        if artefacts.is_empty() {
            return;
        }
        for artefact in artefacts.iter() {
            count(&self.artefacts, artefact.index());
        }
    }

    /// Counts a text that more than one family claimed, on the family at this place.
    pub fn ambiguous(&self, family: usize) {
        count(&self.ambiguous, family);
    }
}

fn seconds(time: Timestamp) -> f64 {
    f64::from(u32::try_from(time.seconds()).unwrap_or(u32::MAX))
}

fn count(counters: &[Counter], place: usize) {
    if let Some(counter) = counters.get(place) {
        counter.inc();
    }
}
