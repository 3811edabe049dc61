//! What the gateway counts, a file for each part of it.
//!
//! Every label value comes from the configuration or a closed enum, never from a scan. Handles are
//! resolved when a configuration is loaded: counting a scan is one atomic addition.

mod audit;
mod certificates;
mod connections;
mod desks;
mod durations;
mod exposition;
mod histogram;
mod introspections;
mod issuers;
mod limits;
mod process;
mod proofs;
mod reloads;
mod scans;
mod series;
mod state;
mod upstreams;

use std::sync::Arc;
use std::time::Duration;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;

pub use self::audit::{AuditCounts, SinkCounts};
use self::certificates::Certificates;
pub use self::certificates::{End, Ending, Handshake, Handshakes};
use self::connections::Connections;
pub use self::connections::{Door, TurnedAway};
pub use self::desks::{Desks, Lost, Picture};
use self::durations::{Clocks, Durations};
pub use self::exposition::Exposition;
pub use self::histogram::{Histogram, Snapshot};
pub use self::introspections::{Asked, Introspections};
use self::issuers::Issuers;
pub use self::issuers::{Fetch, KeysGauge};
pub use self::limits::{Limit, Limits};
use self::process::Process;
pub use self::proofs::{Judged, ProofCounts};
use self::reloads::Reloads;
pub use self::scans::{Counted, What};
use self::scans::{Scans, Table};
use self::series::{Series, said};
use self::state::State;
pub use self::state::{Again, Met, StateCounts, StateGauge};
use self::upstreams::Upstreams;
pub use self::upstreams::{
    BREAKER_STATES, Delivered, EndpointCounts, EndpointGauge, UpstreamCounts,
};
use crate::family::Algorithm;
use crate::gateway::Gateway;
use crate::reason::Stage;
use crate::scan::{Artefact, Artefacts};
use crate::time::Timestamp;

/// What a label says of all that have no name of their own.
const OTHER: &str = "other";

/// Every metric of the process; clones share them.
#[derive(Clone, Debug)]
pub struct Metrics {
    registry: Arc<Registry>,
    scans: Scans,
    desks: Desks,
    durations: Durations,
    artefacts: Series<Counter>,
    ambiguous: Series<Counter>,
    introspections: Series<Counter>,
    reloads: Reloads,
    audit: AuditCounts,
    connections: Connections,
    certificates: Certificates,
    issuers: Issuers,
    limits: Limits,
    proofs: ProofCounts,
    state: State,
    upstreams: Upstreams,
}

/// The counters of one configuration, found by place instead of by label.
#[derive(Debug)]
pub struct Handles {
    scans: Table,
    clocks: Clocks,
    artefacts: Box<[Counter]>,
    ambiguous: Box<[Counter]>,
}

impl Default for Metrics {
    fn default() -> Self {
        let mut whole = Registry::default();
        whole.register_collector(Box::new(Process::open()));
        let registry = whole.sub_registry_with_prefix("multicode");
        let build = Info::new(vec![("version", env!("CARGO_PKG_VERSION"))]);
        registry.register("build", "The running program", build);
        let scans = Scans::register(registry);
        let desks = Desks::register(registry);
        let durations = Durations::register(registry);
        let artefacts = counters(
            registry,
            "artefacts_cleaned",
            "Scans from which an artefact was taken off, by kind",
        );
        let ambiguous = counters(
            registry,
            "classify_ambiguous",
            "Texts that a second family claimed, by the family that won or tied",
        );
        let introspections = counters(
            registry,
            "introspections",
            "Codes whose issuer's platform had to be asked, by how its word was had",
        );
        let reloads = Reloads::register(registry);
        let audit = AuditCounts::register(registry);
        let connections = Connections::register(registry);
        let certificates = Certificates::register(registry);
        let issuers = Issuers::register(registry);
        let limits = Limits::register(registry);
        let proofs = ProofCounts::register(registry);
        let state = State::register(registry);
        let upstreams = Upstreams::register(registry);
        Self {
            registry: Arc::new(whole),
            scans,
            desks,
            durations,
            artefacts,
            ambiguous,
            introspections,
            reloads,
            audit,
            connections,
            certificates,
            issuers,
            limits,
            proofs,
            state,
            upstreams,
        }
    }
}

fn counters(registry: &mut Registry, name: &str, help: &str) -> Series<Counter> {
    let series = Series::default();
    registry.register(name, help, series.clone());
    series
}

/// What the labels of a configuration may say.
#[derive(Clone, Copy, Debug)]
pub struct Known<'a> {
    /// Its families, scenes and routes.
    pub gateway: &'a Gateway,
    /// The ids of its issuers.
    pub issuers: &'a [&'a str],
    /// The names of its backends, in their order.
    pub upstreams: &'a [&'a str],
    /// The names of the platforms that are asked.
    pub introspections: &'a [&'a str],
}

impl Metrics {
    /// Resolves, and thereby shows as zero, the counters of a configuration that comes into force for
    /// certain. What stays goes on from where it stood; what is gone disappears.
    pub fn handles(&self, known: &Known<'_>) -> Handles {
        let families = known.gateway.families();
        self.ambiguous.retain(|labels| {
            let family = said(labels, "family");
            families.iter().any(|one| *one.id == *family)
        });
        self.introspections.retain(|labels| {
            known
                .introspections
                .contains(&said(labels, "introspection"))
        });
        let artefacts = Artefact::ALL
            .iter()
            .map(|kind| self.artefacts.get(&vec![("artefact", kind.name().into())]));
        let ambiguous = families.iter().map(|family| {
            self.ambiguous
                .get(&vec![("family", String::from(&*family.id))])
        });
        Handles {
            scans: self.scans.table(known),
            clocks: self.durations.clocks(known),
            artefacts: artefacts.collect(),
            ambiguous: ambiguous.collect(),
        }
    }
}

impl Handles {
    /// Counts what became of a scan.
    pub fn scan(&self, counted: Counted) {
        self.scans.count(counted);
    }

    /// The place of an issuer of the configuration, for [`Counted::issuer`].
    pub fn issuer(&self, id: &str) -> Option<usize> {
        self.scans.issuer(id)
    }

    /// Notes what a stage took.
    pub fn stage(&self, stage: Stage, took: Duration) {
        self.clocks.stage(stage, took);
    }

    /// Notes what a request took as a whole and how much of it was spent here, with its trace if that
    /// was recorded.
    pub fn took(
        &self,
        route: Option<usize>,
        took: Duration,
        overhead: Duration,
        exemplar: Option<(&[u8; 16], Timestamp)>,
    ) {
        self.clocks.took(route, took, overhead, exemplar);
    }

    /// Notes what the backend at this place took.
    pub fn upstream_took(&self, upstream: usize, took: Duration) {
        self.clocks.upstream_took(upstream, took);
    }

    /// Notes that a signature was verified, whether it holds, and what that took.
    pub fn verified(&self, algorithm: Algorithm, held: bool, took: Duration) {
        self.clocks.verified(algorithm, held, took);
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

#[cfg(test)]
mod tests;
