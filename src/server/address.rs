//! Where one listens: a port, or a path.

use std::fmt::{self, Write as _};
use std::io;
use std::net::{IpAddr, SocketAddr, TcpListener};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::str::FromStr;
use std::sync::Arc;

use rustix::net::{AddressFamily, sockopt::socket_domain};

/// What a path begins with where an address is written.
const UNIX: &str = "unix:";

/// The longest path of a socket: `sun_path` has 108 bytes with its end (unix(7)).
pub const MAX_PATH: usize = 107;

/// Where one listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    /// Address and port.
    Tcp(SocketAddr),
    /// A file; absolute.
    Unix(Arc<Path>),
}

/// What is written is no address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// It is neither form.
    #[error("expected IP:PORT, such as \"0.0.0.0:8080\", or \"unix:/PATH\"")]
    Form,
    /// The path does not begin at the root.
    #[error(
        "the path of a Unix socket must be absolute, such as \"unix:/run/multicode/scan.sock\""
    )]
    Relative,
    /// No system takes such a path.
    #[error(
        "the path of a Unix socket can have {MAX_PATH} bytes at most, and no control characters"
    )]
    Path,
}

impl Address {
    /// Address and port, where it has them.
    pub const fn tcp(&self) -> Option<SocketAddr> {
        match self {
            Self::Tcp(address) => Some(*address),
            Self::Unix(_) => None,
        }
    }
}

impl From<SocketAddr> for Address {
    fn from(address: SocketAddr) -> Self {
        Self::Tcp(address)
    }
}

impl<I: Into<IpAddr>> From<(I, u16)> for Address {
    fn from((address, port): (I, u16)) -> Self {
        Self::Tcp(SocketAddr::new(address.into(), port))
    }
}

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        let Some(path) = text.strip_prefix(UNIX) else {
            return text.parse().map(Self::Tcp).map_err(|_| AddressError::Form);
        };
        if !path.starts_with('/') || path.ends_with('/') {
            return Err(AddressError::Relative);
        }
        if path.len() > MAX_PATH || path.contains(char::is_control) {
            return Err(AddressError::Path);
        }
        Ok(Self::Unix(Path::new(path).into()))
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => address.fmt(f),
            Self::Unix(path) => write!(f, "{UNIX}{}", path.display()),
        }
    }
}

/// A listening socket of either kind.
#[derive(Debug)]
pub enum Socket {
    /// At a port.
    Tcp(TcpListener),
    /// At a path.
    Unix(UnixListener),
}

impl Socket {
    /// Another descriptor of the same socket.
    pub fn try_clone(&self) -> io::Result<Self> {
        match self {
            Self::Tcp(socket) => socket.try_clone().map(Self::Tcp),
            Self::Unix(socket) => socket.try_clone().map(Self::Unix),
        }
    }

    /// Whether `accept` comes back at once.
    pub fn set_nonblocking(&self, nonblocking: bool) -> io::Result<()> {
        match self {
            Self::Tcp(socket) => socket.set_nonblocking(nonblocking),
            Self::Unix(socket) => socket.set_nonblocking(nonblocking),
        }
    }

    /// Where it listens; none of a Unix socket without a path.
    pub fn address(&self) -> Option<Address> {
        match self {
            Self::Tcp(socket) => socket.local_addr().ok().map(Address::Tcp),
            Self::Unix(socket) => {
                let address = socket.local_addr().ok()?;
                Some(Address::Unix(address.as_pathname()?.into()))
            }
        }
    }
}

impl AsFd for Socket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Self::Tcp(socket) => socket.as_fd(),
            Self::Unix(socket) => socket.as_fd(),
        }
    }
}

impl TryFrom<OwnedFd> for Socket {
    type Error = io::Error;

    fn try_from(descriptor: OwnedFd) -> io::Result<Self> {
        Ok(match socket_domain(&descriptor)? {
            AddressFamily::UNIX => Self::Unix(descriptor.into()),
            AddressFamily::INET | AddressFamily::INET6 => Self::Tcp(descriptor.into()),
            _ => return Err(io::Error::other("neither TCP nor a Unix socket")),
        })
    }
}

/// An address as one word, for a message: what would end the word or the line is escaped.
pub(crate) fn word(address: &Address) -> String {
    let Address::Unix(path) = address else {
        return address.to_string();
    };
    let mut word = UNIX.to_owned();
    for &byte in path.as_os_str().as_bytes() {
        if byte.is_ascii_graphic() && byte != b'%' {
            word.push(char::from(byte));
        } else {
            // Writing to a string cannot fail.
            let _ = write!(word, "%{byte:02X}");
        }
    }
    word
}

/// The address of such a word.
pub(crate) fn from_word(word: &str) -> Option<Address> {
    let mut bytes = Vec::with_capacity(word.len());
    let mut rest = word.as_bytes();
    while let [first, after @ ..] = rest {
        rest = after;
        if *first == b'%' {
            let (digits, after) = after.split_at_checked(2)?;
            let digits = str::from_utf8(digits).ok()?;
            bytes.push(u8::from_str_radix(digits, 16).ok()?);
            rest = after;
        } else {
            bytes.push(*first);
        }
    }
    String::from_utf8(bytes).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_read_as_it_is_shown() {
        for text in ["127.0.0.1:80", "[::1]:0", "unix:/run/a b/50%.sock"] {
            let address: Address = text.parse().unwrap();
            assert_eq!(address.to_string(), text);
            let word = word(&address);
            assert!(!word.contains(' '));
            assert_eq!(from_word(&word), Some(address));
        }
    }

    #[test]
    fn what_is_no_address_is_refused() {
        let long = format!("unix:/{}", "x".repeat(MAX_PATH));
        for (text, expected) in [
            ("localhost", AddressError::Form),
            ("localhost:80", AddressError::Form),
            ("unix:", AddressError::Relative),
            ("unix:run/scan.sock", AddressError::Relative),
            ("unix:/run/", AddressError::Relative),
            ("unix:/run\n/a", AddressError::Path),
            (&long, AddressError::Path),
        ] {
            assert_eq!(text.parse::<Address>(), Err(expected), "{text}");
        }
        assert_eq!(from_word("unix:/%zz"), None);
        assert_eq!(from_word("unix:/%1"), None);
    }
}
