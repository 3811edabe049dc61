//! X.509 certificates (RFC 5280) and bare public keys, in DER.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};
use x509_cert::Certificate;
use x509_cert::der::asn1::{ObjectIdentifier, UintRef};
use x509_cert::der::referenced::OwnedToRef;
use x509_cert::der::{self, Decode, Reader, SliceReader};
use x509_cert::ext::pkix::{ExtendedKeyUsage, KeyUsage};
use x509_cert::spki::SubjectPublicKeyInfoRef;
use x509_cert::time::Time;

use super::Reading;
use crate::family::{Algorithm, Purpose, PurposeSet};
use crate::time::Timestamp;
use crate::trust::{Key, KeyFault, KeyWindow, Verifier};

/// The longest certificate; those of signers have 1 to 2 KiB.
pub const MAX_CERTIFICATE_BYTES: usize = 16 * 1024;

/// What a DER certificate and a DER public key begin with.
pub(super) const SEQUENCE: u8 = 0x30;

/// The bytes of its digest a certificate is known by (EU DCC, "key identifier").
const KEY_ID_BYTES: usize = 8;

const EC: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
const P256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");
const P384: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.34");
const SM2: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.156.10197.1.301");
const ED25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");
const RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
const RSA_PSS: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.10");

/// The arc of the extended key usages of health-certificate signers: as the specification prints
/// it, as the published certificates have it, and that with which it began. Behind it stands what
/// the key may sign.
const PURPOSES: [ObjectIdentifier; 3] = [
    ObjectIdentifier::new_unwrap("1.3.6.1.4.1.1847.2021.1"),
    ObjectIdentifier::new_unwrap("1.3.6.1.4.1.0.1847.2021.1"),
    ObjectIdentifier::new_unwrap("0.4.0.1847.2021.1"),
];

/// RSASSA-PSS with SHA-256, MGF1 with the same, a salt of 32 bytes (RFC 4055, section 3.1), the
/// one set of parameters PS256 has. They may be absent from a public key.
const PS256_PARAMETERS: &[u8] = &[
    0xA0, 0x0F, 0x30, 0x0D, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05,
    0x00, 0xA1, 0x1C, 0x30, 0x1A, 0x06, 0x09, 0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x01, 0x08,
    0x30, 0x0D, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00, 0xA2,
    0x03, 0x02, 0x01, 0x20,
];

/// Reads a certificate or a public key.
pub(super) fn read(der: &[u8], reading: &Reading) -> Result<Key, KeyFault> {
    if der.len() > MAX_CERTIFICATE_BYTES {
        return Err(KeyFault::LargeCertificate {
            found: der.len(),
            most: MAX_CERTIFICATE_BYTES,
        });
    }
    if let Ok(key) = SubjectPublicKeyInfoRef::from_der(der) {
        return Ok(bare(public_key(&key, reading)?));
    }
    let certificate = Certificate::from_der(der).map_err(|_| KeyFault::Der)?;
    let signed = certificate.tbs_certificate();
    let usage = signed.get_extension::<KeyUsage>();
    if let Some((_, usage)) = usage.map_err(|_| KeyFault::Der)?
        && !usage.digital_signature()
    {
        return Err(KeyFault::NotForSignatures { member: "keyUsage" });
    }
    let uses = signed.get_extension::<ExtendedKeyUsage>();
    let uses = uses.map_err(|_| KeyFault::Der)?;
    let validity = signed.validity();
    // Inclusive (RFC 5280, section 4.1.2.5), where ours is the first instant after.
    let not_after = instant(validity.not_after).after(Duration::from_secs(1));
    let verifier = public_key(&signed.subject_public_key_info().owned_to_ref(), reading)?;
    Ok(Key {
        id: Some(key_id(der)),
        algorithm: verifier.algorithm(),
        window: KeyWindow {
            not_before: Some(instant(validity.not_before)),
            not_after: Some(not_after),
        },
        purposes: uses.map_or(PurposeSet::ALL, |(_, uses)| purposes(&uses)),
        verifier: Some(verifier),
        crl_version: None,
    })
}

