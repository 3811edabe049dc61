//! How the gateway is delivered: units, image, chart and package are what the manual says they are, and
//! the tools that judge such things find nothing in them.

mod chart;
mod image;
mod incidents;
mod openapi;
mod package;
mod threats;
mod units;

use std::path::PathBuf;
use std::process::{Command, Stdio};

use crate::source::root;

/// The text of a file of this repository.
#[track_caller]
fn text(name: &str) -> String {
    let path = root().join(name);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// A tool: the one that is named, or the one that tests/run has put there.
#[track_caller]
fn tool(variable: &str, installed: &str) -> Command {
    let named = std::env::var_os(variable).filter(|named| !named.is_empty());
    let path = named.map_or_else(|| root().join(installed), PathBuf::from);
    assert!(
        path.exists(),
        "{} is not there: tests/run installs it, or name one in {variable}",
        path.display()
    );
    let mut command = Command::new(path);
    command.stdin(Stdio::null()).env_remove("PYTHONPATH");
    command
}

/// What it printed, on both streams, and whether it was content.
fn outcome(mut command: Command) -> (bool, String) {
    let output = command.output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    (
        output.status.success(),
        String::from_utf8_lossy(&said).into_owned(),
    )
}
