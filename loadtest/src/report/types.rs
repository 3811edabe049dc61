//! The report, field by field as it stands in the file. `json/schema.json` describes the same.

use serde::{Deserialize, Serialize};

use super::latency::Latency;

/// The one version of the format that this program writes and reads.
pub const VERSION: u64 = 1;

/// Everything one run has measured.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// The format's version, [`VERSION`].
    pub version: u64,
    /// When the first request was due, as RFC 3339 writes it.
    pub started: String,
    /// How long requests were measured, without warm-up.
    pub duration_us: u64,
    /// Who measured.
    pub tool: Tool,
    /// Who was measured.
    pub target: Target,
    /// With what.
    pub scenario: Scenario,
    /// How fast.
    pub rate: Rate,
    /// What came of all requests.
    pub totals: Totals,
    /// All answers together.
    pub latency: Latency,
    /// The answers apart by scene, case and decision.
    pub series: Vec<Series>,
    /// The run second by second.
    pub timeline: Vec<Second>,
    /// Refusals by the gateway's reason.
    pub refusals: Vec<Refusal>,
    /// Requests that got no answer, by what went wrong.
    pub errors: Vec<Fault>,
    /// How the driver itself fared.
    pub driver: Driver,
    /// The rules the run had to obey.
    pub thresholds: Vec<Held>,
    /// The search for the highest rate, if this run was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub find_max: Option<FindMax>,
}

/// The program that measured.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tool {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
}

/// The gateway that was measured.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Target {
    /// Where it listens.
    pub url: String,
    /// The version of HTTP spoken: `h1` or `h2`.
    pub protocol: String,
    /// Whether within TLS.
    pub tls: bool,
}

/// What was played.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scenario {
    /// Its name.
    pub name: String,
    /// How arrivals are spaced: `constant`, `poisson`, …
    pub model: String,
    /// From which number everything random follows.
    pub seed: u64,
    /// Whatever else was set, in the order to be shown.
    pub settings: Vec<Setting>,
}

/// One setting of a scenario.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Setting {
    /// What is set.
    pub name: String,
    /// To what.
    pub value: String,
}

/// Requests per second.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Rate {
    /// What the schedule asked for, on average.
    pub offered: f64,
    /// What was answered.
    pub achieved: f64,
}

/// What came of all requests: those sent are answered or failed, those answered are as expected or not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Totals {
    /// Requests that left.
    pub sent: u64,
    /// Those with an answer of whatever status.
    pub answered: u64,
    /// Answers that the scenario expects.
    pub as_expected: u64,
    /// Answers that it does not.
    pub unexpected: u64,
    /// Requests without an answer.
    pub errors: u64,
    /// Requests that were due and never left, because the driver had no room for them.
    pub dropped: u64,
}

/// The answers to one case of one scene that were decided alike.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Series {
    /// Where codes are shown: `settlement`, `registration`, …
    pub scene: String,
    /// Which code of the scenario.
    pub case: String,
    /// What the gateway decided.
    pub decision: String,
    /// How many answers.
    pub count: u64,
    /// How many of them the scenario does not expect.
    pub unexpected: u64,
    /// How long they took.
    pub latency: Latency,
}

/// One second of the run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Second {
    /// Which, from 0.
    pub at_s: u64,
    /// Requests due in it.
    pub offered: u64,
    /// Requests that left in it.
    pub sent: u64,
    /// Answers that came in it.
    pub answered: u64,
    /// Refusals among them.
    pub refused: u64,
    /// Requests that failed in it.
    pub errors: u64,
    /// Half of its answers were as fast; 0 without an answer.
    pub p50_us: u64,
    /// 99 of 100 were; 0 without an answer.
    pub p99_us: u64,
    /// Requests without an answer at its end.
    pub in_flight: u64,
}

/// How often one reason was given.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// The gateway's word.
    pub reason: String,
    /// How often.
    pub count: u64,
}

/// How often one thing went wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fault {
    /// What: `connect`, `timeout`, …
    pub kind: String,
    /// How often.
    pub count: u64,
}

/// How the driver itself fared: whether the numbers are the gateway's or its own.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Driver {
    /// The share of its time in which it computed.
    pub busy: f64,
    /// How late requests left, after the moment they were due.
    pub late_p99_us: u64,
    /// Whether it was the limit.
    pub limited: bool,
    /// The same in a sentence.
    pub says: String,
}

/// A rule and what became of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Held {
    /// The rule as it was written.
    pub rule: String,
    /// What was measured, in `unit`; nothing if no series is the one the rule means.
    #[serde(default)]
    pub measured: Option<f64>,
    /// What `measured` counts.
    pub unit: Unit,
    /// Whether the rule held.
    pub held: bool,
}

/// What a measured number counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// Microseconds.
    Micros,
    /// A share from 0 to 1.
    Share,
    /// Requests.
    Count,
    /// Requests per second.
    PerSecond,
}

/// The search for the highest rate at which a goal holds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FindMax {
    /// What had to hold, as it was written.
    pub goal: String,
    /// The highest rate at which it did; 0 if at none.
    pub rate: f64,
    /// Every rate tried, in the order of trying.
    pub probes: Vec<Probe>,
}

/// One rate that was tried.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Probe {
    /// Requests per second.
    pub rate: f64,
    /// What 99 of 100 answers took.
    pub p99_us: u64,
    /// Whether the goal held.
    pub held: bool,
}

impl Report {
    /// Whether no rule was broken. Without rules, nothing can be.
    pub fn held(&self) -> bool {
        self.thresholds.iter().all(|rule| rule.held)
    }

    /// Refusals for whatever reason.
    pub fn refused(&self) -> u64 {
        self.refusals.iter().map(|refusal| refusal.count).sum()
    }
}
