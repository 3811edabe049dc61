//! Scenes: where in the visit a code is scanned (诊疗环节, 用码业务类型), and what that demands.

use std::fmt;
use std::time::Duration;

use rustc_hash::FxHashMap;

use crate::family::region::{RegionPrefix, Relation};
use crate::family::{Code, Freshness, KindSet, Names, Region};
use crate::reason::Reason;
use crate::time::Timestamp;
use crate::trust::{Assurance, Verified};

/// All scenes, found by their name or any alias.
#[derive(Debug, Default)]
pub struct Scenes {
    scenes: Vec<Scene>,
    by_name: FxHashMap<Box<str>, usize>,
}

/// One scene.
#[derive(Debug)]
pub struct Scene {
    /// Its name in files, answers and metrics.
    pub name: Box<str>,
    /// What people call it.
    pub names: Names,
    /// The other words terminals use for it.
    pub aliases: Box<[Box<str>]>,
    /// The kinds of code it takes.
    pub accepts: KindSet,
    /// What it asks of a code's freshness.
    pub freshness: Demand,
    /// The least assurance it takes.
    pub assurance: Assurance,
    /// How old a code may be here.
    pub max_age: Option<Duration>,
    /// Whether money moves behind it.
    pub settlement: bool,
    /// What it asks of the record of its requests.
    pub care: Care,
    /// The regions it serves; empty: all.
    pub regions: Box<[RegionRule]>,
    /// What backends call it, by the name of their vocabulary.
    pub codes: Box<[(Box<str>, Box<str>)]>,
    /// Its place among all scenes, which [`Scenes::new`] sets.
    pub index: usize,
}

/// What a scene asks of the record of its requests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Care {
    /// Whether its requests must carry an idempotency key.
    pub idempotency: Idempotency,
    /// Whether codes made for one use may be shown here without being used up.
    pub reuse: bool,
    /// What is done while the store of used codes and outcomes cannot be reached.
    pub when_away: WhenAway,
    /// Replicas of the store that must have a record before anything is sent.
    pub replicas: u8,
    /// Whether the audit trail must have a record before anything is sent.
    pub audit: Audited,
}

/// What is done while the audit trail cannot be written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Audited {
    /// The scan goes on, and may be missing in the trail.
    #[default]
    BestEffort,
    /// Nothing is sent that is not in the trail.
    Required,
}

/// Whether requests must carry an idempotency key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Idempotency {
    /// They may.
    #[default]
    Optional,
    /// They must.
    Required,
}

/// What is done while the store of used codes and outcomes cannot be reached.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WhenAway {
    /// Nothing is forwarded.
    #[default]
    Closed,
    /// This gateway's own memory has to do.
    Local,
}

/// What a scene asks of a code's freshness.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Demand {
    /// Nothing.
    #[default]
    Any,
    /// A code made for this moment.
    Dynamic,
    /// A code that stays the same.
    Static,
}

/// A condition on a code's region.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RegionRule {
    /// The region's code begins so.
    Prefix(RegionPrefix),
    /// It lies so to the terminal's.
    Relation(Relation),
}

impl fmt::Display for RegionRule {
    /// As files spell it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Prefix(prefix) => write!(f, "{prefix}"),
            Self::Relation(relation) => f.write_str(relation.name()),
        }
    }
}

impl Demand {
    /// The word for it in files.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Any => "any",
            Self::Dynamic => "dynamic",
            Self::Static => "static",
        }
    }
}

impl Idempotency {
    /// The word for it in files.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Optional => "optional",
            Self::Required => "required",
        }
    }
}

impl WhenAway {
    /// The word for it in files.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Local => "local",
        }
    }
}

impl RegionRule {
    /// Reads a relation's name or the first digits of a region code.
    pub fn parse(text: &str) -> Option<Self> {
        Relation::from_name(text)
            .map(Self::Relation)
            .or_else(|| RegionPrefix::parse(text).map(Self::Prefix))
    }

    /// Whether a code of `region`, lying so to its terminal, meets the condition.
    pub fn holds(self, region: Option<Region>, relation: Relation) -> bool {
        match self {
            Self::Prefix(prefix) => region.is_some_and(|region| region.starts_with(prefix)),
            Self::Relation(wanted) => wanted == relation,
        }
    }
}

impl Scenes {
    /// Puts scenes together; a name that stands twice keeps its first scene.
    pub fn new(mut scenes: Vec<Scene>) -> Self {
        let mut by_name = FxHashMap::default();
        for (place, scene) in scenes.iter_mut().enumerate() {
            scene.index = place;
            for name in std::iter::once(&scene.name).chain(&scene.aliases) {
                by_name.entry(name.clone()).or_insert(place);
            }
        }
        Self { scenes, by_name }
    }

    /// The scene of that name or alias.
    pub fn find(&self, name: &str) -> Option<&Scene> {
        self.scenes.get(*self.by_name.get(name)?)
    }

    /// Every scene, in the order of the files.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Scene> {
        self.scenes.iter()
    }
}

impl Scene {
    /// Whether that is its name or one of its aliases.
    pub fn is_called(&self, name: &str) -> bool {
        *self.name == *name || self.aliases.iter().any(|alias| **alias == *name)
    }

    /// What backends of that vocabulary call the scene.
    pub fn code(&self, vocabulary: &str) -> Option<&str> {
        self.codes
            .iter()
            .find(|(name, _)| **name == *vocabulary)
            .map(|(_, code)| &**code)
    }

    /// Holds what a code shows, and the assurance it has or would have, against what the scene
    /// demands.
    pub fn consider(
        &self,
        code: &Code<'_>,
        assurance: Assurance,
        now: Timestamp,
    ) -> Result<(), Reason> {
        if !self.accepts.contains(code.family.kind) {
            return Err(Reason::KindNotAccepted);
        }
        match (self.freshness, code.freshness) {
            (Demand::Any, _)
            | (Demand::Dynamic, Freshness::Dynamic)
            | (Demand::Static, Freshness::Static) => {}
            (Demand::Dynamic, _) => return Err(Reason::DynamicRequired),
            (Demand::Static, _) => return Err(Reason::StaticRequired),
        }
        if assurance < self.assurance {
            return Err(Reason::AssuranceTooLow);
        }
        let is_within = |limit| code.is_within(limit, now);
        if self.max_age.is_none_or(is_within) {
            Ok(())
        } else {
            Err(Reason::TooOld)
        }
    }

    /// Holds a believed code against what the scene demands.
    pub fn admit(
        &self,
        verified: &Verified<'_>,
        relation: Relation,
        now: Timestamp,
    ) -> Result<(), Reason> {
        self.consider(verified.code(), verified.assurance(), now)?;
        let served = self.regions.is_empty()
            || self
                .regions
                .iter()
                .any(|rule| rule.holds(verified.region(), relation));
        if served {
            Ok(())
        } else {
            Err(Reason::RegionNotServed)
        }
    }
}
