//! The spans of a scan: what the gateway did, what it spent where, and its asking of the department.
//!
//! Names and attributes are those of OpenTelemetry's semantic conventions for HTTP where there are any.
//! Left out of these on purpose: addresses, paths as they were sent, query strings, user agents and
//! request ids, which are a stranger's text.

use std::borrow::Cow;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use opentelemetry::trace::{
    SpanContext, SpanId, SpanKind, Status, TraceFlags, TraceId, TraceState,
};
use opentelemetry::{InstrumentationScope, KeyValue, Value};
use opentelemetry_sdk::trace::{SpanData, SpanEvents, SpanLinks};

use crate::identity::Sort;
use crate::reason::{Reason, Stage};
use crate::telemetry::{Lap, ScanEvent, Sent};

/// The spans of a scan, its own one first.
pub(super) fn of(event: &ScanEvent, scope: &InstrumentationScope) -> Vec<SpanData> {
    let draft = Draft { event, scope };
    let asked = was_asked(event);
    let mut spans = Vec::with_capacity(1 + Stage::ALL.len());
    spans.push(draft.whole());
    for (stage, lap) in event.laps.iter() {
        let part = if asked && stage == Stage::Forward {
            asking(event)
        } else {
            passing(event, stage)
        };
        spans.push(draft.part(stage, lap, part));
    }
    spans
}

/// Whether a department was asked, or it was tried.
fn was_asked(event: &ScanEvent) -> bool {
    let tried = event.reason.map(Reason::stage) == Some(Stage::Forward);
    event.upstream().is_some() && !event.repeated && (event.sent != Sent::No || tried)
}

/// What a part of a scan is.
struct Part {
    name: Cow<'static, str>,
    kind: SpanKind,
    attributes: Vec<KeyValue>,
    failed: bool,
}

/// The department's.
fn asking(event: &ScanEvent) -> Part {
    let upstream = event.upstream().unwrap_or_default().to_owned();
    let mut attributes = Attributes::default();
    attributes.add(
        "http.response.status_code",
        event.upstream_status.map(i64::from),
    );
    attributes.add("multicode.sent", Some(event.sent.name()));
    let reason = event.reason.filter(|it| it.stage() == Stage::Forward);
    // "HTTP spans", status of clients: 4xx and 5xx are errors.
    let status = event.upstream_status.filter(|status| *status >= 400);
    let trouble = reason.map(|it| it.slug().to_owned());
    let trouble = trouble.or_else(|| status.map(|status| status.to_string()));
    let failed = trouble.is_some();
    attributes.add("error.type", trouble);
    attributes.add("peer.service", Some(upstream.clone()));
    Part {
        name: format!("forward {upstream}").into(),
        kind: SpanKind::Client,
        attributes: attributes.0,
        failed,
    }
}

/// A stage of the gateway's own.
fn passing(event: &ScanEvent, stage: Stage) -> Part {
    let reason = event.reason.filter(|it| it.stage() == stage);
    let mut attributes = Attributes::default();
    attributes.add("multicode.reason", reason.map(Reason::slug));
    Part {
        name: stage.name().into(),
        kind: SpanKind::Internal,
        attributes: attributes.0,
        failed: false,
    }
}

/// What is common to the spans of a scan.
struct Draft<'e> {
    event: &'e ScanEvent,
    scope: &'e InstrumentationScope,
}

