//! The decision: text in, decision or rejection out.
//!
//! Pure: no I/O, no clock, no lock, and in the steady state no allocation. [`Gateway::begin`] stops
//! where an answer from elsewhere is needed, and goes on with it; [`Gateway::decide`] is the same for
//! those who have time to compute and ask nobody. The `explain` command and the `[[test]]` blocks
//! run this very function with a recorder; without one the compiler leaves the recording out.

mod outcome;
mod step;

use self::outcome::refuse_text;
pub use self::outcome::{Decision, Lack, Rejection};
use self::step::Circumstances;
pub use self::step::{Step, Suspended};
use crate::classify::{Classified, Classifier, Witness};
use crate::family::region::Relation;
use crate::family::{Code, Family, Kind, KindSet, Region};
use crate::policy::{Place, Scene, Scenes, Strangers, Terminals};
use crate::reason::Reason;
use crate::route::{Occasion, Route, Routes};
use crate::scan::Scan;
use crate::time::Timestamp;
use crate::trust::{Assurance, Depth, Examination, Findings, Keys, Need, Untrusted, Verified};

/// Everything a decision needs: an immutable snapshot of the configuration.
#[derive(Debug, Default)]
pub struct Gateway {
    families: Vec<Family>,
    classifier: Classifier,
    scenes: Scenes,
    terminals: Terminals,
    routes: Routes,
}

/// What is asked of the door a scan came through.
#[derive(Clone, Debug, Default)]
pub struct Door {
    /// The scene of scans that name none.
    pub default_scene: Option<Box<str>>,
    /// The scenes served here; empty: all.
    pub scenes: Box<[Box<str>]>,
    /// Whether unregistered terminals may scan.
    pub strangers: Strangers,
}

/// What is decided on.
#[derive(Clone, Copy, Debug)]
pub struct Matter<'a> {
    /// What was scanned.
    pub scan: &'a Scan<'a>,
    /// Where it came in.
    pub door: &'a Door,
    /// The keys in force.
    pub keys: &'a Keys,
}

/// Is told what a decision looked at.
pub trait Recorder<'a>: Witness<'a> {
    /// How far trust goes once its verdict is clear.
    const DEPTH: Depth;
    /// The text's family is settled.
    fn classified(&mut self, code: &Code<'a>);
    /// Signature and time were checked.
    fn verified(&mut self, findings: &Findings<'a>, verdict: Result<&Verified<'a>, &Untrusted>);
    /// The scene and the place are settled.
    fn placed(&mut self, scene: Option<&'a Scene>, place: &Place<'a>, relation: Relation);
    /// A route was considered; the condition that is not met, if one is not.
    fn considered(&mut self, route: &'a Route, unmet: Option<&'static str>);
}

/// Records nothing.
impl<'a> Recorder<'a> for () {
    const DEPTH: Depth = Depth::FirstRefusal;
    fn classified(&mut self, _: &Code<'a>) {}
    fn verified(&mut self, _: &Findings<'a>, _: Result<&Verified<'a>, &Untrusted>) {}
    fn placed(&mut self, _: Option<&'a Scene>, _: &Place<'a>, _: Relation) {}
    fn considered(&mut self, _: &'a Route, _: Option<&'static str>) {}
}

/// What a gateway is made of.
#[derive(Debug, Default)]
pub struct Parts {
    /// The code families that may claim texts.
    pub families: Vec<Family>,
    /// The scenes.
    pub scenes: Scenes,
    /// The registered terminals.
    pub terminals: Terminals,
    /// The routes, in the order written.
    pub routes: Vec<Route>,
}

impl Gateway {
    /// Compiles the tables.
    pub fn new(mut parts: Parts) -> Self {
        for (index, family) in parts.families.iter_mut().enumerate() {
            family.index = index;
        }
        Self {
            classifier: Classifier::new(&parts.families),
            routes: Routes::new(parts.routes, &parts.families, &parts.scenes),
            families: parts.families,
            scenes: parts.scenes,
            terminals: parts.terminals,
        }
    }

    /// The families that may claim texts.
    pub fn families(&self) -> &[Family] {
        &self.families
    }

    /// The scenes.
    pub const fn scenes(&self) -> &Scenes {
        &self.scenes
    }

    /// The routes.
    pub const fn routes(&self) -> &Routes {
        &self.routes
    }

    /// The registered terminals.
    pub const fn terminals(&self) -> &Terminals {
        &self.terminals
    }

    /// Whether a terminal of that name is registered.
    pub fn knows_terminal(&self, name: &str) -> bool {
        self.terminals.knows(name)
    }

    /// Decides where a scan goes, taking the time to compute whatever that needs. Nobody is asked:
    /// a code that is believed on its issuer's platform's word alone is not.
    pub fn decide<'a>(
        &'a self,
        matter: Matter<'a>,
        now: Timestamp,
    ) -> Result<Decision<'a>, Rejection<'a>> {
        match self.begin(matter, &mut (), now) {
            Step::Settled(outcome) => outcome,
            Step::Asks(suspended) => suspended.settle(now),
        }
    }

