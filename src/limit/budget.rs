//! A budget that every address has, whatever the files say.

use std::net::IpAddr;
use std::time::{Duration, Instant};

use super::gcra::Nanos;
use super::network;
use super::rate::Rate;
use super::table::Table;

/// What each address may spend, an IPv6 network of 64 bits being one. As many addresses are
/// remembered as there are places, whatever comes.
#[derive(Debug)]
pub struct Budget {
    rate: Rate,
    table: Table,
    began: Instant,
}

impl Budget {
    /// Of that rate; nothing is spent before `began`.
    pub fn new(rate: Rate, began: Instant) -> Self {
        let table = Table::default();
        Self { rate, table, began }
    }

    /// Spends one of an address; the time until there is one more, if none is left.
    pub fn spend(&self, address: IpAddr, now: Instant) -> Result<(), Duration> {
        let since = now.saturating_duration_since(self.began);
        let since = Nanos::try_from(since.as_nanos()).unwrap_or(Nanos::MAX);
        let taken = self.table.take(network(address), self.rate.into(), since);
        taken.map(|_| ()).map_err(|level| level.more_in)
    }
}
