//! An event as it is printed: a line of the log, and what the live list takes from it.

use std::borrow::Cow;

use serde::Serialize;

use super::ScanEvent;
use crate::identity::Sort;
use crate::reason::{Reason, Stage};
use crate::scan::Artefact;
use crate::time::Timestamp;

/// What filters and readers know these lines by.
pub const TARGET: &str = "multicode::scan";

/// What an event says, as `tracing-subscriber` writes its lines. One struct: flattening another one into
/// it would cost as much as all the rest.
#[derive(Debug, Serialize)]
pub struct EventStory<'a> {
    /// When the request's head was read.
    pub timestamp: Timestamp,
    /// Always the same.
    pub level: &'static str,
    /// Always the same.
    pub message: &'static str,
    /// The request's id.
    pub request_id: Cow<'a, str>,
    /// The trace's id.
    pub trace_id: String,
    /// Where it came in.
    pub listener: &'a str,
    /// The shape it came in.
    pub adapter: Option<&'a str>,
    /// What its body was.
    pub medium: Option<&'static str>,
    /// The terminal.
    pub terminal: Option<&'a str>,
    /// What proved that it is the one: `certificate`, `api-key`, `signature` or `none`.
    pub proof: &'static str,
    /// Where that stands.
    pub organisation: Option<&'a str>,
    /// The region that is in.
    pub region: Option<u32>,
    /// The scene.
    pub scene: Option<&'a str>,
    /// The family.
    pub family: Option<&'a str>,
    /// What the family is for.
    pub kind: Option<&'static str>,
    /// The issuer.
    pub issuer: Option<&'a str>,
    /// Dynamic, static or unknown.
    pub freshness: Option<&'static str>,
    /// How sure we are.
    pub assurance: Option<&'static str>,
    /// How the code's region lies to the terminal's.
    pub relation: Option<&'static str>,
    /// The family it was told from.
    pub rival: Option<&'a str>,
    /// `decision`, `rejection` or `served`.
    pub outcome: &'static str,
    /// Why it was refused.
    pub reason: Option<&'static str>,
    /// The stage that refused it.
    pub stage: Option<&'static str>,
    /// The route.
    pub route: Option<&'a str>,
    /// The backend.
    pub upstream: Option<&'a str>,
    /// What the terminal was answered; 0 if it had hung up.
    pub status: u16,
    /// What the department answered.
    pub upstream_status: Option<u16>,
    /// Whether the department was asked: `no`, `once`, `unknown`.
    pub sent: &'static str,
    /// Whether it was answered from the record.
    pub repeated: bool,
    /// Stands for the person.
    pub subject: Option<String>,
    /// What was taken off the text.
    pub artefacts: Vec<&'static str>,
    /// From the request's head to its answer's, in microseconds.
    pub total_us: u64,
    /// What of that the gateway took.
    pub overhead_us: u64,
    /// What of that the department took.
    pub upstream_us: u64,
    /// [`TARGET`].
    pub target: &'static str,
}

/// What was spent in a stage.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct LapStory {
    /// The stage.
    pub stage: &'static str,
    /// When it was first entered, in microseconds from the request's head.
    pub start_us: u64,
    /// What was spent in it.
    pub us: u64,
}

impl ScanEvent {
    /// What the event says.
    pub fn story(&self) -> EventStory<'_> {
        let forward = self.laps.spent(Stage::Forward);
        EventStory {
            timestamp: self.at,
            level: "INFO",
            message: "scan",
            request_id: self.request_id(),
            trace_id: self.trace.trace_id(),
            listener: self.listener(),
            adapter: self.adapter(),
            medium: self.medium,
            terminal: self.terminal.as_deref(),
            proof: self.proof.map_or("none", Sort::name),
            organisation: self.organisation.as_deref(),
            region: self.region,
            scene: self.scene(),
            family: self.family(),
            kind: self.kind(),
            issuer: self.issuer(),
            freshness: self.freshness,
            assurance: self.assurance,
            relation: self.relation,
            rival: self.rival(),
            outcome: self.outcome.name(),
            reason: self.reason.map(Reason::slug),
            stage: self.reason.map(|reason| reason.stage().name()),
            route: self.route(),
            upstream: self.upstream(),
            status: self.status,
            upstream_status: self.upstream_status,
            sent: self.sent.name(),
            repeated: self.repeated,
            subject: self.subject.map(|subject| subject.short().into()),
            artefacts: self.artefacts.iter().map(Artefact::name).collect(),
            total_us: micros(self.laps.total),
            overhead_us: micros(self.laps.overhead()),
            upstream_us: micros(forward),
            target: TARGET,
        }
    }

    /// What it spent where, in the order of the stages.
    pub fn lap_stories(&self) -> Vec<LapStory> {
        let laps = self.laps.iter().map(|(stage, lap)| LapStory {
            stage: stage.name(),
            start_us: micros(lap.start),
            us: micros(lap.spent),
        });
        laps.collect()
    }
}

fn micros(time: std::time::Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}
