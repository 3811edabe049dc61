//! Listening sockets that somebody else opened: a service manager, or the gateway this one takes
//! over from.

use std::io;

use listenfd::ListenFd;
use socket2::SockRef;

use super::address::{Address, Socket};

/// What `LISTEN_FDNAMES` says of a socket nobody named: nothing, a word of the manager's, or the
/// name of its unit, which is the default.
const NAMELESS: [&str; 3] = ["", "unknown", "stored"];

/// The end of a unit's name.
const UNIT: &str = ".socket";

/// Listening sockets with the names of their listeners.
#[derive(Debug)]
pub struct Inherited {
    sockets: Vec<(Box<str>, Socket)>,
    /// The listeners whose sockets a predecessor has of a service manager.
    kept: Vec<Box<str>>,
    origin: Origin,
}

/// A listening socket on its way from a gateway to its successor.
#[derive(Debug)]
pub struct Passed {
    /// Its listener's name.
    pub name: Box<str>,
    /// Where the files of the predecessor want it to listen. It may really listen elsewhere, if a
    /// service manager or port 0 said so.
    pub written: Address,
    /// The socket.
    pub socket: Socket,
    /// Whether its file, if it has one, belongs to a service manager.
    pub kept: bool,
}

#[derive(Debug)]
enum Origin {
    /// Where they listen is the manager's to say; each must have its place.
    Activation,
    /// They serve listeners that are written as they were, here for each socket; others are let go.
    Predecessor(Vec<Address>),
}

/// Where an inherited socket may go.
#[derive(Clone, Debug)]
pub struct Place<'a> {
    /// The listener's name.
    pub name: &'a str,
    /// Where it listens according to the files.
    pub address: Address,
}

/// An inherited socket cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum InheritError {
    /// It is not what it should be.
    #[error("inherited socket {number} cannot be used")]
    Broken {
        /// Counted from 0, as it was passed.
        number: usize,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// There is no listener of that name.
    #[error("inherited socket {number} is named \"{name}\", and there is no such listener")]
    Name {
        /// Counted from 0.
        number: usize,
        /// What it is called.
        name: Box<str>,
    },
    /// It has no name, and every listener has a socket.
    #[error("inherited socket {number} has no name, and no listener is left for it")]
    Surplus {
        /// Counted from 0.
        number: usize,
    },
}

impl Inherited {
    /// What a service manager passed by `LISTEN_FDS`; `names` is the value of `LISTEN_FDNAMES`.
    /// Changes the environment: to be called before there are threads.
    pub fn from_manager(names: Option<&str>) -> Result<Self, InheritError> {
        let mut passed = ListenFd::from_env();
        let mut names = names.unwrap_or_default().split(':');
        let mut sockets = Vec::with_capacity(passed.len());
        for number in 0..passed.len() {
            let broken = |source| InheritError::Broken { number, source };
            // What is of the other kind stays where it is.
            let unix = passed.take_unix_listener(number).ok().flatten();
            let socket = match unix {
                Some(socket) => Some(Socket::Unix(socket)),
                None => passed
                    .take_tcp_listener(number)
                    .map_err(broken)?
                    .map(Socket::Tcp),
            };
            let socket = socket.ok_or_else(|| broken(io::ErrorKind::NotFound.into()))?;
            sockets.push((names.next().unwrap_or_default().into(), socket));
        }
        let inherited = Self {
            sockets,
            kept: Vec::new(),
            origin: Origin::Activation,
        };
        inherited.prepared()
    }

    /// What a predecessor passed.
    pub fn from_predecessor(passed: Vec<Passed>) -> Result<Self, InheritError> {
        let written = passed.iter().map(|passed| passed.written.clone()).collect();
        let kept = passed.iter().filter(|passed| passed.kept);
        let kept = kept.map(|passed| passed.name.clone()).collect();
        let sockets = passed
            .into_iter()
            .map(|passed| (passed.name, passed.socket));
        let inherited = Self {
            sockets: sockets.collect(),
            kept,
            origin: Origin::Predecessor(written),
        };
        inherited.prepared()
    }

    /// Workers never wait in `accept`.
    fn prepared(self) -> Result<Self, InheritError> {
        for (number, (_, socket)) in self.sockets.iter().enumerate() {
            let check = || {
                if !SockRef::from(socket).is_listener()? {
                    return Err(io::Error::other("it does not listen"));
                }
                socket.set_nonblocking(true)
            };
            check().map_err(|source| InheritError::Broken { number, source })?;
        }
        Ok(self)
    }

    /// Whether whoever passed them keeps them when this process is gone.
    pub const fn are_kept(&self) -> bool {
        matches!(self.origin, Origin::Activation)
    }

    /// The listeners whose sockets a service manager keeps, by way of the predecessor.
    pub fn kept(&self) -> Vec<Box<str>> {
        self.kept.clone()
    }