    /// Goes as far as one can without waiting, telling `recorder` what was looked at.
    pub fn begin<'a, R: Recorder<'a>>(
        &'a self,
        matter: Matter<'a>,
        recorder: &mut R,
        now: Timestamp,
    ) -> Step<'a> {
        let Matter { scan, door, keys } = matter;
        let scene = self.scene(scan.claims.scene, door);
        let in_scene = scene.map_or(KindSet::ALL, |scene| scene.accepts);
        let classified = self
            .classifier
            .classify(&self.families, &scan.text, in_scene, recorder);
        let Classified { code, rival } = match classified {
            Ok(classified) => classified,
            Err(unclassified) => return Step::Settled(Err(refuse_text(unclassified))),
        };
        recorder.classified(&code);
        let circumstances = Circumstances {
            matter,
            scene,
            family: code.family,
            rival,
        };
        if code.family.kind == Kind::MerchantCode {
            return Step::Settled(Err(circumstances.refuse(Reason::MerchantCode)));
        }
        let mut findings = Findings::default();
        match keys.examine(code, R::DEPTH, &mut findings, now) {
            Examination::Asks(question) => {
                if let Need::Introspection { .. } = question.need()
                    && let Err(reason) =
                        self.is_worth_asking(circumstances, question.code(), recorder, now)
                {
                    return Step::Settled(Err(circumstances.refuse(reason)));
                }
                Step::Asks(Suspended {
                    gateway: self,
                    circumstances,
                    question,
                    findings,
                })
            }
            Examination::Settled(verified) => {
                recorder.verified(&findings, verified.as_ref());
                let verified = circumstances.hold(verified, &findings);
                Step::Settled(
                    verified
                        .and_then(|verified| self.conclude(circumstances, verified, recorder, now)),
                )
            }
        }
    }

    /// Whether the platform's word could lead anywhere. To ask may use a code up, so what is refused
    /// in any case is refused first.
    fn is_worth_asking<'a, R: Recorder<'a>>(
        &'a self,
        circumstances: Circumstances<'a>,
        code: &Code<'a>,
        recorder: &mut R,
        now: Timestamp,
    ) -> Result<(), Reason> {
        let Circumstances { matter, scene, .. } = circumstances;
        let place = self.place(matter);
        let relation = relation(code.region, place.as_ref().ok());
        recorder.placed(scene.ok(), &place.unwrap_or_default(), relation);
        let (scene, _) = (scene?, place?);
        scene.consider(code, Assurance::Introspected, now)?;
        let mut routes = self.routes.candidates(code.family, scene);
        routes.next().map(|_| ()).ok_or(Reason::NoRoute)
    }

    /// From a believed code to where the scan goes.
    fn conclude<'a, R: Recorder<'a>>(
        &'a self,
        circumstances: Circumstances<'a>,
        verified: Verified<'a>,
        recorder: &mut R,
        now: Timestamp,
    ) -> Result<Decision<'a>, Rejection<'a>> {
        let refuse = |reason| circumstances.refuse(reason);
        let Circumstances { matter, scene, .. } = circumstances;
        let place = self.place(matter);
        let relation = relation(verified.region(), place.as_ref().ok());
        recorder.placed(scene.ok(), &place.unwrap_or_default(), relation);
        let (scene, place) = (scene.map_err(refuse)?, place.map_err(refuse)?);
        scene.admit(&verified, relation, now).map_err(refuse)?;

        let route = self.route(
            &Occasion {
                verified: &verified,
                scene,
                place,
                relation,
            },
            recorder,
        );
        let route = route.ok_or_else(|| refuse(Reason::NoRoute))?;
        Ok(Decision {
            verified,
            scene,
            place,
            relation,
            route,
            rival: circumstances.rival,
        })
    }

    /// Where the scan was made.
    fn place<'a>(&'a self, matter: Matter<'a>) -> Result<Place<'a>, Reason> {
        let claims = &matter.scan.claims;
        self.terminals.place(claims, matter.door.strangers)
    }

    /// The scene of a scan that names this one, or none, at that door.
    pub fn scene(&self, named: Option<&str>, door: &Door) -> Result<&Scene, Reason> {
        let name = named
            .or(door.default_scene.as_deref())
            .ok_or(Reason::SceneRequired)?;
        let scene = self.scenes.find(name).ok_or(Reason::UnknownScene)?;
        let served = door.scenes.is_empty() || door.scenes.iter().any(|name| scene.is_called(name));
        if served {
            Ok(scene)
        } else {
            Err(Reason::UnknownScene)
        }
    }

    fn route<'a, R: Recorder<'a>>(
        &'a self,
        occasion: &Occasion<'_>,
        recorder: &mut R,
    ) -> Option<&'a Route> {
        let mut found = None;
        for route in self
            .routes
            .candidates(occasion.verified.code().family, occasion.scene)
        {
            let unmet = route.conditions.unmet(occasion);
            recorder.considered(route, unmet);
            if found.is_none() && unmet.is_none() {
                found = Some(route);
                if R::DEPTH == Depth::FirstRefusal {
                    break;
                }
            }
        }
        found
    }
}

fn relation(code: Option<Region>, place: Option<&Place<'_>>) -> Relation {
    match (code, place.and_then(|place| place.region)) {
        (Some(code), Some(terminal)) => code.relation(terminal),
        _ => Relation::Unknown,
    }
}
