//! What was sent and which codes were used: the memory behind "never twice, never lost".
//!
//! Before a scan is forwarded an [`Entry`] is reserved: in one atomic operation the record of its
//! idempotency key, the claim on its one-time code and the mark by which a double read is known.
//! Its [`Ticket`] then says what became of it: the intent is recorded before the first byte goes to
//! the department, the outcome before the terminal is answered.
//!
//! ```text
//! reserve ──> reserved ──intend──> forwarding ──settle──> done | unknown
//!                 └──────settle(NotSent)──┴──> nothing: key and claim are free again
//! ```
//!
//! [`Ledger`] keeps all that in this process and, where it has a file, on disk; [`Redis`] keeps it
//! where several gateways see one truth. Both keep the same [`Record`]s, sealed and under keyed
//! [`Name`]s: neither holds a text, a key of a terminal or an answer that can be read.

mod claims;
mod ledger;
mod record;
mod redis;
mod seals;

use std::sync::Arc;
use std::time::Duration;

pub use self::ledger::{Ledger, LedgerError, LedgerSetting, LedgerStanding};
pub use self::record::{About, Answer, Content, Record, State};
pub use self::redis::{Reach, Redis, RedisError, RedisSetting, Trouble};
pub use self::seals::{Name, Seals, Unsealable};
use crate::time::{Moment, Timestamp};

/// What is to be recorded before a scan is forwarded.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The record's name.
    pub name: Name,
    /// Whether the terminal gave the key it is named by; else the name is one of a kind.
    pub keyed: bool,
    /// What else must be the same for the request to be the same.
    pub fingerprint: Name,
    /// How long the record is to last.
    pub keep: Keep,
    /// What a scanner that reads twice would send again.
    pub read: Option<Name>,
    /// The one-time code it uses up.
    pub claim: Option<Claim>,
    /// What operators are told about it.
    pub about: About,
    /// After so long without an outcome its gateway is taken for dead.
    pub lease: Duration,
    /// How many replicas must have it before anything is sent, where the store has such.
    pub replicas: u8,
}

/// How long a record is to last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Keep {
    /// As long as a double read may come; no record is written.
    Briefly,
    /// As long as the store's setting says, unless the process dies.
    Kept,
    /// The same, and through the death of the process: on disk before the first byte is sent.
    Durably,
}

/// A one-time code about to be used up.
#[derive(Clone, Copy, Debug)]
pub struct Claim {
    /// Its name: issuer and nonce, or what its payload says; nothing a forger could vary.
    pub name: Name,
    /// The first instant at which nobody would accept it any more, whatever clock is allowed; without
    /// an end of its own, that much after now as its family says.
    pub until: Timestamp,
    /// The earliest instant at which it may have been made, by an issuer's clock that runs ahead as
    /// far as is allowed; none if it does not say.
    pub made: Option<Timestamp>,
    /// How long a code of its family is good that does not say when it was made.
    pub lifetime: Option<Duration>,
}

/// What came of a reservation.
#[derive(Debug)]
pub enum Reserved {
    /// It stands; nobody else will forward this.
    Begun(Ticket),
    /// The scanner read twice: the other request's record is the one that counts.
    Joined(Name),
    /// The same key was used before.
    Known(Standing),
    /// The code was used by another request.
    Replayed,
    /// Whether the code was used cannot be told, as it is older than this memory.
    Refresh,
    /// There is no room for another claim.
    Full,
}

/// How it stands with a request that was reserved before.
#[derive(Clone, Debug, PartialEq)]
pub enum Standing {
    /// It is under way.
    InFlight,
    /// It was answered.
    Done(Answer),
    /// The name stands for a request with another fingerprint.
    Other,
    /// It may have been acted on; nobody knows.
    Unknown,
}

/// What became of a reserved request.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// It was answered.
    Done(Answer),
    /// Nothing of it was sent: key and claim are free again.
    NotSent,
    /// It may have arrived; no answer came. Key and claim stay taken.
    Unknown,
}

/// How a store does, for operators.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StoreStanding {
    /// Why it cannot be used, if so.
    pub trouble: Option<Box<str>>,
    /// The used codes it remembers and how many it may, where it is this gateway's own.
    pub claims: Option<(usize, usize)>,
    /// Of how many requests nobody knows what became, where it is this gateway's own.
    pub unknown: Option<usize>,
    /// The outcomes that wait to be written.
    pub unwritten: usize,
}