    /// The sockets of each place: those of its name, and, of a manager's, the nameless ones in
    /// their order, one for each place that has none.
    pub fn assign(self, places: &[Place<'_>]) -> Result<Vec<Vec<Socket>>, InheritError> {
        let mut assigned: Vec<Vec<Socket>> = places.iter().map(|_| Vec::new()).collect();
        let mut nameless = Vec::new();
        for (number, (name, socket)) in self.sockets.into_iter().enumerate() {
            let fits =
                |place: &Place<'_>| *place.name == *name && self.origin.allows(number, place);
            let place = places.iter().position(fits);
            match place.and_then(|place| assigned.get_mut(place)) {
                Some(sockets) => sockets.push(socket),
                None if matches!(self.origin, Origin::Predecessor(_)) => {
                    tracing::warn!(listener = &*name, "no longer listening there");
                }
                None if is_nameless(&name) => nameless.push((number, socket)),
                None => return Err(InheritError::Name { number, name }),
            }
        }
        for (number, socket) in nameless {
            let free = assigned.iter_mut().find(|sockets| sockets.is_empty());
            free.ok_or(InheritError::Surplus { number })?.push(socket);
        }
        Ok(assigned)
    }
}

fn is_nameless(name: &str) -> bool {
    NAMELESS.contains(&name) || name.ends_with(UNIT)
}

impl Origin {
    /// Whether a socket that bears a place's name may go there.
    fn allows(&self, number: usize, place: &Place<'_>) -> bool {
        match self {
            Self::Activation => true,
            Self::Predecessor(written) => written.get(number) == Some(&place.address),
        }
    }
}

impl Default for Inherited {
    /// Nothing was passed.
    fn default() -> Self {
        Self {
            sockets: Vec::new(),
            kept: Vec::new(),
            origin: Origin::Activation,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::{SocketAddr, TcpListener};

    use super::*;

    const ANY: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 0);

    fn listening() -> Socket {
        Socket::Tcp(TcpListener::bind(ANY).unwrap())
    }

    fn sockets(names: &[&str]) -> Vec<(Box<str>, Socket)> {
        let socket = |name: &&str| ((*name).into(), listening());
        names.iter().map(socket).collect()
    }

    /// Which of the passed sockets came to `one`, `two` and `admin`, by their places.
    #[track_caller]
    fn check(names: &[&str], expected: Result<[&[usize]; 3], &str>) {
        let passed = sockets(names);
        let addresses: Vec<_> = passed.iter().map(|it| it.1.address().unwrap()).collect();
        let inherited = Inherited {
            sockets: passed,
            kept: Vec::new(),
            origin: Origin::Activation,
        };
        let address = Address::Tcp(ANY);
        let places = ["one", "two", "admin"].map(|name| Place {
            name,
            address: address.clone(),
        });
        let number = |socket: &Socket| {
            let address = socket.address().unwrap();
            addresses
                .iter()
                .position(|known| *known == address)
                .unwrap()
        };
        let found = inherited.assign(&places);
        let found = found.map(|all| {
            let of = |sockets: &Vec<Socket>| sockets.iter().map(number).collect();
            all.iter().map(of).collect::<Vec<Vec<_>>>()
        });
        let expected = expected.map(|places| places.map(<[usize]>::to_vec).to_vec());
        assert_eq!(
            found.map_err(|error| error.to_string()),
            expected.map_err(Into::into)
        );
    }

    #[test]
    fn named_sockets_go_to_their_listeners_and_nameless_ones_in_order() {
        check(&[], Ok([&[], &[], &[]]));
        check(&["two", "admin"], Ok([&[], &[0], &[1]]));
        check(&["one", "one"], Ok([&[0, 1], &[], &[]]));
        check(&["", "one", "gateway.socket"], Ok([&[1], &[0], &[2]]));
        check(&["unknown", "unknown", "unknown"], Ok([&[0], &[1], &[2]]));
    }

    #[test]
    fn what_does_not_fit_is_an_error() {
        let name = "inherited socket 1 is named \"three\", and there is no such listener";
        check(&["one", "three"], Err(name));
        let surplus = "inherited socket 3 has no name, and no listener is left for it";
        check(&["", "", "", ""], Err(surplus));
    }

    fn passed(name: &str, written: SocketAddr) -> Passed {
        Passed {
            name: name.into(),
            written: written.into(),
            socket: listening(),
            kept: false,
        }
    }

    #[test]
    fn a_predecessors_sockets_serve_listeners_that_are_written_as_they_were() {
        let elsewhere = SocketAddr::new([127, 0, 0, 2].into(), 0);
        let places = ["one", "two"].map(|name| Place {
            name,
            address: ANY.into(),
        });
        let all = vec![
            passed("one", ANY),
            passed("two", elsewhere),
            passed("gone", ANY),
            passed("one", ANY),
        ];
        let assigned = Inherited::from_predecessor(all).unwrap().assign(&places);
        let assigned = assigned.unwrap();
        assert_eq!(assigned.iter().map(Vec::len).collect::<Vec<_>>(), [2, 0]);
    }

    #[test]
    fn a_socket_that_does_not_listen_is_refused() {
        let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None);
        let all = vec![Passed {
            socket: Socket::Tcp(socket.unwrap().into()),
            ..passed("one", ANY)
        }];
        let error = Inherited::from_predecessor(all).unwrap_err();
        assert_eq!(error.to_string(), "inherited socket 0 cannot be used");
    }
}
