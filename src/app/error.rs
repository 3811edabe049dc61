//! Why a gateway does not start.

use std::error::Error;
use std::io;
use std::net::SocketAddr;

use crate::config::SecretError;
use crate::fetch::KeeperGone;
use crate::server::{BindError, InheritError};
use crate::state::{LedgerError, RedisError};
use crate::tls::TlsError;

/// Why a gateway does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The admin address is taken or not ours.
    #[error("cannot listen on {address} for operators")]
    Admin {
        /// The address.
        address: SocketAddr,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// A place the audit trail is sent to cannot be used.
    #[error("cannot use the trust roots of [audit.ship.{name}]")]
    Ship {
        /// Its name.
        name: Box<str>,
        /// What is wrong with them.
        #[source]
        source: Box<TlsError>,
    },
    /// A terminals' address is taken or not ours.
    #[error("cannot listen for terminals")]
    Bind(#[from] BindError),
    /// What only one process may hold cannot be opened.
    #[error("cannot open {name}")]
    Exclusive {
        /// What it is.
        name: Box<str>,
        /// Why.
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
    /// A socket that was passed to this process cannot be used.
    #[error(transparent)]
    Inherit(#[from] InheritError),
    /// Keys would never change.
    #[error(transparent)]
    Keys(#[from] KeeperGone),
    /// A password is no text.
    #[error("cannot use the password of [state]")]
    Password(#[source] SecretError),
    /// The system gives no randomness.
    #[error("the system gives no randomness")]
    Randomness,
    /// The memory of what was sent cannot be set up.
    #[error(transparent)]
    Ledger(LedgerError),
    /// Redis cannot be addressed like this.
    #[error("cannot use the redis of [state]")]
    Redis(#[source] RedisError),
    /// The trust roots of Redis cannot be read.
    #[error("cannot read \"ca\" of [state]")]
    RedisRoots(#[source] io::Error),
    /// Operators have one address.
    #[error("more than one inherited socket is for operators")]
    SecondAdmin,
    /// A certificate or key cannot be used.
    #[error("cannot use the certificates of listener {listener}")]
    Tls {
        /// The listener's name.
        listener: Box<str>,
        /// What is wrong with them.
        #[source]
        source: Box<TlsError>,
    },
    /// The trust roots of a department cannot be used.
    #[error("cannot use the trust roots of upstream {upstream}")]
    Trust {
        /// The upstream's name.
        upstream: Box<str>,
        /// What is wrong with them.
        #[source]
        source: Box<TlsError>,
    },
    /// Operators have a port.
    #[error("the inherited socket for operators is a Unix socket, expected TCP")]
    UnixAdmin,
    /// A worker could not be started.
    #[error("cannot start a worker")]
    Worker(#[source] io::Error),
}
