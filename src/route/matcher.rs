//! Which route a code takes: the one that says most about it.
//!
//! A route's conditions are counted; of the routes that match, the one with the most conditions
//! wins, and among equals the first written. Routes are filed by family and scene when they are
//! loaded, so a scan looks only at those that can still match.

use super::Route;
use crate::family::region::Relation;
use crate::family::{Family, KindSet};
use crate::policy::{Place, RegionRule, Scene, Scenes};
use crate::trust::{Assurance, Verified};

/// What a route asks for. An empty list asks nothing.
#[derive(Clone, Debug, Default)]
pub struct Conditions {
    /// The kinds; `None`: any.
    pub kinds: Option<KindSet>,
    /// The families' ids.
    pub families: Box<[Box<str>]>,
    /// The issuers' ids.
    pub issuers: Box<[Box<str>]>,
    /// The scenes' names.
    pub scenes: Box<[Box<str>]>,
    /// The code's region and its relation to the terminal's.
    pub regions: Box<[RegionRule]>,
    /// The terminal's group.
    pub groups: Box<[Box<str>]>,
    /// The terminal's organisation.
    pub organisations: Box<[Box<str>]>,
    /// The least assurance.
    pub assurance: Option<Assurance>,
}

/// What a route is chosen by.
#[derive(Clone, Copy, Debug)]
pub struct Occasion<'a> {
    /// The believed code.
    pub verified: &'a Verified<'a>,
    /// The scene.
    pub scene: &'a Scene,
    /// Where it was scanned.
    pub place: Place<'a>,
    /// How the code's region lies to the place.
    pub relation: Relation,
}

/// All routes, filed.
#[derive(Debug, Default)]
pub struct Routes {
    written: Vec<Route>,
    /// For each family and scene, the routes that can match, best first.
    filed: Vec<Box<[usize]>>,
    scenes: usize,
}

impl Routes {
    /// Files `routes`, whose order is the order they were written in.
    pub fn new(mut routes: Vec<Route>, families: &[Family], scenes: &Scenes) -> Self {
        for (index, route) in routes.iter_mut().enumerate() {
            route.index = index;
        }
        let mut ranked: Vec<_> = routes.iter().enumerate().collect();
        ranked.sort_by_key(|(_, route)| std::cmp::Reverse(route.conditions.count()));
        let filed = families
            .iter()
            .flat_map(|family| scenes.iter().map(move |scene| (family, scene)))
            .map(|(family, scene)| {
                let meets =
                    |(_, route): &&(usize, &Route)| route.conditions.can_meet(family, scene);
                ranked
                    .iter()
                    .filter(meets)
                    .map(|(place, _)| *place)
                    .collect()
            })
            .collect();
        Self {
            filed,
            scenes: scenes.iter().len(),
            written: routes,
        }
    }

    /// Every route, in the order written.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Route> {
        self.written.iter()
    }

    /// The route at this place.
    pub fn get(&self, place: usize) -> Option<&Route> {
        self.written.get(place)
    }

    /// The routes that family and scene leave over, best first.
    pub fn candidates(&self, family: &Family, scene: &Scene) -> impl Iterator<Item = &Route> {
        let place = family.index * self.scenes + scene.index;
        let filed = self.filed.get(place).map(AsRef::as_ref).unwrap_or_default();
        filed.iter().filter_map(|&place| self.written.get(place))
    }
}

impl Conditions {
    /// How many things it asks for.
    pub fn count(&self) -> usize {
        let lists = [
            self.families.len(),
            self.issuers.len(),
            self.scenes.len(),
            self.regions.len(),
            self.groups.len(),
            self.organisations.len(),
        ];
        lists.into_iter().filter(|&length| length > 0).count()
            + usize::from(self.kinds.is_some())
            + usize::from(self.assurance.is_some())
    }

    /// Whether some code of `family` in `scene` could match.
    pub fn can_meet(&self, family: &Family, scene: &Scene) -> bool {
        self.never_met(family, scene).is_none() && scene.accepts.contains(family.kind)
    }

    /// Whether what family and scene leave open is met as well.
    pub fn hold(&self, occasion: &Occasion<'_>) -> bool {
        self.unmet(occasion).is_none()
    }

    /// The first of the conditions family and scene leave open that is not met, by its word.
    pub fn unmet(&self, occasion: &Occasion<'_>) -> Option<&'static str> {
        let Occasion {
            verified,
            place,
            relation,
            ..
        } = occasion;
        let rules = &self.regions;
        let region = || {
            rules.is_empty()
                || rules
                    .iter()
                    .any(|rule| rule.holds(verified.region(), *relation))
        };
        let least = self.assurance;
        if !lists(&self.issuers, verified.issuer_name()) {
            Some("issuer")
        } else if !region() {
            Some("region")
        } else if !lists(&self.groups, place.group) {
            Some("group")
        } else if !lists(&self.organisations, place.organisation) {
            Some("organisation")
        } else if least.is_some_and(|least| least > verified.assurance()) {
            Some("assurance")
        } else {
            None
        }
    }

    /// The first condition that no code of `family` in `scene` meets, by its word.
    pub fn never_met(&self, family: &Family, scene: &Scene) -> Option<&'static str> {
        if self.kinds.is_some_and(|kinds| !kinds.contains(family.kind)) {
            Some("kind")
        } else if !lists(&self.families, Some(&family.id)) {
            Some("family")
        } else if !(self.scenes.is_empty() || self.scenes.iter().any(|name| scene.is_called(name)))
        {
            Some("scene")
        } else {
            None
        }
    }

    /// Whether everything `other` matches is matched here too; then `other`, coming later with as
    /// many conditions, can never be reached.
    pub fn covers(&self, other: &Self) -> bool {
        let within = |wide: &[Box<str>], narrow: &[Box<str>]| {
            wide.is_empty() || !narrow.is_empty() && narrow.iter().all(|item| wide.contains(item))
        };
        self.kinds.is_none_or(|wide| {
            other
                .kinds
                .is_some_and(|narrow| narrow.iter().all(|kind| wide.contains(kind)))
        }) && within(&self.families, &other.families)
            && within(&self.issuers, &other.issuers)
            && within(&self.scenes, &other.scenes)
            && within(&self.groups, &other.groups)
            && within(&self.organisations, &other.organisations)
            && (self.regions.is_empty()
                || !other.regions.is_empty()
                    && other.regions.iter().all(|rule| self.regions.contains(rule)))
            && self
                .assurance
                .is_none_or(|wide| other.assurance.is_some_and(|narrow| wide <= narrow))
    }
}

/// Whether an empty list, or one with `value` in it.
fn lists(list: &[Box<str>], value: Option<&str>) -> bool {
    list.is_empty() || value.is_some_and(|value| list.iter().any(|item| **item == *value))
}
