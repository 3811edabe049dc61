//! What a listener speaks TLS with, made of its files.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::server::danger::ClientCertVerifier;
use rustls::server::{
    NoClientAuth, NoServerSessionStorage, ResolvesServerCert, VerifierBuilderError,
    WebPkiClientVerifier,
};
use rustls::sign::CertifiedKey;
use rustls::{RootCertStore, ServerConfig};

use super::certificates::Certificates;
use super::lists::{self, Looked};
use super::{Leaf, TlsError, files, provider, roots, staple};
use crate::time::Timestamp;

/// The files of a listener.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerFiles {
    /// What is shown; the first where no other one's names fit.
    pub pairs: Vec<Pair>,
    /// Who may show a certificate; none: nobody is asked for one.
    pub clients: Option<Clients>,
}

/// A certificate and what goes with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pair {
    /// The chain, PEM, the server's own first.
    pub cert: PathBuf,
    /// Its key, PEM.
    pub key: PathBuf,
    /// An OCSP response that is stapled, DER.
    pub ocsp: Option<PathBuf>,
}

/// Whose certificates are taken from clients.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Clients {
    /// The authorities, PEM.
    pub ca: PathBuf,
    /// What they took back, PEM or DER; with it, a certificate of which no list says anything is
    /// refused.
    pub crl: Option<PathBuf>,
    /// Whether who shows none is refused.
    pub required: bool,
}

impl ServerFiles {
    /// A certificate alone.
    pub fn of(cert: &Path, key: &Path) -> Self {
        let pair = Pair {
            cert: cert.into(),
            key: key.into(),
            ocsp: None,
        };
        Self {
            pairs: vec![pair],
            clients: None,
        }
    }

    /// Every file, for who watches them.
    pub fn paths(&self) -> impl Iterator<Item = &Path> {
        let pairs = self.pairs.iter();
        let pairs = pairs.flat_map(|pair| [Some(&pair.cert), Some(&pair.key), pair.ocsp.as_ref()]);
        let clients = self.clients.iter();
        let clients = clients.flat_map(|clients| [Some(&clients.ca), clients.crl.as_ref()]);
        pairs.chain(clients).flatten().map(PathBuf::as_path)
    }
}

/// What was made of the files.
#[derive(Clone, Debug)]
pub struct Server {
    /// What connections are accepted with.
    pub config: Arc<ServerConfig>,
    /// What the certificates say, in the order of the pairs.
    pub shown: Vec<Shown>,
    /// When the first of the clients' authorities ends.
    pub authorities_end: Option<Timestamp>,
    /// When the first of their lists is out of date.
    pub lists_end: Option<Timestamp>,
    /// Authorities without a list although there are some: whomever they vouch for is refused.
    pub unlisted: usize,
}

/// A certificate that is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown {
    /// What it is called: its first DNS name, else its file without the ending.
    pub name: Box<str>,
    /// What it says.
    pub leaf: Leaf,
    /// When what is stapled to it is out of date.
    pub staple_ends: Option<Timestamp>,
}

impl Server {
    /// Reads all files.
    pub fn read(files: &ServerFiles) -> Result<Self, TlsError> {
        let read = files.pairs.iter().map(pair);
        let pairs = read.collect::<Result<Vec<_>, _>>()?;
        let clients = files.clients.as_ref().map(verifier).transpose()?;
        let named = pairs.iter();
        let named = named.map(|(key, shown)| (Arc::clone(key), &*shown.leaf.names));
        let resolver = Arc::new(Certificates::new(named.collect()));
        let (verifier, authorities_end, looked) = match clients {
            Some(clients) => (Some(clients.checks), clients.ends, clients.looked),
            None => (None, None, Looked::default()),
        };
        Ok(Self {
            config: Arc::new(config(resolver, verifier)?),
            shown: pairs.into_iter().map(|(_, shown)| shown).collect(),
            authorities_end,
            lists_end: looked.ends,
            unlisted: looked.unlisted,
        })
    }
}

fn config(
    resolver: Arc<dyn ResolvesServerCert>,
    clients: Option<Arc<dyn ClientCertVerifier>>,
) -> Result<ServerConfig, TlsError> {
    let asked = clients.is_some();
    let mut config = ServerConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(TlsError::Versions)?
        .with_client_cert_verifier(clients.unwrap_or_else(|| Arc::new(NoClientAuth)))
        .with_cert_resolver(resolver);
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    // RFC 8446, section 8: "0-RTT data … can be replayed".
    config.max_early_data_size = 0;
    if asked {
        // A resumed session shows no certificate again: what was taken back in the meantime would
        // still open the door (RFC 8446, section 4.6.1, leaves it to the server).
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.send_tls13_tickets = 0;
    } else {
        // Tickets, so that workers share nothing; of a key of this configuration's own, so that no
        // session outlives a reload.
        config.ticketer = rustls::crypto::ring::Ticketer::new().map_err(TlsError::Versions)?;
    }
    Ok(config)
}

fn pair(files: &Pair) -> Result<(Arc<CertifiedKey>, Shown), TlsError> {
    let chain = files::certificates(&files.cert)?;
    let unreadable = |source| TlsError::Leaf {
        path: files.cert.clone(),
        source,
    };
    let leaf = chain.first().map(Leaf::read);
    let leaf = leaf.unwrap_or_else(|| Err(x509_cert::der::ErrorKind::Failed.into()));
    let leaf = leaf.map_err(unreadable)?;
    let mut pair = files::pair(chain, &files.cert, &files.key)?;
    let mut staple_ends = None;
    if let Some(path) = &files.ocsp {
        let response = files::staple(path)?;
        let ends = staple::next_update(&response, &leaf.serial);
        staple_ends = ends.map_err(|source| TlsError::Staple {
            path: path.clone(),
            source,
        })?;
        pair.ocsp = Some(response);
    }
    let stem = || files.cert.file_stem().unwrap_or_default().to_string_lossy();
    let name = leaf.names.first().cloned();
    let shown = Shown {
        name: name.unwrap_or_else(|| stem().into()),
        leaf,
        staple_ends,
    };
    Ok((Arc::new(pair), shown))
}

struct Verifier {
    checks: Arc<dyn ClientCertVerifier>,
    ends: Option<Timestamp>,
    looked: Looked,
}

fn verifier(clients: &Clients) -> Result<Verifier, TlsError> {
    let authorities = files::certificates(&clients.ca)?;
    let leaves = authorities.iter().filter_map(|one| Leaf::read(one).ok());
    let ends = leaves.map(|leaf| leaf.not_after).min();
    let roots: RootCertStore = roots(&clients.ca, authorities.clone())?;
    let mut builder = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider());
    let mut looked = Looked::default();
    if let Some(crl) = &clients.crl {
        let lists = files::lists(crl)?;
        let algorithms = provider().signature_verification_algorithms;
        let found = lists::look(&lists, &authorities, &algorithms);
        looked = found.map_err(|source| TlsError::Lists {
            path: crl.clone(),
            source,
        })?;
        builder = builder.with_crls(lists);
    }
    if !clients.required {
        builder = builder.allow_unauthenticated();
    }
    let verifier = builder.build().map_err(|source| {
        let list = matches!(source, VerifierBuilderError::InvalidCrl(_));
        let crl = clients.crl.as_ref().filter(|_| list);
        TlsError::List {
            path: crl.unwrap_or(&clients.ca).clone(),
            source,
        }
    })?;
    Ok(Verifier {
        checks: verifier,
        ends,
        looked,
    })
}
