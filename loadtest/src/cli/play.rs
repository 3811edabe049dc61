//! `multicode-loadtest run`.

use std::io::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use multicode::app;

use super::target::Place;
use super::{Exit, Failure, Process, Run, open};
use crate::drive::{About, DriveError, Setup, drive, report};
use crate::numbers::seconds;
use crate::report::text::{live_header, live_row, summary};
use crate::report::threshold::Rule;
use crate::report::{FindMax, Probe, Report, Second, html};
use crate::scenario::{Model, Scenario};
use crate::search::{FIRST, Search, Step};
use crate::workshop::Workshop;

/// What holds unless a threshold says otherwise: every answer is as expected, and hardly a request has none.
const ALWAYS: [(&str, &str); 2] = [("unexpected", "unexpected<=0"), ("errors", "errors<=1%")];

/// How long a rate is tried in a search unless the command line says otherwise.
const PROBE: Duration = Duration::from_secs(10);

/// Between two rates of a search, so that the gateway is done with one.
const PAUSE: Duration = Duration::from_millis(300);

/// Rows of the live table below one heading.
const ROWS: u64 = 20;

pub(super) fn run(options: &Run, process: &mut Process<'_>) -> Result<Exit, Failure> {
    let place = Place::of(options)?;
    let (scenario, workshop) = open(&options.scenario, &options.keys)?;
    let mut stage = Stage {
        rules: rules(&scenario, options),
        scenario: adjusted(scenario, options),
        workshop: Arc::new(workshop),
        place,
        options,
        stop: stopped_by_hand()?,
    };
    let report = match &options.find_max {
        None => {
            let model = stage
                .scenario
                .load
                .model
                .shortened(options.rate, options.time);
            stage.play(model, process)?
        }
        Some(goal) => stage.search(goal, process)?,
    };
    write!(process.out, "{}", summary(&report, process.colour()))?;
    if let Some(path) = &options.json {
        let text = report.to_json().map_err(Failure::io)?;
        std::fs::write(path, text).map_err(Failure::at(path))?;
    }
    if let Some(path) = &options.html {
        std::fs::write(path, html::page(&report)).map_err(Failure::at(path))?;
    }
    Ok(if report.held() {
        Exit::Success
    } else {
        Exit::Finding
    })
}

/// What all runs of one command share.
struct Stage<'o> {
    scenario: Scenario,
    rules: Vec<Rule>,
    workshop: Arc<Workshop>,
    place: Place,
    options: &'o Run,
    stop: Arc<AtomicBool>,
}

impl Stage<'_> {
    fn play(&mut self, model: Model, process: &mut Process<'_>) -> Result<Report, Failure> {
        let run = app::seed().map_err(Failure::io)?;
        let setup = Setup {
            stationery: Arc::new(self.place.stationery(&self.scenario, run)),
            scenario: self.scenario.clone(),
            model,
            workshop: Arc::clone(&self.workshop),
            target: self.place.target.clone(),
            threads: self.options.threads.into(),
            run,
        };
        let setup = Arc::new(setup);
        let started = app::now();
        let mut live = Live::new(process, setup.model.time());
        let measured = drive(&setup, &self.stop, &mut |second| live.show(second));
        let measured = measured.map_err(|error| match error {
            DriveError::Mint(_) | DriveError::Letter(_) => Failure::usage(error),
            DriveError::Connect { .. } | DriveError::System(_) => Failure::io(error),
        })?;
        live.end();
        let about = About {
            setup: &setup,
            url: &self.options.target,
            started,
            rules: &self.rules,
        };
        Ok(report(&about, &measured))
    }

    /// Tries rates until the highest one is known at which the goal holds; the report is that one's.
    fn search(&mut self, goal: &Rule, process: &mut Process<'_>) -> Result<Report, Failure> {
        let time = self.options.time.unwrap_or(PROBE);
        let mut search = Search::new(self.options.rate.unwrap_or(FIRST));
        let mut best: Option<Report> = None;
        let rate = loop {
            let rate = match search.step() {
                Step::Found(rate) => break rate,
                Step::Try(rate) => rate,
            };
            let model = self.scenario.load.model.shortened(Some(rate), Some(time));
            let report = self.play(model, process)?;
            if self.stop.load(Ordering::Relaxed) {
                break best.as_ref().map_or(0.0, |report| report.rate.offered);
            }
            let judged = goal.judge(&report);
            let held = judged.held && report.held();
            let probe = Probe {
                rate,
                p99_us: report.latency.p99_us,
                held,
            };
            let word = if held { "holds" } else { "does not hold" };
            let limited = if report.driver.limited {
                "; the driver was the limit"
            } else {
                ""
            };
            writeln!(
                process.out,
                "{rate:>10.0} a second: {goal} {word}, p99 {} us, {:.0} answered a second{limited}",
                report.latency.p99_us, report.rate.achieved
            )?;
            process.out.flush()?;
            search.hear(probe);
            if held || best.is_none() {
                best = Some(report);
            }
            thread::sleep(PAUSE);
        };
        let mut report = best.ok_or_else(|| Failure::io("stopped before any rate was tried"))?;
        report.find_max = Some(FindMax {
            goal: goal.to_string(),
            rate,
            probes: search.probes,
        });
        Ok(report)
    }
}

