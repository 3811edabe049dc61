//! The sockets of a gateway: bound, or taken over from whoever bound them.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;

use super::{Overrides, StartError};
use crate::config::{self, Config, Limits};
use crate::metrics::{End, Ending, Metrics};
use crate::proxy::Fronts;
use crate::proxy::respond::Refusal;
use crate::reason::Reason;
use crate::server::{
    self, Address, Fault, Inherited, Listener, Passed, Patience, Place, Refusals, Rules, Server,
    Socket, descriptors,
};
use crate::time::Timestamp;
use crate::tls::{self, Front};

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
    /// What each listener speaks TLS with.
    pub(super) fronts: Fronts,
}

impl Doors {
    /// Takes over what is inherited and binds the rest.
    pub(super) fn open(
        config: &Config,
        overrides: Overrides,
        inherited: Inherited,
        metrics: &Metrics,
    ) -> Result<Self, StartError> {
        let listeners = listeners(config, overrides.listen, metrics);
        let fronts = listeners.iter().map(|it| it.tls.clone()).collect();
        let admin = overrides
            .admin
            .or_else(|| Some(config.admin.as_ref()?.address));
        let names: Vec<_> = config.listeners.iter().map(|it| it.name.clone()).collect();
        let places = names.iter().zip(&listeners).map(|(name, listener)| Place {
            name,
            address: listener.address.clone(),
        });
        let places = places.chain(admin.map(|address| Place {
            name: ADMIN,
            address: address.into(),
        }));
        let places: Vec<_> = places.collect();
        let (are_kept, kept) = (inherited.are_kept(), inherited.kept());
        let mut inherited = inherited.assign(&places)?;
        // Longer than the listeners only by the operators' place.
        let mut for_admin = inherited.split_off(listeners.len()).into_iter().flatten();
        let admin_written = admin;
        let admin = match (for_admin.next(), admin) {
            (Some(Socket::Tcp(socket)), _) => Some(socket),
            (Some(Socket::Unix(_)), _) => return Err(StartError::UnixAdmin),
            (None, Some(address)) => Some(bind_admin(address)?),
            (None, None) => None,
        };
        if for_admin.next().is_some() {
            return Err(StartError::SecondAdmin);
        }
        let Limits {
            workers,
            fast_lane,
            header_timeout,
            idle_timeout,
            ..
        } = config.limits;
        let config = server::Config {
            listeners,
            workers: overrides.workers.unwrap_or(workers),
            rules: rules(&config.listeners, config.limits),
            patience: Patience {
                header: header_timeout,
                idle: idle_timeout,
            },
            refusals: refusals(),
            fast_lane: overrides.fast_lane.unwrap_or(fast_lane),
            clock: super::now,
        };
        let mut server = Server::bind_beside(config, inherited, are_kept)?;
        for place in names.iter().enumerate().filter(|it| kept.contains(it.1)) {
            server.disown(place.0);
        }
        Ok(Self {
            server,
            admin,
            admin_written,
            names,
            fronts,
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
        let mut pass = |name: &str, written: Address, socket: Socket, kept: bool| {
            passed.push(Passed {
                name: name.into(),
                written,
                socket,
                kept,
            });
        };
        let all = self.names.iter().zip(self.server.sockets()).enumerate();
        for (place, (name, (written, sockets))) in all {
            let kept = self.server.is_kept(place);
            for socket in sockets {
                pass(name, written.clone(), socket.try_clone()?, kept);
            }
        }
        if let (Some(written), Some(socket)) = (self.admin_written, &self.admin) {
            let socket = Socket::Tcp(socket.try_clone()?);
            pass(ADMIN, written.into(), socket, false);
        }
        Ok(passed)
    }
}

/// Whom the listeners let in.
pub(super) fn rules(listeners: &[config::Listener], limits: Limits) -> Rules {
    Rules {
        connections: limits.connections,
        per_address: limits.connections_per_address,
        proxied: listeners.iter().map(|it| it.proxied.clone()).collect(),
    }
}

fn listeners(config: &Config, first: Option<Address>, metrics: &Metrics) -> Vec<Listener> {
    let overrides = std::iter::once(first).chain(std::iter::repeat(None));
    let listeners = config.listeners.iter().zip(overrides);
    let listeners = listeners.map(|(listener, address)| Listener {
        address: address.unwrap_or_else(|| listener.address.clone()),
        mode: listener.mode,
        tls: listener.tls.as_ref().map(|_| {
            let failures = metrics.handshakes(&listener.name);
            Arc::new(Front::closed(failures))
        }),
        counts: metrics.door(&listener.name),
    });
    listeners.collect()
}

/// What the listeners' files hold, in the order of the listeners; none where plain text is spoken.
#[derive(Debug)]
pub(super) struct Certificates(Vec<(Box<str>, Option<tls::Server>)>);

impl Certificates {
    /// Reads all files.
    pub(super) fn read(listeners: &[config::Listener]) -> Result<Self, StartError> {
        let read = listeners.iter().map(|listener| {
            let tls = listener.tls.as_ref();
            let server = tls.map(|tls| tls::Server::read(&tls.files)).transpose();
            let server = server.map_err(|source| StartError::Tls {
                listener: listener.name.clone(),
                source: source.into(),
            })?;
            Ok((listener.name.clone(), server))
        });
        read.collect::<Result<_, _>>().map(Self)
    }

    /// From now on connections are accepted with them. There is nothing left that could fail.
    pub(super) fn show(self, fronts: &[Option<Arc<Front>>], metrics: &Metrics) {
        let endings = self.0.iter().flat_map(|(name, server)| {
            let server = server.as_ref();
            server.into_iter().flat_map(|server| endings(name, server))
        });
        metrics.endings(&endings.collect::<Vec<_>>());
        for ((_, server), front) in self.0.into_iter().zip(fronts) {
            if let (Some(server), Some(front)) = (server, front) {
                front.open(server.config);
            }
        }
    }
}

/// Everything of a listener that ends.
fn endings<'a>(listener: &'a str, server: &'a tls::Server) -> Vec<Ending<'a>> {
    let ending = |certificate, of, at: Option<Timestamp>| {
        at.map(|at| Ending {
            listener,
            certificate,
            of,
            at,
        })
    };
    let shown = server.shown.iter().flat_map(|shown| {
        let ends = Some(shown.leaf.not_after);
        [
            ending(&shown.name, End::Certificate, ends),
            ending(&shown.name, End::Staple, shown.staple_ends),
        ]
    });
    let clients = [
        ending("", End::Authorities, server.authorities_end),
        ending("", End::Lists, server.lists_end),
    ];
    shown.chain(clients).flatten().collect()
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
    let fault = |fault: Fault| {
        let reason = if fault.is_excess() {
            Reason::TooLarge
        } else {
            Reason::MalformedRequest
        };
        (fault, Refusal::because(reason, fault.to_string()).message())
    };
    Refusals {
        faults: Fault::ALL.map(fault).into(),
        malformed: message(Reason::MalformedRequest),
        overloaded: message(Reason::Overloaded),
        too_large: message(Reason::TooLarge),
        too_slow: message(Reason::TooSlow),
    }
}
