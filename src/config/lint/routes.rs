//! Routes that can never be taken, and routes that would show a department too much.

use std::cmp::Reverse;

use crate::config::diagnostic::{Collector, Diagnostic};
use crate::config::lower::RouteAt;
use crate::config::source::Place;
use crate::config::suggest::quoted;
use crate::family::{Family, Kind, KindSet, Reader, Trust};
use crate::gateway::Parts;
use crate::policy::Scene;
use crate::route::contract::{Contract, Placeholder, Presence};
use crate::route::{Action, Conditions, Route};

/// The routes with what they are chosen by.
pub(super) struct Lint<'l> {
    pub(super) parts: &'l Parts,
    pub(super) places: &'l [RouteAt],
    pub(super) to: &'l Collector,
}

impl Lint<'_> {
    /// Runs every lint of the routes.
    pub(super) fn run(&self) {
        for (index, route) in self.parts.routes.iter().enumerate() {
            let Some(at) = self.places.get(index) else {
                continue;
            };
            if let Action::Forward(forward) = &route.action {
                self.leak(route, &forward.contract, at.action.unwrap_or(at.name));
                if forward.idempotent {
                    self.money_twice(route, at.action.unwrap_or(at.name));
                }
            }
            // What an unknown name or an unreadable family makes unreachable is not worth a word.
            if !self.to.has_errors() {
                self.reach(index, route, *at);
            }
        }
    }

    /// Reports kinds a scene accepts although no route takes them there whatever else is the case.
    pub(super) fn gaps_between(&self, scenes: &[(Box<str>, Place)]) {
        for (scene, at) in scenes
            .iter()
            .filter_map(|(name, at)| Some((self.parts.scenes.find(name)?, at)))
        {
            let taken = |family: &Family| {
                self.parts.routes.iter().any(|route| {
                    let open = left_open(&route.conditions).count() == 0;
                    open && route.conditions.can_meet(family, scene)
                })
            };
            let lost = self.parts.families.iter().filter(|family| {
                let admitted =
                    scene.accepts.contains(family.kind) && family.kind != Kind::MerchantCode;
                admitted && !taken(family)
            });
            let lost: Vec<&str> = lost.map(|family| &*family.id).collect();
            if !lost.is_empty() {
                let message = format!(
                    "scene {} accepts {} but no route takes them unconditionally",
                    quoted(&scene.name),
                    lost.join(", ")
                );
                let found = Diagnostic::warning("no-route", *at, message);
                self.to.push(
                    found.help(
                        "such a scan is answered no-route; add a route or leave the kind out",
                    ),
                );
            }
        }
    }

    fn reach(&self, index: usize, route: &Route, at: RouteAt) {
        if self.meets(route).next().is_none() {
            self.say_matches_nothing(route, at.name);
            return;
        }
        self.scenes(route, at.name);
        self.shadow(index, route, at.name);
        if let Action::Forward(forward) = &route.action {
            self.gaps(route, &forward.contract, at.action.unwrap_or(at.name));
        }
    }

    /// The families and scenes whose codes a route can match.
    /// A settlement is never sent twice, whatever its route says.
    fn money_twice(&self, route: &Route, at: Place) {
        let mut met = self.meets(route).map(|(_, scene)| scene);
        if let Some(scene) = met.find(|scene| scene.settlement) {
            let message = format!(
                "route {} is idempotent and serves the settlement scene {}",
                quoted(&route.name),
                quoted(&scene.name)
            );
            let found = Diagnostic::error("idempotent-settlement", at, message);
            let help =
                "take \"idempotent\" away, or name in \"match\" the scenes in which no money moves";
            self.to.push(found.help(help));
        }
    }

    fn meets<'a>(&'a self, route: &'a Route) -> impl Iterator<Item = (&'a Family, &'a Scene)> {
        let scenes = move |family| self.parts.scenes.iter().map(move |scene| (family, scene));
        let all = self.parts.families.iter().flat_map(scenes);
        all.filter(|(family, scene)| route.conditions.can_meet(family, scene))
    }

    fn say_matches_nothing(&self, route: &Route, at: Place) {
        let conditions = &route.conditions;
        let of_kind = |family: &&Family| {
            conditions
                .kinds
                .is_none_or(|kinds| kinds.contains(family.kind))
                && (conditions.families.is_empty() || conditions.families.contains(&family.id))
        };
        let families: Vec<_> = self.parts.families.iter().filter(of_kind).collect();
        let name = quoted(&route.name);
        let message = if families.is_empty() {
            format!("route {name} can match no enabled family")
        } else {
            format!("route {name} can match no code: its scenes accept none of its kinds")
        };
        self.to
            .push(Diagnostic::warning("unreachable-route", at, message));
    }

    /// Reports the scenes a route lists in vain.
    fn scenes(&self, route: &Route, at: Place) {
        for name in &route.conditions.scenes {
            if self.meets(route).any(|(_, scene)| scene.name == *name) {
                continue;
            }
            if self.parts.scenes.iter().any(|scene| scene.name == *name) {
                let message = format!(
                    "scene {} accepts no kind of route {}",
                    quoted(name),
                    quoted(&route.name)
                );
                self.to
                    .push(Diagnostic::warning("unreachable-route", at, message));
            } else if let Some(scene) = self.parts.scenes.find(name) {
                let message = format!(
                    "{} is an alias of scene {}",
                    quoted(name),
                    quoted(&scene.name)
                );
                let found = Diagnostic::error("unknown-name", at, message);
                self.to
                    .push(found.help("routes call a scene by its own name"));
            }
        }
    }

    /// Reports a route that others answer for wherever it could be taken.
    fn shadow(&self, index: usize, route: &Route, at: Place) {
        let rank = |place: usize, route: &Route| (Reverse(route.conditions.count()), place);
        let routes = self.parts.routes.iter().enumerate();
        let before: Vec<_> = routes
            .filter(|(place, one)| rank(*place, one) < rank(index, route))
            .collect();
        let left = left_open(&route.conditions);
        let mut shadows = Vec::new();
        for (family, scene) in self.meets(route) {
            let shadow = before.iter().find(|(_, one)| {
                one.conditions.can_meet(family, scene) && left_open(&one.conditions).covers(&left)
            });
            let Some((place, _)) = shadow else { return };
            if !shadows.contains(place) {
                shadows.push(*place);
            }
        }
        let message = format!("route {} is never taken", quoted(&route.name));
        let mut found = Diagnostic::warning("unreachable-route", at, message);
        for shadow in shadows.iter().filter_map(|place| self.places.get(*place)) {
            found = found.related(shadow.name, "this route is taken instead");
        }
        self.to.push(found);
    }

    /// Reports a contract that shows the whole text of a code which carries other departments'
    /// accounts as well.
    fn leak(&self, route: &Route, contract: &Contract, at: Place) {
        if !contract.shows_code() {
            return;
        }
        let leaking = self
            .meets(route)
            .find(|(family, _)| family.account_count() > 1);
        if let Some((family, _)) = leaking {
            let whose = format!("route {}", quoted(&route.name));
            self.to.push(leak(&whose, family, at));
        }
    }

    /// Reports contracts with a gap nothing will ever fill.
    fn gaps(&self, route: &Route, contract: &Contract, at: Place) {
        let needed: Vec<_> = contract
            .slots()
            .into_iter()
            .filter(|slot| slot.presence == Presence::Required)
            .map(|slot| &slot.placeholder)
            .collect();
        let mut said: Vec<String> = Vec::new();
        for (family, scene) in self.meets(route) {
            for placeholder in &needed {
                let Some(message) = unfillable(placeholder, contract.account(), family, scene)
                else {
                    continue;
                };
                if !said.contains(&message) {
                    self.to.push(unfilled(message.clone(), at));
                    said.push(message);
                }
            }
        }
    }
}

