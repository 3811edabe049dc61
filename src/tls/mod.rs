//! TLS on both sides: our certificates towards terminals, their authority towards upstreams.
//!
//! The `ring` provider is named wherever one is needed, so that no process-wide default can change
//! what is spoken.

mod certificate;
mod certificates;
mod client;
mod error;
mod files;
mod front;
mod leaf;
mod lists;
mod server;
mod staple;

use std::path::Path;
use std::sync::Arc;

use rustls::crypto::{CryptoProvider, ring};
use rustls::{RootCertStore, ServerConfig};
use rustls_pki_types::CertificateDer;

pub use self::certificate::ClientCertificate;
pub use self::client::{Authority, Identity, client_config, department_config};
pub use self::error::TlsError;
pub use self::front::{Front, failure};
pub use self::leaf::Leaf;
pub use self::lists::ListError;
pub use self::server::{Clients, Pair, Server, ServerFiles, Shown};
pub use self::staple::StapleError;

/// What a server of one certificate needs to speak TLS 1.2 and 1.3, and HTTP/2 or HTTP/1.1 inside.
pub fn server_config(cert: &Path, key: &Path) -> Result<Arc<ServerConfig>, TlsError> {
    Server::read(&ServerFiles::of(cert, key)).map(|server| server.config)
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}

/// The trust roots of a file that holds these certificates.
fn roots(ca: &Path, certificates: Vec<CertificateDer<'static>>) -> Result<RootCertStore, TlsError> {
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
    Ok(roots)
}

#[cfg(test)]
mod tests {
    use std::error::Error;
    use std::fs::Permissions;
    use std::os::unix::fs::PermissionsExt as _;
    use std::path::PathBuf;

    use super::*;

    struct Files(tempfile::TempDir);

    fn allow(path: &Path, mode: u32) {
        std::fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
    }

    impl Files {
        fn new() -> Self {
            let files = Self(tempfile::tempdir().unwrap());
            for name in ["a", "b"] {
                let made = rcgen::generate_simple_self_signed(vec!["localhost".into()]).unwrap();
                files.put(&format!("{name}.pem"), &made.cert.pem());
                let key = files.put(&format!("{name}.key"), &made.signing_key.serialize_pem());
                allow(&key, 0o600);
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
        allow(&files.path("a.key"), 0o640);
        files.check(
            "a.pem",
            "a.key",
            "a.key: mode 0640, expected a file only its owner may use",
        );
        files.check(".", "a.key", "cannot read .");
        files.put("long", &"x".repeat((1 << 20) + 1));
        files.check("long", "a.key", "long: longer than 1048576 bytes");
    }
}
