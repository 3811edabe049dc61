//! The command line.

mod failure;
mod play;
mod target;

use std::ffi::OsString;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};
use multicode::config::Style;
use multicode::sandbox::keyring::Keyring;

pub use self::failure::Exit;
use self::failure::Failure;
use crate::letter::Protocol;
use crate::numbers::{SPAN_EXPECTED, span};
use crate::report::compare::Comparison;
use crate::report::text::Colour;
use crate::report::threshold::Rule;
use crate::report::{Report, SCHEMA, html};
use crate::scenario::{self, Scenario};
use crate::workshop::{Workshop, WorkshopError};

/// What a process is to its commands.
pub struct Process<'p> {
    /// Standard output.
    pub out: &'p mut dyn Write,
    /// Standard error.
    pub err: &'p mut dyn Write,
    /// Whether somebody looks at standard error while it is written.
    pub is_watched: bool,
    /// Whether somebody looks at standard output.
    pub is_shown: bool,
}

impl std::fmt::Debug for Process<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Process").finish_non_exhaustive()
    }
}

/// Loads a multicode gateway with scans and holds each answer against the decision it should be.
#[derive(Debug, Parser)]
#[command(name = "multicode-loadtest", version)]
struct Command {
    #[command(subcommand)]
    task: Task,
}

#[derive(Debug, Subcommand)]
enum Task {
    /// Play a scenario and report what was measured.
    Run(Box<Run>),
    /// Compare two reports; status 1 if the second is worse.
    Compare(Compare),
    /// Read a scenario, make a code of each case and show what is expected of it.
    Check(Check),
    /// Print the JSON Schema of reports.
    Schema,
}

#[derive(Args, Debug)]
struct Run {
    /// The scenario.
    scenario: PathBuf,
    /// The gateway, as http://HOST:PORT or https://HOST:PORT; its path, unless one is named, is /v1/scan.
    #[arg(long, value_name = "URL")]
    target: String,
    /// Scans a second, instead of the scenario's phases.
    #[arg(long, value_name = "RATE", value_parser = rate)]
    rate: Option<f64>,
    /// How long; the scenario's phases are shortened or lengthened to it.
    #[arg(long = "for", value_name = "SPAN", value_parser = time)]
    time: Option<Duration>,
    /// Connections, over all threads; of a closed load also the users.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=20_000))]
    connections: Option<u32>,
    /// Driver threads.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=64))]
    threads: u8,
    /// Where the sequence of cases and arrivals begins, instead of the scenario's seed.
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// HTTP/1.1, or HTTP/2 over TLS.
    #[arg(long, value_enum, default_value_t = ProtocolWord::H1)]
    protocol: ProtocolWord,
    /// The authority the gateway's certificate is of, in PEM; needed for https.
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
    /// The certificate the driver shows, in PEM.
    #[arg(long, value_name = "FILE", requires = "key")]
    cert: Option<PathBuf>,
    /// Its key.
    #[arg(long, value_name = "FILE", requires = "cert")]
    key: Option<PathBuf>,
    #[command(flatten)]
    keys: Keys,
    /// Writes the report to this file as JSON.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Writes the report to this file as a page with pictures, complete in itself.
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// What must hold, such as p99<50ms; may be given more than once, beside the scenario's thresholds.
    #[arg(long = "threshold", value_name = "RULE", value_parser = rule)]
    thresholds: Vec<Rule>,
    /// Searches the highest rate at which this holds, such as p99<50ms, with a run of --for (10s) for each.
    #[arg(long, value_name = "RULE", value_parser = rule)]
    find_max: Option<Rule>,
}

/// Who signs.
#[derive(Args, Debug)]
struct Keys {
    /// Signs with the sandbox's keys in this file, as `multicode demo --keys FILE` verifies with; it is made if it
    /// is not there. Without it codes are signed with the secrets that the configuration names.
    #[arg(long, value_name = "FILE")]
    keys: Option<PathBuf>,
    /// The configuration whose codes are made, instead of the scenario's.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

#[derive(Args, Debug)]
struct Compare {
    /// The report of before.
    before: PathBuf,
    /// The report of now.
    after: PathBuf,
    /// How much worse is not worse yet.
    #[arg(long, value_name = "SHARE", default_value = "10%", value_parser = share)]
    tolerance: f64,
    /// Writes the comparison to this file as a page.
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
}

#[derive(Args, Debug)]
struct Check {
    /// The scenario.
    scenario: PathBuf,
    #[command(flatten)]
    keys: Keys,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum ProtocolWord {
    H1,
    H2,
}

impl From<ProtocolWord> for Protocol {
    fn from(word: ProtocolWord) -> Self {
        match word {
            ProtocolWord::H1 => Self::H1,
            ProtocolWord::H2 => Self::H2,
        }
    }
}

fn rate(text: &str) -> Result<f64, &'static str> {
    let rate = text.parse::<f64>().ok();
    rate.filter(|rate| *rate > 0.0 && *rate <= 1_000_000.0)
        .ok_or("expected scans a second, more than 0 and at most 1000000")
}

fn time(text: &str) -> Result<Duration, String> {
    let time = span(text).filter(|time| !time.is_zero());
    time.ok_or_else(|| format!("expected {SPAN_EXPECTED}"))
}

fn rule(text: &str) -> Result<Rule, String> {
    text.parse()
        .map_err(|error: crate::report::threshold::RuleError| error.to_string())
}

fn share(text: &str) -> Result<f64, &'static str> {
    let number = text
        .strip_suffix('%')
        .and_then(|number| number.parse::<f64>().ok());
    let share = number.map(|number| number / 100.0);
    share
        .filter(|share| (0.0..=10.0).contains(share))
        .ok_or("expected a share, such as 10%")
}

