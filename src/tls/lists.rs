//! Revocation lists (RFC 5280, section 5), looked at before anybody is held to them: a list that is
//! not an authority's own would turn all its terminals away.

use rustls::crypto::WebPkiSupportedAlgorithms;
use rustls_pki_types::{CertificateDer, CertificateRevocationListDer};
use x509_cert::Certificate;
use x509_cert::crl::CertificateList;
use x509_cert::der::asn1::AnyRef;
use x509_cert::der::{self, Decode as _, Encode as _};

use super::leaf::instant;
use crate::time::Timestamp;

/// Why lists and authorities do not go together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ListError {
    /// The list of an authority of that name is not signed with its key.
    #[error("a revocation list that its authority did not sign")]
    Forged,
    /// It is no list.
    #[error("not a revocation list in PEM or DER")]
    Malformed,
    /// Nobody who is trusted made any of them.
    #[error("no revocation list of the authorities")]
    Strange,
}

impl From<der::Error> for ListError {
    fn from(_: der::Error) -> Self {
        Self::Malformed
    }
}

/// What is known of lists that go with their authorities.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Looked {
    /// When the first of them should have been replaced.
    pub(super) ends: Option<Timestamp>,
    /// Authorities without a list: whomever they vouch for is refused.
    pub(super) unlisted: usize,
}

/// Holds lists against authorities. One that is of none of them may be an intermediate authority's.
pub(super) fn look(
    lists: &[CertificateRevocationListDer<'_>],
    authorities: &[CertificateDer<'_>],
    algorithms: &WebPkiSupportedAlgorithms,
) -> Result<Looked, ListError> {
    let authorities = authorities.iter().map(|it| Certificate::from_der(it));
    let authorities = authorities.collect::<der::Result<Vec<_>>>()?;
    let mut listed = vec![false; authorities.len()];
    let mut ends: Option<Timestamp> = None;
    for list in lists {
        let read = <CertificateList>::from_der(list)?;
        let issuer = &read.tbs_cert_list.issuer;
        let (mut named, mut signed) = (false, false);
        for (authority, listed) in authorities.iter().zip(&mut listed) {
            if authority.tbs_certificate().subject() == issuer {
                named = true;
                let own = is_signed_by(list, authority, algorithms)?;
                signed |= own;
                *listed |= own;
            }
        }
        if named && !signed {
            return Err(ListError::Forged);
        }
        let end = read.tbs_cert_list.next_update.map(instant);
        ends = ends.into_iter().chain(end).min();
    }
    let unlisted = listed.iter().filter(|listed| !**listed).count();
    // Also whoever stands below an authority is looked for in its list.
    if unlisted == authorities.len() {
        return Err(ListError::Strange);
    }
    Ok(Looked { ends, unlisted })
}

fn is_signed_by(
    list: &[u8],
    authority: &Certificate,
    algorithms: &WebPkiSupportedAlgorithms,
) -> Result<bool, ListError> {
    let parts: Vec<AnyRef<'_>> = Vec::from_der(list)?;
    let [said, algorithm, signature] = parts.as_slice() else {
        return Err(ListError::Malformed);
    };
    let said = said.to_der()?;
    // The first byte of a bit string counts unused bits, of which a signature has none.
    let signature = signature.value().get(1..).unwrap_or_default();
    let key = authority.tbs_certificate().subject_public_key_info();
    let kind = key.algorithm.to_der()?;
    let kind = AnyRef::from_der(&kind)?;
    let key = key.subject_public_key.raw_bytes();
    let mut fitting = algorithms.all.iter().filter(|one| {
        one.signature_alg_id().as_ref() == algorithm.value()
            && one.public_key_alg_id().as_ref() == kind.value()
    });
    Ok(fitting.any(|one| one.verify_signature(key, &said, signature).is_ok()))
}
