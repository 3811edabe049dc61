//! Sockets that are bound long before anything is served.

use std::{
    fs, io,
    net::{SocketAddr, TcpListener},
    os::unix::{
        fs::{FileTypeExt as _, MetadataExt as _, PermissionsExt as _},
        net::UnixListener,
    },
    path::{Path, PathBuf},
    sync::Arc,
};

use rustix::fs::{FlockOperation, Mode, fchmod, flock};
use socket2::{Domain, Protocol, SockAddr, Socket as Raw, Type};

use super::address::{Address, Socket};
use crate::metrics::Door;
use crate::tls::Front;

/// Connections the kernel keeps for us while we are busy.
const BACKLOG: i32 = 4096;

/// Who may come to a Unix socket unless somebody says otherwise: its owner.
pub const MODE: u32 = 0o600;

/// An address to listen on, and how.
#[derive(Clone, Debug)]
pub struct Listener {
    /// Port 0 lets the kernel choose.
    pub address: Address,
    /// Who may come to a Unix socket, as permission bits.
    pub mode: u32,
    /// Plain text when absent.
    pub tls: Option<Arc<Front>>,
    /// Where its connections are counted.
    pub counts: Door,
}

impl Listener {
    /// At this address, without TLS, counted nowhere.
    pub fn at(address: impl Into<Address>) -> Self {
        Self {
            address: address.into(),
            mode: MODE,
            tls: None,
            counts: Door::default(),
        }
    }
}

/// An address could not be listened on.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {address}")]
pub struct BindError {
    /// The address, as configured.
    pub address: Address,
    /// What the kernel said.
    #[source]
    pub source: io::Error,
}

/// One listening socket for each worker on one address; of a path there is one for all.
pub(super) fn bind(listener: &Listener, workers: usize) -> Result<Vec<Socket>, BindError> {
    let bound = match &listener.address {
        Address::Tcp(address) => sockets(*address, workers),
        Address::Unix(path) => at_path(path, listener.mode).map(|it| vec![Socket::Unix(it)]),
    };
    bound.map_err(|source| BindError {
        address: listener.address.clone(),
        source,
    })
}

