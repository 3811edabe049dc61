//! What a trail is kept by.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use zeroize::Zeroizing;

use super::ship::Sink;
use crate::metrics::AuditCounts;
use crate::time::Timestamp;

/// What a trail is kept by.
#[derive(Debug)]
pub struct Setting {
    /// Where it lies.
    pub folder: PathBuf,
    /// What this gateway is called in it.
    pub node: Box<str>,
    /// What checkpoints are signed with.
    pub key: Key,
    /// How long segments are kept.
    pub keep: Duration,
    /// How long the clock must have gone evenly before anything is removed.
    pub settle: Duration,
    /// Bytes after which another segment begins.
    pub segment: u64,
    /// The age at which another segment begins.
    pub rotate: Duration,
    /// How long a record stays unsigned at most, while there is nothing wrong.
    pub checkpoint: Duration,
    /// How many records stay unsigned at most.
    pub checkpoint_records: u64,
    /// Bytes of the disk that only what must be written may take.
    pub least_free: u64,
    /// How long anybody waits for the disk.
    pub patience: Duration,
    /// How long is waited for another process to let go of the folder.
    pub takeover: Duration,
    /// Records that may wait in memory.
    pub queue: usize,
    /// Where it is sent as well.
    pub sinks: Vec<Sink>,
    /// The clock.
    pub clock: fn() -> Timestamp,
    /// What is counted.
    pub counts: AuditCounts,
}

/// What checkpoints are signed with.
#[derive(Clone)]
pub enum Key {
    /// This seed of an Ed25519 key (RFC 8032, section 5.1.5).
    Given(Zeroizing<[u8; 32]>),
    /// The folder's own; this one, if it has none yet.
    Own(Zeroizing<[u8; 32]>),
    /// One is named and not there: nothing is written.
    Missing,
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key")
    }
}

impl Setting {
    /// Six months, and some days to spare.
    pub const KEEP: Duration = Duration::from_secs(190 * 24 * 60 * 60);
    /// Whoever sets a clock wrong sees it within the hour.
    pub const SETTLE: Duration = Duration::from_secs(60 * 60);
    /// A quarter of a million records: read in a second.
    pub const SEGMENT: u64 = 64 * 1024 * 1024;
    /// A segment a day can be found by its date.
    pub const ROTATE: Duration = Duration::from_secs(24 * 60 * 60);
    /// What a crash and a forger with the disk may take unseen.
    pub const CHECKPOINT: Duration = Duration::from_secs(1);
    /// The same, under load.
    pub const CHECKPOINT_RECORDS: u64 = 10_000;
    /// Some hours of payments.
    pub const LEAST_FREE: u64 = 256 * 1024 * 1024;
    /// A disk that takes longer has failed.
    pub const PATIENCE: Duration = Duration::from_secs(1);
    /// A predecessor takes its work back after 20 seconds.
    pub const TAKEOVER: Duration = Duration::from_secs(15);
    /// Three seconds of all that two cores can serve; some 40 MB.
    pub const QUEUE: usize = 65_536;

    /// A trail in this folder with everything else as usual.
    pub fn new(folder: PathBuf, node: &str, key: Key, clock: fn() -> Timestamp) -> Self {
        Self {
            folder,
            node: node.into(),
            key,
            keep: Self::KEEP,
            settle: Self::SETTLE,
            segment: Self::SEGMENT,
            rotate: Self::ROTATE,
            checkpoint: Self::CHECKPOINT,
            checkpoint_records: Self::CHECKPOINT_RECORDS,
            least_free: Self::LEAST_FREE,
            patience: Self::PATIENCE,
            takeover: Self::TAKEOVER,
            queue: Self::QUEUE,
            sinks: Vec::new(),
            clock,
            counts: AuditCounts::default(),
        }
    }

    /// Whose checkpoints they are.
    pub(super) fn origin(&self) -> String {
        // A signed note's names have neither spaces nor pluses.
        let plain = |letter: char| {
            if letter.is_whitespace() || letter == '+' {
                '-'
            } else {
                letter
            }
        };
        format!(
            "multicode-audit/{}",
            self.node.chars().map(plain).collect::<String>()
        )
    }
}
