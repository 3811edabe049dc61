//! Whom we trust where we are the client, and who we say we are.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::client::WantsClientCert;
use rustls::sign::SingleCertAndKey;
use rustls::{ClientConfig, ConfigBuilder};
use rustls_pki_types::CertificateDer;
use sha2::{Digest as _, Sha256};

use super::files::{certificates, pair};
use super::{TlsError, provider, roots};

/// What an upstream needs whose certificates the authorities in this file have signed, and nobody
/// else.
pub fn client_config(ca: &Path) -> Result<Arc<ClientConfig>, TlsError> {
    Authority::read(ca).map(|authority| authority.config)
}

/// The certificate chain and key we show to servers that ask who we are, both PEM.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The chain, our own certificate first.
    pub cert: PathBuf,
    /// Its key.
    pub key: PathBuf,
}

/// The same with who we are, and the one protocol that is to be spoken inside (RFC 7301).
///
/// TLS 1.2 has only key exchanges with ephemeral keys here. Sessions are resumed, and nothing is
/// sent early: RFC 8446, section 8, "0-RTT data … can be replayed".
pub fn department_config(
    ca: &Path,
    identity: Option<&Identity>,
    protocol: &[u8],
) -> Result<Arc<ClientConfig>, TlsError> {
    let builder = builder(ca, certificates(ca)?)?;
    let mut config = match identity {
        None => builder.with_no_client_auth(),
        Some(Identity { cert, key }) => builder.with_client_cert_resolver(Arc::new(
            SingleCertAndKey::from(pair(certificates(cert)?, cert, key)?),
        )),
    };
    config.alpn_protocols = vec![protocol.to_vec()];
    config.enable_early_data = false;
    Ok(Arc::new(config))
}

/// Whom to trust about a server, and how to tell it from another.
#[derive(Clone)]
pub struct Authority {
    /// What connections are made with.
    pub config: Arc<ClientConfig>,
    /// SHA-256 of the certificates.
    pub digest: [u8; 32],
}

impl Authority {
    /// The authorities in this file, and nobody else.
    pub fn read(ca: &Path) -> Result<Self, TlsError> {
        let certificates = certificates(ca)?;
        let digest = certificates.iter().fold(Sha256::new(), |digest, one| {
            // Each is as long as its DER says, so that two never read like one.
            digest.chain_update(one)
        });
        Ok(Self {
            digest: digest.finalize().into(),
            config: trusting(ca, certificates)?,
        })
    }
}

impl std::fmt::Debug for Authority {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Authority").finish_non_exhaustive()
    }
}

fn trusting(
    ca: &Path,
    certificates: Vec<CertificateDer<'static>>,
) -> Result<Arc<ClientConfig>, TlsError> {
    let mut config = builder(ca, certificates)?.with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

fn builder(
    ca: &Path,
    certificates: Vec<CertificateDer<'static>>,
) -> Result<ConfigBuilder<ClientConfig, WantsClientCert>, TlsError> {
    let roots = roots(ca, certificates)?;
    let versions = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(TlsError::Versions)?;
    Ok(versions.with_root_certificates(roots))
}
