//! What is counted of the issuers' keys.

use std::sync::atomic::AtomicU64;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use super::series::{Series, said};
use super::{Metrics, counters, seconds};
use crate::time::Timestamp;

/// What is counted of the issuers' keys.
#[derive(Clone, Debug, Default)]
pub(super) struct Issuers {
    fetches: Series<Counter>,
    keys: Series<Gauge>,
    times: [Series<Gauge<f64, AtomicU64>>; 4],
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
    pub(super) fn register(registry: &mut Registry) -> Self {
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

impl Metrics {
    /// Counts a question to an issuer.
    pub fn keys_fetched(&self, issuer: &str, outcome: Fetch) {
        for kind in Fetch::ALL {
            let labels = vec![("issuer", issuer.into()), ("outcome", kind.name().into())];
            let counter = self.issuers.fetches.get(&labels);
            counter.inc_by(u64::from(kind == outcome));
        }
    }

    /// Notes how it stands with an issuer's keys.
    pub fn keys_stand(&self, gauge: &KeysGauge<'_>) {
        let rejected = ("rejected", gauge.rejected);
        for &(state, count) in gauge.states.iter().chain([&rejected]) {
            let labels = vec![("issuer", gauge.issuer.into()), ("state", state.into())];
            let count = i64::try_from(count).unwrap_or(i64::MAX);
            self.issuers.keys.get(&labels).set(count);
        }
        let labels = vec![("issuer", gauge.issuer.into())];
        for (family, time) in self.issuers.times.iter().zip(gauge.times()) {
            match time {
                Some(time) => {
                    let gauge = family.get(&labels);
                    gauge.set(seconds(time));
                }
                None => {
                    family.remove(&labels);
                }
            }
        }
    }

    /// Forgets the issuers that are not `known` any more.
    pub fn keep_issuers(&self, known: impl Fn(&str) -> bool) {
        let Issuers {
            fetches,
            keys,
            times,
        } = &self.issuers;
        fetches.retain(|labels| known(said(labels, "issuer")));
        keys.retain(|labels| known(said(labels, "issuer")));
        for series in times {
            series.retain(|labels| known(said(labels, "issuer")));
        }
    }
}
