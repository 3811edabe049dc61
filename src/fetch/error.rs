//! Why something could not be had.

use std::io;
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use http::Uri;
use rustls::{CertificateError, Error as TlsFault};

use crate::keyfile::FileError;
use crate::trust::Rejected;
use crate::trust::material::MaterialError;
use crate::trust::revocation::ListError;

/// Why there is nothing new from an issuer.
#[derive(Debug, thiserror::Error)]
pub enum Unfetched {
    /// Nobody listens there.
    #[error("cannot connect")]
    Connect(#[source] io::Error),
    /// A coding that was not asked for; nothing here undoes one.
    #[error("found a compressed answer, expected a plain one")]
    Encoded,
    /// A set without a key in it never replaces one with keys.
    #[error("a key set without a key")]
    Empty,
    /// A list that takes nothing back never replaces one that does: an answer cut to nothing would
    /// give everything back.
    #[error("a revocation list without an entry, where the last one had some")]
    EmptyList,
    /// The gateway could not do its part.
    #[error("a fault of the gateway")]
    Fault,
    /// The file or folder cannot be used.
    #[error("{}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        source: FileError,
    },
    /// Something else than HTTP came back, or the connection broke.
    #[error("no whole answer in HTTP")]
    Http(#[source] hyper::Error),
    /// The name leads to a machine inside.
    #[error("the name leads to {0}, which is not a public address (private_addresses = false)")]
    Inside(IpAddr),
    /// The list cannot be read.
    #[error("not a revocation list")]
    List(#[source] ListError),
    /// What came is no key material.
    #[error("not a set of keys")]
    Material(#[source] MaterialError),
    /// The name leads nowhere.
    #[error("the name cannot be resolved")]
    Name(#[source] io::Error),
    /// A redirect to another host, port or scheme.
    #[error("a redirect to another origin, {0}")]
    OffOrigin(Box<str>),
    /// A version of a card list from before the one that is known.
    #[error("a revocation list whose ctr {found} is before the known {known}")]
    OlderList {
        /// The answer's `ctr`.
        found: u64,
        /// The one in force.
        known: u64,
    },
    /// One redirect after the other.
    #[error("too many redirects")]
    Redirects,
    /// Every key of the set was rejected.
    #[error("none of {keys} keys can be used; {}: {}", first.id, first.reason)]
    Rejected {
        /// How many there are.
        keys: usize,
        /// What is wrong with the first of them.
        first: Rejected,
    },
    /// Another status than 200.
    #[error("status {0}, expected 200")]
    Status(u16),
    /// A redirect or an address that cannot be followed.
    #[error("an address that cannot be followed")]
    Target,
    /// No answer within the time for one.
    #[error("no whole answer within {} s", .0.as_secs_f32())]
    TimedOut(Duration),
    /// The server is not who it should be, or speaks no TLS.
    #[error("no TLS with the server")]
    Tls(#[source] io::Error),
    /// The server has a certificate of somebody else's.
    #[error("its certificate is not vouched for by the configured ca")]
    Unvouched,
    /// Longer than anything of its kind may be.
    #[error("longer than {limit} bytes")]
    TooLong {
        /// The most.
        limit: usize,
    },
}

/// The longest name shown of an origin that a server wants us sent to.
const LONGEST_ORIGIN: usize = 100;

impl Unfetched {
    /// Tells the usual mistake, a wrong `ca`, from others.
    pub(super) fn handshake(error: io::Error) -> Self {
        let inner = error.get_ref().and_then(|it| it.downcast_ref());
        match inner {
            Some(TlsFault::InvalidCertificate(
                CertificateError::UnknownIssuer | CertificateError::BadSignature,
            )) => Self::Unvouched,
            _ => Self::Tls(error),
        }
    }

    /// Names the origin, without what else an address may hold.
    pub(super) fn off_origin(uri: &Uri) -> Self {
        let scheme = uri.scheme_str().unwrap_or_default();
        let port = uri.port_u16().map(|port| format!(":{port}"));
        let host = uri.host().unwrap_or_default();
        let origin = format!("{scheme}://{host}{}", port.unwrap_or_default());
        Self::OffOrigin(origin.chars().take(LONGEST_ORIGIN).collect())
    }
}
