//! What is counted of the record of what was sent.

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use super::series::Labels;
use super::{Metrics, count, counters};

/// Why a request was answered with another one's answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Again {
    /// It had the same idempotency key.
    Key,
    /// A scanner read twice.
    Read,
}

/// What a request with the idempotency key of an earlier one found of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Met {
    /// Its answer.
    Answered,
    /// That it is under way.
    InFlight,
    /// That it was another request.
    Reused,
    /// That nobody knows what became of it.
    Unknown,
}

impl Met {
    const ALL: [(Self, &'static str); 4] = [
        (Self::Answered, "answered"),
        (Self::InFlight, "in-flight"),
        (Self::Reused, "reused"),
        (Self::Unknown, "unknown"),
    ];
}

/// The counters of the process; clones share them.
#[derive(Clone, Debug)]
pub struct StateCounts {
    key: Counter,
    read: Counter,
    local: Counter,
    met: [Counter; 4],
}

impl StateCounts {
    /// Counts what the record said of an earlier request.
    pub fn met(&self, what: Met) {
        let place = Met::ALL.iter().position(|one| one.0 == what);
        count(&self.met, place.unwrap_or_default());
    }

    /// Counts a request that was answered with another one's answer.
    pub fn answered_again(&self, why: Again) {
        match why {
            Again::Key => self.key.inc(),
            Again::Read => self.read.inc(),
        };
    }

    /// Counts a request for which this gateway's own memory had to do.
    pub fn made_do(&self) {
        self.local.inc();
    }
}

/// How it stands with the store.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StateGauge {
    /// Whether it can be used.
    pub up: bool,
    /// The used codes it remembers, and how many it may, where it is this gateway's own.
    pub claims: Option<(usize, usize)>,
    /// The outcomes nobody knows, where it is this gateway's own.
    pub unknown: Option<usize>,
    /// The outcomes that wait to be written.
    pub unwritten: usize,
}

/// What is registered.
#[derive(Clone, Debug)]
pub(super) struct State {
    pub(super) counts: StateCounts,
    up: Gauge,
    claims: Gauge,
    most_claims: Gauge,
    unknown: Gauge,
    unwritten: Gauge,
}

impl State {
    pub(super) fn register(registry: &mut Registry) -> Self {
        let again = counters(
            registry,
            "answered_again",
            "Requests answered with the answer of an earlier one, by what they had in common",
        );
        let by = |what: &str| {
            let labels: Labels = vec![("by", what.into())];
            again.get(&labels)
        };
        let met = counters(
            registry,
            "idempotency",
            "Requests that were made before, by what the record said",
        );
        let counts = StateCounts {
            met: Met::ALL.map(|(_, word)| met.get(&vec![("result", word.to_owned())])),
            key: by("key"),
            read: by("read"),
            local: Counter::default(),
        };
        let help = "Requests for which this gateway's own memory had to do";
        registry.register("state_local", help, counts.local.clone());
        let mut gauge = |name: &str, help: &str| {
            let gauge = Gauge::default();
            registry.register(name, help, gauge.clone());
            gauge
        };
        Self {
            counts,
            up: gauge("state_up", "Whether what is sent can be recorded"),
            claims: gauge("state_claims", "One-time codes remembered as used"),
            most_claims: gauge("state_claims_limit", "One-time codes remembered at most"),
            unknown: gauge(
                "state_unknown_outcomes",
                "Requests of which nobody knows what became",
            ),
            unwritten: gauge("state_unwritten", "Outcomes that wait to be written"),
        }
    }
}

impl Metrics {
    /// The counters of what was asked again.
    pub fn state(&self) -> StateCounts {
        self.state.counts.clone()
    }

    /// Notes how it stands with the store.
    pub fn state_stands(&self, gauge: StateGauge) {
        let number = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
        let state = &self.state;
        state.up.set(i64::from(gauge.up));
        state.unwritten.set(number(gauge.unwritten));
        state.unknown.set(number(gauge.unknown.unwrap_or_default()));
        let (live, most) = gauge.claims.unwrap_or_default();
        state.claims.set(number(live));
        state.most_claims.set(number(most));
    }
}
