//! Who a terminal is: what it shows, held against what the registry has of it.
//!
//! A [`Proven`] terminal is made here and nowhere else, of a certificate, an API key or a signed
//! request. What a request merely says of itself never becomes one. Nothing is kept from one request
//! to the next but the nonces that were used: who is taken out of the registry is nobody at once.

mod base;
mod book;
mod fields;
#[doc(hidden)]
pub mod fuzzing;
mod nonces;
mod signature;

use http::Method;
use http::header::{self, HeaderMap, HeaderName};
use sha2::{Digest as _, Sha256};
use thiserror::Error;

pub use self::book::{Book, Failed, Heard, Proofs, Proven, Signed, Sort};
pub use self::fields::FieldError;
pub use self::nonces::Nonces;
pub use self::signature::{EARLY, LATE, SIGNATURE, SIGNATURE_INPUT};
use crate::reason::Reason;
use crate::time::Timestamp;

/// For terminals that cannot send `Authorization`.
pub const API_KEY: HeaderName = HeaderName::from_static("x-api-key");

/// What stands in front of a key in `Authorization` (RFC 6750, section 2.1).
const BEARER: &str = "bearer";

/// The shortest API key. A key is made by a machine; what is shorter than 32 characters a person
/// thought of, and its digest could be undone.
pub const MIN_API_KEY: usize = 32;

/// The longest: no key made here has more than 43 characters.
const MAX_API_KEY: usize = 512;

/// SHA-256 of something.
pub type Digest = [u8; 32];

/// A request's head, as far as it proves anything.
#[derive(Clone, Copy, Debug)]
pub struct Head<'a> {
    /// The method.
    pub method: &'a Method,
    /// Whether the connection is encrypted; what the target says of it is its client's word.
    pub scheme: Scheme,
    /// Whom the client wanted.
    pub authority: Option<&'a str>,
    /// The path, as sent.
    pub path: &'a str,
    /// What is behind the question mark, as sent.
    pub query: Option<&'a str>,
    /// The headers.
    pub headers: &'a HeaderMap,
    /// The certificate of the connection, which the listener's authority vouches for.
    pub certificate: Option<Certificate<'a>>,
}

/// What is known of a client's certificate whose chain was verified.
#[derive(Clone, Copy, Debug)]
pub struct Certificate<'a> {
    /// SHA-256 of the whole.
    pub sha256: &'a Digest,
    /// Its subject alternative names: DNS names in lower case, URIs.
    pub names: &'a [Box<str>],
    /// The last second it is good in: its connection may be open for longer.
    pub ends: Timestamp,
}

/// What a connection speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// Plain text.
    Http,
    /// TLS.
    Https,
}

impl Scheme {
    const fn name(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }

    /// The port that goes without saying.
    const fn port(self) -> &'static str {
        match self {
            Self::Http => ":80",
            Self::Https => ":443",
        }
    }
}