impl Draft<'_> {
    /// What terminals wait for.
    fn whole(&self) -> SpanData {
        let event = self.event;
        let method = Some(event.asked.method).filter(|it| !it.is_empty());
        // "HTTP spans", name: a method nobody knows is called HTTP.
        let verb = method.unwrap_or("HTTP");
        let name = event
            .path()
            .map_or_else(|| verb.into(), |path| Cow::from(format!("{verb} {path}")));
        let part = Part {
            name,
            kind: SpanKind::Server,
            attributes: attributes(event),
            failed: event.status >= 500 || event.status == 0,
        };
        let parent = event.trace.parent;
        let time = (Duration::ZERO, event.laps.total);
        SpanData {
            parent_span_is_remote: parent.is_some(),
            ..self.span((event.trace.span, parent.unwrap_or_default()), time, part)
        }
    }

    /// What was spent in a stage, and for the department.
    fn part(&self, stage: Stage, lap: Lap, part: Part) -> SpanData {
        let trace = self.event.trace;
        let ids = (trace.part(stage), trace.span);
        self.span(ids, (lap.start, lap.end), part)
    }

    fn span(
        &self,
        (id, parent): (u64, u64),
        (from, to): (Duration, Duration),
        part: Part,
    ) -> SpanData {
        let begin = began(self.event);
        SpanData {
            span_context: SpanContext::new(
                TraceId::from_bytes(self.event.trace.trace.to_be_bytes()),
                SpanId::from_bytes(id.to_be_bytes()),
                TraceFlags::SAMPLED,
                false,
                TraceState::NONE,
            ),
            parent_span_id: SpanId::from_bytes(parent.to_be_bytes()),
            parent_span_is_remote: false,
            span_kind: part.kind,
            name: part.name,
            start_time: begin + from,
            end_time: begin + to.max(from),
            attributes: part.attributes,
            dropped_attributes_count: 0,
            events: SpanEvents::default(),
            links: SpanLinks::default(),
            status: if part.failed {
                Status::error("")
            } else {
                Status::Unset
            },
            instrumentation_scope: self.scope.clone(),
        }
    }
}

/// When a request's head was read, by the clock of the machine.
fn began(event: &ScanEvent) -> SystemTime {
    UNIX_EPOCH + Duration::from_millis(u64::try_from(event.at.millis()).unwrap_or_default())
}

/// What is told of a scan, as in its line of the log.
fn attributes(event: &ScanEvent) -> Vec<KeyValue> {
    let mut all = Attributes::default();
    let known = Some(event.asked.method).filter(|it| !it.is_empty());
    all.add("http.request.method", Some(known.unwrap_or("_OTHER")));
    all.add("http.route", owned(event.path()));
    let status = (event.status > 0).then(|| i64::from(event.status));
    all.add("http.response.status_code", status);
    let version = Some(event.asked.version).filter(|it| !it.is_empty());
    all.add("network.protocol.version", version);
    all.add(
        "url.scheme",
        Some(if event.asked.tls { "https" } else { "http" }),
    );
    let trouble = event.reason.map(Reason::slug);
    let trouble = trouble.or_else(|| (event.status == 0).then_some("hung-up"));
    all.add("error.type", trouble);
    all.add("multicode.listener", owned(Some(event.listener())));
    all.add("multicode.adapter", owned(event.adapter()));
    all.add("multicode.medium", event.medium);
    all.add("multicode.terminal", owned(event.terminal.as_deref()));
    all.add(
        "multicode.proof",
        Some(event.proof.map_or("none", Sort::name)),
    );
    all.add(
        "multicode.organisation",
        owned(event.organisation.as_deref()),
    );
    all.add("multicode.region", event.region.map(i64::from));
    all.add("multicode.scene", owned(event.scene()));
    all.add("multicode.family", owned(event.family()));
    all.add("multicode.kind", event.kind());
    all.add("multicode.issuer", owned(event.issuer()));
    all.add("multicode.freshness", event.freshness);
    all.add("multicode.assurance", event.assurance);
    all.add("multicode.relation", event.relation);
    all.add("multicode.outcome", Some(event.outcome.name()));
    all.add("multicode.reason", event.reason.map(Reason::slug));
    let stage = event.reason.map(|it| it.stage().name());
    all.add("multicode.stage", stage);
    all.add("multicode.route", owned(event.route()));
    all.add("multicode.upstream", owned(event.upstream()));
    all.add("multicode.repeated", Some(event.repeated));
    let subject = event.subject.map(|subject| String::from(subject.short()));
    all.add("multicode.subject", subject);
    all.0
}

fn owned(text: Option<&str>) -> Option<String> {
    text.map(str::to_owned)
}

/// Attributes, of what is known.
#[derive(Default)]
struct Attributes(Vec<KeyValue>);

impl Attributes {
    fn add<V: Into<Value>>(&mut self, key: &'static str, value: Option<V>) {
        self.0.extend(value.map(|value| KeyValue::new(key, value)));
    }
}
