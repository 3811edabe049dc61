//! How a command went, as the shell learns it.

use std::error::Error;
use std::fmt;
use std::io;
use std::path::Path;
use std::process::ExitCode;

use crate::trust::standing::chain;

/// A command's exit status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// Everything was as it should be: 0.
    Success,
    /// The command did its work and found something wrong: 1.
    Finding,
    /// The command was not understood: 2.
    Usage,
    /// The system would not play along: 3.
    Io,
}

/// Why a command could not do its work; it is told once, with its causes.
#[derive(Debug)]
pub(super) struct Failure {
    exit: Exit,
    error: Box<dyn Error>,
}

impl Exit {
    /// The number.
    pub const fn code(self) -> u8 {
        match self {
            Self::Success => 0,
            Self::Finding => 1,
            Self::Usage => 2,
            Self::Io => 3,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

impl Failure {
    /// Something is wrong with what the command was to work on.
    pub(super) fn finding(error: impl Into<Box<dyn Error>>) -> Self {
        let error = error.into();
        Self {
            exit: Exit::Finding,
            error,
        }
    }

    /// The arguments do not go together.
    pub(super) fn usage(error: impl Into<Box<dyn Error>>) -> Self {
        let error = error.into();
        Self {
            exit: Exit::Usage,
            error,
        }
    }

    /// The system refused.
    pub(super) fn io(error: impl Into<Box<dyn Error>>) -> Self {
        let error = error.into();
        Self {
            exit: Exit::Io,
            error,
        }
    }

    /// The system refused something about a file.
    pub(super) fn at(path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |error| Self::io(format!("{}: {error}", path.display()))
    }

    /// The status that goes with it.
    pub(super) const fn exit(&self) -> Exit {
        self.exit
    }

    /// Whether the reader of an output went away.
    pub(super) fn is_broken_pipe(&self) -> bool {
        let system = self.error.downcast_ref::<io::Error>();
        let json = self.error.downcast_ref::<serde_json::Error>();
        let kind = system.map(io::Error::kind);
        let kind = kind.or_else(|| json.and_then(serde_json::Error::io_error_kind));
        kind == Some(io::ErrorKind::BrokenPipe)
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::io(error)
    }
}

impl fmt::Display for Failure {
    /// The error and its causes on one line; every error says its own level only.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&chain(&*self.error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_tells_its_whole_chain() {
        #[derive(Debug, thiserror::Error)]
        #[error("the oven is cold")]
        struct Cold(#[source] io::Error);

        let failure = Failure::finding(Cold(io::Error::other("no gas")));
        assert_eq!(failure.to_string(), "the oven is cold: no gas");
        assert_eq!(failure.exit().code(), 1);
        assert!(!failure.is_broken_pipe());
        assert!(Failure::from(io::Error::from(io::ErrorKind::BrokenPipe)).is_broken_pipe());
        let json = serde_json::Error::io(io::ErrorKind::BrokenPipe.into());
        assert!(Failure::io(json).is_broken_pipe());
    }
}
