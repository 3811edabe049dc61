//! How it stands with a trail, and why it cannot be opened or written.

use std::io;
use std::path::PathBuf;

use super::chain::Link;
use super::ship::Shipping;
use crate::time::Timestamp;

/// Why a trail cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process writes to it.
    #[error("another process has the folder open")]
    Held,
    /// The system would not have it.
    #[error("cannot use {}", folder.display())]
    Io {
        /// The folder.
        folder: PathBuf,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// A key is named and not there.
    #[error("the key is not set")]
    NoKey,
}

/// Why a record is not on disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unwritten {
    /// The disk cannot be written to, or nobody writes.
    #[error("the audit trail cannot be written")]
    Away,
    /// Too many wait.
    #[error("too many wait for the audit trail")]
    Full,
    /// It took too long.
    #[error("the audit trail takes too long")]
    Late,
}

/// How it stands with a trail.
#[derive(Clone, Debug, Default)]
pub struct Standing {
    /// Whether records can be written.
    pub up: bool,
    /// The last record on disk.
    pub records: u64,
    /// Its link.
    pub head: Link,
    /// The last checkpoint: when, and up to which record.
    pub checkpoint: Option<(Timestamp, u64)>,
    /// Records there was no room for, since the start of the process.
    pub lost: u64,
    /// Records that somebody waited for in vain.
    pub refused: u64,
    /// Records that wait to be written.
    pub waiting: usize,
    /// Why nothing can be written.
    pub trouble: Option<Box<str>>,
    /// What will be in the way soon.
    pub warning: Option<&'static str>,
    /// How it stands with each place it is sent to.
    pub ships: Vec<Shipping>,
}
