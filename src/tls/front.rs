//! The TLS of a listener that is in use, and what becomes of handshakes.

use std::fmt;
use std::io;
use std::sync::Arc;

use arc_swap::ArcSwapOption;
use rustls::{CertificateError, Error, ServerConfig};

use crate::metrics::{Handshake, Handshakes};

/// What a listener speaks TLS with: replaced whole while connections come in. Those that are open go
/// on with what they began with.
pub struct Front {
    config: ArcSwapOption<ServerConfig>,
    failures: Handshakes,
}

impl fmt::Debug for Front {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Front").finish_non_exhaustive()
    }
}

impl Front {
    /// One that lets nobody in yet.
    pub fn closed(failures: Handshakes) -> Self {
        Self {
            config: ArcSwapOption::empty(),
            failures,
        }
    }

    /// Connections that come from now on are accepted with this.
    pub fn open(&self, config: Arc<ServerConfig>) {
        self.config.store(Some(config));
    }

    /// What connections are accepted with; nobody may come in while there is nothing.
    pub fn config(&self) -> Option<Arc<ServerConfig>> {
        self.config.load_full()
    }

    /// Counts a handshake that came to nothing.
    pub fn failed(&self, how: Handshake) {
        self.failures.count(how);
    }
}

impl From<Arc<ServerConfig>> for Front {
    fn from(config: Arc<ServerConfig>) -> Self {
        let front = Self::closed(Handshakes::default());
        front.open(config);
        front
    }
}

/// Why a handshake failed, by what the stream says of it.
pub fn failure(error: &io::Error) -> Handshake {
    let fault = error.get_ref();
    match fault.and_then(|fault| fault.downcast_ref::<Error>()) {
        None => Handshake::Closed,
        Some(Error::AlertReceived(_)) => Handshake::RefusedByClient,
        Some(Error::NoCertificatesPresented) => Handshake::NoCertificate,
        Some(Error::PeerIncompatible(_)) => Handshake::Incompatible,
        Some(Error::InvalidCertificate(found)) => of_certificate(found),
        Some(_) => Handshake::Protocol,
    }
}

fn of_certificate(found: &CertificateError) -> Handshake {
    use CertificateError as Found;
    match found {
        Found::Expired
        | Found::ExpiredContext { .. }
        | Found::NotValidYet
        | Found::NotValidYetContext { .. } => Handshake::Expired,
        Found::Revoked => Handshake::Revoked,
        Found::UnknownIssuer => Handshake::UnknownAuthority,
        Found::UnknownRevocationStatus => Handshake::UnknownRevocation,
        _ => Handshake::BadCertificate,
    }
}