/// For each worker duplicates of the sockets that it accepts on. Every socket has a worker, and
/// every worker a socket: where workers share one, the kernel wakes all of them for a connection
/// and the first takes it, which costs the others a system call.
pub(super) fn spread(sockets: &[Socket], workers: usize) -> io::Result<Vec<Vec<Socket>>> {
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

/// The file of a Unix socket that is ours to take away.
#[derive(Debug)]
pub(super) struct File {
    path: PathBuf,
    identity: Identity,
}

/// Device, number, and when it was made: another file may have the path by then, and the number.
type Identity = (u64, u64, i64, i64);

impl File {
    /// The socket at this path.
    pub(super) fn at(path: &Path) -> io::Result<Self> {
        Ok(Self {
            path: path.to_path_buf(),
            identity: identity(path)?,
        })
    }

    /// Whether it is the file of this address.
    pub(super) fn is(&self, address: &Address) -> bool {
        matches!(address, Address::Unix(path) if **path == *self.path)
    }

    /// Takes it away, unless somebody else has put another one there.
    pub(super) fn remove(&self) {
        if identity(&self.path).is_ok_and(|found| found == self.identity) {
            let _ = fs::remove_file(&self.path);
        }
    }

    /// Who may come.
    pub(super) fn permit(&self, mode: u32) -> io::Result<()> {
        fs::set_permissions(&self.path, fs::Permissions::from_mode(mode))
    }
}

fn identity(path: &Path) -> io::Result<Identity> {
    let found = fs::symlink_metadata(path)?;
    Ok((found.dev(), found.ino(), found.mtime(), found.mtime_nsec()))
}

/// A socket at a path. One that was left behind by a process that is gone is taken away; one behind
/// which somebody listens is not.
fn at_path(path: &Path, mode: u32) -> io::Result<UnixListener> {
    let folder = path.parent().unwrap_or_else(|| Path::new("/"));
    let folder = fs::File::open(folder)?;
    // Of two processes that start at the same time one must not take the other's away. Where a
    // folder cannot be locked, that stays possible.
    let _ = flock(&folder, FlockOperation::LockExclusive);
    clear(path)?;
    let socket = Raw::new(Domain::UNIX, Type::STREAM, None)?;
    socket.set_nonblocking(true)?;
    // The file is made with these bits and without those of the umask, so never with too many.
    fchmod(&socket, Mode::from_raw_mode(mode))?;
    socket.bind(&SockAddr::unix(path)?)?;
    let open = || {
        // Nobody can connect before `listen`: by then the bits are what they shall be.
        fs::set_permissions(path, fs::Permissions::from_mode(mode))?;
        socket.listen(BACKLOG)
    };
    open().inspect_err(|_| {
        let _ = fs::remove_file(path);
    })?;
    Ok(socket.into())
}

/// Makes room for a socket.
fn clear(path: &Path) -> io::Result<()> {
    let found = match fs::symlink_metadata(path) {
        Ok(found) => found,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    if !found.file_type().is_socket() {
        let what = "there is a file that is no socket";
        return Err(io::Error::new(io::ErrorKind::AlreadyExists, what));
    }
    let probe = Raw::new(Domain::UNIX, Type::STREAM, None)?;
    // A full queue is no reason to wait: somebody listens.
    probe.set_nonblocking(true)?;
    match probe.connect(&SockAddr::unix(path)?) {
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => fs::remove_file(path),
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Err(error),
        _ => Err(io::ErrorKind::AddrInUse.into()),
    }
}

fn sockets(mut address: SocketAddr, workers: usize) -> io::Result<Vec<Socket>> {
    // Sockets that share a port do so with any process of the same user: ask for it alone first,
    // so that a second gateway is told instead of taking half of the connections.
    if address.port() != 0 {
        socket(address, Sharing::Alone)?;
    }
    let mut sockets = Vec::with_capacity(workers);
    for _ in 0..workers {
        let socket = socket(address, Sharing::Shared)?;
        address = socket.local_addr()?;
        sockets.push(Socket::Tcp(socket));
    }
    Ok(sockets)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Sharing {
    Alone,
    Shared,
}

fn socket(address: SocketAddr, sharing: Sharing) -> io::Result<TcpListener> {
    let socket = Raw::new(
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
        let sockets = bind(&Listener::at(ANY), 3).unwrap();
        let address = sockets[0].address().unwrap();
        assert_ne!(address.tcp().unwrap().port(), 0);
        for socket in &sockets {
            assert_eq!(socket.address().unwrap(), address);
        }
    }

    #[test]
    fn an_address_in_use_is_reported_with_its_name() {
        let sockets = bind(&Listener::at(ANY), 2).unwrap();
        let address = sockets[0].address().unwrap();
        let error = bind(&Listener::at(address.clone()), 2).unwrap_err();
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
                .map(|_| Socket::Tcp(TcpListener::bind(ANY).unwrap()))
                .collect();
            let spread = spread(&bound, workers).unwrap();
            assert_eq!(spread.iter().map(Vec::len).collect::<Vec<_>>(), each);
        }
    }

    #[test]
    fn a_path_is_taken_over_from_the_dead_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("scan.sock");
        let listen = |mode| {
            let address = Address::Unix(path.as_path().into());
            let mut listener = Listener::at(address);
            listener.mode = mode;
            bind(&listener, 3).map_err(|error| error.source.kind())
        };
        for mode in [0o600, 0o660, 0o666] {
            let sockets = listen(mode).unwrap();
            assert_eq!(sockets.len(), 1);
            let found = fs::symlink_metadata(&path).unwrap();
            assert_eq!(found.permissions().mode() & 0o7777, mode);
            assert_eq!(listen(mode).unwrap_err(), io::ErrorKind::AddrInUse);
            // The file stays behind, as after `kill -9`.
            drop(sockets);
        }
        let file = File::at(&path).unwrap();
        // A file's time goes by the kernel's tick.
        std::thread::sleep(std::time::Duration::from_millis(50));
        let other = listen(0o600).unwrap();
        file.remove();
        assert!(path.exists(), "somebody else's");
        File::at(&path).unwrap().remove();
        assert!(!path.exists());
        drop(other);
        fs::write(&path, "precious").unwrap();
        assert_eq!(listen(0o600).unwrap_err(), io::ErrorKind::AlreadyExists);
        fs::remove_file(&path).unwrap();
        drop(folder);
        assert_eq!(listen(0o600).unwrap_err(), io::ErrorKind::NotFound);
    }
}
