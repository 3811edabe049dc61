//! The decision: text in, decision or rejection out.
//!
//! Pure: no I/O, no clock, no lock, and in the steady state no allocation. The `explain` command
//! and the `[[test]]` blocks run this very function with a recorder; without one the compiler
//! leaves the recording out.

use crate::classify::{Classified, Classifier, Unclassified, Witness};
use crate::family::region::Relation;
use crate::family::{Code, Family, Kind, KindSet, Region};
use crate::policy::{Place, Scene, Scenes, Strangers, Terminals};
use crate::reason::Reason;
use crate::route::contract::{Secrets, Sent, Values};
use crate::route::{Occasion, Route, Routes};
use crate::scan::Scan;
use crate::time::Timestamp;
use crate::trust::{Depth, Findings, Keys, Untrusted, Verified};

/// Everything a decision needs: an immutable snapshot of the configuration.
#[derive(Debug, Default)]
pub struct Gateway {
    families: Vec<Family>,
    classifier: Classifier,
    keys: Keys,
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
        let (code, place) = (self.verified.code(), &self.place);
        Values {
            account: account.and_then(|kind| code.accounts.of(kind)),
            code: (code.family.account_count() == 1).then_some(code.text),
            family: &code.family.id,
            issuer: self.verified.issuer().map(|issuer| &*issuer.id),
            kind: code.family.kind,
            now,
            organisation: place.organisation,
            region: place.region.map(Region::number),
            request_id: "",
            scene: Some(&self.scene.name),
            scene_codes: &self.scene.codes,
            secrets,
            sent: Sent::NOTHING,
            terminal: place.terminal,
        }
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
}

impl Rejection<'_> {
    /// A refusal before any family was recognised.
    pub const fn early(reason: Reason) -> Self {
        Self {
            reason,
            family: None,
            rival: None,
        }
    }
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
    /// A route was considered.
    fn considered(&mut self, route: &'a Route, matched: bool);
}

/// Records nothing.
impl<'a> Recorder<'a> for () {
    const DEPTH: Depth = Depth::FirstRefusal;
    fn classified(&mut self, _: &Code<'a>) {}
    fn verified(&mut self, _: &Findings<'a>, _: Result<&Verified<'a>, &Untrusted>) {}
    fn placed(&mut self, _: Option<&'a Scene>, _: &Place<'a>, _: Relation) {}
    fn considered(&mut self, _: &'a Route, _: bool) {}
}

/// What a gateway is made of.
#[derive(Debug, Default)]
pub struct Parts {
    /// The code families that may claim texts.
    pub families: Vec<Family>,
    /// The issuers and their keys.
    pub keys: Keys,
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
            keys: parts.keys,
            scenes: parts.scenes,
            terminals: parts.terminals,
        }
    }

    /// The families that may claim texts.
    pub fn families(&self) -> &[Family] {
        &self.families
    }

    /// The issuers and their keys.
    pub const fn keys(&self) -> &Keys {
        &self.keys
    }

    /// The scenes.
    pub const fn scenes(&self) -> &Scenes {
        &self.scenes
    }

    /// The routes.
    pub const fn routes(&self) -> &Routes {
        &self.routes
    }

    /// Decides where a scan goes.
    pub fn decide<'a>(
        &'a self,
        scan: &'a Scan<'_>,
        door: &'a Door,
        now: Timestamp,
    ) -> Result<Decision<'a>, Rejection<'a>> {
        self.decide_recorded(scan, door, &mut (), now)
    }

    /// Decides where a scan goes, telling `recorder` what was looked at.
    pub fn decide_recorded<'a, R: Recorder<'a>>(
        &'a self,
        scan: &'a Scan<'_>,
        door: &'a Door,
        recorder: &mut R,
        now: Timestamp,
    ) -> Result<Decision<'a>, Rejection<'a>> {
        let scene = self.scene(scan.claims.scene, door);
        let in_scene = scene.map_or(KindSet::ALL, |scene| scene.accepts);
        let classified = self
            .classifier
            .classify(&self.families, &scan.text, in_scene, recorder)
            .map_err(refuse_text)?;
        recorder.classified(&classified.code);
        let (family, rival) = (classified.code.family, classified.rival);
        let refuse = |reason| Rejection {
            reason,
            family: Some(family),
            rival,
        };

        if family.kind == Kind::MerchantCode {
            return Err(refuse(Reason::MerchantCode));
        }
        let verified = self.verify(classified, recorder, now).map_err(refuse)?;
        let place = self.terminals.place(&scan.claims, door.strangers);
        let relation = relation(&verified, place.as_ref().ok());
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
            rival,
        })
    }

    fn scene(&self, named: Option<&str>, door: &Door) -> Result<&Scene, Reason> {
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

    fn verify<'a, R: Recorder<'a>>(
        &'a self,
        classified: Classified<'a>,
        recorder: &mut R,
        now: Timestamp,
    ) -> Result<Verified<'a>, Reason> {
        let mut findings = Findings::default();
        let verified = self
            .keys
            .verify(classified.code, R::DEPTH, &mut findings, now);
        recorder.verified(&findings, verified.as_ref());
        verified.map_err(refuse_trust)
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
            let matched = found.is_none() && route.conditions.hold(occasion);
            recorder.considered(route, matched);
            if matched {
                found = Some(route);
                if R::DEPTH == Depth::FirstRefusal {
                    break;
                }
            }
        }
        found
    }
}

fn relation(verified: &Verified<'_>, place: Option<&Place<'_>>) -> Relation {
    match (verified.region(), place.and_then(|place| place.region)) {
        (Some(code), Some(terminal)) => code.relation(terminal),
        _ => Relation::Unknown,
    }
}

fn refuse_text(unclassified: Unclassified<'_>) -> Rejection<'_> {
    match unclassified {
        Unclassified::Ambiguous { family, rival } => Rejection {
            reason: Reason::AmbiguousCode,
            family: Some(family),
            rival: Some(rival),
        },
        Unclassified::BadChecksum(family) => Rejection {
            reason: Reason::BadChecksum,
            family: Some(family),
            rival: None,
        },
        Unclassified::Malformed(family, _) => Rejection {
            reason: Reason::MalformedCode,
            family: Some(family),
            rival: None,
        },
        Unclassified::Unknown => Rejection::early(Reason::UnknownCode),
    }
}

const fn refuse_trust(untrusted: Untrusted) -> Reason {
    match untrusted {
        Untrusted::BadSignature => Reason::BadSignature,
        Untrusted::Expired { .. } => Reason::Expired,
        Untrusted::KeyUnavailable => Reason::KeyUnavailable,
        Untrusted::NotYetValid { .. } => Reason::NotYetValid,
        Untrusted::UnknownIssuer => Reason::UnknownIssuer,
        Untrusted::UnknownKey => Reason::UnknownKey,
    }
}
