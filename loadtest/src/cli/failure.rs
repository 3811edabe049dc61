//! How a command went, as the shell learns it.

use std::error::Error;
use std::fmt;
use std::io;
use std::path::Path;
use std::process::ExitCode;

/// A command's exit status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// Everything was as it should be: 0.
    Success,
    /// A threshold is broken, an answer is not as expected, a report is worse: 1.
    Finding,
    /// Arguments or a scenario were not understood: 2.
    Usage,
    /// The system or the gateway would not play along: 3.
    Io,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(match exit {
            Exit::Success => 0,
            Exit::Finding => 1,
            Exit::Usage => 2,
            Exit::Io => 3,
        })
    }
}

/// Why a command could not do its work.
#[derive(Debug)]
pub(super) struct Failure {
    exit: Exit,
    error: Box<dyn Error>,
}

impl Failure {
    /// It was not understood.
    pub(super) fn usage(error: impl Into<Box<dyn Error>>) -> Self {
        Self {
            exit: Exit::Usage,
            error: error.into(),
        }
    }

    /// Something outside would not play along.
    pub(super) fn io(error: impl Into<Box<dyn Error>>) -> Self {
        Self {
            exit: Exit::Io,
            error: error.into(),
        }
    }

    /// The same with a file.
    pub(super) fn at(path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |error| Self::io(format!("{}: {error}", path.display()))
    }

    /// The status that goes with it.
    pub(super) const fn exit(&self) -> Exit {
        self.exit
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::io(error)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.error)?;
        let mut cause = self.error.source();
        while let Some(error) = cause {
            write!(f, ": {error}")?;
            cause = error.source();
        }
        Ok(())
    }
}
