//! What is counted of the audit trail.

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use super::series::{Labels, Series};
use super::{Metrics, counters};

/// The classes records are counted by; the last one is what the trail says of itself.
const CLASSES: [&str; 4] = ["decision", "outcome", "scan", "service"];

/// The counters of the process; clones share them.
#[derive(Clone, Debug, Default)]
pub struct AuditCounts {
    records: [Counter; 4],
    lost: Counter,
    refused: Counter,
    up: Gauge,
    waiting: Gauge,
    shipped: Series<Counter>,
    behind: Series<Gauge>,
}

/// What is counted of one place the trail is sent to.
#[derive(Clone, Debug, Default)]
pub struct SinkCounts {
    shipped: Counter,
    behind: Gauge,
}

impl AuditCounts {
    pub(super) fn register(registry: &mut Registry) -> Self {
        let records = counters(
            registry,
            "audit_records",
            "Records written, by what they are of",
        );
        let records = CLASSES.map(|class| {
            let labels: Labels = vec![("class", class.into())];
            records.get(&labels)
        });
        let shipped = counters(
            registry,
            "audit_shipped",
            "Records that another place has acknowledged",
        );
        let counts = Self {
            records,
            shipped,
            ..Self::default()
        };
        let help = "Records there was no room for";
        registry.register("audit_lost", help, counts.lost.clone());
        let help = "Records that somebody waited for in vain";
        registry.register("audit_refused", help, counts.refused.clone());
        let help = "Whether the audit trail can be written";
        registry.register("audit_up", help, counts.up.clone());
        let help = "Records that wait to be written";
        registry.register("audit_waiting", help, counts.waiting.clone());
        let help = "Records on disk that another place has not acknowledged";
        registry.register("audit_behind", help, counts.behind.clone());
        counts
    }

    /// Counts a record on disk.
    pub fn wrote(&self, class: &str) {
        let place = CLASSES.iter().position(|known| *known == class);
        if let Some(counter) = place.and_then(|place| self.records.get(place)) {
            counter.inc();
        }
    }

    /// Counts what the trail said of itself.
    pub fn wrote_own(&self, count: u64) {
        if let Some(counter) = self.records.last() {
            counter.inc_by(count);
        }
    }

    /// Counts records there was no room for.
    pub fn lost(&self, count: usize) {
        self.lost.inc_by(u64::try_from(count).unwrap_or(u64::MAX));
    }

    /// Counts a record that somebody waited for in vain.
    pub fn refused(&self) {
        self.refused.inc();
    }

    /// Notes how it stands.
    pub fn stands(&self, up: bool, waiting: usize) {
        self.up.set(i64::from(up));
        self.waiting.set(i64::try_from(waiting).unwrap_or(i64::MAX));
    }

    /// The counters of a place the trail is sent to.
    pub fn sink(&self, name: &str) -> SinkCounts {
        let labels: Labels = vec![("sink", name.into())];
        SinkCounts {
            shipped: self.shipped.get(&labels),
            behind: self.behind.get(&labels),
        }
    }
}

impl SinkCounts {
    /// Counts records that were acknowledged.
    pub fn shipped(&self, count: u64) {
        self.shipped.inc_by(count);
    }

    /// Notes how many were not.
    pub fn behind(&self, count: u64) {
        self.behind.set(i64::try_from(count).unwrap_or(i64::MAX));
    }
}

impl Metrics {
    /// The counters of the audit trail.
    pub fn audit(&self) -> AuditCounts {
        self.audit.clone()
    }
}
