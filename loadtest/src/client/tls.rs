//! Whom the driver believes and what it shows.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::crypto::ring;
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName};

use crate::letter::Protocol;

/// TLS towards the gateway.
pub struct Trust {
    pub(super) config: Arc<ClientConfig>,
    pub(super) name: ServerName<'static>,
}

/// Why there is no TLS.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// Nobody is believed.
    #[error("{}: found no certificate that can be read, expected the authority's in PEM", .0.display())]
    Authority(PathBuf),
    /// What a terminal would show cannot be shown.
    #[error("{}: found no certificate with its key, expected both in PEM", .0.display())]
    Identity(PathBuf),
    /// The target's name is none that a certificate can have.
    #[error("found host `{0}`, expected a name or an address")]
    Name(String),
    /// The settings contradict each other.
    #[error("TLS cannot be set up")]
    Setup(#[from] rustls::Error),
}

impl Trust {
    /// Believes certificates of the authority in `ca` for `host`, and shows a certificate if one is given.
    pub fn new(
        host: &str,
        protocol: Protocol,
        ca: &Path,
        identity: Option<(&Path, &Path)>,
    ) -> Result<Self, TlsError> {
        let unread = || TlsError::Authority(ca.to_owned());
        let mut roots = RootCertStore::empty();
        let (good, _) = roots.add_parsable_certificates(certificates(ca).ok_or_else(unread)?);
        if good == 0 {
            return Err(unread());
        }
        let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()));
        let builder = builder.with_safe_default_protocol_versions()?;
        let builder = builder.with_root_certificates(roots);
        let mut config = match identity {
            None => builder.with_no_client_auth(),
            Some((cert, key)) => {
                let missing = |path: &Path| TlsError::Identity(path.to_owned());
                let chain = certificates(cert).ok_or_else(|| missing(cert))?;
                let key = PrivateKeyDer::from_pem_file(key).map_err(|_| missing(key))?;
                builder.with_client_auth_cert(chain, key)?
            }
        };
        let alpn: &[u8] = match protocol {
            Protocol::H1 => b"http/1.1",
            Protocol::H2 => b"h2",
        };
        config.alpn_protocols = vec![alpn.to_vec()];
        let name = ServerName::try_from(host.to_owned());
        Ok(Self {
            config: Arc::new(config),
            name: name.map_err(|_| TlsError::Name(host.to_owned()))?,
        })
    }
}

fn certificates(path: &Path) -> Option<Vec<CertificateDer<'static>>> {
    let found = CertificateDer::pem_file_iter(path).ok()?;
    let found: Vec<_> = found.collect::<Result<_, _>>().ok()?;
    (!found.is_empty()).then_some(found)
}

impl fmt::Debug for Trust {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Trust")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}
