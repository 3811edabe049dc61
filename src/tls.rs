//! TLS on both sides: our certificate towards terminals, their authority towards upstreams.
//!
//! The `ring` provider is named wherever one is needed, so that no process-wide default can change
//! what is spoken.

use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use rustls::{
    ClientConfig, ConfigBuilder, RootCertStore, ServerConfig,
    client::WantsClientCert,
    crypto::{CryptoProvider, ring},
};
use rustls_pki_types::{
    CertificateDer, PrivateKeyDer,
    pem::{self, PemObject},
};
use sha2::{Digest as _, Sha256};

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
}

/// What a listener needs to speak TLS 1.2 and 1.3, and HTTP/2 or HTTP/1.1 inside.
pub fn server_config(cert: &Path, key: &Path) -> Result<Arc<ServerConfig>, TlsError> {
    let chain = certificates(cert)?;
    let private = private_key(key)?;
    let mut config = ServerConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(TlsError::Versions)?
        .with_no_client_auth()
        .with_single_cert(chain, private)
        .map_err(|source| TlsError::Pair {
            cert: cert.into(),
            key: key.into(),
            source,
        })?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

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
        Some(Identity { cert, key }) => builder
            .with_client_auth_cert(certificates(cert)?, private_key(key)?)
            .map_err(|source| TlsError::Pair {
                cert: cert.clone(),
                key: key.clone(),
                source,
            })?,
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
    let mut roots = RootCertStore::empty();
    for (place, certificate) in certificates.into_iter().enumerate() {
        let index = place + 1;
        roots
            .add(certificate)
            .map_err(|source| TlsError::Authority {
                path: ca.into(),
                index,
                source,
            })?;
    }
    let versions = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(TlsError::Versions)?;
    Ok(versions.with_root_certificates(roots))
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let text = read(path)?;
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&text).collect();
    let chain = chain.map_err(|source| TlsError::Pem {
        path: path.into(),
        source,
    })?;
    if chain.is_empty() {
        return Err(unexpected(path, &text, "a certificate"));
    }
    Ok(chain)
}

fn private_key(path: &Path) -> Result<PrivateKeyDer<'static>, TlsError> {
    let text = read(path)?;
    match PrivateKeyDer::from_pem_slice(&text) {
        Ok(key) => Ok(key),
        Err(pem::Error::NoItemsFound) => Err(unexpected(path, &text, "a private key")),
        Err(source) => Err(TlsError::Pem {
            path: path.into(),
            source,
        }),
    }
}

fn read(path: &Path) -> Result<Vec<u8>, TlsError> {
    std::fs::read(path).map_err(|source| TlsError::Read {
        path: path.into(),
        source,
    })
}

/// Names what was found by its label alone: the rest may be a secret.
fn unexpected(path: &Path, text: &[u8], expected: &'static str) -> TlsError {
    let holds = |label: &str| {
        text.windows(label.len())
            .any(|part| part == label.as_bytes())
    };
    let found = if text.iter().all(u8::is_ascii_whitespace) {
        "an empty file"
    } else if holds("-----BEGIN ENCRYPTED PRIVATE KEY-----") {
        "an encrypted private key"
    } else if holds("PRIVATE KEY-----") {
        "a private key"
    } else if holds("-----BEGIN CERTIFICATE REQUEST-----") {
        "a certificate request"
    } else if holds("-----BEGIN CERTIFICATE-----") {
        "a certificate"
    } else {
        "no PEM text"
    };
    TlsError::Unexpected {
        path: path.into(),
        found,
        expected,
    }
}

#[cfg(test)]
mod tests {
    use std::error::Error;

    use super::*;

    struct Files(tempfile::TempDir);

    impl Files {
        fn new() -> Self {
            let files = Self(tempfile::tempdir().unwrap());
            for name in ["a", "b"] {
                let made = rcgen::generate_simple_self_signed(vec!["localhost".into()]).unwrap();
                files.put(&format!("{name}.pem"), &made.cert.pem());
                files.put(&format!("{name}.key"), &made.signing_key.serialize_pem());
            }
            files
        }

        fn put(&self, name: &str, text: &str) -> PathBuf {
            let path = self.path(name);
            std::fs::write(&path, text).unwrap();
            path
        }

        fn path(&self, name: &str) -> PathBuf {
            self.0.path().join(name)
        }

        #[track_caller]
        fn check(&self, cert: &str, key: &str, message: &str) {
            let error = server_config(&self.path(cert), &self.path(key)).unwrap_err();
            let text = error
                .to_string()
                .replace(&format!("{}/", self.0.path().display()), "");
            assert_eq!(text, message, "{:?}", error.source());
        }
    }

    #[test]
    fn a_pair_speaks_both_versions_of_http() {
        let files = Files::new();
        let config = server_config(&files.path("a.pem"), &files.path("a.key")).unwrap();
        assert_eq!(config.alpn_protocols, [&b"h2"[..], b"http/1.1"]);
        client_config(&files.path("a.pem")).unwrap();
    }

    #[test]
    fn errors_name_the_file_and_what_it_holds() {
        let files = Files::new();
        files.put("empty", "\n");
        files.put("text", "hello");
        files.put("cut", "-----BEGIN CERTIFICATE-----\nMIIB\n");
        files.put(
            "locked",
            "-----BEGIN ENCRYPTED PRIVATE KEY-----\nMIIB\n-----END ENCRYPTED PRIVATE KEY-----\n",
        );
        files.check("none", "a.key", "cannot read none");
        files.check(
            "empty",
            "a.key",
            "empty: found an empty file, expected a certificate",
        );
        files.check(
            "text",
            "a.key",
            "text: found no PEM text, expected a certificate",
        );
        files.check("cut", "a.key", "cut: broken PEM");
        files.check(
            "a.key",
            "a.key",
            "a.key: found a private key, expected a certificate",
        );
        files.check(
            "a.pem",
            "a.pem",
            "a.pem: found a certificate, expected a private key",
        );
        files.check(
            "a.pem",
            "locked",
            "locked: found an encrypted private key, expected a private key",
        );
        files.check(
            "a.pem",
            "b.key",
            "a.pem and b.key do not make a usable pair",
        );
    }
}