/// What is said of a contract that shows the whole text of a code with several accounts.
pub(super) fn leak(whose: &str, family: &Family, at: Place) -> Diagnostic {
    let message = format!(
        "{whose} would show this backend the whole text of {}, accounts of other departments included",
        family.id
    );
    let found = Diagnostic::error("account-leak", at, message);
    found.help("use a contract with ${account} and no ${code}")
}

/// What is said of a contract with such a gap.
pub(super) fn unfilled(message: String, at: Place) -> Diagnostic {
    let found = Diagnostic::warning("contract-unfilled", at, message);
    found.help("such a scan is answered contract-unfilled")
}

/// Why a gap of a contract would stay empty for every such code in this scene.
pub(super) fn unfillable(
    placeholder: &Placeholder,
    account: Option<Kind>,
    family: &Family,
    scene: &Scene,
) -> Option<String> {
    match placeholder {
        Placeholder::Account => {
            let kind = account?;
            let missing = !accounts(family).contains(kind);
            missing.then(|| format!("codes of {} carry no {kind} account", family.id))
        }
        Placeholder::Index => {
            let told = matches!(family.trust, Trust::Introspection { .. });
            let missing = !told || account != Some(family.kind);
            missing.then(|| format!("nobody is asked for the index of codes of {}", family.id))
        }
        Placeholder::SceneCode(vocabulary) => {
            let missing = scene.code(vocabulary).is_none();
            missing.then(|| {
                format!(
                    "scene {} has no code {}",
                    quoted(&scene.name),
                    quoted(vocabulary)
                )
            })
        }
        _ => None,
    }
}

/// The kinds of account a family's codes can carry.
pub(super) fn accounts(family: &Family) -> KindSet {
    match &family.reader {
        Reader::Declared(layout) if !layout.accounts.is_empty() => {
            layout.accounts.iter().map(|(kind, _)| *kind).collect()
        }
        Reader::Token(layout) if !layout.accounts.is_empty() => {
            layout.accounts.iter().map(|(kind, _)| *kind).collect()
        }
        _ => std::iter::once(family.kind).collect(),
    }
}

/// The conditions that family and scene leave open.
fn left_open(conditions: &Conditions) -> Conditions {
    Conditions {
        kinds: None,
        families: Box::default(),
        scenes: Box::default(),
        ..conditions.clone()
    }
}
