//! What comes of a scan.

use crate::classify::Unclassified;
use crate::family::region::Relation;
use crate::family::{Code, Family, Kind, ParseError, Region};
use crate::policy::{Place, Scene};
use crate::reason::Reason;
use crate::route::Route;
use crate::route::contract::{Secrets, Sent, Values};
use crate::time::Timestamp;
use crate::trust::{Findings, Issuer, Supply, Untrusted, Verified};

/// Where a scan goes, and why it may.
#[derive(Clone, Debug)]
pub struct Decision<'a> {
    /// The believed code.
    pub verified: Verified<'a>,
    /// The scene it was scanned in.
    pub scene: &'a Scene,
    /// Where it was scanned.
    pub place: Place<'a>,
    /// How the code's region lies to that place.
    pub relation: Relation,
    /// The route it takes.
    pub route: &'a Route,
    /// The family it had to be told from.
    pub rival: Option<&'a Family>,
}

impl Decision<'_> {
    /// What a request to a department of kind `account` may be made of: its own account of the code
    /// and no other, and the whole text only where it is the account. The caller adds what only it
    /// knows: the request's id and the terminal's own fields.
    pub fn values<'v>(
        &'v self,
        account: Option<Kind>,
        secrets: &'v Secrets,
        now: Timestamp,
    ) -> Values<'v> {
        let code = self.verified.code();
        let to_its_own = account == Some(code.family.kind);
        Values {
            index: self.verified.index().filter(|_| to_its_own),
            issuer: self.verified.issuer().map(|issuer| &*issuer.id),
            ..values_there(
                Some(self.scene),
                &self.place,
                values_of(code, account, secrets, now),
            )
        }
    }
}

/// What a code gives to a request.
pub(super) fn values_of<'v>(
    code: &'v Code<'_>,
    account: Option<Kind>,
    secrets: &'v Secrets,
    now: Timestamp,
) -> Values<'v> {
    Values {
        account: account.and_then(|kind| code.accounts.of(kind)),
        code: (code.family.account_count() == 1).then_some(code.text),
        family: &code.family.id,
        index: None,
        issuer: None,
        kind: code.family.kind,
        now,
        organisation: None,
        region: None,
        request_id: "",
        scene: None,
        scene_codes: &[],
        secrets,
        sent: Sent::NOTHING,
        terminal: None,
    }
}

/// The same with what the circumstances give.
pub(super) fn values_there<'v>(
    scene: Option<&'v Scene>,
    place: &Place<'v>,
    values: Values<'v>,
) -> Values<'v> {
    Values {
        organisation: place.organisation,
        region: place.region.map(Region::number),
        scene: scene.map(|scene| &*scene.name),
        scene_codes: scene.map(|scene| &*scene.codes).unwrap_or_default(),
        terminal: place.terminal,
        ..values
    }
}

/// Why a scan goes nowhere.
#[derive(Clone, Debug)]
pub struct Rejection<'a> {
    /// The reason, the same word everywhere.
    pub reason: Reason,
    /// The family, as far as it was recognised.
    pub family: Option<&'a Family>,
    /// The other family, where two had an equal claim.
    pub rival: Option<&'a Family>,
    /// The configured issuer, if trust refused one of its codes.
    pub issuer: Option<&'a Issuer>,
    /// Keys that were not enough: newer ones may lead to another outcome.
    pub lack: Option<Lack<'a>>,
    /// Where and why its inside could not be read; for `explain`, a terminal is told the reason.
    pub unread: Option<ParseError>,
}

/// What newer keys would have to hold.
#[derive(Clone, Debug)]
pub struct Lack<'a> {
    /// Whose they are.
    pub issuer: &'a Issuer,
    /// The id of the key the code names.
    pub key: Option<Box<str>>,
}

impl<'a> Lack<'a> {
    /// What would have led to another verdict. Keys in the files are all there are.
    pub(super) fn of(findings: &Findings<'a>) -> Option<Self> {
        let (issuer, wanted) = (findings.issuer?, findings.wanted.as_ref()?);
        (issuer.keys.supply != Supply::Files).then(|| Self {
            issuer,
            key: wanted.id.clone(),
        })
    }
}

impl Rejection<'_> {
    /// A refusal before any family was recognised.
    pub const fn early(reason: Reason) -> Self {
        Self {
            reason,
            family: None,
            rival: None,
            issuer: None,
            lack: None,
            unread: None,
        }
    }
}

pub(super) fn refuse_text(unclassified: Unclassified<'_>) -> Rejection<'_> {
    match unclassified {
        Unclassified::Ambiguous { family, rival } => Rejection {
            family: Some(family),
            rival: Some(rival),
            ..Rejection::early(Reason::AmbiguousCode)
        },
        Unclassified::BadChecksum(family) => Rejection {
            family: Some(family),
            ..Rejection::early(Reason::BadChecksum)
        },
        Unclassified::Malformed(family, error) => Rejection {
            family: Some(family),
            unread: Some(error),
            ..Rejection::early(match error {
                ParseError::Chunked => Reason::PartialCode,
                ParseError::Checksum { .. } | ParseError::Unexpected { .. } => {
                    Reason::MalformedCode
                }
            })
        },
        Unclassified::Unknown => Rejection::early(Reason::UnknownCode),
    }
}

pub(super) const fn refuse_trust(untrusted: Untrusted) -> Reason {
    match untrusted {
        Untrusted::BadSignature => Reason::BadSignature,
        Untrusted::Busy => Reason::VerifierBusy,
        Untrusted::Expired { .. } => Reason::Expired,
        Untrusted::Inactive => Reason::RefusedByIssuer,
        Untrusted::IssuerUnavailable => Reason::IssuerUnavailable,
        Untrusted::KeyUnavailable => Reason::KeyUnavailable,
        Untrusted::KeysStale { .. } => Reason::KeysStale,
        Untrusted::NotYetValid { .. } => Reason::NotYetValid,
        Untrusted::Revoked => Reason::Revoked,
        Untrusted::Undated => Reason::TooOld,
        Untrusted::UnknownIssuer => Reason::UnknownIssuer,
        Untrusted::UnknownKey => Reason::UnknownKey,
    }
}
