//! PEM (RFC 7468): every section is read or listed, whatever it says it is.

use memchr::memmem;
use rustls_pki_types::pem::{PemObject, SectionKind};

use super::{MAX_KEYS, Material, MaterialError, Origin, Reading, certificate};
use crate::trust::KeyFault;

const BEGIN: &[u8] = b"-----BEGIN ";

/// What an operator does about sections that are not read, by how their labels end.
const ADVICE: [(&str, &str); 6] = [
    (
        "CERTIFICATE REQUEST",
        "`openssl req -pubkey -noout` gives the public key",
    ),
    ("CERTIFICATE", "`openssl x509` writes a plain certificate"),
    (
        "PARAMETERS",
        "parameters are no key: export the public one, as `openssl pkey -pubout` does",
    ),
    (
        "CRL",
        "a list of X.509 takes back nothing here: see `revoked`",
    ),
    (
        "PKCS7",
        "`openssl pkcs7 -print_certs` writes plain certificates",
    ),
    (
        "SSH2 PUBLIC KEY",
        "`ssh-keygen -i -m RFC4716` and `ssh-keygen -e -m PKCS8` write a plain public key",
    ),
];

/// For all others.
const USUAL: &str = "expected CERTIFICATE, PUBLIC KEY or RSA PUBLIC KEY";

/// Every certificate and public key among the sections.
pub(super) fn read(text: &[u8], reading: &Reading) -> Result<Material, MaterialError> {
    let mut material = Material::default();
    let begins: Vec<_> = memmem::find_iter(text, BEGIN).collect();
    if begins.len() > MAX_KEYS {
        let found = begins.len();
        return Err(MaterialError::ManyKeys { found });
    }
    let ends = begins.iter().skip(1).copied().chain([text.len()]);
    for (begin, end) in begins.iter().zip(ends) {
        let section = text.get(*begin..end).unwrap_or_default();
        add(&mut material, section, reading);
    }
    Ok(material)
}

fn add(material: &mut Material, section: &[u8], reading: &Reading) {
    let label = section.get(BEGIN.len()..).unwrap_or_default();
    let label = memmem::find(label, b"-----").and_then(|end| label.get(..end));
    let label = label.and_then(|label| str::from_utf8(label).ok());
    match label {
        Some("CERTIFICATE" | "PUBLIC KEY") => match body(section) {
            Some(der) => material.add_der(&der, reading),
            None => material.add(None, Err(KeyFault::Pem)),
        },
        Some("RSA PUBLIC KEY") => {
            let der = relabelled(section).ok_or(KeyFault::Pem);
            material.add(None, der.and_then(|der| certificate::rsa(&der, reading)));
        }
        Some(label) if label.ends_with("PRIVATE KEY") => {
            let fault = match reading.from {
                Origin::File => KeyFault::PrivateInFile,
                Origin::Network => KeyFault::PrivateKey,
            };
            material.add(None, Err(fault));
        }
        Some(label) => {
            let advice = ADVICE.iter().find(|(end, _)| label.ends_with(end));
            let advice = advice.map_or(USUAL, |(_, advice)| advice);
            material.add(Some(label), Err(KeyFault::PemSection { advice }));
        }
        None => material.add(None, Err(KeyFault::Pem)),
    }
}

/// What stands in a section.
fn body(section: &[u8]) -> Option<Vec<u8>> {
    let mut sections = <(SectionKind, Vec<u8>)>::pem_slice_iter(section);
    let (_, der) = sections.next()?.ok()?;
    Some(der)
}

/// The same of a kind whose label the reader of sections does not know.
fn relabelled(section: &[u8]) -> Option<Vec<u8>> {
    let text = str::from_utf8(section).ok()?;
    body(text.replace("RSA PUBLIC KEY", "PUBLIC KEY").as_bytes())
}
