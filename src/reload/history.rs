//! The readings of the files that are remembered.

use std::sync::Arc;

use crate::time::Timestamp;

/// Who asked for the files to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// An operator, by a request.
    Api,
    /// Whoever sent a signal.
    Signal,
    /// The start of the process.
    Start,
    /// Whoever changed them: they are watched.
    Watch,
}

impl By {
    /// The word for it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Api => "api",
            Self::Signal => "signal",
            Self::Start => "start",
            Self::Watch => "watch",
        }
    }
}

/// One reading of the files.
#[derive(Clone, Debug)]
pub struct Reload {
    /// When.
    pub at: Timestamp,
    /// Why they were refused; none: they were put in force.
    pub why: Option<Arc<str>>,
    /// Who asked.
    pub by: By,
}
