//! What the registry has of each terminal, found by what a request shows.

use std::fmt;

use ring::hmac;
use rustc_hash::FxHashMap;

use super::nonces::{self, Nonce};
use super::signature::{Content, Signature, Validity};
use super::{Certificate, Digest, Head, Nonces, Unproven, api_key};
use crate::time::Timestamp;

/// What proves a terminal.
#[derive(Clone, Debug, Default)]
pub struct Proofs {
    /// Digests of whole certificates.
    pub certificates: Vec<Digest>,
    /// Subject alternative names: DNS names in lower case, URIs.
    pub names: Vec<Box<str>>,
    /// Digests of API keys.
    pub api_keys: Vec<Digest>,
    /// What requests are signed with.
    pub signature_key: Option<hmac::Key>,
    /// Whether all of it was taken back: it still says who somebody is, and lets nobody in.
    pub revoked: bool,
}

impl Proofs {
    /// Whether there is any.
    pub const fn is_empty(&self) -> bool {
        self.certificates.is_empty()
            && self.names.is_empty()
            && self.api_keys.is_empty()
            && self.signature_key.is_none()
    }
}

/// The sort of a proof.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sort {
    /// A client certificate.
    Certificate,
    /// An API key.
    ApiKey,
    /// A signed request.
    Signature,
}

impl Sort {
    /// The word for it in metrics, logs and the audit trail.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Certificate => "certificate",
            Self::ApiKey => "api-key",
            Self::Signature => "signature",
        }
    }
}

/// The terminals by their proofs. Names are given once, to be borrowed by what is proven.
///
/// API keys are looked up by their digests, and not compared in constant time: how long that takes
/// says something of a digest, and nobody can make a key whose digest begins as he likes.
#[derive(Debug, Default)]
pub struct Book {
    terminals: FxHashMap<Box<str>, Entry>,
    certificates: FxHashMap<Digest, Box<str>>,
    names: FxHashMap<Box<str>, Box<str>>,
    api_keys: FxHashMap<Digest, Box<str>>,
}

#[derive(Debug)]
struct Entry {
    signature_key: Option<hmac::Key>,
    /// Whether it has any proof.
    can_prove: bool,
    revoked: bool,
}

/// A terminal that has proven who it is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Proven<'b> {
    name: &'b str,
    by: Sort,
}

impl<'b> Proven<'b> {
    /// Its name in the registry.
    pub const fn name(&self) -> &'b str {
        self.name
    }

    /// By what; the first of [`Sort`], if by several.
    pub const fn by(&self) -> Sort {
        self.by
    }
}

impl fmt::Debug for Proven<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Proven({} by {})", self.name, self.by.name())
    }
}

/// What a request's head says of who sends it.
#[derive(Debug)]
pub enum Heard<'b> {
    /// Nothing.
    Nobody,
    /// It is that terminal.
    Proven(Proven<'b>),
    /// It is that terminal if the content is the one that was signed.
    Signed(Signed<'b>),
}

/// A signature that holds over a head whose content is still to come.
#[derive(Debug)]
pub struct Signed<'b> {
    proven: Proven<'b>,
    nonce: String,
    validity: Validity,
    content: Content,
}

impl<'b> Signed<'b> {
    /// Who it is, if the content is what was signed and the signature was not used before. It is used
    /// up by this and by nothing earlier: a request that broke off on its way may come again.
    pub fn over(
        self,
        content: &[u8],
        nonces: &Nonces,
        now: Timestamp,
    ) -> Result<Proven<'b>, Unproven> {
        self.validity.holds(now)?;
        self.content.is(content)?;
        let nonce = Nonce {
            terminal: self.proven.name,
            text: &self.nonce,
            created: self.validity.created,
        };
        let taken = nonces.take(nonce, now);
        taken.map_err(|refused| match refused {
            nonces::Refused::Forgotten => Unproven::Late,
            nonces::Refused::Used => Unproven::Replayed,
            nonces::Refused::TooMany => Unproven::TooMany,
            nonces::Refused::Full => Unproven::Full,
        })?;
        Ok(self.proven)
    }
}

/// What is wrong with a proof of this sort.
pub type Failed = (Sort, Unproven);

