//! What is counted of the departments' backends and their endpoints.

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use super::series::{Labels, Series, said};
use super::{Metrics, count, counters};

/// What became of a request at an endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivered {
    /// It was answered.
    Answered,
    /// The connection broke after something was sent, before the answer's head or within its body.
    Broken,
    /// It was answered 502, 503 or 504.
    Failed,
    /// What came back is not HTTP.
    Invalid,
    /// No answer came in time.
    Late,
    /// No connection could be made, or the endpoint refused it unread; nothing was sent.
    Unsent,
}

impl Delivered {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Answered,
        Self::Broken,
        Self::Failed,
        Self::Invalid,
        Self::Late,
        Self::Unsent,
    ];

    /// The word for it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Answered => "answered",
            Self::Broken => "broken",
            Self::Failed => "failed",
            Self::Invalid => "invalid",
            Self::Late => "late",
            Self::Unsent => "unsent",
        }
    }
}

/// The words for what a breaker does.
pub const BREAKER_STATES: [&str; 3] = ["closed", "half-open", "open"];

/// The counters of one endpoint.
#[derive(Clone, Debug, Default)]
pub struct EndpointCounts {
    delivered: Box<[Counter]>,
    ejections: Counter,
    good_checks: Counter,
    bad_checks: Counter,
}

impl EndpointCounts {
    /// Counts what became of a request.
    pub fn delivered(&self, how: Delivered) {
        let place = match how {
            Delivered::Answered => 0,
            Delivered::Broken => 1,
            Delivered::Failed => 2,
            Delivered::Invalid => 3,
            Delivered::Late => 4,
            Delivered::Unsent => 5,
        };
        count(&self.delivered, place);
    }

    /// What became of requests so far, each with its word.
    pub fn so_far(&self) -> impl Iterator<Item = (&'static str, u64)> {
        let counted = self.delivered.iter().map(Counter::get);
        Delivered::ALL.iter().map(|how| how.name()).zip(counted)
    }

    /// Counts an ejection.
    pub fn ejected(&self) {
        self.ejections.inc();
    }

    /// Counts an active check.
    pub fn checked(&self, good: bool) {
        let counter = if good {
            &self.good_checks
        } else {
            &self.bad_checks
        };
        counter.inc();
    }
}

/// The counters of one backend.
#[derive(Clone, Debug, Default)]
pub struct UpstreamCounts {
    /// Requests refused because as many waited as may.
    pub full: Counter,
    /// Requests refused because they waited too long.
    pub waited: Counter,
    /// Requests that went to an endpoint that is out, because all were.
    pub all_out: Counter,
}

/// How it stands with one endpoint.
#[derive(Clone, Copy, Debug)]
pub struct EndpointGauge<'a> {
    /// Its backend.
    pub upstream: &'a str,
    /// Its host and port as in the files.
    pub endpoint: &'a str,
    /// Whether it is used as usual.
    pub up: bool,
    /// One of [`BREAKER_STATES`].
    pub breaker: &'static str,
    /// Requests under way there.
    pub in_flight: u32,
}

/// What is counted of the backends.
#[derive(Clone, Debug, Default)]
pub(super) struct Upstreams {
    requests: Series<Counter>,
    ejections: Series<Counter>,
    checks: Series<Counter>,
    shed: Series<Counter>,
    all_out: Series<Counter>,
    up: Series<Gauge>,
    breaker: Series<Gauge>,
    in_flight: Series<Gauge>,
    queued: Series<Gauge>,
}

