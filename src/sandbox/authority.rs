//! An authority for development: certificates for a gateway, terminals and departments to try with.
//!
//! Deliberately absent: requests, templates, lists, renewal. Who needs those has an authority.

use std::net::IpAddr;
use std::time::Duration;

use rcgen::string::Ia5String;
use rcgen::{
    BasicConstraints, Certificate, CertificateParams, DistinguishedName, DnType,
    ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose, PublicKeyData as _, SanType,
    date_time_ymd,
};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::{self, PemObject as _};
use sha2::{Digest as _, Sha256};
use x509_cert::der::{self, Decode as _, Encode as _};
use zeroize::Zeroizing;

use crate::time::Timestamp;

/// What every authority made here is called, beside its own name, so that nobody takes it for another.
const ORGANISATION: &str = "multicode development";

/// How long before now a certificate begins: clocks of terminals go wrong by minutes.
const EARLY: Duration = Duration::from_secs(60 * 60);

/// Why nothing was made.
#[derive(Debug, thiserror::Error)]
pub enum AuthorityError {
    /// The authority's certificate cannot be read.
    #[error("the authority's certificate cannot be read")]
    Certificate(#[source] der::Error),
    /// The authority's certificate was made by somebody else.
    #[error("the authority was not made by this program: its name has another form")]
    Foreign,
    /// A name is none.
    #[error("\"{name}\" can stand in no certificate")]
    Name {
        /// The name.
        name: Box<str>,
    },
    /// The authority's key is that of another certificate.
    #[error("the authority's certificate and key are no pair")]
    Pair,
    /// The authority's certificate is no PEM.
    #[error("the authority's certificate is no PEM")]
    Pem(#[source] pem::Error),
    /// A key cannot be made, read or used.
    #[error("the key cannot be made or used")]
    Signing(#[source] rcgen::Error),
}

/// A certificate and its key.
pub struct Made {
    /// PEM.
    pub certificate: String,
    /// PEM.
    pub key: Zeroizing<String>,
    /// SHA-256 of the certificate.
    pub sha256: [u8; 32],
}

impl std::fmt::Debug for Made {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Made").finish_non_exhaustive()
    }
}

/// What a certificate is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// To be shown by who asks.
    Client,
    /// To be shown by who is asked.
    Server,
}

/// What a certificate says.
#[derive(Clone, Copy, Debug)]
pub struct Order<'a> {
    /// What it is for.
    pub purpose: Purpose,
    /// Its subject, for people.
    pub subject: &'a str,
    /// What it is good for: addresses, URIs (with a colon), DNS names (all others).
    pub names: &'a [String],
    /// From shortly before this instant.
    pub now: Timestamp,
    /// For so long.
    pub life: Duration,
}

/// An authority that signs.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    /// Its name as its certificate spells it.
    subject: Vec<u8>,
}

impl std::fmt::Debug for Authority {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Authority").finish_non_exhaustive()
    }
}

impl Authority {
    /// Makes one of this name.
    pub fn make(name: &str, now: Timestamp, life: Duration) -> Result<Made, AuthorityError> {
        let mut params = parameters(name, now, life);
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let key = KeyPair::generate().map_err(AuthorityError::Signing)?;
        let certificate = params.self_signed(&key);
        Ok(made(&certificate.map_err(AuthorityError::Signing)?, &key))
    }

    /// Reads one that was made here.
    pub fn read(certificate: &str, key: &str) -> Result<Self, AuthorityError> {
        let certificate = CertificateDer::from_pem_slice(certificate.as_bytes());
        let certificate = certificate.map_err(AuthorityError::Pem)?;
        let read = x509_cert::Certificate::from_der(&certificate);
        let read = read.map_err(AuthorityError::Certificate)?;
        let tbs = read.tbs_certificate();
        let key = KeyPair::from_pem(key).map_err(AuthorityError::Signing)?;
        let public = tbs.subject_public_key_info().to_der();
        if public.ok() != Some(key.subject_public_key_info()) {
            return Err(AuthorityError::Pair);
        }
        let name = tbs.subject().common_name().ok().flatten();
        let name = name.ok_or(AuthorityError::Foreign)?;
        let subject = tbs.subject().to_der();
        let mut params = CertificateParams::default();
        params.distinguished_name = distinguished(&name.value());
        Ok(Self {
            issuer: Issuer::new(params, key),
            subject: subject.map_err(AuthorityError::Certificate)?,
        })
    }

