//! The `multicode-loadtest` program: hands the process's streams to the command line.

use std::io::{IsTerminal as _, stderr, stdout};
use std::process::ExitCode;

use multicode_loadtest::cli::{self, Process};

fn main() -> ExitCode {
    let (mut out, mut err) = (stdout(), stderr());
    let mut process = Process {
        is_watched: err.is_terminal(),
        is_shown: out.is_terminal(),
        out: &mut out,
        err: &mut err,
    };
    cli::run(std::env::args_os(), &mut process).into()
}
