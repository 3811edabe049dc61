//! Why nothing can be made of a file.

use std::{io, path::PathBuf};

use rustls::server::VerifierBuilderError;
use rustls_pki_types::pem;
use x509_cert::der;

use super::{lists::ListError, staple::StapleError};

/// A file from which no TLS configuration can be made.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A certificate of an authority that cannot be trusted as a root.
    #[error("{}: certificate {index} cannot be a trust root", path.display())]
    Authority {
        /// The file.
        path: PathBuf,
        /// Which of its certificates, from 1.
        index: usize,
        /// What is wrong with it.
        #[source]
        source: rustls::Error,
    },
    /// The certificate and the key are no pair that can be used.
    #[error("{} and {} do not make a usable pair", cert.display(), key.display())]
    Pair {
        /// The certificate's file.
        cert: PathBuf,
        /// The key's file.
        key: PathBuf,
        /// What is wrong with them.
        #[source]
        source: rustls::Error,
    },
    /// Others than its owner may use a file with a private key.
    #[error("{}: mode {mode:04o}, expected a file only its owner may use", path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// The text is not PEM.
    #[error("{}: broken PEM", path.display())]
    Pem {
        /// The file.
        path: PathBuf,
        /// Where it breaks.
        #[source]
        source: pem::Error,
    },
    /// The file cannot be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The file holds something else.
    #[error("{}: found {found}, expected {expected}", path.display())]
    Unexpected {
        /// The file.
        path: PathBuf,
        /// What it holds, by the first PEM label in it.
        found: &'static str,
        /// What it should hold.
        expected: &'static str,
    },
    /// The provider does not have the protocol versions we ask for.
    #[error("the protocol versions are not available")]
    Versions(#[source] rustls::Error),
    /// The file is longer than anything of its kind.
    #[error("{}: longer than {limit} bytes", path.display())]
    TooLong {
        /// The file.
        path: PathBuf,
        /// The longest.
        limit: usize,
    },
    /// The certificate can be shown to nobody.
    #[error("{}: the first certificate cannot be read", path.display())]
    Leaf {
        /// The file.
        path: PathBuf,
        /// Where it breaks.
        #[source]
        source: der::Error,
    },
    /// The lists of what was taken back do not go with the authorities.
    #[error("{}: {source}", path.display())]
    Lists {
        /// The file.
        path: PathBuf,
        /// Why.
        source: ListError,
    },
    /// The file holds no list of certificates that were taken back.
    #[error("{}: not a revocation list that can be used", path.display())]
    List {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        source: VerifierBuilderError,
    },
    /// What is to be stapled does not belong to the certificate.
    #[error("{}: {source}", path.display())]
    Staple {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: StapleError,
    },
}