/// Does what the arguments say.
pub fn run<I>(arguments: I, process: &mut Process<'_>) -> Exit
where
    I: IntoIterator<Item = OsString>,
{
    let command = match Command::try_parse_from(arguments) {
        Ok(command) => command,
        Err(error) => {
            let is_asked = !error.use_stderr();
            let text = error.render();
            let stream = if is_asked {
                &mut process.out
            } else {
                &mut process.err
            };
            // Nobody is left to be told.
            let _ = write!(stream, "{text}");
            return if is_asked { Exit::Success } else { Exit::Usage };
        }
    };
    let done = match &command.task {
        Task::Run(options) => play::run(options, process),
        Task::Compare(options) => compare(options, process),
        Task::Check(options) => check(options, process),
        Task::Schema => process
            .out
            .write_all(SCHEMA.as_bytes())
            .map_err(Failure::from)
            .map(|()| Exit::Success),
    };
    done.unwrap_or_else(|failure| {
        let _ = writeln!(process.err, "{failure}");
        failure.exit()
    })
}

fn compare(options: &Compare, process: &mut Process<'_>) -> Result<Exit, Failure> {
    let read = |path: &Path| {
        let text = std::fs::read_to_string(path).map_err(Failure::at(path))?;
        Report::from_json(&text)
            .map_err(|error| Failure::usage(format!("{}: {error}", path.display())))
    };
    let (before, after) = (read(&options.before)?, read(&options.after)?);
    let comparison = Comparison::of(&before, &after);
    if let Some(path) = &options.html {
        let page = html::comparison(&before, &after, options.tolerance);
        std::fs::write(path, page).map_err(Failure::at(path))?;
    }
    let text = comparison.text(options.tolerance, process.colour());
    write!(process.out, "{text}")?;
    Ok(if comparison.regressions(options.tolerance).is_empty() {
        Exit::Success
    } else {
        Exit::Finding
    })
}

fn check(options: &Check, process: &mut Process<'_>) -> Result<Exit, Failure> {
    let (scenario, workshop) = open(&options.scenario, &options.keys)?;
    for (index, case) in scenario.cases.iter().enumerate() {
        let scenes = case.scenes.len().max(1);
        for place in 0..scenes {
            let scene = case.scenes.get(place).map_or("-", |scene| &**scene);
            let wish = workshop.wish(index, place);
            let decision = wish.map_or("-", |wish| wish.decision.name());
            writeln!(process.out, "{:<28} {scene:<12} {decision}", case.name)?;
        }
    }
    Ok(Exit::Success)
}

/// Reads a scenario and opens its workshop.
fn open(path: &Path, keys: &Keys) -> Result<(Scenario, Workshop), Failure> {
    let mut loaded = scenario::load(path);
    let Some(mut scenario) = loaded.scenario.take() else {
        let found = loaded.diagnostics();
        let text = found.render(Style::Plain);
        return Err(if found.has_unreadable() {
            Failure::io(text.trim_end())
        } else {
            Failure::usage(text.trim_end())
        });
    };
    if let Some(config) = &keys.config {
        scenario.config.clone_from(config);
    }
    let keyring = keys.keys.as_ref();
    let keyring = keyring.map(|path| Keyring::kept(path).map_err(Failure::at(path)));
    let keyring = keyring.transpose()?;
    let workshop = Workshop::open(&scenario, keyring.as_ref(), multicode::app::now());
    match workshop {
        Ok(workshop) => Ok((scenario, workshop)),
        Err(WorkshopError::Cases(found)) => {
            loaded.found = found;
            let text = loaded.diagnostics().render(Style::Plain);
            Err(Failure::usage(text.trim_end()))
        }
        Err(error) => Err(Failure::usage(error)),
    }
}

impl Process<'_> {
    const fn colour(&self) -> Colour {
        if self.is_shown {
            Colour::On
        } else {
            Colour::Off
        }
    }
}
