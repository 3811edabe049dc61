//! Whether a code may be believed.
//!
//! [`Keys::examine`] is the only way to a [`Verified`] code, and routing takes nothing else. Cheap
//! checks come first: a code that is over is refused before any signature is computed. The key
//! decides the algorithm, the message never does. What would hold a worker up, a heavy signature or
//! the word of the issuer's platform, becomes a [`Question`]; whoever has the answer goes on with it.

mod examine;
mod fault;
pub mod heavy;
pub mod introspection;
pub mod keys;
pub mod material;
pub mod near_miss;
mod one_time;
pub mod revocation;
pub mod standing;
pub mod verifier;

use crate::time::Timestamp;

pub use self::examine::{Answer, Examination, Need, Question, Verified};
pub use self::fault::KeyFault;
pub use self::heavy::{Verdict, Verification};
pub use self::introspection::Introspected;
pub use self::keys::{Issuer, Key, KeySet, KeyWindow, Keys, Supply};
pub use self::material::{Material, MaterialError, RejectedKey};
pub use self::near_miss::{NearMiss, Reach};
pub use self::one_time::OneTime;
pub use self::revocation::Revocations;
pub use self::standing::{Rejected, Standing};
pub use self::verifier::Verifier;

/// How sure we are of a code, least first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Assurance {
    /// Its shape is right; its backend has the last word.
    Structure,
    /// Its issuer's platform, asked about it, calls it good.
    Introspected,
    /// A key of its issuer signed it.
    Signature,
}

impl Assurance {
    /// Every level, least first.
    pub const ALL: [Self; 3] = [Self::Structure, Self::Introspected, Self::Signature];

    /// The word for it in files and answers.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Structure => "structure",
            Self::Introspected => "introspected",
            Self::Signature => "signature",
        }
    }

    /// The level of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|level| level.name() == name)
    }
}

/// Why a code is not believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Untrusted {
    /// The signature does not belong to the text, or is not one.
    #[error("the signature does not hold")]
    BadSignature,
    /// Nobody is there to compute a heavy signature at the moment.
    #[error("too many signatures are being verified")]
    Busy,
    /// It does not say when it was issued, and must.
    #[error("does not say when it was issued")]
    Undated,
    /// Its time is over.
    #[error("over since {not_after}")]
    Expired {
        /// The first instant at which it was.
        not_after: Timestamp,
    },
    /// The issuer's platform does not call it good.
    #[error("the issuer's platform says no")]
    Inactive,
    /// The issuer's platform could not be asked.
    #[error("the issuer's platform did not answer")]
    IssuerUnavailable,
    /// The key's secret is not there, or no keys could be had of the issuer yet.
    #[error("the issuer's keys are not there")]
    KeyUnavailable,
    /// The issuer's keys could not be renewed for too long.
    #[error("the issuer's keys are too old since {since}")]
    KeysStale {
        /// The first instant at which they were.
        since: Timestamp,
    },
    /// Its time has not begun.
    #[error("good only from {not_before}")]
    NotYetValid {
        /// The first instant at which it will be.
        not_before: Timestamp,
    },
    /// The issuer took the code or its key back.
    #[error("revoked by its issuer")]
    Revoked,
    /// No issuer of that name.
    #[error("the issuer is not configured")]
    UnknownIssuer,
    /// No key of that name, or not at this time, or not for this family.
    #[error("the issuer has no such key at this time")]
    UnknownKey,
}

impl Untrusted {
    /// Whether newer keys of the issuer might change it.
    pub const fn is_for_want_of_keys(self) -> bool {
        matches!(
            self,
            Self::UnknownKey | Self::KeyUnavailable | Self::KeysStale { .. }
        )
    }
}

/// What was found out about a code on the way to a verdict; `explain` shows it.
#[derive(Clone, Debug, Default)]
pub struct Findings<'a> {
    /// The configured issuer.
    pub issuer: Option<&'a Issuer>,
    /// The key, if one was found.
    pub key: Option<&'a Key>,
    /// Whether an issuer who took it back was what refused it, and not its signature.
    pub is_revoked: bool,
    /// What became of the signature; `None`: there is none or it was not reached.
    pub signature: Option<Result<(), Untrusted>>,
    /// What became of the time.
    pub time: Option<Result<(), Untrusted>>,
    /// What the issuer's keys lacked, if anything.
    pub wanted: Option<Wanted>,
}

/// A key that might lead to another verdict.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// Its id, if the code names one.
    pub id: Option<Box<str>>,
}

/// How far a verification goes once the verdict is clear.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Depth {
    /// Everything is checked, for the sake of the findings.
    Exhaustive,
    /// The first refusal ends it.
    FirstRefusal,
}

#[cfg(test)]
mod tests;
