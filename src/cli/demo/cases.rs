//! What is scanned in a demonstration, and what should come of it.
//!
//! The scans follow from the configuration: every family that can be minted, in the first scene
//! that lets it through, then everything that should go wrong.

use super::stage::{Stage, department_of};
use crate::family::{Algorithm, Checksum, Family, Freshness, Kind, Region};
use crate::gateway::{Decision, Gateway, Matter};
use crate::policy::Scene;
use crate::policy::scene::Demand;
use crate::random::Random;
use crate::reason::Reason;
use crate::route::Action;
use crate::sandbox::departments::Department;
use crate::sandbox::lent;
use crate::sandbox::mint::{Flaw, MintError, Order, mint};
use crate::sandbox::signer::Signers;
use crate::scan::{Claims, Cleaning, Scan, clean};
use crate::time::Timestamp;

/// One scan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Case {
    /// What the patient showed, in people's words.
    pub(super) shown: String,
    /// The text.
    pub(super) text: String,
    /// Where it was scanned.
    pub(super) scene: String,
    /// What should come of it.
    pub(super) expected: Expected,
}

/// What should come of a scan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Expected {
    /// A decision, whoever carries it out.
    Decision,
    /// This department is asked, and is content.
    Department(Department),
    /// A refusal for this reason, and no department hears of it.
    Refusal(Reason),
}

/// The scans, and the families of which no code could be made.
#[derive(Debug, Default)]
pub(super) struct Cases {
    /// In the order they are shown.
    pub(super) cases: Vec<Case>,
    /// Each with the reason.
    pub(super) unmade: Vec<(String, MintError)>,
}

/// Where aggregate codes are from: the terminal's own city, another of its province, elsewhere.
const REGIONS: [(&str, &str); 3] = [
    ("", HOME),
    ("from Fuzhou", "350100"),
    ("from Hangzhou", "330100"),
];

/// The city of the demonstration's terminal; no identity number from there is like a payment code.
const HOME: &str = "350200";

/// A text no family claims.
const UNKNOWN: &str = "the quick brown fox";

/// Draws up the scans for a gateway.
pub(super) fn draw_up(
    stage: &Stage,
    signers: Signers,
    random: &mut Random,
    now: Timestamp,
) -> Cases {
    let mut desk = Desk {
        stage,
        signers,
        random,
        now,
        cases: Cases::default(),
    };
    for family in stage.gateway().families() {
        desk.add_sound(family);
    }
    desk.add_signed();
    desk.add_flawed();
    desk.add_misplaced();
    desk.cases
}

struct Desk<'a> {
    stage: &'a Stage,
    signers: Signers,
    random: &'a mut Random,
    now: Timestamp,
    cases: Cases,
}

impl<'a> Desk<'a> {
    /// A sound code in the first scene that lets it through.
    fn add_sound(&mut self, family: &'a Family) {
        if family.kind == Kind::Aggregate {
            return self.add_aggregate(family);
        }
        self.add_passing(family, &Order::default(), "");
    }

    fn add_passing(&mut self, family: &'a Family, order: &Order, word: &str) {
        let text = match self.mint(family, order) {
            Ok(text) => text,
            Err(error) => return self.cases.unmade.push((shown(family, word), error)),
        };
        if family.kind == Kind::MerchantCode {
            let expected = Expected::Refusal(Reason::MerchantCode);
            let scene = self.scene_for(Kind::Payment);
            return self.add(shown(family, word), &text, scene, expected);
        }
        let mut scenes = self.gateway().scenes().iter();
        let passed = scenes.find_map(|scene| Some((scene, self.decide(&text, &scene.name)?)));
        // Where no scene takes it, it is shown all the same, and marked as wrong.
        let (scene, expected) = match passed {
            Some((scene, (_, expected))) => (Some(scene), expected),
            None => (self.scene_for(family.kind), Expected::Decision),
        };
        self.add(shown(family, word), &text, scene, expected);
    }

    /// An aggregate code on every route it can take, by where it is shown and where it is from.
    fn add_aggregate(&mut self, family: &'a Family) {
        let mut routes = Vec::new();
        for (word, region) in REGIONS {
            let order = Order {
                region: Region::parse(region),
                ..Order::default()
            };
            for scene in self.gateway().scenes().iter() {
                let text = match self.mint(family, &order) {
                    Ok(text) => text,
                    Err(error) => return self.cases.unmade.push((shown(family, word), error)),
                };
                let Some((route, expected)) = self.decide(&text, &scene.name) else {
                    continue;
                };
                if !routes.contains(&route) {
                    routes.push(route);
                    self.add(shown(family, word), &text, Some(scene), expected);
                }
            }
        }
    }

    /// An aggregate code signed with keys that the gateway has the public part of.
    fn add_signed(&mut self) {
        let aggregate = self.find(|family| family.kind == Kind::Aggregate);
        for algorithm in [Algorithm::Es256, Algorithm::EdDsa, Algorithm::Sm2] {
            let order = Order {
                key_id: lent::key_id(algorithm).map(str::to_owned),
                ..Order::default()
            };
            let Some(family) = aggregate else { return };
            self.add_passing(family, &order, algorithm.name());
        }
    }

    /// What can be wrong with a signed code, and a mistyped number.
    fn add_flawed(&mut self) {
        let signed = self.find(|family| family.kind == Kind::Aggregate);
        let flaws = [
            ("expired", Flaw::Expired, Reason::Expired),
            ("not yet valid", Flaw::NotYetValid, Reason::NotYetValid),
            ("tampered", Flaw::Tampered, Reason::BadSignature),
            ("foreign key", Flaw::Foreign, Reason::UnknownKey),
        ];
        for (word, flaw, reason) in flaws {
            let order = Order {
                flaw,
                ..Order::default()
            };
            self.add_made(signed, &order, word, reason);
        }
        let identity = self.find(is_identity_number);
        let mistyped = Order {
            flaw: Flaw::Tampered,
            region: Region::parse(HOME),
            ..Order::default()
        };
        self.add_made(identity, &mistyped, "mistyped", Reason::BadChecksum);
    }

