//! Signed requests: a profile of RFC 9421 with one algorithm, held against time and coverage before
//! anybody's key is looked for.

use std::time::Duration;

use http::header::{self, HeaderMap, HeaderName};
use ring::digest::{self, SHA256, SHA512};
use ring::hmac;

use super::base::{base, joined};
use super::fields::{self, Covered, Value};
use super::{Head, Unproven};
use crate::time::Timestamp;

/// How long a signature may be under way: a terminal's clock may be that late, and its request that
/// slow. Nonces are remembered for as long.
pub const LATE: Duration = Duration::from_secs(5 * 60);

/// How far a terminal's clock may be early. Clocks that are kept at all differ by less than a second.
pub const EARLY: Duration = Duration::from_secs(30);

/// The longest nonce: 128 random bits have 22 to 36 characters.
const MAX_NONCE: usize = 128;

/// The one algorithm (RFC 9421, section 3.3.3).
const ALGORITHM: &str = "hmac-sha256";

/// RFC 9421, section 4.2.
pub const SIGNATURE: HeaderName = HeaderName::from_static("signature");

/// RFC 9421, section 4.1.
pub const SIGNATURE_INPUT: HeaderName = HeaderName::from_static("signature-input");

/// RFC 9530, section 2.
const CONTENT_DIGEST: HeaderName = HeaderName::from_static("content-digest");

/// The fields that say how a request is meant; one that is there and not signed anybody could have
/// added on the way.
const MEANT: [HeaderName; 4] = [
    header::CONTENT_TYPE,
    HeaderName::from_static("idempotency-key"),
    HeaderName::from_static("x-multicode-scene"),
    HeaderName::from_static("x-multicode-terminal"),
];

/// A signature of this profile whose time is right and that covers what it must. Whose it is and
/// whether it holds is not said yet.
#[derive(Debug)]
pub(super) struct Signature {
    pub(super) keyid: String,
    pub(super) nonce: String,
    pub(super) validity: Validity,
    /// What is signed.
    base: Vec<u8>,
    mac: Vec<u8>,
    content: Content,
}

/// What a signature says of the request's content.
#[derive(Debug)]
pub(super) enum Content {
    /// That it is this one.
    Digested(Vec<(String, Vec<u8>)>),
    /// Nothing: there must be none.
    Unsaid,
}

/// When a signature is good.
#[derive(Clone, Copy, Debug)]
pub(super) struct Validity {
    pub(super) created: Timestamp,
    expires: Option<Timestamp>,
}

/// The parameters of a signature.
struct Parameters<'c> {
    validity: Validity,
    keyid: &'c str,
    nonce: &'c str,
}

impl Signature {
    /// Reads the signature of a request, if it has one.
    pub(super) fn read(head: &Head<'_>, now: Timestamp) -> Result<Option<Self>, Unproven> {
        let input = head.headers.get_all(SIGNATURE_INPUT);
        let signature = head.headers.get_all(SIGNATURE);
        let (input, signature) = (joined(input.iter()), joined(signature.iter()));
        let shown = [&SIGNATURE_INPUT, &SIGNATURE].map(|name| head.headers.contains_key(name));
        if shown == [false, false] {
            return Ok(None);
        }
        if shown != [true, true] {
            return Err(Unproven::HalfSignature);
        }
        let unread = |field| move |source| Unproven::Unread { field, source };
        let covered = fields::lists(&input).map_err(unread("Signature-Input"))?;
        let macs = fields::bytes(&signature).map_err(unread("Signature"))?;
        let ([(label, covered)], [(same, mac)]) = (&*covered, &*macs) else {
            return Err(Unproven::SeveralSignatures);
        };
        if label != same {
            return Err(Unproven::HalfSignature);
        }
        let parameters = Parameters::of(covered)?;
        parameters.validity.holds(now)?;
        covers_enough(head, covered)?;
        Ok(Some(Self {
            keyid: parameters.keyid.to_owned(),
            nonce: parameters.nonce.to_owned(),
            validity: parameters.validity,
            base: base(head, covered)?,
            mac: mac.clone(),
            content: Content::of(head.headers, covered)?,
        }))
    }

    /// Whether it was made with that key. Takes the same time whether it was or not.
    pub(super) fn holds(&self, key: &hmac::Key) -> bool {
        hmac::verify(key, &self.base, &self.mac).is_ok()
    }

