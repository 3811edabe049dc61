//! Departments to try the gateway against: they answer in the shapes their real models are known by.
//!
//! Each serves a socket of its own, knows only codes of its own kind and refuses all others in its
//! own words, so that an answer proves which account a department was given. Persons are made up
//! from a hash of the account; no answer holds the account itself.
//!
//! What a department received stays in a bounded log: `GET /_mock/received`.

mod behaviour;
mod desk;
mod health;
mod insurance;
mod micropay;
mod payment;
mod person;
mod received;
mod wallet;
mod xml;

use std::fmt;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};

use axum::Router;
use thiserror::Error;

pub use self::behaviour::{Behaviour, Fault, NoSuchFault};
use self::desk::Desk;
pub use self::received::Received;
use crate::family::Kind;
use crate::random::Random;

/// A mock department.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Department {
    /// The health-card platform: JSON, `verifyQRCode`.
    Health,
    /// The insurance front end: JSON, `ec.query`.
    Insurance,
    /// Payment: XML `micropay` of WeChat, and an aggregator's JSON or form.
    Payment,
}

/// Where the departments listen and how they behave.
#[derive(Clone, Debug)]
pub struct Options {
    /// The health-card platform's address.
    pub health: SocketAddr,
    /// The insurance front end's address.
    pub insurance: SocketAddr,
    /// The payment department's address.
    pub payment: SocketAddr,
    /// How all of them behave at first.
    pub behaviour: Behaviour,
    /// Where the sequence of jitter and faults begins.
    pub seed: u64,
}

/// A department could not begin to listen.
#[derive(Debug, Error)]
#[error("the {department} department cannot listen on {address}")]
pub struct StartError {
    /// The department.
    pub department: Department,
    /// The address it was given.
    pub address: SocketAddr,
    /// What the system said.
    pub source: io::Error,
}

/// The three departments, not yet running.
#[derive(Debug)]
pub struct Departments;

/// Running departments; they stop when this is dropped.
#[derive(Debug)]
pub struct Running {
    health: Desk,
    insurance: Desk,
    payment: Desk,
}

impl Department {
    /// All departments, by name.
    pub const ALL: [Self; 3] = [Self::Health, Self::Insurance, Self::Payment];

    /// The department's word on the command line and in `/_mock/health`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Health => "health",
            Self::Insurance => "insurance",
            Self::Payment => "payment",
        }
    }

    /// A made-up account of the shape this department knows its people by.
    pub fn account(self, random: &mut Random) -> String {
        match self {
            Self::Health => (0..64)
                .map(|_| random.letter(b"0123456789ABCDEF"))
                .collect(),
            Self::Insurance => random.digits(28),
            Self::Payment => format!("13{}", random.digits(16)),
        }
    }

    /// The kind of account this department may see.
    pub const fn kind(self) -> Kind {
        match self {
            Self::Health => Kind::HealthCard,
            Self::Insurance => Kind::InsuranceVoucher,
            Self::Payment => Kind::Payment,
        }
    }

    fn router(self) -> Router {
        match self {
            Self::Health => health::router(),
            Self::Insurance => insurance::router(),
            Self::Payment => payment::router().merge(micropay::router()),
        }
    }
}

impl Options {
    const fn address(&self, department: Department) -> SocketAddr {
        match department {
            Department::Health => self.health,
            Department::Insurance => self.insurance,
            Department::Payment => self.payment,
        }
    }
}

impl Departments {
    /// Binds the three sockets and serves them on the current runtime; port 0 takes a free one.
    pub async fn start(options: &Options) -> Result<Running, StartError> {
        Ok(Running {
            health: open(Department::Health, options).await?,
            insurance: open(Department::Insurance, options).await?,
            payment: open(Department::Payment, options).await?,
        })
    }
}

impl Running {
    /// Where a department listens.
    pub const fn address(&self, department: Department) -> SocketAddr {
        self.desk(department).address()
    }

    /// What a department received so far, oldest first; the log keeps the latest 1024 requests.
    pub fn received(&self, department: Department) -> Vec<Received> {
        self.desk(department).received()
    }

    /// Empties the logs.
    pub fn forget(&self) {
        for department in Department::ALL {
            self.desk(department).forget();
        }
    }

    /// Makes a department behave otherwise from its next request on.
    pub fn behave(&self, department: Department, behaviour: Behaviour) {
        self.desk(department).behave(behaviour);
    }

    const fn desk(&self, department: Department) -> &Desk {
        match department {
            Department::Health => &self.health,
            Department::Insurance => &self.insurance,
            Department::Payment => &self.payment,
        }
    }
}

async fn open(department: Department, options: &Options) -> Result<Desk, StartError> {
    let address = options.address(department);
    let opened = Desk::open(department, address, options.behaviour, options.seed).await;
    opened.map_err(|source| StartError {
        department,
        address,
        source,
    })
}

impl Default for Options {
    /// Free ports of this machine, no delay, no faults.
    fn default() -> Self {
        let free = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        Self {
            health: free,
            insurance: free,
            payment: free,
            behaviour: Behaviour::default(),
            seed: 0,
        }
    }
}

impl fmt::Display for Department {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests;