/// The rules of the scenario and the command line, and those that always hold.
fn rules(scenario: &Scenario, options: &Run) -> Vec<Rule> {
    let mut rules = scenario.thresholds.clone();
    rules.extend(options.thresholds.iter().cloned());
    for (measure, rule) in ALWAYS {
        let is_said = rules
            .iter()
            .any(|rule| rule.to_string().starts_with(measure));
        if !is_said {
            rules.extend(rule.parse::<Rule>());
        }
    }
    rules
}

/// The scenario as the command line changes it.
fn adjusted(mut scenario: Scenario, options: &Run) -> Scenario {
    if let Some(seed) = options.seed {
        scenario.seed = seed;
    }
    if let Some(connections) = options.connections {
        let connections = usize::try_from(connections).unwrap_or(usize::MAX);
        scenario.load.connections = connections;
        if let Model::Closed { users, .. } = &mut scenario.load.model {
            *users = connections;
        }
    }
    scenario
}

/// Set when somebody presses Ctrl-C: the run ends and is reported as far as it came.
fn stopped_by_hand() -> Result<Arc<AtomicBool>, Failure> {
    let stop = Arc::new(AtomicBool::new(false));
    let told = Arc::clone(&stop);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .build()?;
    thread::Builder::new()
        .name("ctrl-c".to_owned())
        .spawn(move || {
            let pressed = runtime.block_on(tokio::signal::ctrl_c());
            told.store(pressed.is_ok(), Ordering::Relaxed);
        })?;
    Ok(stop)
}

/// The table and the bar of a run that somebody watches.
struct Live<'l, 'p> {
    process: &'l mut Process<'p>,
    time: Duration,
    rows: u64,
}

/// Characters of the bar.
const BAR: u16 = 40;

impl<'l, 'p> Live<'l, 'p> {
    const fn new(process: &'l mut Process<'p>, time: Duration) -> Self {
        Self {
            process,
            time,
            rows: 0,
        }
    }

    /// Shows a second, if somebody looks; whether it can be shown changes nothing.
    fn show(&mut self, second: &Second) {
        if !self.process.is_watched {
            return;
        }
        let err = &mut self.process.err;
        let _ = write!(err, "\r\x1b[K");
        if self.rows.is_multiple_of(ROWS) {
            let _ = writeln!(err, "{}", live_header());
        }
        self.rows += 1;
        let _ = writeln!(err, "{}", live_row(second));
        let passed = seconds(crate::numbers::float(second.at_s + 1));
        let share =
            (passed.as_secs_f64() / self.time.as_secs_f64().max(f64::MIN_POSITIVE)).min(1.0);
        let full = crate::numbers::size(crate::numbers::whole(share * f64::from(BAR)));
        let rest = usize::from(BAR).saturating_sub(full);
        let _ = write!(
            err,
            "[{}{}] {:.0} %",
            "#".repeat(full),
            "-".repeat(rest),
            share * 100.0
        );
        let _ = err.flush();
    }

    fn end(&mut self) {
        if self.process.is_watched {
            let _ = write!(self.process.err, "\r\x1b[K");
        }
    }
}
