//! What the files say about choosing among endpoints and sparing them.

use std::time::Duration;

use http::uri::PathAndQuery;

use super::balance::Balance;
use super::breaker::Eject;

/// How an upstream's endpoints are chosen from, spared and watched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Who is next.
    pub balance: Balance,
    /// When an endpoint that fails gets nothing for a while.
    pub eject: Eject,
    /// How long one that comes back gets less than its share; it begins with a tenth.
    pub slow_start: Duration,
    /// Requests under way at one endpoint, over all workers.
    pub at_once: u32,
    /// Requests that may wait until an endpoint has room for another.
    pub queue: u32,
    /// How long they wait.
    pub queue_timeout: Duration,
    /// How endpoints are looked at when nobody asks.
    pub check: Option<Check>,
}

impl Default for Policy {
    /// More than a thousand requests under way at one backend of a hospital are no load but a fault
    /// of it. A few more may wait for a fifth of a second: a burst passes, and a person at a window
    /// does not notice; who waits longer is better told to come again.
    fn default() -> Self {
        Self {
            balance: Balance::default(),
            eject: Eject::default(),
            slow_start: Duration::from_secs(10),
            at_once: 1_024,
            queue: 128,
            queue_timeout: Duration::from_millis(200),
            check: None,
        }
    }
}

/// An active check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// What is done.
    pub probe: Probe,
    /// How often, a tenth earlier or later.
    pub interval: Duration,
    /// For the whole check.
    pub timeout: Duration,
    /// Good ones in a row that bring an endpoint back.
    pub rise: u16,
    /// Bad ones in a row that take it out.
    pub fall: u16,
}

impl Check {
    /// A check every five seconds that must be over within one; three bad ones in a row are no
    /// lost packet, and two good ones no accident.
    pub fn with(probe: Probe) -> Self {
        Self {
            probe,
            interval: Duration::from_secs(5),
            timeout: Duration::from_secs(1),
            rise: 2,
            fall: 3,
        }
    }
}

/// What an active check does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Probe {
    /// Makes a connection.
    Tcp,
    /// Gets a resource.
    Http {
        /// Which.
        path: PathAndQuery,
        /// What it must be answered with; none: any 2xx.
        statuses: Box<[u16]>,
    },
}
