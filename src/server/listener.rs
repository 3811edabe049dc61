//! Sockets that are bound long before anything is served.

use std::{
    io,
    net::{SocketAddr, TcpListener},
    sync::Arc,
};

use socket2::{Domain, Protocol, Socket, Type};

/// Connections the kernel keeps for us while we are busy.
const BACKLOG: i32 = 4096;

/// An address to listen on, and how.
#[derive(Clone, Debug)]
pub struct Listener {
    /// Port 0 lets the kernel choose.
    pub address: SocketAddr,
    /// Plain text when absent.
    pub tls: Option<Arc<rustls::ServerConfig>>,
}

/// An address could not be listened on.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {address}")]
pub struct BindError {
    /// The address, as configured.
    pub address: SocketAddr,
    /// What the kernel said.
    #[source]
    pub source: io::Error,
}

/// One listening socket for each worker on one address, and the address itself.
pub(super) fn bind(
    address: SocketAddr,
    workers: usize,
) -> Result<(SocketAddr, Vec<TcpListener>), BindError> {
    sockets(address, workers).map_err(|source| BindError { address, source })
}

fn sockets(mut address: SocketAddr, workers: usize) -> io::Result<(SocketAddr, Vec<TcpListener>)> {
    // Sockets that share a port do so with any process of the same user: ask for it alone first,
    // so that a second gateway is told instead of taking half of the connections.
    if address.port() != 0 {
        socket(address, Sharing::Alone)?;
    }
    let mut sockets = Vec::with_capacity(workers);
    for _ in 0..workers {
        let socket = socket(address, Sharing::Shared)?;
        address = socket.local_addr()?;
        sockets.push(socket);
    }
    Ok((address, sockets))
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Sharing {
    Alone,
    Shared,
}

fn socket(address: SocketAddr, sharing: Sharing) -> io::Result<TcpListener> {
    let socket = Socket::new(
        Domain::for_address(address),
        Type::STREAM,
        Some(Protocol::TCP),
    )?;
    socket.set_reuse_address(true)?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    if sharing == Sharing::Shared {
        socket.set_reuse_port(true)?;
    }
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    if sharing == Sharing::Shared {
        socket.listen(BACKLOG)?;
    }
    Ok(socket.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_worker_gets_the_port_the_first_one_got() {
        let (address, sockets) = bind(([127, 0, 0, 1], 0).into(), 3).unwrap();
        assert_ne!(address.port(), 0);
        for socket in &sockets {
            assert_eq!(socket.local_addr().unwrap(), address);
        }
    }

    #[test]
    fn an_address_in_use_is_reported_with_its_name() {
        let (address, _sockets) = bind(([127, 0, 0, 1], 0).into(), 2).unwrap();
        let error = bind(address, 2).unwrap_err();
        assert_eq!(error.source.kind(), io::ErrorKind::AddrInUse);
        assert_eq!(error.to_string(), format!("cannot listen on {address}"));
    }
}