impl Upstreams {
    pub(super) fn register(registry: &mut Registry) -> Self {
        let mut counters = |name, help| counters(registry, name, help);
        let requests = counters(
            "upstream_requests",
            "Requests by endpoint and what became of them",
        );
        let ejections = counters(
            "upstream_ejections",
            "Times an endpoint was ejected for its failures",
        );
        let checks = counters("upstream_checks", "Active checks of endpoints");
        let shed = counters(
            "upstream_shed",
            "Requests refused because every endpoint had as many as it may",
        );
        let all_out = counters(
            "upstream_all_out",
            "Requests sent to an endpoint that is out because all were",
        );
        let mut gauges = |name: &str, help: &str| {
            let family = Series::<Gauge>::default();
            registry.register(name, help, family.clone());
            family
        };
        Self {
            requests,
            ejections,
            checks,
            shed,
            all_out,
            up: gauges(
                "upstream_endpoint_up",
                "Whether an endpoint is used as usual",
            ),
            breaker: gauges("upstream_breaker", "What an endpoint's breaker does"),
            in_flight: gauges("upstream_in_flight", "Requests under way at an endpoint"),
            queued: gauges("upstream_queued", "Requests that wait for an endpoint"),
        }
    }
}

fn of(upstream: &str, endpoint: &str) -> Labels {
    vec![("upstream", upstream.into()), ("endpoint", endpoint.into())]
}

fn with(mut labels: Labels, name: &'static str, value: &str) -> Labels {
    labels.push((name, value.into()));
    labels
}

impl Metrics {
    /// Resolves, and thereby shows as zero, the counters of an endpoint.
    pub fn endpoint(&self, upstream: &str, endpoint: &str) -> EndpointCounts {
        let (family, labels) = (&self.upstreams, of(upstream, endpoint));
        let delivered = Delivered::ALL.iter().map(|how| {
            let labels = with(labels.clone(), "outcome", how.name());
            family.requests.get(&labels)
        });
        let check = |outcome| {
            let labels = with(labels.clone(), "outcome", outcome);
            family.checks.get(&labels)
        };
        EndpointCounts {
            delivered: delivered.collect(),
            ejections: family.ejections.get(&labels),
            good_checks: check("good"),
            bad_checks: check("bad"),
        }
    }

    /// Resolves the counters of a backend.
    pub fn upstream(&self, upstream: &str) -> UpstreamCounts {
        let labels: Labels = vec![("upstream", upstream.into())];
        let shed = |why| {
            let labels = with(labels.clone(), "why", why);
            self.upstreams.shed.get(&labels)
        };
        UpstreamCounts {
            full: shed("full"),
            waited: shed("waited"),
            all_out: self.upstreams.all_out.get(&labels),
        }
    }

    /// Notes how it stands with an endpoint.
    pub fn endpoint_stands(&self, gauge: &EndpointGauge<'_>) {
        let (family, labels) = (&self.upstreams, of(gauge.upstream, gauge.endpoint));
        let up = family.up.get(&labels);
        up.set(gauge.up.into());
        let in_flight = family.in_flight.get(&labels);
        in_flight.set(gauge.in_flight.into());
        for state in BREAKER_STATES {
            let labels = with(labels.clone(), "state", state);
            let is = i64::from(state == gauge.breaker);
            family.breaker.get(&labels).set(is);
        }
    }

    /// Notes how many wait for a backend.
    pub fn upstream_stands(&self, upstream: &str, queued: u32) {
        let labels = vec![("upstream", upstream.into())];
        let gauge = self.upstreams.queued.get(&labels);
        gauge.set(queued.into());
    }

    /// Forgets an endpoint that is no longer in the files.
    pub fn forget_endpoint(&self, upstream: &str, endpoint: &str) {
        let other = |labels: &Labels| {
            said(labels, "upstream") != upstream || said(labels, "endpoint") != endpoint
        };
        let of = &self.upstreams;
        of.requests.retain(other);
        of.checks.retain(other);
        of.breaker.retain(other);
        of.ejections.retain(other);
        of.up.retain(other);
        of.in_flight.retain(other);
    }

    /// Forgets a backend that is no longer in the files.
    pub fn forget_upstream(&self, upstream: &str) {
        let other = |labels: &Labels| said(labels, "upstream") != upstream;
        let of = &self.upstreams;
        of.shed.retain(other);
        of.all_out.retain(other);
        of.queued.retain(other);
    }
}
