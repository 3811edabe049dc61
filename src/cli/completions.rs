//! `multicode completions`.

use clap::Args;
use clap_complete::Shell;

use super::{Exit, Failure, Process};

#[derive(Args, Debug)]
pub(super) struct Options {
    /// The shell.
    shell: Shell,
}

pub(super) fn run(options: &Options, process: &mut Process<'_>) -> Result<Exit, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(
        options.shell,
        &mut super::definition(),
        "multicode",
        &mut script,
    );
    process.out.write_all(&script)?;
    Ok(Exit::Success)
}