/// Why a request proves no terminal. None of these says whether a terminal exists but those that only
/// its own proof can bring about.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Unproven {
    /// A component of the signature is not in the request.
    #[error("found a signature over a field that the request does not have")]
    AbsentComponent,
    /// The signature names another algorithm.
    #[error("found a signature by another algorithm, expected hmac-sha256")]
    Algorithm,
    /// The certificate's time ended while its connection was open.
    #[error("found a certificate that has expired since the connection was made")]
    CertificateOver,
    /// The signature's time has not come.
    #[error("found a signature of the future, expected one created {} s ahead at most", EARLY.as_secs())]
    Early,
    /// Nonces cannot be remembered.
    #[error("more signed requests come than can be remembered")]
    Full,
    /// `Signature` and `Signature-Input` do not belong together.
    #[error("found half a signature, expected Signature and Signature-Input with one label")]
    HalfSignature,
    /// The signature is too old.
    #[error("found an old signature, expected one created within the last {} s", LATE.as_secs())]
    Late,
    /// Nothing was shown.
    #[error("found no proof of the terminal, expected its certificate, API key or signature")]
    Missing,
    /// There is no authority to be signed.
    #[error("found a signature over @authority and no host that it could be about")]
    NoAuthority,
    /// A parameter is missing.
    #[error("found a signature without the parameter \"{name}\"")]
    NoParameter {
        /// Which.
        name: &'static str,
    },
    /// The nonce is empty or too long.
    #[error("expected a nonce of 1 to 128 characters")]
    Nonce,
    /// The content is not the one that was signed.
    #[error("found content that is not what Content-Digest says")]
    OtherContent,
    /// Two proofs, and each of another terminal.
    #[error("found proofs of two terminals, expected all to be of one")]
    OtherTerminal,
    /// The signature's own time is over.
    #[error("found a signature that has expired")]
    Over,
    /// The nonce was used.
    #[error("found a nonce that was used, expected each request to be signed anew")]
    Replayed,
    /// The terminal's proofs were taken back.
    #[error("the terminal's proofs were taken back")]
    Revoked,
    /// There are several API keys.
    #[error("found several API keys, expected one")]
    SeveralKeys,
    /// There are several signatures.
    #[error("found several signatures, expected one")]
    SeveralSignatures,
    /// The certificate is no terminal's, and there is nothing else.
    #[error("found a certificate that is no terminal's, and no other proof")]
    StrangeCertificate,
    /// A component is none of this profile.
    #[error(
        "found a signature over a component that is not known here, expected header names in lower \
         case, @method, @target-uri, @scheme, @authority, @path or @query"
    )]
    StrangeComponent,
    /// No digest is of an algorithm that is used here.
    #[error("found no digest that is known here, expected sha-256 or sha-512 in Content-Digest")]
    StrangeDigest,
    /// The API key is none, or no terminal's.
    #[error("found an API key that is no terminal's, expected \"Authorization: Bearer KEY\"")]
    StrangeKey,
    /// A parameter is none of this profile.
    #[error(
        "found a parameter of the signature that is not known here, expected created, expires, \
         keyid, nonce, alg, tag"
    )]
    StrangeParameter,
    /// The signature is no terminal's.
    #[error("found a signature that does not hold, expected one by the terminal that keyid names")]
    StrangeSignature,
    /// One terminal signs more than can be remembered of it.
    #[error("more signed requests come from this terminal than can be remembered")]
    TooMany,
    /// Something must be signed and is not.
    #[error("found a signature that does not cover \"{what}\"")]
    Uncovered {
        /// What.
        what: &'static str,
    },
    /// A field must be signed where it is there, and is not.
    #[error("found a signature that does not cover \"{name}\", which is there")]
    UncoveredField {
        /// Which.
        name: HeaderName,
    },
    /// A field cannot be read.
    #[error("{field} cannot be read: {source}")]
    Unread {
        /// Its name.
        field: &'static str,
        /// Where it goes wrong.
        source: FieldError,
    },
}

impl Unproven {
    /// The reason a terminal is given.
    pub const fn reason(&self) -> Reason {
        match self {
            Self::Full => Reason::Overloaded,
            Self::OtherTerminal => Reason::TerminalConflict,
            Self::Revoked => Reason::TerminalRevoked,
            Self::TooMany => Reason::RateLimited,
            _ => Reason::TerminalUnproven,
        }
    }
}

/// The digest of the API key a request shows, if it shows one.
fn api_key(headers: &HeaderMap) -> Result<Option<Digest>, Unproven> {
    let authorizations = headers.get_all(header::AUTHORIZATION);
    let mut bearers = Vec::new();
    for value in &authorizations {
        if let Some(key) = bearer(value.as_bytes()) {
            bearers.push(key);
        }
    }
    // RFC 9110, section 11.6.2: there is one `Authorization`.
    if !bearers.is_empty() && authorizations.iter().count() > 1 {
        return Err(Unproven::SeveralKeys);
    }
    let bare = headers.get_all(API_KEY);
    let bare = bare.iter().map(|value| value.as_bytes().trim_ascii());
    let mut keys = bearers.into_iter().chain(bare);
    match (keys.next(), keys.next()) {
        (None, _) => Ok(None),
        (Some(key), None) => digest(key).map(Some).ok_or(Unproven::StrangeKey),
        (Some(_), Some(_)) => Err(Unproven::SeveralKeys),
    }
}

/// The key behind `Bearer`, in whatever case that is (RFC 9110, section 11.1).
fn bearer(value: &[u8]) -> Option<&[u8]> {
    let value = value.trim_ascii();
    let (scheme, rest) = value.split_at_checked(BEARER.len())?;
    let ends = rest.first().is_none_or(|byte| matches!(byte, b' ' | b'\t'));
    (scheme.eq_ignore_ascii_case(BEARER.as_bytes()) && ends).then(|| rest.trim_ascii())
}

/// Whether this is an `Authorization` that proves a terminal here, and is nobody else's business.
pub fn is_bearer(value: &[u8]) -> bool {
    bearer(value).is_some()
}

/// What the registry keeps of an API key; `None` of what is none.
pub fn digest(key: &[u8]) -> Option<Digest> {
    let fits = (MIN_API_KEY..=MAX_API_KEY).contains(&key.len());
    let plain = key.iter().all(u8::is_ascii_graphic);
    (fits && plain).then(|| Sha256::digest(key).into())
}

#[cfg(test)]
mod tests;
