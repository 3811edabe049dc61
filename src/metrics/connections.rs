//! What is counted of connections.

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use super::series::Series;
use super::{Metrics, counters};

/// Why a connection is not served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TurnedAway {
    /// Its client has as many as one may have.
    Address,
    /// There are as many as there may be.
    Connections,
    /// It does not begin as a balancer's must.
    Proxy,
}

impl TurnedAway {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Address, Self::Connections, Self::Proxy];

    /// The word for it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Address => "address",
            Self::Connections => "connections",
            Self::Proxy => "proxy",
        }
    }
}

/// The connections of all listeners.
#[derive(Clone, Debug)]
pub(super) struct Connections {
    open: Series<Gauge>,
    refused: Series<Counter>,
}

/// The connections of one listener; clones count together.
#[derive(Clone, Debug, Default)]
pub struct Door {
    open: Gauge,
    refused: [Counter; 3],
}

impl Connections {
    pub(super) fn register(registry: &mut Registry) -> Self {
        let open = Series::<Gauge>::default();
        registry.register("connections", "Connections that are open", open.clone());
        Self {
            open,
            refused: counters(
                registry,
                "connections_refused",
                "Connections that were not served",
            ),
        }
    }
}

impl Metrics {
    /// The counters of a listener.
    pub fn door(&self, listener: &str) -> Door {
        let label = || ("listener", String::from(listener));
        let refused = |why: TurnedAway| {
            let labels = vec![label(), ("cause", why.name().into())];
            self.connections.refused.get(&labels)
        };
        Door {
            open: self.connections.open.get(&vec![label()]),
            refused: TurnedAway::ALL.map(refused),
        }
    }
}

impl Door {
    /// A connection is open.
    pub fn opened(&self) {
        self.open.inc();
    }

    /// It is not any more.
    pub fn closed(&self) {
        self.open.dec();
    }

    /// A connection is not served.
    pub fn turned_away(&self, why: TurnedAway) {
        let [address, connections, proxy] = &self.refused;
        let counter = match why {
            TurnedAway::Address => address,
            TurnedAway::Connections => connections,
            TurnedAway::Proxy => proxy,
        };
        counter.inc();
    }
}
