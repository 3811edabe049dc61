//! The sockets of a gateway: bound, or taken over from whoever bound them.

use std::io;
use std::net::{SocketAddr, TcpListener};

use super::{Overrides, StartError};
use crate::config::{Config, Limits};
use crate::proxy::respond::Refusal;
use crate::reason::Reason;
use crate::server::{
    self, Inherited, Listener, Passed, Patience, Place, Refusals, Server, descriptors,
};
use crate::tls;

/// What the operators' socket is called among those that are passed from process to process.
pub(super) const ADMIN: &str = "admin";

/// Every socket of a gateway, and what may come in there.
#[derive(Debug)]
pub(super) struct Doors {
    pub(super) server: Server,
    pub(super) admin: Option<TcpListener>,
    /// Where the files want operators to come in.
    admin_written: Option<SocketAddr>,
    names: Vec<Box<str>>,
}

impl Doors {
    /// Takes over what is inherited and binds the rest.
    pub(super) fn open(
        config: &Config,
        overrides: Overrides,
        inherited: Inherited,
    ) -> Result<Self, StartError> {
        let listeners = listeners(config, overrides.listen)?;
        let admin = overrides
            .admin
            .or_else(|| Some(config.admin.as_ref()?.address));
        let names: Vec<_> = config.listeners.iter().map(|it| it.name.clone()).collect();
        let places = names.iter().zip(&listeners).map(|(name, listener)| Place {
            name,
            address: listener.address,
        });
        let places = places.chain(admin.map(|address| Place {
            name: ADMIN,
            address,
        }));
        let places: Vec<_> = places.collect();
        let mut inherited = inherited.assign(&places)?;
        // Longer than the listeners only by the operators' place.
        let mut for_admin = inherited.split_off(listeners.len()).into_iter().flatten();
        let admin_written = admin;
        let admin = match (for_admin.next(), admin) {
            (Some(socket), _) => Some(socket),
            (None, Some(address)) => Some(bind_admin(address)?),
            (None, None) => None,
        };
        if for_admin.next().is_some() {
            return Err(StartError::SecondAdmin);
        }
        let Limits {
            workers,
            connections,
            header_timeout,
            idle_timeout,
            ..
        } = config.limits;
        let config = server::Config {
            listeners,
            workers: overrides.workers.unwrap_or(workers),
            connections,
            patience: Patience {
                header: header_timeout,
                idle: idle_timeout,
            },
            refusals: refusals(),
        };
        let server = Server::bind_beside(config, inherited)?;
        Ok(Self {
            server,
            admin,
            admin_written,
            names,
        })
    }

    /// Lets in no more than the process's limit of open files bears.
    pub(super) fn hold_to_descriptors(&mut self, configured: usize) {
        let allowed = descriptors::connections_allowed(self.server.workers());
        if let Some(allowed) = allowed.filter(|allowed| *allowed < configured) {
            tracing::warn!(
                configured,
                allowed,
                "the limit of open files allows fewer connections than configured"
            );
            self.server.allow_at_most(allowed);
        }
    }

    /// Every listening socket, for a successor.
    pub(super) fn passed(&self) -> io::Result<Vec<Passed>> {
        let mut passed = Vec::new();
        let mut pass = |name: &str, written, socket: &TcpListener| {
            passed.push(Passed {
                name: name.into(),
                written,
                socket: socket.try_clone()?,
            });
            io::Result::Ok(())
        };
        for (name, (written, sockets)) in self.names.iter().zip(self.server.sockets()) {
            sockets
                .iter()
                .try_for_each(|socket| pass(name, written, socket))?;
        }
        if let (Some(written), Some(socket)) = (self.admin_written, &self.admin) {
            pass(ADMIN, written, socket)?;
        }
        Ok(passed)
    }
}

fn listeners(config: &Config, first: Option<SocketAddr>) -> Result<Vec<Listener>, StartError> {
    let overrides = std::iter::once(first).chain(std::iter::repeat(None));
    let listener = |(listener, address): (&crate::config::Listener, Option<SocketAddr>)| {
        let tls = listener
            .tls
            .as_ref()
            .map(|tls| tls::server_config(&tls.cert, &tls.key))
            .transpose();
        let tls = tls.map_err(|source| StartError::Tls {
            listener: listener.name.clone(),
            source: source.into(),
        })?;
        Ok(Listener {
            address: address.unwrap_or(listener.address),
            tls,
        })
    };
    config
        .listeners
        .iter()
        .zip(overrides)
        .map(listener)
        .collect()
}

fn bind_admin(address: SocketAddr) -> Result<TcpListener, StartError> {
    let bind = || {
        let listener = TcpListener::bind(address)?;
        listener.set_nonblocking(true)?;
        Ok(listener)
    };
    bind().map_err(|source| StartError::Admin { address, source })
}

fn refusals() -> Refusals {
    let message = |reason| Refusal::from(reason).message();
    Refusals {
        malformed: message(Reason::MalformedRequest),
        overloaded: message(Reason::Overloaded),
        too_large: message(Reason::TooLarge),
        too_slow: message(Reason::TooSlow),
    }
}
