//! Sockets that are bound long before anything is served.

use std::{
    io,
    net::{SocketAddr, TcpListener},
    sync::Arc,
};

use socket2::{Domain, Protocol, Socket, Type};

use crate::tls::Front;

/// Connections the kernel keeps for us while we are busy.
const BACKLOG: i32 = 4096;

/// An address to listen on, and how.
#[derive(Clone, Debug)]
pub struct Listener {
    /// Port 0 lets the kernel choose.
    pub address: SocketAddr,
    /// Plain text when absent.
    pub tls: Option<Arc<Front>>,
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

/// One listening socket for each worker on one address.
pub(super) fn bind(address: SocketAddr, workers: usize) -> Result<Vec<TcpListener>, BindError> {
    sockets(address, workers).map_err(|source| BindError { address, source })
}

/// For each worker duplicates of the sockets that it accepts on. Every socket has a worker, and
/// every worker a socket: where workers share one, the kernel wakes all of them for a connection
/// and the first takes it, which costs the others a system call.
pub(super) fn spread(sockets: &[TcpListener], workers: usize) -> io::Result<Vec<Vec<TcpListener>>> {
    let mut spread: Vec<Vec<_>> = (0..workers).map(|_| Vec::new()).collect();
    let turns = workers.max(sockets.len());
    let all = sockets.iter().cycle().take(turns);
    for (turn, socket) in all.enumerate() {
        if let Some(own) = spread.get_mut(turn % workers.max(1)) {
            own.push(socket.try_clone()?);
        }
    }
    Ok(spread)
}

fn sockets(mut address: SocketAddr, workers: usize) -> io::Result<Vec<TcpListener>> {
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
    Ok(sockets)
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

    const ANY: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 0);

    #[test]
    fn every_worker_gets_the_port_the_first_one_got() {
        let sockets = bind(ANY, 3).unwrap();
        let address = sockets[0].local_addr().unwrap();
        assert_ne!(address.port(), 0);
        for socket in &sockets {
            assert_eq!(socket.local_addr().unwrap(), address);
        }
    }

    #[test]
    fn an_address_in_use_is_reported_with_its_name() {
        let sockets = bind(ANY, 2).unwrap();
        let address = sockets[0].local_addr().unwrap();
        let error = bind(address, 2).unwrap_err();
        assert_eq!(error.source.kind(), io::ErrorKind::AddrInUse);
        assert_eq!(error.to_string(), format!("cannot listen on {address}"));
    }

    #[test]
    fn every_socket_has_a_worker_and_every_worker_a_socket() {
        for (sockets, workers, each) in [
            (1, 1, vec![1]),
            (1, 3, vec![1, 1, 1]),
            (3, 1, vec![3]),
            (3, 2, vec![2, 1]),
            (2, 2, vec![1, 1]),
        ] {
            let bound: Vec<_> = (0..sockets)
                .map(|_| TcpListener::bind(ANY).unwrap())
                .collect();
            let spread = spread(&bound, workers).unwrap();
            assert_eq!(spread.iter().map(Vec::len).collect::<Vec<_>>(), each);
        }
    }
}
