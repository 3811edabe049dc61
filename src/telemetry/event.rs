//! One scan, as it is told.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use compact_str::CompactString;

use super::{EventNames, Pseudonym, TraceContext};
use crate::family::Algorithm;
use crate::identity::Sort;
use crate::reason::{Reason, Stage};
use crate::scan::Artefacts;
use crate::time::Timestamp;

/// What became of a scan.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Outcome {
    /// A department was chosen, and whatever it answered was given.
    Decision,
    /// It was refused, or its department gave no answer.
    #[default]
    Rejection,
    /// No scan: a page, the outcome of an earlier request, or a terminal that was gone before anything
    /// was decided.
    Served,
}

impl Outcome {
    /// The word for it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Decision => "decision",
            Self::Rejection => "rejection",
            Self::Served => "served",
        }
    }
}

/// Whether a department was asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sent {
    /// Nothing was sent.
    #[default]
    No,
    /// It was asked and answered.
    Once,
    /// It may have been asked.
    Unknown,
}

impl Sent {
    /// The word for it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::No => "no",
            Self::Once => "once",
            Self::Unknown => "unknown",
        }
    }
}

/// A signature that was looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verification {
    /// By which algorithm.
    pub algorithm: Algorithm,
    /// Whether it holds.
    pub holds: bool,
}

/// What a scan spent in one stage.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lap {
    /// From the request's head to when the stage was first entered.
    pub start: Duration,
    /// In the stage, however often it was entered.
    pub spent: Duration,
    /// From the request's head to when the stage was last left.
    pub end: Duration,
}

/// How a request was put, in words of ours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Asked {
    /// The method.
    pub method: &'static str,
    /// The version of HTTP.
    pub version: &'static str,
    /// Whether it came through TLS.
    pub tls: bool,
    /// The path without what varies in it, of what is no scan.
    pub page: Option<&'static str>,
}

/// What a scan spent where.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Laps {
    stages: [Kept; Stage::ALL.len()],
    /// Waiting for others: the rest of the request, an issuer's keys or platform.
    pub waited: Duration,
    /// From the request's head to its answer's.
    pub total: Duration,
}

/// A lap in tenths of a microsecond, as it is kept: events are moved about. No request takes seven
/// minutes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Kept {
    start: u32,
    end: u32,
    spent: u32,
    entered: bool,
}

impl Kept {
    fn lap(self) -> Option<Lap> {
        self.entered.then(|| Lap {
            start: time(self.start),
            spent: time(self.spent),
            end: time(self.end),
        })
    }
}

/// Nanoseconds of what laps are kept in.
const TENTH: u32 = 100;

fn tenths(time: Duration) -> u32 {
    let seconds = time
        .as_secs()
        .saturating_mul(u64::from(1_000_000_000 / TENTH));
    let tenths = seconds.saturating_add(u64::from(time.subsec_nanos() / TENTH));
    u32::try_from(tenths).unwrap_or(u32::MAX)
}

fn time(tenths: u32) -> Duration {
    Duration::from_nanos(u64::from(tenths) * u64::from(TENTH))
}

impl Laps {
    /// Adds what was spent in a stage between two instants, counted from the request's head.
    pub fn add(&mut self, stage: Stage, from: Duration, to: Duration) {
        if let Some(lap) = self.stages.get_mut(stage.index()) {
            let (from, to) = (tenths(from), tenths(to));
            if !lap.entered {
                lap.start = from;
                lap.entered = true;
            }
            lap.spent = lap.spent.saturating_add(to.saturating_sub(from));
            lap.end = to;
        }
    }

    /// The stages that were entered, in their order.
    pub fn iter(&self) -> impl Iterator<Item = (Stage, Lap)> {
        let stages = Stage::ALL.iter().copied().zip(self.stages);
        stages.filter_map(|(stage, lap)| Some((stage, lap.lap()?)))
    }

    /// What was spent in a stage.
    pub fn spent(&self, stage: Stage) -> Duration {
        let lap = self.stages.get(stage.index());
        lap.map_or(Duration::ZERO, |lap| time(lap.spent))
    }

    /// What the gateway itself took: all but the department and the waiting for others.
    pub fn overhead(&self) -> Duration {
        let others = self.spent(Stage::Forward) + self.waited;
        self.total.saturating_sub(others)
    }
}

