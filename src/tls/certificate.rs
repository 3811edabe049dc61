//! What the certificate of a client says.

use rustls_pki_types::CertificateDer;
use sha2::{Digest as _, Sha256};
use x509_cert::Certificate;
use x509_cert::der::{self, Decode as _};
use x509_cert::ext::pkix::SubjectAltName;
use x509_cert::ext::pkix::name::GeneralName;

use super::leaf::instant;
use crate::time::Timestamp;

/// What a verified certificate of a client says of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientCertificate {
    /// SHA-256 of the whole certificate.
    pub sha256: [u8; 32],
    /// The DNS names, in lower case, and the URIs of its subject alternative names (RFC 5280, section
    /// 4.2.1.6). The subject itself is no name (RFC 9525, section 2).
    pub names: Box<[Box<str>]>,
    /// The last second it is good in.
    pub ends: Timestamp,
}

impl ClientCertificate {
    /// Reads a certificate whose chain somebody has verified.
    pub fn read(certificate: &CertificateDer<'_>) -> der::Result<Self> {
        let read = Certificate::from_der(certificate)?;
        let names = read.tbs_certificate().get_extension::<SubjectAltName>();
        let names = names.map_err(|_| der::ErrorKind::Failed)?;
        let names = names.into_iter().flat_map(|(_, names)| names.0);
        Ok(Self {
            sha256: Sha256::digest(certificate).into(),
            names: names.filter_map(name).collect(),
            ends: instant(read.tbs_certificate().validity().not_after),
        })
    }
}

fn name(name: GeneralName) -> Option<Box<str>> {
    match name {
        GeneralName::DnsName(name) => Some(name.as_str().to_ascii_lowercase().into()),
        GeneralName::UniformResourceIdentifier(uri) => Some(uri.as_str().into()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, KeyPair, SanType};

    use super::*;

    #[test]
    fn names_are_those_of_the_extension() {
        let mut params = CertificateParams::new(vec!["W-0001.Terminals.example".into()]).unwrap();
        let uri = "urn:multicode:terminal:W-0001";
        let san = SanType::URI(uri.try_into().unwrap());
        params.subject_alt_names.push(san);
        params.not_after = rcgen::date_time_ymd(2031, 5, 6);
        let key = KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap();
        let read = ClientCertificate::read(certificate.der()).unwrap();
        let names: Vec<_> = read.names.iter().map(|name| &**name).collect();
        assert_eq!(names, ["w-0001.terminals.example", uri]);
        assert_eq!(read.ends, Timestamp::from_seconds(1_935_792_000));
        assert_eq!(read.sha256, *Sha256::digest(certificate.der()));
        assert!(ClientCertificate::read(&CertificateDer::from(vec![0x30])).is_err());
    }
}
