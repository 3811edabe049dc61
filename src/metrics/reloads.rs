//! What is counted of the configuration's comings into force.

use std::sync::atomic::AtomicU64;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use super::series::Series;
use super::{Metrics, counters, seconds};
use crate::time::Timestamp;

/// What is counted of reloads.
#[derive(Clone, Debug)]
pub(super) struct Reloads {
    times: Series<Counter>,
    last_successful: Gauge,
    last_success: Gauge<f64, AtomicU64>,
}

impl Reloads {
    pub(super) fn register(registry: &mut Registry) -> Self {
        let reloads = Self {
            times: counters(
                registry,
                "config_reloads",
                "Times the configuration was loaded",
            ),
            last_successful: Gauge::default(),
            last_success: Gauge::default(),
        };
        registry.register(
            "config_last_reload_successful",
            "Whether the newest files are in force",
            reloads.last_successful.clone(),
        );
        registry.register(
            "config_last_reload_success_timestamp_seconds",
            "When files last came into force",
            reloads.last_success.clone(),
        );
        for result in ["failure", "success"] {
            let _ = reloads.times.get(&vec![("result", result.into())]);
        }
        reloads
    }
}

impl Metrics {
    /// Notes that files were loaded, or could not be.
    pub fn reloaded(&self, success: bool, now: Timestamp) {
        let result = if success { "success" } else { "failure" };
        let times = &self.reloads.times;
        times.get(&vec![("result", result.into())]).inc();
        self.reloads.last_successful.set(i64::from(success));
        if success {
            self.reloads.last_success.set(seconds(now));
        }
    }
}
