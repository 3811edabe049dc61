//! What a ledger is made of, and how it does.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::state::Seals;

/// What a ledger is made of.
#[derive(Debug)]
pub struct LedgerSetting {
    /// Where it is; without one it is in memory alone, and what must last does not.
    pub file: Option<PathBuf>,
    /// What names and seals are made with.
    pub seals: Arc<Seals>,
    /// How long an outcome is kept.
    pub keep: Duration,
    /// How long after the first read a second one counts as the same.
    pub double_read: Duration,
    /// How many used codes there is room for.
    pub claims: usize,
    /// How many requests may be in memory.
    pub records: usize,
    /// How many bytes of answers may be in memory; beyond that they shrink to their digest.
    pub bytes: usize,
    /// How long opening waits for a predecessor that has the file.
    pub patience: Duration,
}

impl LedgerSetting {
    /// As long as a terminal may retry (the draft of Idempotency-Key leaves it to the server; a day
    /// is what is usual).
    pub const KEEP: Duration = Duration::from_secs(24 * 60 * 60);
    /// A trigger-happy scanner reads twice within a second; a person who tries again takes longer.
    pub const DOUBLE_READ: Duration = Duration::from_secs(2);
    /// Codes of two minutes at 35,000 a second; about 70 bytes each.
    pub const CLAIMS: usize = 4_194_304;
    /// About half a kilobyte each without their answers.
    pub const RECORDS: usize = 1_048_576;
    /// Two seconds' answers of a busy machine.
    pub const BYTES: usize = 64 * 1024 * 1024;
    /// A predecessor drains first.
    pub const PATIENCE: Duration = Duration::from_secs(30);

    /// In memory alone, with the usual bounds.
    pub const fn in_memory(seals: Arc<Seals>) -> Self {
        Self {
            file: None,
            seals,
            keep: Self::KEEP,
            double_read: Self::DOUBLE_READ,
            claims: Self::CLAIMS,
            records: Self::RECORDS,
            bytes: Self::BYTES,
            patience: Self::PATIENCE,
        }
    }
}

/// How a ledger does, for operators.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LedgerStanding {
    /// Why what must last cannot be written, if so.
    pub away: Option<Box<str>>,
    /// How many codes are known to be used.
    pub claims: usize,
    /// How many there is room for.
    pub most_claims: usize,
    /// How many requests are in memory.
    pub records: usize,
    /// How many there is room for.
    pub most_records: usize,
    /// How many wait to be written.
    pub unwritten: usize,
    /// Of how many requests nobody knows what became of them.
    pub unknown: usize,
}

/// The ledger's file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// The database in it does not work.
    #[error("the ledger's database does not work")]
    Database(#[source] Box<redb::Error>),
    /// The file cannot be opened or made.
    #[error("the ledger's file cannot be opened")]
    Io(#[source] io::Error),
    /// It was written with another secret.
    #[error("the ledger was written with another key")]
    OtherKey,
    /// Another process has it and does not give it up.
    #[error("another process has the ledger open")]
    Taken,
}