impl From<LedgerStanding> for StoreStanding {
    fn from(ledger: LedgerStanding) -> Self {
        Self {
            trouble: ledger.away,
            claims: Some((ledger.claims, ledger.most_claims)),
            unknown: Some(ledger.unknown),
            unwritten: ledger.unwritten,
        }
    }
}

impl From<Reach> for StoreStanding {
    fn from(reach: Reach) -> Self {
        Self {
            trouble: reach.trouble.map(|why| why.to_string().into()),
            claims: None,
            unknown: None,
            unwritten: reach.owed,
        }
    }
}

/// The store cannot be reached or written to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the store of used codes and outcomes cannot be used")]
pub struct Away;

/// Why an intent is not recorded; nothing may be sent.
#[derive(Debug)]
pub enum Unintended {
    /// The store is away. Key and claim are free again, as far as that can be had.
    Away,
    /// Another request of this name came first.
    Known(Standing),
}

/// Where records and claims are kept. What one gateway keeps, all its workers share.
#[derive(Clone, Debug)]
pub enum Store {
    /// In this process, and in its file if it has one.
    Local(Arc<Ledger>),
    /// With others, in Redis or Valkey.
    Shared(Arc<Redis>),
}

impl Store {
    /// What its names and seals are made with.
    pub fn seals(&self) -> &Seals {
        match self {
            Self::Local(ledger) => ledger.seals(),
            Self::Shared(redis) => redis.seals(),
        }
    }

    /// How it does, for operators.
    pub fn standing(&self) -> StoreStanding {
        match self {
            Self::Local(ledger) => ledger.standing().into(),
            Self::Shared(redis) => redis.reach().into(),
        }
    }

    /// How it stands with the request of that name, if there was one; with a fingerprint, whether it
    /// was the same.
    pub async fn look(
        &self,
        name: Name,
        fingerprint: Option<Name>,
        now: Moment,
    ) -> Result<Option<Standing>, Away> {
        match self {
            Self::Local(ledger) => ledger.look(name, fingerprint, now).await,
            Self::Shared(redis) => redis.look(name, fingerprint, now).await,
        }
    }

    /// Reserves name, code and double read in one step, or nothing of it.
    pub async fn reserve(&self, entry: &Entry, now: Moment) -> Result<Reserved, Away> {
        match self {
            Self::Local(ledger) => ledger.reserve(entry, now).await,
            Self::Shared(redis) => redis.reserve(entry.clone(), now).await,
        }
    }

    /// The requests of which nobody knows what became of them, the oldest first, as many as asked
    /// for.
    pub async fn unknown(&self, most: usize, now: Moment) -> Result<Vec<(Name, About)>, Away> {
        match self {
            Self::Local(ledger) => ledger.unknown(most, now).await,
            Self::Shared(redis) => redis.unknown(most, now).await,
        }
    }
}

/// The right to forward one request, and the duty to say what became of it. Dropped before the
/// intent, everything is free again; dropped after it, the outcome is unknown.
#[derive(Debug)]
pub struct Ticket(Held);

#[derive(Debug)]
enum Held {
    Local(ledger::Held),
    Shared(Box<redis::Held>),
}

impl Ticket {
    /// The name of its record.
    pub const fn name(&self) -> Name {
        match &self.0 {
            Held::Local(held) => held.name(),
            Held::Shared(held) => held.name(),
        }
    }

    /// Records that the request may be sent from now on, as lastingly as its entry asks.
    pub async fn intend(&mut self, now: Moment) -> Result<(), Unintended> {
        match &mut self.0 {
            Held::Local(held) => held.intend(now).await,
            Held::Shared(held) => held.intend(now).await,
        }
    }

    /// Records what became of it. If the store is away that is remembered and made up for; whether
    /// it could be written changes nothing for the terminal.
    pub async fn settle(self, outcome: Outcome, now: Moment) {
        match self.0 {
            Held::Local(held) => held.settle(outcome, now).await,
            Held::Shared(held) => held.settle(outcome, now).await,
        }
    }
}
