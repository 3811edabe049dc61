//! What is counted of requests that were too many.

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use super::series::Labels;
use super::{Metrics, count, counters};

/// By what requests are counted that come too fast.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Limit {
    /// By the client's address.
    Address,
    /// By who issued the code.
    Issuer,
    /// By the terminal.
    Terminal,
}

impl Limit {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Address, Self::Issuer, Self::Terminal];

    /// The word for it, in files, headers and metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Address => "address",
            Self::Issuer => "issuer",
            Self::Terminal => "terminal",
        }
    }

    /// Its place in [`Self::ALL`].
    pub const fn index(self) -> usize {
        match self {
            Self::Address => 0,
            Self::Issuer => 1,
            Self::Terminal => 2,
        }
    }
}

/// The counters; they outlive every configuration, and clones share them.
#[derive(Clone, Debug)]
pub struct Limits {
    refused: [Counter; 3],
    shed: Counter,
    in_flight: Gauge,
}

impl Limits {
    pub(super) fn register(registry: &mut Registry) -> Self {
        let refused = counters(
            registry,
            "rate_limited",
            "Requests refused as too many, by what they were counted by",
        );
        let shed = Counter::default();
        registry.register(
            "requests_shed",
            "Requests refused because too many were under way",
            shed.clone(),
        );
        let in_flight = Gauge::default();
        registry.register(
            "requests_in_flight",
            "Requests under way, until the head of their answer is there",
            in_flight.clone(),
        );
        let refused = |limit: Limit| {
            let labels: Labels = vec![("limit", limit.name().into())];
            refused.get(&labels)
        };
        Self {
            refused: Limit::ALL.map(refused),
            shed,
            in_flight,
        }
    }

    /// Counts a request that came too fast.
    pub fn refused(&self, limit: Limit) {
        count(&self.refused, limit.index());
    }

    /// Counts a request that found too many under way.
    pub fn shed(&self) {
        self.shed.inc();
    }

    /// One more is under way; gives how many were before.
    pub fn began(&self) -> usize {
        usize::try_from(self.in_flight.inc()).unwrap_or_default()
    }

    /// How many are.
    pub fn under_way(&self) -> u64 {
        u64::try_from(self.in_flight.get()).unwrap_or_default()
    }

    /// One is over.
    pub fn ended(&self) {
        self.in_flight.dec();
    }
}

impl Metrics {
    /// The counters of what was too much.
    pub fn limits(&self) -> Limits {
        self.limits.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_limit_stands_in_its_place() {
        for (place, limit) in Limit::ALL.into_iter().enumerate() {
            assert_eq!(limit.index(), place);
        }
    }
}
