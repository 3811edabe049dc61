//! The files that certificates, keys and lists lie in.

use std::io;
use std::path::{Path, PathBuf};

use rustls::crypto::ring::sign::any_supported_type;
use rustls::sign::CertifiedKey;
use rustls::{Error, InconsistentKeys};
use rustls_pki_types::pem::{self, PemObject};
use rustls_pki_types::{CertificateDer, CertificateRevocationListDer, PrivateKeyDer};
use zeroize::Zeroizing;

use super::TlsError;
use crate::keyfile::{Contents, contents};

/// The longest chain, key or bundle of authorities: all the web's authorities together have 250 KiB.
const MAX_PEM_BYTES: usize = 1024 * 1024;

/// The longest file of revocation lists. The largest public ones have some megabytes.
const MAX_LIST_BYTES: usize = 16 * 1024 * 1024;

/// The longest answer that is stapled: usual ones have 500 bytes, with their signer's chain 4 KiB.
const MAX_STAPLE_BYTES: usize = 64 * 1024;

/// The certificates of a PEM file, at least one.
pub(super) fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let text = read(path, MAX_PEM_BYTES)?.bytes;
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&text).collect();
    let chain = chain.map_err(broken(path))?;
    if chain.is_empty() {
        return Err(unexpected(path, &text, "a certificate"));
    }
    Ok(chain)
}

/// The key of a PEM file that only its owner may use; what was read of it is wiped once nobody needs it.
fn private_key(path: &Path) -> Result<Zeroizing<PrivateKeyDer<'static>>, TlsError> {
    let Contents { bytes, open } = read(path, MAX_PEM_BYTES)?;
    let key = match PrivateKeyDer::from_pem_slice(&bytes) {
        Ok(key) => Zeroizing::new(key),
        Err(pem::Error::NoItemsFound) => return Err(unexpected(path, &bytes, "a private key")),
        Err(source) => return Err(broken(path)(source)),
    };
    match open {
        Some(mode) => Err(TlsError::Open {
            path: path.into(),
            mode,
        }),
        None => Ok(key),
    }
}

/// The certificates of one file with the key of the other, which must be theirs. ring has the key from then on;
/// what was read of it is wiped here, as rustls itself does not.
pub(super) fn pair(
    chain: Vec<CertificateDer<'static>>,
    cert: &Path,
    key: &Path,
) -> Result<CertifiedKey, TlsError> {
    let read = private_key(key)?;
    let signer = any_supported_type(&read);
    let pair = signer.and_then(|signer| {
        let pair = CertifiedKey::new(chain, signer);
        match pair.keys_match() {
            // A key that does not tell its public part is believed, as rustls does.
            Ok(()) | Err(Error::InconsistentKeys(InconsistentKeys::Unknown)) => Ok(pair),
            Err(error) => Err(error),
        }
    });
    pair.map_err(|source| TlsError::Pair {
        cert: cert.into(),
        key: key.into(),
        source,
    })
}

/// The revocation lists of a PEM file, at least one, or the one of a DER file.
pub(super) fn lists(path: &Path) -> Result<Vec<CertificateRevocationListDer<'static>>, TlsError> {
    let bytes = read(path, MAX_LIST_BYTES)?.bytes;
    if bytes.first() == Some(&SEQUENCE) {
        return Ok(vec![bytes.to_vec().into()]);
    }
    let lists: Result<Vec<_>, _> = CertificateRevocationListDer::pem_slice_iter(&bytes).collect();
    let lists = lists.map_err(broken(path))?;
    if lists.is_empty() {
        return Err(unexpected(path, &bytes, "a revocation list"));
    }
    Ok(lists)
}

/// What any DER begins with here, and no PEM.
const SEQUENCE: u8 = 0x30;

/// The bytes of an OCSP response.
pub(super) fn staple(path: &Path) -> Result<Vec<u8>, TlsError> {
    Ok(read(path, MAX_STAPLE_BYTES)?.bytes.to_vec())
}

fn read(path: &Path, limit: usize) -> Result<Contents, TlsError> {
    let found = contents(path, limit).and_then(|found| {
        found.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "not a file"))
    });
    let contents = found.map_err(|source| TlsError::Read {
        path: path.into(),
        source,
    })?;
    if contents.bytes.len() > limit {
        let path = path.into();
        return Err(TlsError::TooLong { path, limit });
    }
    Ok(contents)
}

fn broken(path: &Path) -> impl Fn(pem::Error) -> TlsError {
    let path = PathBuf::from(path);
    move |source| TlsError::Pem {
        path: path.clone(),
        source,
    }
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
    } else if holds("-----BEGIN X509 CRL-----") {
        "a revocation list"
    } else {
        "no PEM text"
    };
    TlsError::Unexpected {
        path: path.into(),
        found,
        expected,
    }
}
