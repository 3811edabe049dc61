//! Too much is refused early and cheaply: rates by address, terminal and issuer, and a cap on what
//! is under way.
//!
//! [`Limits`] are one configuration's, looked up without a lock where the keys are known
//! beforehand: terminals and issuers have a number each. What is not known beforehand has its place
//! in a table that never grows. [`Memory`] carries the numbers over a reload. Time comes in as an
//! argument. Absent on purpose: limits that several gateways share, which would put a network
//! between a scan and its answer.

mod budget;
mod flight;
mod gcra;
mod rate;
mod table;

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rustc_hash::FxHashMap;

pub use self::budget::Budget;
pub use self::flight::{Flight, Flights, TooMany};
use self::gcra::{Cell, Level, Nanos};
pub use self::rate::{MOST, Per, Quota, QuotaError, Rate};
use self::table::Table;
pub use crate::metrics::Limit;

/// The rates of a configuration; what is not there is not limited.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rates {
    /// Of each address, an IPv6 network of 64 bits being one.
    pub address: Option<Rate>,
    /// Of terminals nobody registered, together for all at one address: what they call themselves
    /// costs them nothing.
    pub strangers: Option<Rate>,
    /// Of the registered terminals.
    pub terminals: Vec<(Box<str>, Rate)>,
    /// Of the issuers.
    pub issuers: Vec<(Box<str>, Rate)>,
}

/// The rates of a configuration at work.
#[derive(Debug)]
pub struct Limits {
    began: Instant,
    address: Option<Arc<Crowd>>,
    strangers: Option<Arc<Crowd>>,
    terminals: FxHashMap<Box<str>, Arc<Single>>,
    issuers: FxHashMap<Box<str>, Arc<Single>>,
}

/// How one of the limits stands after a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Which one.
    pub limit: Limit,
    /// Its rate for this one.
    pub rate: Rate,
    /// Requests that may come at once.
    pub left: u32,
    /// When there will be one more.
    pub more_in: Duration,
}

/// What a limit says about a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It may go on.
    Admitted(Standing),
    /// It is one too many.
    Refused(Standing),
    /// Nothing limits it.
    Unlimited,
}

/// One key that is known beforehand.
#[derive(Debug)]
struct Single {
    rate: Rate,
    cell: Cell,
}

/// All the keys that are not.
#[derive(Debug)]
struct Crowd {
    rate: Rate,
    table: Table,
}

/// What was counted so far, over all configurations; clones share it.
#[derive(Clone, Debug)]
pub struct Memory {
    began: Instant,
    books: Arc<Mutex<Books>>,
}

/// What the newest configuration counts.
#[derive(Debug, Default)]
struct Books {
    singles: HashMap<(Limit, Box<str>), Arc<Single>>,
    crowds: HashMap<Limit, Arc<Crowd>>,
}

impl Memory {
    /// Nothing was counted; all that will be is after `began`.
    pub fn new(began: Instant) -> Self {
        Self {
            began,
            books: Arc::default(),
        }
    }

    /// Puts these rates to work. Whose rate is as it was goes on from where it stood; what has
    /// another rate begins anew, and what is gone is forgotten.
    pub fn adopt(&self, rates: &Rates) -> Limits {
        let mut books = self.books.lock().unwrap_or_else(PoisonError::into_inner);
        let mut newer = Books::default();
        let limits = Limits {
            began: self.began,
            address: rates
                .address
                .map(|rate| newer.crowd(&books, Limit::Address, rate)),
            strangers: rates
                .strangers
                .map(|rate| newer.crowd(&books, Limit::Terminal, rate)),
            terminals: newer.singles(&books, Limit::Terminal, &rates.terminals),
            issuers: newer.singles(&books, Limit::Issuer, &rates.issuers),
        };
        *books = newer;
        limits
    }
}