    /// Sound codes where they should not be, and what is no code at all.
    fn add_misplaced(&mut self) {
        let identity = self.find(is_identity_number);
        let till = self.scene(|scene| {
            scene.accepts.contains(Kind::Payment) && !scene.accepts.contains(Kind::Identity)
        });
        self.add_at(identity, None, till, Reason::KindNotAccepted);
        let health = self.find(|family| family.kind == Kind::HealthCard);
        let strict = self.scene(|scene| {
            scene.accepts.contains(Kind::HealthCard) && scene.freshness == Demand::Dynamic
        });
        self.add_at(
            health,
            Some(Freshness::Static),
            strict,
            Reason::DynamicRequired,
        );
        let anywhere = self.scene(|_| true);
        let unknown = Expected::Refusal(Reason::UnknownCode);
        self.add("some other text".to_owned(), UNKNOWN, anywhere, unknown);
    }

    /// A flawed code in the scene its kind belongs to.
    fn add_made(&mut self, family: Option<&'a Family>, order: &Order, word: &str, reason: Reason) {
        let Some(family) = family else { return };
        let scene = self.scene_for(family.kind);
        match self.mint(family, order) {
            Ok(text) => self.add(shown(family, word), &text, scene, Expected::Refusal(reason)),
            Err(error) => self.cases.unmade.push((shown(family, word), error)),
        }
    }

    /// A sound code in a scene that does not take it.
    fn add_at(
        &mut self,
        family: Option<&'a Family>,
        freshness: Option<Freshness>,
        scene: Option<&'a Scene>,
        reason: Reason,
    ) {
        let (Some(family), Some(scene)) = (family, scene) else {
            return;
        };
        let order = Order {
            freshness,
            ..Order::default()
        };
        let word = freshness.map_or("", Freshness::name);
        match self.mint(family, &order) {
            Ok(text) => {
                let expected = Expected::Refusal(reason);
                self.add(shown(family, word), &text, Some(scene), expected);
            }
            Err(error) => self.cases.unmade.push((shown(family, word), error)),
        }
    }

    fn add(&mut self, shown: String, text: &str, scene: Option<&Scene>, expected: Expected) {
        self.cases.cases.push(Case {
            shown,
            text: text.to_owned(),
            scene: scene.map_or_else(String::new, |scene| scene.name.to_string()),
            expected,
        });
    }

    fn mint(&mut self, family: &Family, order: &Order) -> Result<String, MintError> {
        let order = Order {
            signers: self.signers.clone(),
            ..order.clone()
        };
        mint(family, &self.stage.keys(), &order, self.random, self.now)
    }

    /// The route of a scan and what it makes us expect; none if the scan is refused.
    fn decide(&self, text: &str, scene: &str) -> Option<(String, Expected)> {
        let scan = scan(text, scene);
        let keys = self.stage.keys();
        let decided = self.gateway().decide(
            Matter {
                scan: &scan,
                door: self.stage.door(),
                keys: &keys,
            },
            self.now,
        );
        let decision = decided.ok()?;
        Some((decision.route.name.to_string(), expectation(&decision)))
    }

    fn scene_for(&self, kind: Kind) -> Option<&'a Scene> {
        self.scene(|scene| scene.accepts.contains(kind))
    }

    fn scene(&self, fits: impl Fn(&Scene) -> bool) -> Option<&'a Scene> {
        self.gateway().scenes().iter().find(|scene| fits(scene))
    }

    fn find(&self, fits: impl Fn(&Family) -> bool) -> Option<&'a Family> {
        self.gateway().families().iter().find(|family| fits(family))
    }

    fn gateway(&self) -> &'a Gateway {
        self.stage.gateway()
    }
}

/// The scan a case is, as the gateway's core takes it.
pub(super) fn scan<'a>(text: &'a str, scene: &'a str) -> Scan<'a> {
    Scan {
        text: clean(text, Cleaning::Scanner),
        claims: Claims {
            scene: (!scene.is_empty()).then_some(scene),
            terminal: Some(TERMINAL),
            ..Claims::default()
        },
    }
}

/// The terminal of every scan; the shipped registry knows it.
pub(super) const TERMINAL: &str = "W-0001";

/// A code of one department's own kind must reach that department, whatever the routes say.
fn expectation(decision: &Decision<'_>) -> Expected {
    let own = match decision.verified.code().family.kind {
        Kind::HealthCard => Some(Department::Health),
        Kind::InsuranceVoucher => Some(Department::Insurance),
        Kind::Payment => Some(Department::Payment),
        _ => match &decision.route.action {
            Action::Forward(forward) => forward.contract.account().and_then(department_of),
            Action::Redirect(_) | Action::Respond => None,
        },
    };
    own.map_or(Expected::Decision, Expected::Department)
}

/// The resident identity number is the family with its check character.
fn is_identity_number(family: &Family) -> bool {
    let mut checks = family.checks.iter();
    family.kind == Kind::Identity && checks.any(|check| check.checksum == Checksum::Mod11_2)
}

fn shown(family: &Family, word: &str) -> String {
    let name = &family.names.zh;
    if word.is_empty() {
        name.to_string()
    } else {
        format!("{name}, {word}")
    }
}
