//! The command line: one file a command.
//!
//! A command writes to the streams it is given and returns how it went; nothing here ends the
//! process or reads the clock on its own.

mod audit;
mod certs;
mod check;
mod completions;
mod config;
mod decode;
mod demo;
mod explain;
mod health;
mod keys;
mod load;
mod man;
mod mint;
mod mock;
mod online;
mod operators;
mod options;
mod outcome;
mod serve;
mod terminals;

use std::ffi::OsString;
use std::fmt;
use std::io::{self, Write};

use clap::{CommandFactory, Parser, Subcommand};

pub use self::outcome::Exit;
use self::outcome::Failure;
use crate::printable::printable;
use crate::time::Timestamp;

/// One access layer in front of many departments: recognise, believe, decide, forward.
#[derive(Debug, Parser)]
#[command(name = "multicode", version, arg_required_else_help = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Verify an audit trail, or print its records.
    Audit(audit::Options),
    /// Make an authority and certificates to try with.
    Certs(certs::Options),
    /// Say everything that is wrong with the configuration.
    Check(check::Options),
    /// Print a completion script for a shell.
    Completions(completions::Options),
    /// Show how files differ from those in force.
    Config(config::Options),
    /// Say what codes pictures hold.
    Decode(decode::Options),
    /// Show the gateway at work: three mock departments, one code of each kind, a table.
    Demo(demo::Options),
    /// Decide one code, or a million, and say why.
    Explain(explain::Options),
    /// Say whether a running gateway can serve.
    Health(health::Options),
    /// Show issuers and keys, have them fetched, look at files of keys.
    Keys(keys::Options),
    /// Print the manual page, or write one page a command into a folder.
    Man(man::Options),
    /// Make a code to try with: a sound, expired, tampered or foreign one.
    Mint(mint::Options),
    /// Run mock departments: health cards, insurance, payment.
    Mock(mock::Options),
    /// Run the gateway.
    Serve(serve::Options),
    /// Make what terminals prove with who they are.
    Terminals(terminals::Options),
}

/// What a command may use of the process.
pub struct Process<'a> {
    /// Standard output.
    pub out: &'a mut dyn Write,
    /// Standard error.
    pub err: &'a mut dyn Write,
    /// The clock.
    pub now: fn() -> Timestamp,
}

impl fmt::Debug for Process<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Process").finish_non_exhaustive()
    }
}

/// Runs the command the arguments name; the first argument is the program.
pub fn run(arguments: impl IntoIterator<Item = OsString>, process: &mut Process<'_>) -> Exit {
    let result = match Arguments::try_parse_from(arguments) {
        Ok(arguments) => arguments.command.run(process),
        Err(help) => explain_usage(&help, process),
    };
    match result {
        Ok(exit) => exit,
        // The reader has seen enough: `multicode mint … | head`.
        Err(failure) if failure.is_broken_pipe() => Exit::Success,
        Err(failure) => {
            // There is nobody left to tell if this fails too.
            let told = failure.to_string();
            // At once: a predecessor may be writing to the same place.
            let told = format!("multicode: {}\n", printable(&told));
            let _ = process.err.write_all(told.as_bytes());
            failure.exit()
        }
    }
}

impl Command {
    fn run(self, process: &mut Process<'_>) -> Result<Exit, Failure> {
        match self {
            Self::Audit(options) => audit::run(&options, process),
            Self::Certs(options) => certs::run(&options, process),
            Self::Check(options) => check::run(&options, process),
            Self::Completions(options) => completions::run(&options, process),
            Self::Config(options) => config::run(&options, process),
            Self::Decode(options) => decode::run(&options, process),
            Self::Demo(options) => demo::run(&options, process),
            Self::Explain(options) => explain::run(&options, process),
            Self::Health(options) => health::run(&options, process),
            Self::Keys(options) => keys::run(&options, process),
            Self::Man(options) => man::run(&options, process),
            Self::Mint(options) => mint::run(&options, process),
            Self::Mock(options) => mock::run(&options, process),
            Self::Serve(options) => serve::run(&options, process),
            Self::Terminals(options) => terminals::run(&options, process),
        }
    }
}