/// A bare RSA key (RFC 8017, appendix A.1.1), as PEM calls `RSA PUBLIC KEY`.
pub(super) fn rsa(der: &[u8], reading: &Reading) -> Result<Key, KeyFault> {
    let (n, e) = numbers(der).map_err(|_| KeyFault::Der)?;
    Ok(bare(Verifier::rsa(reading.rsa, n, e)?))
}

/// What a certificate is known by, though its key be of no use; `None` if it is none.
pub(super) fn id(der: &[u8]) -> Option<Box<str>> {
    let short = der.len() <= MAX_CERTIFICATE_BYTES;
    (short && Certificate::from_der(der).is_ok()).then(|| key_id(der))
}

/// A key of which nothing is known but itself.
fn bare(verifier: Verifier) -> Key {
    Key {
        id: None,
        algorithm: verifier.algorithm(),
        window: KeyWindow::default(),
        purposes: PurposeSet::ALL,
        verifier: Some(verifier),
        crl_version: None,
    }
}

/// The first bytes of the digest, in base64, as COSE headers of health certificates have them.
fn key_id(der: &[u8]) -> Box<str> {
    let digest = Sha256::digest(der);
    let (start, _) = digest.split_at(KEY_ID_BYTES);
    STANDARD.encode(start).into()
}

/// What the key may sign; a certificate that names none of the purposes allows all.
fn purposes(ExtendedKeyUsage(uses): &ExtendedKeyUsage) -> PurposeSet {
    let purpose = |id: &ObjectIdentifier| {
        id.parent().filter(|arc| PURPOSES.contains(arc))?;
        match id.arcs().last()? {
            1 => Some(Purpose::Test),
            2 => Some(Purpose::Vaccination),
            3 => Some(Purpose::Recovery),
            _ => None,
        }
    };
    let named: PurposeSet = uses.iter().filter_map(purpose).collect();
    if named.is_empty() {
        PurposeSet::ALL
    } else {
        named
    }
}

fn public_key(key: &SubjectPublicKeyInfoRef<'_>, reading: &Reading) -> Result<Verifier, KeyFault> {
    let bytes = key.subject_public_key.as_bytes().ok_or(KeyFault::Der)?;
    let parameters = key.algorithm.parameters;
    match key.algorithm.oid {
        EC => match parameters.and_then(|it| it.decode_as::<ObjectIdentifier>().ok()) {
            Some(P256) => Verifier::p256(bytes),
            Some(P384) => Verifier::p384(bytes),
            Some(SM2) => Verifier::sm2(bytes, &reading.sm2_id),
            _ => Err(KeyFault::Unsupported {
                member: "the curve",
            }),
        },
        // RFC 8410, section 3: "the parameters MUST be absent".
        ED25519 if parameters.is_none() => Verifier::ed25519(bytes),
        RSA => {
            let (n, e) = numbers(bytes).map_err(|_| KeyFault::Der)?;
            Verifier::rsa(reading.rsa, n, e)
        }
        RSA_PSS if parameters.is_none_or(|it| it.value() == PS256_PARAMETERS) => {
            let (n, e) = numbers(bytes).map_err(|_| KeyFault::Der)?;
            Verifier::rsa(Algorithm::Ps256, n, e)
        }
        _ => Err(KeyFault::Unsupported {
            member: "the algorithm",
        }),
    }
}

/// The modulus and the exponent of an `RSAPublicKey` (RFC 8017, appendix A.1.1).
fn numbers(der: &[u8]) -> der::Result<(&[u8], &[u8])> {
    let mut reader = SliceReader::new(der)?;
    let numbers: (UintRef<'_>, UintRef<'_>) =
        reader.sequence(|numbers| Ok::<_, der::Error>((numbers.decode()?, numbers.decode()?)))?;
    reader.finish()?;
    Ok((numbers.0.as_bytes(), numbers.1.as_bytes()))
}

fn instant(time: Time) -> Timestamp {
    let seconds = time.to_unix_duration().as_secs();
    Timestamp::from_seconds(i64::try_from(seconds).unwrap_or(i64::MAX))
}
