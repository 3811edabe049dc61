//! What the gateway counts, a file for each part of it.
//!
//! Every label value comes from the configuration or a closed enum, never from a scan. Handles are
//! resolved when a configuration is loaded: counting a scan is one atomic addition.

mod introspections;
mod issuers;
mod limits;
mod state;
mod upstreams;

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;

pub use self::introspections::{Asked, Introspections};
use self::issuers::Issuers;
pub use self::issuers::{Fetch, KeysGauge};
pub use self::limits::{Limit, Limits};
use self::state::State;
pub use self::state::{Again, StateCounts, StateGauge};
use self::upstreams::Upstreams;
pub use self::upstreams::{
    BREAKER_STATES, Delivered, EndpointCounts, EndpointGauge, UpstreamCounts,
};
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
    limits: Limits,
    state: State,
    upstreams: Upstreams,
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
        let limits = Limits::register(&mut registry);
        let state = State::register(&mut registry);
        let upstreams = Upstreams::register(&mut registry);
        Self {
            registry: Arc::new(registry),
            scans,
            artefacts,
            ambiguous,
            introspections,
            reloads,
            issuers,
            limits,
            state,
            upstreams,
            last_reload_successful,
            last_reload_success,
        }
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
