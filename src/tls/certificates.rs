//! Which of our certificates a client is shown.

use std::sync::Arc;

use rustc_hash::FxHashMap;
use rustls::SignatureScheme;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

/// The certificates of a listener, by their names. Of several that fit, the first written is shown
/// whose kind of key the client takes, so that one name may have a certificate of each kind.
#[derive(Debug)]
pub(super) struct Certificates {
    all: Vec<Arc<CertifiedKey>>,
    /// Places by the names they bear to the letter.
    exact: Places,
    /// Places by what follows the `*.` of a wildcard.
    wildcard: Places,
    /// Those shown to who names nobody, or nobody we know: the first, and those it shares a name with.
    usual: Vec<usize>,
}

type Places = FxHashMap<Box<str>, Vec<usize>>;

impl Certificates {
    /// Will show these, each under these names in lower case.
    pub(super) fn new(all: Vec<(Arc<CertifiedKey>, &[Box<str>])>) -> Self {
        let (mut exact, mut wildcard) = (Places::default(), Places::default());
        for (place, (_, names)) in all.iter().enumerate() {
            for name in *names {
                let (places, name) = match name.strip_prefix("*.") {
                    Some(parent) => (&mut wildcard, parent),
                    None => (&mut exact, &**name),
                };
                places.entry(name.into()).or_default().push(place);
            }
        }
        let mut made = Self {
            all: Vec::new(),
            exact,
            wildcard,
            usual: vec![0],
        };
        if let Some((_, names)) = all.first() {
            let twins = names.iter().filter_map(|name| made.places(name));
            let twin = twins.flatten().copied();
            made.usual.extend(twin.collect::<Vec<_>>());
            made.usual.sort_unstable();
            made.usual.dedup();
        }
        made.all = all.into_iter().map(|(key, _)| key).collect();
        made
    }

    /// RFC 9525, section 6.3: a wildcard is the whole leftmost label, and stands for one label.
    fn places(&self, name: &str) -> Option<&[usize]> {
        let exact = self.exact.get(name);
        let wildcard = || self.wildcard.get(name.split_once('.')?.1);
        exact.or_else(wildcard).map(Vec::as_slice)
    }

    fn choose(
        &self,
        name: Option<&str>,
        schemes: &[SignatureScheme],
    ) -> Option<&Arc<CertifiedKey>> {
        let name = name.map(str::to_ascii_lowercase);
        let places = name.and_then(|name| self.places(&name));
        let places = places.unwrap_or(&self.usual);
        let mut fitting = places.iter().filter_map(|place| self.all.get(*place));
        let first = fitting.clone().next();
        let taken = |one: &&Arc<CertifiedKey>| one.key.choose_scheme(schemes).is_some();
        fitting.find(taken).or(first)
    }
}

impl ResolvesServerCert for Certificates {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let schemes = hello.signature_schemes();
        self.choose(hello.server_name(), schemes).cloned()
    }
}

#[cfg(test)]
mod tests {
    use rcgen::{KeyPair, PKCS_ECDSA_P384_SHA384, PKCS_ED25519};
    use rustls_pki_types::{CertificateDer, PrivateKeyDer};

    use super::*;
    use crate::tls::{Leaf, provider};

    fn made(names: &[&str], key: &KeyPair) -> (Arc<CertifiedKey>, Box<[Box<str>]>) {
        let names: Vec<_> = names.iter().map(ToString::to_string).collect();
        let params = rcgen::CertificateParams::new(names).unwrap();
        let certificate = params.self_signed(key).unwrap();
        let der: CertificateDer<'static> = certificate.der().clone();
        let leaf = Leaf::read(&der).unwrap();
        let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
        let pair = CertifiedKey::from_der(vec![der], key, &provider()).unwrap();
        (Arc::new(pair), leaf.names)
    }

    /// Of these certificates, which one is shown under each name?
    #[track_caller]
    fn check(certificates: &[&[&str]], name: Option<&str>, place: usize) {
        let key = KeyPair::generate().unwrap();
        let made: Vec<_> = certificates.iter().map(|it| made(it, &key)).collect();
        let all = made.iter().map(|(key, names)| (Arc::clone(key), &**names));
        let all = Certificates::new(all.collect());
        let schemes = [SignatureScheme::ECDSA_NISTP256_SHA256];
        let chosen = all.choose(name, &schemes).unwrap();
        let places = made.iter().position(|(key, _)| Arc::ptr_eq(key, chosen));
        assert_eq!(places, Some(place), "{name:?} of {certificates:?}");
    }

    #[test]
    fn a_certificate_is_chosen_by_its_names() {
        let two: &[&[&str]] = &[&["a.example"], &["b.example", "C.example"]];
        check(two, Some("a.example"), 0);
        check(two, Some("b.example"), 1);
        check(two, Some("B.Example"), 1);
        check(two, Some("c.example"), 1);
        check(two, Some("d.example"), 0);
        check(two, Some("a.b.example"), 0);
        check(two, None, 0);
    }

    #[test]
    fn a_wildcard_stands_for_one_whole_label() {
        let wild: &[&[&str]] = &[
            &["first.example"],
            &["*.scan.example", "f*.example"],
            &["w-0001.scan.example"],
        ];
        check(wild, Some("a.scan.example"), 1);
        check(wild, Some("scan.example"), 0);
        check(wild, Some("a.b.scan.example"), 0);
        check(wild, Some("foo.example"), 0);
        // The whole name goes before the wildcard, wherever it is written.
        check(wild, Some("w-0001.scan.example"), 2);
    }

    #[test]
    fn of_two_for_a_name_the_first_is_shown_that_the_client_can_verify() {
        let keys = [&PKCS_ECDSA_P384_SHA384, &PKCS_ED25519];
        let keys = keys.map(|kind| KeyPair::generate_for(kind).unwrap());
        let made = keys.map(|key| made(&["a.example"], &key));
        let all = made.iter().map(|(key, names)| (Arc::clone(key), &**names));
        let all = Certificates::new(all.collect());
        let (p384, ed25519) = (
            SignatureScheme::ECDSA_NISTP384_SHA384,
            SignatureScheme::ED25519,
        );
        for name in [Some("a.example"), Some("unknown.example"), None] {
            for (schemes, place) in [
                (vec![p384], 0),
                (vec![ed25519], 1),
                (vec![ed25519, p384], 0),
                (vec![SignatureScheme::RSA_PSS_SHA256], 0),
            ] {
                let chosen = all.choose(name, &schemes).unwrap();
                assert!(Arc::ptr_eq(chosen, &made[place].0), "{name:?} {schemes:?}");
            }
        }
    }
}
