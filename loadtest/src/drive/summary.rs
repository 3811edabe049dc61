//! From counters to a report.

use std::collections::BTreeMap;

use multicode::time::Timestamp;

use super::{Measured, Setup};
use crate::numbers::{float, micros};
use crate::report::threshold::Rule;
use crate::report::{
    Driver, Fault, Latency, Rate, Refusal, Report, Scenario, Series, Setting, Target, Tool, VERSION,
};
use crate::scenario::{Arrivals, Model};

/// Lateness of its own that a driver may have: above, what it measures is itself.
const MOST_LATE_US: u64 = 1_000;

/// The share of its time a driver may compute: above, requests wait for it.
const MOST_BUSY: f64 = 0.9;

/// What is known of a run beside its counters.
#[derive(Debug)]
pub struct About<'a> {
    /// What was run.
    pub setup: &'a Setup,
    /// Where, as it was given.
    pub url: &'a str,
    /// When.
    pub started: Timestamp,
    /// What must hold.
    pub rules: &'a [Rule],
}

/// The report of a run.
pub fn report(about: &About<'_>, measured: &Measured) -> Report {
    let tally = &measured.tally;
    let all = tally.cells.values().map(|cell| &cell.latency);
    let mut refusals: BTreeMap<&str, u64> = BTreeMap::new();
    for (key, cell) in &tally.cells {
        if key.decision.is_refusal() {
            *refusals.entry(key.decision.name()).or_default() += cell.latency.len();
        }
    }
    let refusals = refusals.into_iter().map(|(reason, count)| Refusal {
        reason: reason.to_owned(),
        count,
    });
    let mut errors: Vec<Fault> = tally
        .faults
        .iter()
        .map(|(fault, count)| Fault {
            kind: fault.name().to_owned(),
            count: *count,
        })
        .collect();
    errors.sort_by(|a, b| a.kind.cmp(&b.kind));
    let target = &about.setup.target;
    let mut report = Report {
        version: VERSION,
        started: rfc3339(about.started),
        duration_us: micros(measured.elapsed),
        tool: Tool {
            name: env!("CARGO_PKG_NAME").to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
        },
        target: Target {
            url: about.url.to_owned(),
            protocol: target.protocol.name().to_owned(),
            tls: target.tls.is_some(),
        },
        scenario: scenario(about.setup),
        rate: rate(about.setup, measured),
        totals: tally.totals,
        // Histograms of one kind can always be added.
        latency: Latency::of_all(all).unwrap_or_default(),
        series: series(about.setup, measured),
        timeline: measured.timeline.clone(),
        refusals: refusals.collect(),
        errors,
        driver: driver(measured),
        thresholds: Vec::new(),
        find_max: None,
    };
    report.thresholds = about.rules.iter().map(|rule| rule.judge(&report)).collect();
    report
}

fn rfc3339(at: Timestamp) -> String {
    let at = jiff::Timestamp::from_millisecond(at.millis());
    at.map(|at| at.to_string()).unwrap_or_default()
}

fn scenario(setup: &Setup) -> Scenario {
    let model = match &setup.model {
        Model::Open { arrivals, .. } => match arrivals {
            Arrivals::Constant => "open, constant arrivals",
            Arrivals::Poisson => "open, Poisson arrivals",
        },
        Model::Closed { .. } => "closed",
    };
    let load = &setup.scenario.load;
    let connections = match setup.model {
        Model::Open { .. } => load.connections,
        Model::Closed { users, .. } => users,
    };
    let setting = |name: &str, value: String| Setting {
        name: name.to_owned(),
        value,
    };
    Scenario {
        name: setup.scenario.name.clone(),
        model: model.to_owned(),
        seed: setup.scenario.seed,
        settings: vec![
            setting("connections", connections.to_string()),
            setting("threads", setup.threads.to_string()),
            setting(
                "terminals",
                setup.scenario.terminals.names.len().to_string(),
            ),
        ],
    }
}

fn rate(setup: &Setup, measured: &Measured) -> Rate {
    let seconds = setup.model.time().as_secs_f64();
    let elapsed = measured.elapsed.as_secs_f64();
    let answered = float(measured.tally.totals.answered);
    let achieved = answered / elapsed.max(f64::MIN_POSITIVE);
    let offered: u64 = measured.timeline.iter().map(|second| second.offered).sum();
    Rate {
        offered: match &setup.model {
            // A run that was stopped has offered as long as it ran.
            Model::Open { .. } => float(offered) / seconds.min(elapsed).max(f64::MIN_POSITIVE),
            Model::Closed { .. } => achieved,
        },
        achieved: if answered > 0.0 { achieved } else { 0.0 },
    }
}

fn series(setup: &Setup, measured: &Measured) -> Vec<Series> {
    let mut cells: Vec<_> = measured.tally.cells.iter().collect();
    cells.sort_by_key(|(key, _)| **key);
    let series = cells.into_iter().filter_map(|(key, cell)| {
        let case = setup.scenario.cases.get(key.case)?;
        let again = if key.again { ", again" } else { "" };
        Some(Series {
            scene: case.scenes.get(key.scene).cloned().unwrap_or_default(),
            case: format!("{}{again}", case.name),
            decision: key.decision.name().to_owned(),
            count: cell.latency.len(),
            unexpected: cell.unexpected,
            latency: Latency::of(&cell.latency),
        })
    });
    series.collect()
}

/// Whether the driver was the limit, in numbers and in words.
fn driver(measured: &Measured) -> Driver {
    let tally = &measured.tally;
    let late = tally.late.value_at_quantile(0.99);
    let busy = measured.busy;
    let service = tally.service.value_at_quantile(0.5);
    let sent = float(tally.totals.sent).max(1.0);
    let cost = float(micros(measured.driving)) / sent;
    let starved = float(tally.starved) > sent / 100.0 && measured.making > MOST_BUSY;
    let says = if starved {
        format!(
            "The driver was the limit: its makers of codes computed {:.0} % of the time and did not keep up. Use more threads, or codes that cost less.",
            measured.making * 100.0
        )
    } else if busy > MOST_BUSY {
        format!(
            "The driver was the limit: a thread of it computed {:.0} % of the time. Use more threads, or another machine.",
            busy * 100.0
        )
    } else if late > MOST_LATE_US {
        format!(
            "The driver was the limit: requests left {:.1} ms late though a connection was free (p99). This machine has too little processor time for it.",
            float(late) / 1_000.0
        )
    } else {
        format!(
            "The driver was not the limit: it computed {:.0} % of the time, {cost:.1} us a request; requests left {late} us late (p99), half were answered within {service} us of being written.",
            busy * 100.0
        )
    };
    Driver {
        busy,
        late_p99_us: late,
        limited: starved || busy > MOST_BUSY || late > MOST_LATE_US,
        says,
    }
}
