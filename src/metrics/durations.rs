//! What is counted of how long things take, and of signatures.

use std::ops::Range;
use std::time::Duration;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::registry::{Registry, Unit};

use super::histogram::Histogram;
use super::scans::{Axis, MOST_ROUTES};
use super::series::{Series, said};
use super::{Known, count, counters};
use crate::family::Algorithm;
use crate::reason::Stage;
use crate::time::Timestamp;

/// The stages whose time is taken: reading is part of classifying, choosing a route part of policy.
const STAGES: [Stage; 6] = [
    Stage::Ingress,
    Stage::Classify,
    Stage::Trust,
    Stage::Policy,
    Stage::Guard,
    Stage::Forward,
];

/// Backends whose time is counted by name; the rest is `other`.
const MOST_UPSTREAMS: usize = 128;

/// What is registered; clones are the same.
#[derive(Clone, Debug)]
pub(super) struct Durations {
    pub(super) scans: Series<Histogram>,
    pub(super) overhead: Histogram,
    stages: Series<Histogram>,
    upstreams: Series<Histogram>,
    verifications: Series<Counter>,
    verification: Series<Histogram>,
}

/// The histograms of one configuration, found by place.
#[derive(Debug)]
pub(super) struct Clocks {
    routes: Axis,
    scans: Box<[Histogram]>,
    overhead: Histogram,
    stages: Box<[Histogram]>,
    upstreams: Box<[Histogram]>,
    verified: Box<[Counter]>,
    verification: Box<[Histogram]>,
}

fn histograms(
    registry: &mut Registry,
    (name, help): (&str, &str),
    make: fn() -> Histogram,
) -> Series<Histogram> {
    let series = Series::of(make);
    registry.register_with_unit(name, help, Unit::Seconds, series.clone());
    series
}

impl Durations {
    pub(super) fn register(registry: &mut Registry) -> Self {
        let verifications = counters(
            registry,
            "verifications",
            "Signatures that were verified, by algorithm and whether they hold",
        );
        let overhead = Histogram::short();
        registry.register_with_unit(
            "gateway_overhead",
            "What a request takes beyond waiting for the terminal, for its department and for others",
            Unit::Seconds,
            overhead.clone(),
        );
        let mut histograms = |about, make| histograms(registry, about, make);
        Self {
            overhead,
            verifications,
            scans: histograms(
                ("scan_duration", "From a request's first byte to its answer"),
                Histogram::long,
            ),
            stages: histograms(
                ("stage_duration", "What a stage of a scan's life takes"),
                Histogram::short,
            ),
            upstreams: histograms(
                ("upstream_duration", "What a department takes"),
                Histogram::long,
            ),
            verification: histograms(
                ("verification_duration", "What verifying a signature takes"),
                Histogram::short,
            ),
        }
    }

    /// Resolves, and thereby shows as zero, the histograms of a configuration. Those of what is gone
    /// disappear.
    pub(super) fn clocks(&self, known: &Known<'_>) -> Clocks {
        let routes = known.gateway.routes().iter().map(|route| &*route.name);
        let routes = Axis::new(routes, MOST_ROUTES);
        let upstreams = Axis::new(known.upstreams.iter().copied(), MOST_UPSTREAMS);
        self.scans
            .retain(|labels| routes.says(said(labels, "route")));
        self.upstreams
            .retain(|labels| upstreams.says(said(labels, "upstream")));
        let algorithms = Algorithm::ALL.iter();
        let verified = algorithms.clone().flat_map(|algorithm| {
            ["held", "failed"].map(|result| {
                let labels = vec![
                    ("algorithm", algorithm.name().into()),
                    ("result", result.into()),
                ];
                self.verifications.get(&labels)
            })
        });
        let verification = algorithms.map(|algorithm| {
            let labels = vec![("algorithm", algorithm.name().into())];
            self.verification.get(&labels)
        });
        Clocks {
            scans: by(&self.scans, ("route", &routes), routes.shown()),
            upstreams: by(
                &self.upstreams,
                ("upstream", &upstreams),
                1..upstreams.shown().end,
            ),
            overhead: self.overhead.clone(),
            stages: STAGES
                .iter()
                .map(|stage| self.stages.get(&vec![("stage", stage.name().into())]))
                .collect(),
            verified: verified.collect(),
            verification: verification.collect(),
            routes,
        }
    }
}

/// One for each of these places.
fn by(
    series: &Series<Histogram>,
    (label, axis): (&'static str, &Axis),
    places: Range<usize>,
) -> Box<[Histogram]> {
    places
        .map(|place| series.get(&vec![(label, axis.label(place).into())]))
        .collect()
}

impl Clocks {
    pub(super) fn stage(&self, stage: Stage, took: Duration) {
        let stage = match stage {
            Stage::Parse => Stage::Classify,
            Stage::Route => Stage::Policy,
            other => other,
        };
        let place = STAGES.iter().position(|&one| one == stage);
        observe(&self.stages, place.unwrap_or_default(), took);
    }

    pub(super) fn took(
        &self,
        route: Option<usize>,
        took: Duration,
        overhead: Duration,
        exemplar: Option<(&[u8; 16], Timestamp)>,
    ) {
        let scans = self.scans.get(self.routes.place(route));
        match (scans, exemplar) {
            (Some(scans), Some((trace, at))) => scans.observe_traced(took, trace, at),
            (Some(scans), None) => scans.observe(took),
            (None, _) => {}
        }
        match exemplar {
            Some((trace, at)) => self.overhead.observe_traced(overhead, trace, at),
            None => self.overhead.observe(overhead),
        }
    }

    pub(super) fn upstream_took(&self, upstream: usize, took: Duration) {
        let rest = self.upstreams.len().saturating_sub(1);
        observe(&self.upstreams, upstream.min(rest), took);
    }

    pub(super) fn verified(&self, algorithm: Algorithm, held: bool, took: Duration) {
        let place = Algorithm::ALL.iter().position(|&one| one == algorithm);
        let place = place.unwrap_or_default();
        count(&self.verified, place * 2 + usize::from(!held));
        observe(&self.verification, place, took);
    }
}

fn observe(histograms: &[Histogram], place: usize, took: Duration) {
    if let Some(histogram) = histograms.get(place) {
        histogram.observe(took);
    }
}
