//! Whether a code may be believed.
//!
//! [`Keys::verify`] is the only way to a [`Verified`] code, and routing takes nothing else. Cheap
//! checks come first: a code that is over is refused before any signature is computed. The key
//! decides the algorithm, the message never does.

pub mod algorithm;
mod fault;
pub mod keys;
pub mod near_miss;
pub mod verifier;

use std::time::Duration;

use crate::family::{Code, Region, Trust};
use crate::time::Timestamp;

pub use self::algorithm::Secret;
pub use self::fault::KeyFault;
pub use self::keys::{Issuer, Key, KeyWindow, Keys};
pub use self::near_miss::NearMiss;
pub use self::verifier::Verifier;

/// How sure we are of a code, least first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Assurance {
    /// Its shape is right; its backend has the last word.
    Structure,
    /// A key of its issuer signed it.
    Signature,
}

impl Assurance {
    /// Every level, least first.
    pub const ALL: [Self; 2] = [Self::Structure, Self::Signature];

    /// The word for it in files and answers.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Structure => "structure",
            Self::Signature => "signature",
        }
    }

    /// The level of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|level| level.name() == name)
    }
}

/// A code that passed everything its family asks for. Nothing outside this module can make one.
#[derive(Clone, Debug)]
pub struct Verified<'a> {
    code: Code<'a>,
    assurance: Assurance,
    issuer: Option<&'a Issuer>,
}

impl<'a> Verified<'a> {
    /// The code.
    pub const fn code(&self) -> &Code<'a> {
        &self.code
    }

    /// How sure we are.
    pub const fn assurance(&self) -> Assurance {
        self.assurance
    }

    /// The configured issuer, if the code has one.
    pub const fn issuer(&self) -> Option<&'a Issuer> {
        self.issuer
    }

    /// Whether the code is no older than `limit`; one that does not say when it was issued is.
    pub fn is_within(&self, limit: Duration, now: Timestamp) -> bool {
        self.code
            .issued_at
            .is_some_and(|issued| now <= issued.after(limit))
    }

    /// Where the code says it is from, else where its issuer sits.
    pub fn region(&self) -> Option<Region> {
        self.code.region.or_else(|| self.issuer?.region)
    }
}

/// Why a code is not believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Untrusted {
    /// The signature does not belong to the text, or is not one.
    #[error("the signature does not hold")]
    BadSignature,
    /// Its time is over.
    #[error("over since {not_after}")]
    Expired {
        /// The first instant at which it was.
        not_after: Timestamp,
    },
    /// The key's secret is not there.
    #[error("the key's secret is not set")]
    KeyUnavailable,
    /// Its time has not begun.
    #[error("good only from {not_before}")]
    NotYetValid {
        /// The first instant at which it will be.
        not_before: Timestamp,
    },
    /// No issuer of that name.
    #[error("the issuer is not configured")]
    UnknownIssuer,
    /// No key of that name, or not at this time, or not for this family.
    #[error("the issuer has no such key at this time")]
    UnknownKey,
}

/// What was found out about a code on the way to a verdict; `explain` shows it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Findings<'a> {
    /// The key, if one was found.
    pub key: Option<&'a Key>,
    /// What became of the signature; `None`: there is none or it was not reached.
    pub signature: Option<Result<(), Untrusted>>,
    /// What became of the time.
    pub time: Option<Result<(), Untrusted>>,
}

/// How far a verification goes once the verdict is clear.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Depth {
    /// Everything is checked, for the sake of the findings.
    Exhaustive,
    /// The first refusal ends it.
    FirstRefusal,
}

impl Keys {
    /// Verifies `code` as its family asks, leaving what it found in `findings`.
    pub fn verify<'a>(
        &'a self,
        code: Code<'a>,
        depth: Depth,
        findings: &mut Findings<'a>,
        now: Timestamp,
    ) -> Result<Verified<'a>, Untrusted> {
        let issuer = code.issuer.and_then(|name| self.issuer(name));
        let time = validity(&code, now);
        findings.time = (code.issued_at.is_some() || code.expires_at.is_some()).then_some(time);
        if let (Err(refusal), Depth::FirstRefusal) = (time, depth) {
            return Err(refusal);
        }
        let assurance = match code.family.trust {
            Trust::Structure => Assurance::Structure,
            Trust::Signature => {
                let verdict = signature(&code, issuer, findings, now);
                findings.signature = Some(verdict);
                time.and(verdict)?;
                Assurance::Signature
            }
        };
        time.map(|()| Verified {
            code,
            assurance,
            issuer,
        })
    }
}

/// Holds the code's own times and the family's bounds on the time of issue against `now`.
fn validity(code: &Code<'_>, now: Timestamp) -> Result<(), Untrusted> {
    // RFC 7519, section 4.1.4: "the expiration time on or after which the JWT MUST NOT be accepted".
    if let Some(not_after) = code.expires_at.filter(|&end| now >= end) {
        return Err(Untrusted::Expired { not_after });
    }
    let Some(issued) = code.issued_at else {
        return Ok(());
    };
    let not_before = issued.before(code.family.validity.max_future);
    if now < not_before {
        return Err(Untrusted::NotYetValid { not_before });
    }
    match code.family.validity.max_age.map(|age| issued.after(age)) {
        Some(not_after) if now > not_after => Err(Untrusted::Expired { not_after }),
        _ => Ok(()),
    }
}

fn signature<'a>(
    code: &Code<'a>,
    issuer: Option<&'a Issuer>,
    findings: &mut Findings<'a>,
    now: Timestamp,
) -> Result<(), Untrusted> {
    let issuer = issuer.ok_or(Untrusted::UnknownIssuer)?;
    let key = code
        .key_id
        .and_then(|id| issuer.key(id))
        .ok_or(Untrusted::UnknownKey)?;
    findings.key = Some(key);
    let signed = code.signed.as_ref().ok_or(Untrusted::BadSignature)?;
    if !key.window.contains(now) || !signed.algorithms.contains(&key.algorithm) {
        return Err(Untrusted::UnknownKey);
    }
    let secret = key.secret.as_ref().ok_or(Untrusted::KeyUnavailable)?;
    if secret.verifies(signed) {
        Ok(())
    } else {
        Err(Untrusted::BadSignature)
    }
}
