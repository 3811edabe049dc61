//! Why a scan was decided as it was, told by the very function that decides.
//!
//! Shown are names, places and verdicts; of the scanned text only what its family's mask allows.

mod preview;
mod story;
mod trace;

pub use self::preview::RequestStory;
pub use self::story::{
    Explanation, FieldStory, NearMissStory, RouteStory, TriedStory, TrustStory, UnixSeconds,
};
use self::trace::Trace;
use crate::gateway::{Decision, Door, Gateway, Rejection};
use crate::reason::Reason;
use crate::scan::Scan;
use crate::time::Timestamp;
use crate::trust::Keys;

/// How much is told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Detail {
    /// Every family and route that was tried, with why not, and the request that would be sent.
    Everything,
    /// The verdict and what it rests on.
    #[default]
    Verdict,
}

/// Decides `scan` and tells why.
pub fn explain<'a>(
    gateway: &'a Gateway,
    scan: &'a Scan<'_>,
    door: &'a Door,
    keys: &'a Keys,
    detail: Detail,
    now: Timestamp,
) -> (Explanation<'a>, Result<Decision<'a>, Rejection<'a>>) {
    let mut trace = Trace::new(detail);
    let outcome = gateway.decide_recorded(scan, door, keys, &mut trace, now);
    let near_misses = trace.near_misses(keys, now);
    let mut told = trace.tell(gateway, scan, &outcome);
    told.trust.near_misses = near_misses;
    if let (Detail::Everything, Ok(decision)) = (detail, &outcome) {
        told.request = preview::request(decision, now);
    }
    (told, outcome)
}

/// The rejection of a scan that could not even be read.
pub fn unreadable(reason: Reason) -> Explanation<'static> {
    Explanation {
        outcome: "rejection",
        reason: Some(reason.slug()),
        stage: Some(reason.stage().name()),
        ..Explanation::default()
    }
}
