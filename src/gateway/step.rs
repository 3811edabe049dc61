//! A decision that stops where an answer from elsewhere is needed.

use super::outcome::{refuse_trust, values_of, values_there};
use super::{Decision, Gateway, Lack, Matter, Recorder, Rejection};
use crate::family::{Code, Family, Kind};
use crate::policy::Scene;
use crate::reason::Reason;
use crate::route::contract::{Secrets, Values};
use crate::time::Timestamp;
use crate::trust::{Answer, Findings, Need, Question, Untrusted, Verified};

/// How far a decision came.
#[derive(Debug)]
pub enum Step<'a> {
    /// It waits for an answer.
    Asks(Suspended<'a>),
    /// It is over.
    Settled(Result<Decision<'a>, Rejection<'a>>),
}

/// A decision that waits for an answer.
#[derive(Debug)]
pub struct Suspended<'a> {
    pub(super) gateway: &'a Gateway,
    pub(super) circumstances: Circumstances<'a>,
    pub(super) question: Question<'a>,
    pub(super) findings: Findings<'a>,
}

/// What is known of a scan beside its code.
#[derive(Clone, Copy, Debug)]
pub(super) struct Circumstances<'a> {
    pub(super) matter: Matter<'a>,
    pub(super) scene: Result<&'a Scene, Reason>,
    pub(super) family: &'a Family,
    pub(super) rival: Option<&'a Family>,
}

impl<'a> Suspended<'a> {
    /// The code, unbelieved.
    pub const fn code(&self) -> &Code<'a> {
        self.question.code()
    }

    /// What is needed to go on.
    pub const fn need(&self) -> &Need {
        self.question.need()
    }

    /// What a question about the code may be made of, as [`Decision::values`] for a decision.
    pub fn values<'v>(
        &'v self,
        account: Option<Kind>,
        secrets: &'v Secrets,
        now: Timestamp,
    ) -> Values<'v> {
        let place = self.gateway.place(self.circumstances.matter);
        let values = values_of(self.code(), account, secrets, now);
        Values {
            issuer: self.findings.issuer.map(|issuer| &*issuer.id),
            ..values_there(
                self.circumstances.scene.ok(),
                &place.unwrap_or_default(),
                values,
            )
        }
    }

    /// Gives up.
    pub fn refuse(&self, reason: Reason) -> Rejection<'a> {
        self.circumstances.refuse(reason)
    }

    /// Goes on with the answer.
    pub fn resume<R: Recorder<'a>>(
        mut self,
        answer: Answer,
        recorder: &mut R,
        now: Timestamp,
    ) -> Result<Decision<'a>, Rejection<'a>> {
        let verified = self.question.resume(answer, &mut self.findings, now);
        recorder.verified(&self.findings, verified.as_ref());
        let circumstances = self.circumstances;
        let verified = circumstances.hold(verified, &self.findings)?;
        self.gateway
            .conclude(circumstances, verified, recorder, now)
    }

    /// Computes what can be computed and asks nobody.
    pub(super) fn settle(self, now: Timestamp) -> Result<Decision<'a>, Rejection<'a>> {
        let answer = match self.need() {
            Need::Verification(verification) => Answer::Verified(Some(verification.run())),
            Need::Introspection { .. } => Answer::Introspected(None),
        };
        self.resume(answer, &mut (), now)
    }
}

impl<'a> Circumstances<'a> {
    /// What trust's verdict means for the scan.
    pub(super) fn hold(
        &self,
        verified: Result<Verified<'a>, Untrusted>,
        findings: &Findings<'a>,
    ) -> Result<Verified<'a>, Rejection<'a>> {
        verified.map_err(|untrusted| Rejection {
            issuer: findings.issuer,
            lack: Lack::of(findings),
            ..self.refuse(refuse_trust(untrusted))
        })
    }

    pub(super) fn refuse(&self, reason: Reason) -> Rejection<'a> {
        Rejection {
            family: Some(self.family),
            rival: self.rival,
            ..Rejection::early(reason)
        }
    }
}