impl Book {
    /// Gathers the terminals.
    pub fn of<'t>(terminals: impl Iterator<Item = (&'t str, &'t Proofs)>) -> Self {
        let mut book = Self::default();
        for (name, proofs) in terminals {
            for digest in &proofs.certificates {
                put(&mut book.certificates, *digest, name);
            }
            for own in &proofs.names {
                put(&mut book.names, own.clone(), name);
            }
            for digest in &proofs.api_keys {
                put(&mut book.api_keys, *digest, name);
            }
            let entry = Entry {
                signature_key: proofs.signature_key.clone(),
                can_prove: !proofs.is_empty(),
                revoked: proofs.revoked,
            };
            book.terminals.insert(name.into(), entry);
        }
        book
    }

    /// Whether that terminal's proofs were taken back.
    pub fn is_revoked(&self, name: &str) -> bool {
        self.terminals.get(name).is_some_and(|entry| entry.revoked)
    }

    /// Whether that terminal has something to prove itself by.
    pub fn can_prove(&self, name: &str) -> bool {
        self.terminals
            .get(name)
            .is_some_and(|entry| entry.can_prove)
    }

    /// Who sends a request, by its head. Every proof that is shown must hold, and all must be of one
    /// terminal. Only a certificate may be nobody's: the listener's authority has vouched for it, and
    /// it may be a proxy's, between here and the terminals.
    pub fn hear(&self, head: &Head<'_>, now: Timestamp) -> Result<Heard<'_>, Failed> {
        let of = |sort| move |unproven| (sort, unproven);
        let certificate = head.certificate.map(|it| self.certified(it, now));
        let certificate = certificate.transpose();
        let certificate = certificate.map_err(of(Sort::Certificate))?.flatten();
        let key = self.keyed(head).map_err(of(Sort::ApiKey))?;
        let signed = self.signed(head, now).map_err(of(Sort::Signature))?;
        let by_signature = signed.as_ref().map(|(name, _)| *name);
        let all = [
            (certificate, Sort::Certificate),
            (key, Sort::ApiKey),
            (by_signature, Sort::Signature),
        ];
        let mut all = all
            .into_iter()
            .filter_map(|(name, sort)| Some((name?, sort)));
        let Some((name, by)) = all.next() else {
            return Ok(Heard::Nobody);
        };
        if let Some((_, other)) = all.find(|(other, _)| *other != name) {
            return Err((other, Unproven::OtherTerminal));
        }
        if self.is_revoked(name) {
            return Err((by, Unproven::Revoked));
        }
        let proven = Proven { name, by };
        Ok(match signed {
            None => Heard::Proven(proven),
            Some((_, signature)) => {
                let (nonce, validity, content) = signature.into_rest();
                Heard::Signed(Signed {
                    proven,
                    nonce,
                    validity,
                    content,
                })
            }
        })
    }

    /// Whose certificate it is: by itself, and by each of its names.
    fn certified(
        &self,
        certificate: Certificate<'_>,
        now: Timestamp,
    ) -> Result<Option<&str>, Unproven> {
        if certificate.ends < now {
            return Err(Unproven::CertificateOver);
        }
        let whole = self.certificates.get(certificate.sha256);
        let named = certificate.names.iter();
        let named = named.filter_map(|name| self.names.get(name));
        let mut all = whole.into_iter().chain(named).map(|name| &**name);
        let first = all.next();
        if all.any(|other| Some(other) != first) {
            return Err(Unproven::OtherTerminal);
        }
        Ok(first)
    }

    fn keyed(&self, head: &Head<'_>) -> Result<Option<&str>, Unproven> {
        let Some(digest) = api_key(head.headers)? else {
            return Ok(None);
        };
        let known = self.api_keys.get(&digest);
        known.map(|name| Some(&**name)).ok_or(Unproven::StrangeKey)
    }

    fn signed(
        &self,
        head: &Head<'_>,
        now: Timestamp,
    ) -> Result<Option<(&str, Signature)>, Unproven> {
        let Some(signature) = Signature::read(head, now)? else {
            return Ok(None);
        };
        let known = self.terminals.get_key_value(&*signature.keyid);
        let key = known.and_then(|(_, entry)| entry.signature_key.as_ref());
        // A terminal that does not exist is refused as late as one that does.
        let nobodys = hmac::Key::new(hmac::HMAC_SHA256, &[0; 32]);
        let holds = signature.holds(key.unwrap_or(&nobodys)) && key.is_some();
        let name = known.map(|(name, _)| &**name).filter(|_| holds);
        let name = name.ok_or(Unproven::StrangeSignature)?;
        Ok(Some((name, signature)))
    }
}

/// Keeps whose proof it is. The files' check refuses one that two terminals have; should it come so
/// far, it is the first one's and stays that.
fn put<K: std::hash::Hash + Eq>(map: &mut FxHashMap<K, Box<str>>, key: K, name: &str) {
    map.entry(key).or_insert_with(|| name.into());
}
