//! The names an event may mention, once for each configuration and worker.

use rustc_hash::FxHashMap;

/// What a configuration calls its parts. An event holds places in these lists; each worker has a copy
/// of its own, so that no counter of references is fought over.
#[derive(Clone, Debug, Default)]
pub struct EventNames {
    /// The listeners.
    pub listeners: Vec<Box<str>>,
    /// The request shapes.
    pub adapters: Vec<Box<str>>,
    /// The paths these are sent to, in the same order.
    pub paths: Vec<Box<str>>,
    /// The code families and what they are for.
    pub families: Vec<(Box<str>, &'static str)>,
    /// The scenes.
    pub scenes: Vec<Box<str>>,
    /// The routes, and the backend each leads to.
    pub routes: Vec<(Box<str>, Option<Box<str>>)>,
    /// The issuers.
    pub issuers: Issuers,
}

impl EventNames {
    /// The place of an issuer.
    pub fn issuer(&self, id: &str) -> Option<u16> {
        self.issuers.places.get(id).copied()
    }
}

/// The issuers' ids, found by place and by name.
#[derive(Clone, Debug, Default)]
pub struct Issuers {
    ids: Vec<Box<str>>,
    places: FxHashMap<Box<str>, u16>,
}

impl Issuers {
    /// Their ids in the order of their places.
    pub fn ids(&self) -> &[Box<str>] {
        &self.ids
    }
}

impl FromIterator<Box<str>> for Issuers {
    fn from_iter<I: IntoIterator<Item = Box<str>>>(ids: I) -> Self {
        let ids: Vec<_> = ids.into_iter().collect();
        let places = ids.iter().zip(0..).map(|(id, at)| (id.clone(), at));
        Self {
            places: places.collect(),
            ids,
        }
    }
}