    /// Makes a key and signs a certificate for it.
    pub fn sign(&self, order: &Order<'_>) -> Result<Made, AuthorityError> {
        let mut params = parameters(order.subject, order.now, order.life);
        let names = order.names.iter().map(|name| alternative(name));
        params.subject_alt_names = names.collect::<Result<_, _>>()?;
        params.is_ca = IsCa::ExplicitNoCa;
        params.use_authority_key_identifier_extension = true;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![match order.purpose {
            Purpose::Client => ExtendedKeyUsagePurpose::ClientAuth,
            Purpose::Server => ExtendedKeyUsagePurpose::ServerAuth,
        }];
        let key = KeyPair::generate().map_err(AuthorityError::Signing)?;
        let certificate = params.signed_by(&key, &self.issuer);
        let certificate = certificate.map_err(AuthorityError::Signing)?;
        // Its issuer was put together from our own idea of the authority's name.
        let read = x509_cert::Certificate::from_der(certificate.der());
        let read = read.map_err(AuthorityError::Certificate)?;
        let issuer = read.tbs_certificate().issuer().to_der();
        if issuer.ok().as_ref() != Some(&self.subject) {
            return Err(AuthorityError::Foreign);
        }
        Ok(made(&certificate, &key))
    }
}

fn parameters(name: &str, now: Timestamp, life: Duration) -> CertificateParams {
    let seconds = u64::try_from(now.seconds()).unwrap_or_default();
    let now = date_time_ymd(1970, 1, 1) + Duration::from_secs(seconds);
    let mut params = CertificateParams::default();
    params.distinguished_name = distinguished(name);
    params.not_before = now - EARLY;
    params.not_after = now + life;
    params
}

fn distinguished(name: &str) -> DistinguishedName {
    let mut distinguished = DistinguishedName::new();
    distinguished.push(DnType::OrganizationName, ORGANISATION);
    distinguished.push(DnType::CommonName, name);
    distinguished
}

fn alternative(name: &str) -> Result<SanType, AuthorityError> {
    if let Ok(address) = name.parse::<IpAddr>() {
        return Ok(SanType::IpAddress(address));
    }
    let wrong = || AuthorityError::Name { name: name.into() };
    let text = Ia5String::try_from(name).map_err(|_| wrong())?;
    if name.contains(':') {
        return Ok(SanType::URI(text));
    }
    let bare = name.strip_prefix("*.").unwrap_or(name);
    let good = rustls_pki_types::DnsName::try_from(bare).is_ok();
    good.then_some(SanType::DnsName(text)).ok_or_else(wrong)
}

fn made(certificate: &Certificate, key: &KeyPair) -> Made {
    Made {
        certificate: certificate.pem(),
        key: Zeroizing::new(key.serialize_pem()),
        sha256: Sha256::digest(certificate.der()).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tls::{ClientCertificate, Leaf};

    const DAY: Duration = Duration::from_secs(24 * 60 * 60);

    fn made_for(names: &[&str]) -> Result<Made, AuthorityError> {
        let now = Timestamp::from_seconds(1_795_309_200);
        let ca = Authority::make("trial", now, 10 * DAY).unwrap();
        let ca = Authority::read(&ca.certificate, &ca.key).unwrap();
        let names: Vec<_> = names.iter().map(ToString::to_string).collect();
        ca.sign(&Order {
            purpose: Purpose::Client,
            subject: "W-0001",
            names: &names,
            now,
            life: DAY,
        })
    }

    #[test]
    fn a_certificate_says_what_was_ordered() {
        let made = made_for(&[
            "*.a.example",
            "10.0.0.1",
            "::1",
            "urn:multicode:terminal:W-0001",
        ]);
        let made = made.unwrap();
        let der = CertificateDer::from_pem_slice(made.certificate.as_bytes()).unwrap();
        let leaf = Leaf::read(&der).unwrap();
        assert_eq!(leaf.names.concat(), "*.a.example");
        assert!(leaf.addresses && !leaf.authority);
        assert_eq!(leaf.not_after.seconds(), 1_795_309_200 + 86_400);
        assert_eq!(leaf.not_before.seconds(), 1_795_309_200 - 3_600);
        let client = ClientCertificate::read(&der).unwrap();
        assert_eq!(client.sha256, made.sha256);
        assert_eq!(&*client.names[1], "urn:multicode:terminal:W-0001");
    }

    #[test]
    fn what_is_no_name_is_told() {
        for name in ["", "a b", "*.*.example", "ü.example"] {
            let error = made_for(&[name]).unwrap_err();
            let told = format!("\"{name}\" can stand in no certificate");
            assert_eq!(error.to_string(), told);
        }
    }

    #[test]
    fn an_authority_is_its_own_certificate_and_key() {
        let now = Timestamp::from_seconds(1_795_309_200);
        let [one, other] = ["a", "b"].map(|it| Authority::make(it, now, DAY).unwrap());
        let error = Authority::read(&one.certificate, &other.key).unwrap_err();
        assert!(matches!(error, AuthorityError::Pair));
        let error = Authority::read("text", &one.key).unwrap_err();
        assert!(matches!(error, AuthorityError::Pem(_)));
        let foreign = rcgen::generate_simple_self_signed(vec!["a.example".into()]).unwrap();
        let key = foreign.signing_key.serialize_pem();
        let foreign = Authority::read(&foreign.cert.pem(), &key).unwrap();
        let order = Order {
            purpose: Purpose::Server,
            subject: "a",
            names: &[],
            now,
            life: DAY,
        };
        let error = foreign.sign(&order).unwrap_err();
        assert!(matches!(error, AuthorityError::Foreign));
    }
}
