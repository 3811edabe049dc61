//! What a certificate of our own says of itself.

use rustls_pki_types::CertificateDer;
use x509_cert::Certificate;
use x509_cert::der::{self, Decode as _};
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::ext::pkix::{BasicConstraints, SubjectAltName};
use x509_cert::time::Time;

use crate::time::Timestamp;

/// The first certificate of a chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leaf {
    /// The DNS names of its subject alternative names, in lower case; wildcards begin with `*.`.
    pub names: Box<[Box<str>]>,
    /// Whether it is good for addresses, too.
    pub addresses: bool,
    /// When it begins.
    pub not_before: Timestamp,
    /// When it ends.
    pub not_after: Timestamp,
    /// Whether it is an authority's, which clients take no server's word by (RFC 5280, section 4.2.1.9).
    pub authority: bool,
    /// Its serial number, without zeros in front.
    pub(super) serial: Box<[u8]>,
}

impl Leaf {
    /// Reads a certificate.
    pub fn read(certificate: &CertificateDer<'_>) -> der::Result<Self> {
        let read = Certificate::from_der(certificate)?;
        let tbs = read.tbs_certificate();
        let wrong = |_| der::Error::from(der::ErrorKind::Failed);
        let names = tbs.get_extension::<SubjectAltName>().map_err(wrong)?;
        let names = names.map(|(_, names)| names.0).unwrap_or_default();
        let constraints = tbs.get_extension::<BasicConstraints>().map_err(wrong)?;
        let validity = tbs.validity();
        Ok(Self {
            names: names.iter().filter_map(dns_name).collect(),
            addresses: names
                .iter()
                .any(|name| matches!(name, GeneralName::IpAddress(_))),
            not_before: instant(validity.not_before),
            not_after: instant(validity.not_after),
            authority: constraints.is_some_and(|(_, it)| it.ca),
            serial: without_zeros(tbs.serial_number().as_bytes()).into(),
        })
    }
}

fn dns_name(name: &GeneralName) -> Option<Box<str>> {
    match name {
        GeneralName::DnsName(name) => Some(name.as_str().to_ascii_lowercase().into()),
        _ => None,
    }
}

/// An instant of a certificate or list.
pub(super) fn instant(time: Time) -> Timestamp {
    let seconds = time.to_unix_duration().as_secs();
    Timestamp::from_seconds(i64::try_from(seconds).unwrap_or(i64::MAX))
}

/// A number's bytes without what does not change it.
pub(super) fn without_zeros(bytes: &[u8]) -> &[u8] {
    let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
    bytes.get(zeros..).unwrap_or_default()
}