/// Help and version are answers; everything else clap says is about a mistake.
fn explain_usage(said: &clap::Error, process: &mut Process<'_>) -> Result<Exit, Failure> {
    if said.use_stderr() {
        write!(process.err, "{said}")?;
        return Ok(Exit::Usage);
    }
    write!(process.out, "{said}")?;
    Ok(Exit::Success)
}

/// The whole command line, for completions and manual pages.
fn definition() -> clap::Command {
    Arguments::command()
}

/// Runs a future until it is done, on a runtime of its own.
fn block_on<F: Future>(future: F) -> io::Result<F::Output> {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    Ok(runtime.enable_all().build()?.block_on(future))
}

/// Waits until somebody wants the process to end.
async fn interrupted() -> io::Result<()> {
    let mut terminated = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
    tokio::select! {
        pressed = tokio::signal::ctrl_c() => pressed,
        _ = terminated.recv() => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(arguments: &[&str], exit: Exit, out: &str, err: &str) {
        let (mut seen_out, mut seen_err) = (Vec::new(), Vec::new());
        let mut process = Process {
            out: &mut seen_out,
            err: &mut seen_err,
            now: Timestamp::default,
        };
        let arguments = std::iter::once(&"multicode").chain(arguments);
        let found = run(arguments.map(OsString::from), &mut process);
        let (seen_out, seen_err) = (String::from_utf8(seen_out), String::from_utf8(seen_err));
        let (seen_out, seen_err) = (seen_out.unwrap(), seen_err.unwrap());
        assert_eq!(found, exit, "{seen_out}{seen_err}");
        assert!(seen_out.contains(out), "{seen_out}");
        assert!(seen_err.contains(err), "{seen_err}");
    }

    #[test]
    fn the_command_line_is_sound() {
        definition().debug_assert();
    }

    #[test]
    fn help_and_version_are_answers() {
        check(&["--help"], Exit::Success, "Usage: multicode", "");
        check(&["--version"], Exit::Success, env!("CARGO_PKG_VERSION"), "");
        check(&["help", "mint"], Exit::Success, "--flaw", "");
    }

    #[test]
    fn mistakes_are_explained_on_the_other_stream() {
        check(&[], Exit::Usage, "", "Usage: multicode");
        check(&["mnit"], Exit::Usage, "", "mint");
        check(&["mint"], Exit::Usage, "", "FAMILY");
        check(
            &["mint", "x", "--flaw", "odd"],
            Exit::Usage,
            "",
            "no such flaw",
        );
        check(
            &["mint", "x", "--valid-for", "2 years"],
            Exit::Usage,
            "",
            "such as 20ms, 2s or 5m",
        );
        check(
            &["mint", "x", "--account", "pay"],
            Exit::Usage,
            "",
            "kind=value",
        );
        check(
            &["mint", "x", "--account", "pay=1"],
            Exit::Usage,
            "",
            "no such kind",
        );
        check(&["mint", "x", "--at", "noon"], Exit::Usage, "", "RFC 3339");
        check(&["mock", "--fault-rate", "2"], Exit::Usage, "", "0 to 1");
        check(
            &["mock", "--health", "here"],
            Exit::Usage,
            "",
            "invalid socket address",
        );
    }

    #[test]
    fn completions_and_pages_know_every_command() {
        for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
            check(&["completions", shell], Exit::Success, "demo", "");
        }
        check(&["man"], Exit::Success, ".TH multicode 1", "");
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().to_str().unwrap();
        check(&["man", "--out", path], Exit::Success, "", "");
        for page in ["multicode.1", "multicode-mint.1", "multicode-keys-verify.1"] {
            assert!(folder.path().join(page).is_file(), "{page}");
        }
        check(
            &["man", "--out", "/dev/null/x"],
            Exit::Io,
            "",
            "/dev/null/x",
        );
    }
}
