//! `multicode check`.

use std::io::IsTerminal;
use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use super::options::Format;
use super::{Exit, Failure, Process};
use crate::config::{self, Diagnostics, ProcessSecrets, Severity, Style};
use crate::trial;

#[derive(Args, Debug)]
pub(super) struct Options {
    /// The configuration; `plugins/`, `routes.d/` and `terminals.toml` are found beside it.
    #[arg(value_name = "FILE", default_value = "routes.toml")]
    file: PathBuf,
    /// A secret that is not set is an error.
    #[arg(long)]
    strict: bool,
    /// How the findings are printed.
    #[arg(long, value_name = "FORMAT", default_value = "human")]
    format: Format,
}

/// Findings about secrets that are not set, the only ones `--strict` makes worse.
const UNSET: &str = "unset-secret";

pub(super) fn run(options: &Options, process: &mut Process<'_>) -> Result<Exit, Failure> {
    let secrets = ProcessSecrets::beside(&options.file);
    let loaded = config::check(&options.file, &secrets);
    let mut diagnostics = loaded.diagnostics;
    if let Some(config) = &loaded.config {
        for found in config::certificates(&config.listeners, (process.now)()) {
            diagnostics.push(found);
        }
    }
    if options.strict {
        diagnostics.raise(UNSET);
    }
    let trials = match trial::run(&options.file, &secrets) {
        Ok(trials) => trials,
        // What is wrong with the files was found already.
        Err(_) if diagnostics.has_errors() => Vec::new(),
        Err(error) => return Err(Failure::finding(error)),
    };
    for trial in &trials {
        for failure in &trial.failures {
            diagnostics.push(trial.finding(failure));
        }
    }
    match options.format {
        Format::Human => people(&diagnostics, trials.len(), process)?,
        Format::Json => programs(&diagnostics, trials.len(), process)?,
    }
    Ok(exit(&diagnostics))
}

fn exit(diagnostics: &Diagnostics) -> Exit {
    if diagnostics.has_unreadable() {
        Exit::Io
    } else if diagnostics.has_errors() {
        Exit::Finding
    } else {
        Exit::Success
    }
}

fn people(
    diagnostics: &Diagnostics,
    trials: usize,
    process: &mut Process<'_>,
) -> Result<(), Failure> {
    let style = if std::io::stdout().is_terminal() {
        Style::Colour
    } else {
        Style::Plain
    };
    write!(process.out, "{}", diagnostics.render(style))?;
    let count = |severity| diagnostics.count(severity);
    let (errors, warnings) = (count(Severity::Error), count(Severity::Warning));
    let counted = [(errors, "error"), (warnings, "warning"), (trials, "test")];
    let counted =
        counted.map(|(count, word)| format!("{count} {word}{}", if count == 1 { "" } else { "s" }));
    writeln!(process.out, "{}", counted.join(", "))?;
    Ok(())
}

fn programs(
    diagnostics: &Diagnostics,
    trials: usize,
    process: &mut Process<'_>,
) -> Result<(), Failure> {
    let report = json!({
        "errors": diagnostics.count(Severity::Error),
        "warnings": diagnostics.count(Severity::Warning),
        "tests": trials,
        "findings": diagnostics.to_json(),
    });
    writeln!(process.out, "{report}")?;
    Ok(())
}
