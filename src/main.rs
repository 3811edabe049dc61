//! The `multicode` program: hands the process's streams and clock to the command line.

use std::io::{stderr, stdout};
use std::process::ExitCode;

use multicode::cli::{self, Process};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let (mut out, mut err) = (stdout(), stderr());
    let mut process = Process {
        out: &mut out,
        err: &mut err,
        now: multicode::app::now,
    };
    cli::run(std::env::args_os(), &mut process).into()
}