/// What became of one request. It is made on one thread and thrown away on another, which costs an
/// allocator more than anything else here: short texts stand in it, and not beside it.
#[derive(Clone, Debug)]
pub struct ScanEvent {
    /// The names its places stand for.
    pub names: Arc<EventNames>,
    /// When its head was read.
    pub at: Timestamp,
    /// The id its client gave it; else the trace's is its own.
    pub own_id: Option<Box<str>>,
    /// Its place in a trace.
    pub trace: TraceContext,
    /// Where it came in.
    pub listener: u16,
    /// How it was put.
    pub asked: Asked,
    /// The shape it came in.
    pub adapter: Option<u16>,
    /// What its body was.
    pub medium: Option<&'static str>,
    /// The registered terminal, or a pseudonym of what a stranger calls itself.
    pub terminal: Option<CompactString>,
    /// What proves that it is the one; nothing does if it only says so.
    pub proof: Option<Sort>,
    /// Where the registry says it stands.
    pub organisation: Option<CompactString>,
    /// The region it stands in.
    pub region: Option<u32>,
    /// The scene.
    pub scene: Option<u16>,
    /// The family.
    pub family: Option<u16>,
    /// The configured issuer.
    pub issuer: Option<u16>,
    /// The family it had to be told from.
    pub rival: Option<u16>,
    /// The route.
    pub route: Option<u16>,
    /// Dynamic, static or unknown.
    pub freshness: Option<&'static str>,
    /// How sure we are of it.
    pub assurance: Option<&'static str>,
    /// How the code's region lies to the terminal's.
    pub relation: Option<&'static str>,
    /// What became of it.
    pub outcome: Outcome,
    /// Why it was refused.
    pub reason: Option<Reason>,
    /// The status the terminal was answered; 0 if it had hung up.
    pub status: u16,
    /// Whether it was answered from the record of an earlier one.
    pub repeated: bool,
    /// The status its department answered.
    pub upstream_status: Option<u16>,
    /// Whether its department was asked.
    pub sent: Sent,
    /// Whether the audit trail had it before anything was sent.
    pub audited: bool,
    /// Stands for the person, or for the text where no person is known.
    pub subject: Option<Pseudonym>,
    /// What the family's mask shows of the text.
    pub shown: Option<CompactString>,
    /// What was taken off the text.
    pub artefacts: Artefacts,
    /// When the code says it was made.
    pub made: Option<Timestamp>,
    /// The signature.
    pub verification: Option<Verification>,
    /// What it spent where.
    pub laps: Laps,
}

impl ScanEvent {
    /// What is known of a request when its head is read.
    pub fn of(
        names: Arc<EventNames>,
        at: Timestamp,
        own_id: Option<&str>,
        trace: TraceContext,
        listener: u16,
    ) -> Self {
        Self {
            names,
            at,
            own_id: own_id.map(Into::into),
            trace,
            listener,
            asked: Asked::default(),
            adapter: None,
            medium: None,
            terminal: None,
            proof: None,
            organisation: None,
            region: None,
            scene: None,
            family: None,
            issuer: None,
            rival: None,
            route: None,
            freshness: None,
            assurance: None,
            relation: None,
            outcome: Outcome::default(),
            reason: None,
            status: 0,
            repeated: false,
            upstream_status: None,
            sent: Sent::No,
            audited: false,
            subject: None,
            shown: None,
            artefacts: Artefacts::default(),
            made: None,
            verification: None,
            laps: Laps::default(),
        }
    }

    /// Its id.
    pub fn request_id(&self) -> Cow<'_, str> {
        match &self.own_id {
            Some(own) => Cow::Borrowed(own),
            None => Cow::Owned(self.trace.trace_id()),
        }
    }

    /// The listener's name.
    pub fn listener(&self) -> &str {
        named(&self.names.listeners, Some(self.listener)).unwrap_or_default()
    }

    /// The adapter's name.
    pub fn adapter(&self) -> Option<&str> {
        named(&self.names.adapters, self.adapter)
    }

    /// The path without what varies in it.
    pub fn path(&self) -> Option<&str> {
        named(&self.names.paths, self.adapter).or(self.asked.page)
    }

    /// The scene's name.
    pub fn scene(&self) -> Option<&str> {
        named(&self.names.scenes, self.scene)
    }

    /// The issuer's id.
    pub fn issuer(&self) -> Option<&str> {
        named(self.names.issuers.ids(), self.issuer)
    }

    /// The family's id.
    pub fn family(&self) -> Option<&str> {
        at(&self.names.families, self.family).map(|(id, _)| &**id)
    }

    /// What the family is for.
    pub fn kind(&self) -> Option<&'static str> {
        at(&self.names.families, self.family).map(|(_, kind)| *kind)
    }

    /// The id of the family it had to be told from.
    pub fn rival(&self) -> Option<&str> {
        at(&self.names.families, self.rival).map(|(id, _)| &**id)
    }

    /// The route's name.
    pub fn route(&self) -> Option<&str> {
        at(&self.names.routes, self.route).map(|(name, _)| &**name)
    }

    /// The name of the backend the route leads to.
    pub fn upstream(&self) -> Option<&str> {
        at(&self.names.routes, self.route)?.1.as_deref()
    }
}

fn at<T>(list: &[T], place: Option<u16>) -> Option<&T> {
    list.get(usize::from(place?))
}

fn named(list: &[Box<str>], place: Option<u16>) -> Option<&str> {
    at(list, place).map(|name| &**name)
}
