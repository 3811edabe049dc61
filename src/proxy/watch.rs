//! What a decision looks at, noted while it looks.

use super::visit::{Visit, narrow};
use crate::classify::{Tried, Witness};
use crate::family::region::Relation;
use crate::family::{Code, Family, Match, Region};
use crate::gateway::Recorder;
use crate::policy::{Place, Scene};
use crate::reason::Stage;
use crate::route::Route;
use crate::telemetry::Verification;
use crate::trust::{Depth, Findings, Untrusted, Verified};

/// Notes what a decision looks at, and when.
#[derive(Debug)]
pub(super) struct Watch<'v> {
    visit: &'v Visit,
    considered: bool,
}

impl<'v> Watch<'v> {
    pub(super) const fn over(visit: &'v Visit) -> Self {
        Self {
            visit,
            considered: false,
        }
    }
}

impl<'a> Witness<'a> for Watch<'_> {
    fn tried(&mut self, _: &'a Family, _: &Match<'a>, _: Tried) {}
}

impl<'a> Recorder<'a> for Watch<'_> {
    const DEPTH: Depth = Depth::FirstRefusal;

    fn classified(&mut self, code: &Code<'a>) {
        self.visit.lap(Stage::Classify);
        self.visit.note(|event| {
            event.freshness = Some(code.freshness.name());
            event.made = code.issued_at;
        });
    }

    fn verified(&mut self, findings: &Findings<'a>, _: Result<&Verified<'a>, &Untrusted>) {
        self.visit.lap(Stage::Trust);
        let algorithm = findings.key.map(|key| key.algorithm);
        let signature = algorithm.zip(findings.signature);
        self.visit.note(|event| {
            event.issuer = findings
                .issuer
                .and_then(|issuer| event.names.issuer(&issuer.id));
            event.verification = signature.map(|(algorithm, verdict)| Verification {
                algorithm,
                holds: verdict.is_ok(),
            });
        });
    }

    fn placed(&mut self, scene: Option<&'a Scene>, place: &Place<'a>, _: Relation) {
        self.visit.note(|event| {
            event.scene = scene.map(|scene| narrow(scene.index));
            if place.registered {
                event.organisation = place.organisation.map(Into::into);
                event.region = place.region.map(Region::number);
            }
        });
    }

    fn considered(&mut self, _: &'a Route, unmet: Option<&'static str>) {
        if !self.considered {
            self.visit.lap(Stage::Policy);
            self.considered = true;
        }
        if unmet.is_none() {
            self.visit.lap(Stage::Route);
        }
    }
}