impl Books {
    fn crowd(&mut self, older: &Self, limit: Limit, rate: Rate) -> Arc<Crowd> {
        let known = older.crowds.get(&limit).filter(|known| known.rate == rate);
        let crowd = known.map_or_else(
            || {
                let table = Table::default();
                Arc::new(Crowd { rate, table })
            },
            Arc::clone,
        );
        self.crowds.insert(limit, Arc::clone(&crowd));
        crowd
    }

    fn singles(
        &mut self,
        older: &Self,
        limit: Limit,
        rates: &[(Box<str>, Rate)],
    ) -> FxHashMap<Box<str>, Arc<Single>> {
        let single = |(name, rate): &(Box<str>, Rate)| {
            let key = (limit, name.clone());
            let known = older.singles.get(&key);
            let single = known
                .filter(|known| known.rate == *rate)
                .map_or_else(|| Arc::new(Single::new(*rate)), Arc::clone);
            self.singles.insert(key, Arc::clone(&single));
            (name.clone(), single)
        };
        rates.iter().map(single).collect()
    }
}

impl Limits {
    /// Whether there is any rate at all; most gateways have none.
    pub fn limit_anything(&self) -> bool {
        self.address.is_some()
            || self.strangers.is_some()
            || !self.terminals.is_empty()
            || !self.issuers.is_empty()
    }

    /// What the address's rate says about a request that comes `now`.
    pub fn address(&self, address: IpAddr, now: Instant) -> Verdict {
        let Some(crowd) = &self.address else {
            return Verdict::Unlimited;
        };
        crowd.take(Limit::Address, address, self.since(now))
    }

    /// What the terminal's rate says; one that is not registered counts with its address.
    pub fn terminal(&self, name: Option<&str>, address: IpAddr, now: Instant) -> Verdict {
        if let Some(single) = name.and_then(|name| self.terminals.get(name)) {
            return single.take(Limit::Terminal, self.since(now));
        }
        let Some(crowd) = &self.strangers else {
            return Verdict::Unlimited;
        };
        crowd.take(Limit::Terminal, address, self.since(now))
    }

    /// What the issuer's rate says.
    pub fn issuer(&self, id: &str, now: Instant) -> Verdict {
        let Some(single) = self.issuers.get(id) else {
            return Verdict::Unlimited;
        };
        single.take(Limit::Issuer, self.since(now))
    }

    fn since(&self, now: Instant) -> Nanos {
        let since = now.saturating_duration_since(self.began);
        Nanos::try_from(since.as_nanos()).unwrap_or(Nanos::MAX)
    }
}

impl Single {
    fn new(rate: Rate) -> Self {
        Self {
            rate,
            cell: Cell::default(),
        }
    }

    fn take(&self, limit: Limit, now: Nanos) -> Verdict {
        Verdict::of(limit, self.rate, self.cell.take(self.rate.into(), now))
    }
}

impl Crowd {
    fn take(&self, limit: Limit, address: IpAddr, now: Nanos) -> Verdict {
        let level = self.table.take(network(address), self.rate.into(), now);
        Verdict::of(limit, self.rate, level)
    }
}

impl Verdict {
    fn of(limit: Limit, rate: Rate, level: Result<Level, Level>) -> Self {
        let standing = |Level { left, more_in }| Standing {
            limit,
            rate,
            left,
            more_in,
        };
        match level {
            Ok(level) => Self::Admitted(standing(level)),
            Err(level) => Self::Refused(standing(level)),
        }
    }
}

/// One client's addresses as one number. Who has an IPv6 address has all of its network of 64 bits
/// (RFC 6177, RFC 4291 section 2.5.4), so that is one key. An IPv4 address takes the place of the
/// network `0:0:a.b.c.d::`, which nobody has: `::/8` is reserved (RFC 4291, section 2.4).
fn network(address: IpAddr) -> u64 {
    match address.to_canonical() {
        IpAddr::V4(address) => u32::from(address).into(),
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            [a, b, c, d]
                .into_iter()
                .fold(0, |sum, part| sum << 16 | u64::from(part))
        }
    }
}

#[cfg(test)]
mod tests;
