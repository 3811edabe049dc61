//! Why a scan was decided as it was, told by the very function that decides.
//!
//! Shown are names, places and verdicts; of the scanned text only what its family's mask allows.

mod preview;
mod story;
mod trace;

use std::sync::Arc;

pub use self::preview::RequestStory;
pub use self::story::{
    Explanation, FieldStory, NearMissStory, RouteStory, TriedStory, TrustStory, UnixSeconds,
};
use self::trace::Trace;
use crate::gateway::{Decision, Gateway, Matter, Rejection, Step, Suspended};
use crate::reason::Reason;
use crate::time::Timestamp;
use crate::trust::{Answer, Introspected, Need};

/// How much is told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Detail {
    /// Every family and route that was tried, with why not, and the request that would be sent.
    Everything,
    /// The verdict and what it rests on.
    #[default]
    Verdict,
}

/// Asks the platform of a code's issuer; `None`: it said nothing.
pub type Ask<'p> = dyn Fn(&Suspended<'_>) -> Option<Arc<Introspected>> + 'p;

/// How a scan is explained.
#[derive(Clone, Copy)]
#[expect(
    missing_debug_implementations,
    reason = "a function has nothing to show"
)]
pub struct Telling<'p> {
    /// How much is told.
    pub detail: Detail,
    /// Who asks the platforms. Without one nobody is asked, and codes believed on a platform's word
    /// are told of as if it called them good: that says where they would go.
    pub ask: Option<&'p Ask<'p>>,
}

impl From<Detail> for Telling<'_> {
    fn from(detail: Detail) -> Self {
        Self { detail, ask: None }
    }
}

/// Decides a scan and tells why.
pub fn explain<'a, 'p>(
    gateway: &'a Gateway,
    matter: Matter<'a>,
    telling: impl Into<Telling<'p>>,
    now: Timestamp,
) -> (Explanation<'a>, Result<Decision<'a>, Rejection<'a>>) {
    let Telling { detail, ask } = telling.into();
    let mut trace = Trace::new(detail);
    let outcome = match gateway.begin(matter, &mut trace, now) {
        Step::Settled(outcome) => outcome,
        Step::Asks(suspended) => {
            let answer = match suspended.need() {
                Need::Introspection { .. } => Answer::Introspected(if let Some(ask) = ask {
                    let told = ask(&suspended);
                    trace.introspected(told.as_deref());
                    told
                } else {
                    trace.not_introspected();
                    Some(Introspected::ACTIVE.into())
                }),
                Need::Verification(verification) => Answer::Verified(Some(verification.run())),
            };
            suspended.resume(answer, &mut trace, now)
        }
    };
    let near_misses = trace.near_misses(matter.keys, now);
    let mut told = trace.tell(gateway, matter.scan, &outcome);
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
