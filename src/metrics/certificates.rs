//! What is counted of handshakes, and until when certificates are good.

use std::collections::BTreeMap;
use std::sync::atomic::AtomicU64;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use super::series::{Labels, Series, said};
use super::{Metrics, counters, seconds};
use crate::time::Timestamp;

/// What is told of the listeners' TLS.
#[derive(Clone, Debug)]
pub(super) struct Certificates {
    failures: Series<Counter>,
    /// In the order of [`End`].
    ends: [Series<Gauge<f64, AtomicU64>>; 4],
}

/// Something of a listener that ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The clients' authorities.
    Authorities,
    /// A certificate.
    Certificate,
    /// The clients' revocation lists.
    Lists,
    /// What is stapled to a certificate.
    Staple,
}

const ENDS: [(End, &str, &str); 4] = [
    (
        End::Authorities,
        "tls_client_authority_not_after_timestamp_seconds",
        "When the first of the authorities ends whose certificates a listener takes",
    ),
    (
        End::Certificate,
        "tls_certificate_not_after_timestamp_seconds",
        "When a certificate of a listener ends",
    ),
    (
        End::Lists,
        "tls_revocation_list_next_update_timestamp_seconds",
        "When the first of a listener's revocation lists should have been replaced",
    ),
    (
        End::Staple,
        "tls_ocsp_next_update_timestamp_seconds",
        "When the OCSP response stapled to a certificate should have been replaced",
    ),
];

/// An end that is known.
#[derive(Clone, Copy, Debug)]
pub struct Ending<'a> {
    /// The listener.
    pub listener: &'a str,
    /// The certificate; empty for what is not one's.
    pub certificate: &'a str,
    /// Of what.
    pub of: End,
    /// When.
    pub at: Timestamp,
}

/// Why a handshake came to nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Handshake {
    /// The client's certificate cannot be used.
    BadCertificate,
    /// The connection ended first.
    Closed,
    /// The client's certificate is over, or not good yet.
    Expired,
    /// The client speaks nothing that we do.
    Incompatible,
    /// The client showed no certificate.
    NoCertificate,
    /// What came was no TLS, or wrong.
    Protocol,
    /// The client would not have our certificate, or something else of ours.
    RefusedByClient,
    /// The client's certificate was taken back.
    Revoked,
    /// The client took too long.
    Timeout,
    /// Nobody we trust vouches for the client.
    UnknownAuthority,
    /// No list says whether the client's certificate was taken back.
    UnknownRevocation,
}

impl Handshake {
    /// Every way to fail.
    const ALL: [Self; 11] = [
        Self::BadCertificate,
        Self::Closed,
        Self::Expired,
        Self::Incompatible,
        Self::NoCertificate,
        Self::Protocol,
        Self::RefusedByClient,
        Self::Revoked,
        Self::Timeout,
        Self::UnknownAuthority,
        Self::UnknownRevocation,
    ];

    /// The word for it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::BadCertificate => "bad-certificate",
            Self::Closed => "closed",
            Self::Expired => "expired",
            Self::Incompatible => "incompatible",
            Self::NoCertificate => "no-certificate",
            Self::Protocol => "protocol",
            Self::RefusedByClient => "refused-by-client",
            Self::Revoked => "revoked",
            Self::Timeout => "timeout",
            Self::UnknownAuthority => "unknown-authority",
            Self::UnknownRevocation => "unknown-revocation",
        }
    }
}

/// The handshakes of one listener that failed; by default they are shown nowhere.
#[derive(Clone, Debug, Default)]
pub struct Handshakes([Counter; Handshake::ALL.len()]);

impl Handshakes {
    /// Counts one.
    pub fn count(&self, how: Handshake) {
        let place = Handshake::ALL.iter().position(|one| *one == how);
        if let Some(counter) = place.and_then(|place| self.0.get(place)) {
            counter.inc();
        }
    }
}

impl Certificates {
    pub(super) fn register(registry: &mut Registry) -> Self {
        let certificates = Self {
            failures: counters(
                registry,
                "tls_handshake_failures",
                "TLS handshakes that came to nothing, by why",
            ),
            ends: Default::default(),
        };
        for ((_, name, help), series) in ENDS.iter().zip(&certificates.ends) {
            registry.register(*name, *help, series.clone());
        }
        certificates
    }
}

impl Metrics {
    /// The counters of a listener's handshakes.
    pub fn handshakes(&self, listener: &str) -> Handshakes {
        Handshakes(Handshake::ALL.map(|how| {
            let labels = vec![("listener", listener.into()), ("cause", how.name().into())];
            self.certificates.failures.get(&labels)
        }))
    }

    /// Notes what ends when; what was noted before and is not among it is forgotten. Of several of one
    /// name the first end counts.
    pub fn endings(&self, all: &[Ending<'_>]) {
        for ((kind, ..), series) in ENDS.iter().zip(&self.certificates.ends) {
            let mut ends: BTreeMap<Labels, Timestamp> = BTreeMap::new();
            for ending in all.iter().filter(|ending| ending.of == *kind) {
                let at = ends.entry(labels(ending)).or_insert(ending.at);
                *at = ending.at.min(*at);
            }
            series.retain(|labels| ends.contains_key(labels));
            for (labels, at) in &ends {
                series.get(labels).set(seconds(*at));
            }
        }
        let listeners = |labels: &Labels| {
            let listener = said(labels, "listener");
            all.iter().any(|ending| ending.listener == listener)
        };
        self.certificates.failures.retain(listeners);
    }
}

fn labels(ending: &Ending<'_>) -> Labels {
    let mut labels = vec![("listener", ending.listener.to_owned())];
    if !ending.certificate.is_empty() {
        labels.push(("certificate", ending.certificate.to_owned()));
    }
    labels
}