    /// What is left to be settled when the content is here.
    pub(super) fn into_rest(self) -> (String, Validity, Content) {
        (self.nonce, self.validity, self.content)
    }
}

impl<'c> Parameters<'c> {
    fn of(covered: &'c Covered) -> Result<Self, Unproven> {
        let (mut created, mut expires) = (None, None);
        let (mut keyid, mut nonce) = (None, None);
        for (name, value) in &covered.parameters {
            match (&**name, value) {
                ("created", Value::Integer(at)) => created = Some(Timestamp::from_seconds(*at)),
                ("expires", Value::Integer(at)) => expires = Some(Timestamp::from_seconds(*at)),
                ("keyid", Value::Text(text)) => keyid = Some(&**text),
                ("nonce", Value::Text(text)) => nonce = Some(&**text),
                ("alg", Value::Text(text)) if text == ALGORITHM => {}
                ("alg", _) => return Err(Unproven::Algorithm),
                // Section 2.3: "an application-specific tag", which is signed like all the rest.
                ("tag", Value::Text(_)) => {}
                _ => return Err(Unproven::StrangeParameter),
            }
        }
        let missing = |name| Unproven::NoParameter { name };
        let nonce = nonce.ok_or_else(|| missing("nonce"))?;
        if nonce.is_empty() || nonce.len() > MAX_NONCE {
            return Err(Unproven::Nonce);
        }
        let created = created.ok_or_else(|| missing("created"))?;
        Ok(Self {
            validity: Validity { created, expires },
            keyid: keyid.ok_or_else(|| missing("keyid"))?,
            nonce,
        })
    }
}

impl Validity {
    /// Asked with the head, and once more with the content: a head that waits long for its content
    /// would outlast its nonce.
    pub(super) fn holds(&self, now: Timestamp) -> Result<(), Unproven> {
        if self.created > now.after(EARLY) {
            return Err(Unproven::Early);
        }
        if self.created < now.before(LATE) {
            return Err(Unproven::Late);
        }
        match self.expires {
            Some(expires) if expires <= now => Err(Unproven::Over),
            _ => Ok(()),
        }
    }
}

/// Whether all is signed that decides what the request is.
fn covers_enough(head: &Head<'_>, covered: &Covered) -> Result<(), Unproven> {
    let has = |name: &str| covered.components.iter().any(|one| one == name);
    let uncovered = |what| Err(Unproven::Uncovered { what });
    if !has("@method") {
        return uncovered("@method");
    }
    if !has("@target-uri") {
        for name in ["@authority", "@path"] {
            if !has(name) {
                return uncovered(name);
            }
        }
        if head.query.is_some() && !has("@query") {
            return uncovered("@query");
        }
    }
    for name in &MEANT {
        if head.headers.contains_key(name) && !has(name.as_str()) {
            // Only such names are in the list.
            return Err(Unproven::UncoveredField { name: name.clone() });
        }
    }
    Ok(())
}

impl Content {
    fn of(headers: &HeaderMap, covered: &Covered) -> Result<Self, Unproven> {
        let mut components = covered.components.iter();
        if !components.any(|one| one == CONTENT_DIGEST.as_str()) {
            return Ok(Self::Unsaid);
        }
        let field = joined(headers.get_all(CONTENT_DIGEST).iter());
        let digests = fields::bytes(&field).map_err(|source| Unproven::Unread {
            field: "Content-Digest",
            source,
        })?;
        Ok(Self::Digested(digests))
    }

    /// Whether the content is the one that was signed.
    pub(super) fn is(&self, body: &[u8]) -> Result<(), Unproven> {
        let Self::Digested(digests) = self else {
            return if body.is_empty() {
                Ok(())
            } else {
                Err(Unproven::Uncovered {
                    what: "content-digest",
                })
            };
        };
        let mut known = 0;
        for (algorithm, expected) in digests {
            let algorithm = match &**algorithm {
                "sha-256" => &SHA256,
                "sha-512" => &SHA512,
                // RFC 9530, section 5: the others are "deprecated", or nobody's here.
                _ => continue,
            };
            known += 1;
            if digest::digest(algorithm, body).as_ref() != &**expected {
                return Err(Unproven::OtherContent);
            }
        }
        if known == 0 {
            return Err(Unproven::StrangeDigest);
        }
        Ok(())
    }
}
