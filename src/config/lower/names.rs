//! Names: who is known by which, and what to say about one that nobody has.

use std::collections::BTreeMap;

use super::{Files, Surroundings};
use crate::config::diagnostic::{Collector, Diagnostic};
use crate::config::file::Word;
use crate::config::source::Place;
use crate::config::suggest::{help, quoted};

/// Every name of one sort of thing, with its place.
#[derive(Debug)]
pub(crate) struct Names<'f> {
    sort: &'static str,
    places: BTreeMap<&'f str, Place>,
}

/// All names that other tables may refer to.
#[derive(Debug)]
pub(crate) struct Known<'f> {
    pub(crate) contracts: Names<'f>,
    pub(crate) families: Names<'f>,
    pub(crate) groups: Names<'f>,
    pub(crate) issuers: Names<'f>,
    pub(crate) routes: Names<'f>,
    pub(crate) scenes: Names<'f>,
    pub(crate) upstreams: Names<'f>,
}

impl<'f> Known<'f> {
    /// Gathers the names and reports those given twice.
    pub(crate) fn gather(files: &'f Files, to: &Collector) -> Self {
        let shared = || files.shared();
        let main = &files.main;
        let scenes = main.scenes.iter().flat_map(|(name, scene)| {
            let aliases = scene.iter().flat_map(|scene| &scene.aliases);
            std::iter::once(name).chain(aliases)
        });
        let routes = shared().flat_map(|one| one.routes.iter().filter_map(|it| it.name.as_ref()));
        let terminals = || files.terminals.iter().filter_map(|(_, it)| it.as_ref());
        // These are read for the sake of their duplicates; nobody refers to them by name.
        let adapters = shared().flat_map(|one| one.adapters.iter().map(|it| &it.name));
        Names::unique("adapter", adapters, to);
        let paths = shared().flat_map(|one| one.adapters.iter().filter_map(|it| it.path.as_ref()));
        Names::unique("adapter path", paths, to);
        let landings = shared().flat_map(|one| one.landings.iter().map(|it| &it.name));
        Names::unique("landing page", landings, to);
        let introspections = shared().flat_map(|one| keys(&one.introspections));
        Names::unique("introspection", introspections, to);
        let trials = shared().flat_map(|one| one.trials.iter().map(|it| &it.name));
        Names::unique("test", trials, to);
        Self {
            contracts: Names::unique(
                "contract",
                shared().flat_map(|one| keys(&one.contracts)),
                to,
            ),
            families: Names::unique(
                "family",
                files.families.iter().filter_map(|(_, it)| it.id.as_ref()),
                to,
            ),
            groups: Names::of(
                "terminal group",
                terminals().filter_map(|it| it.group.as_ref()),
            ),
            issuers: Names::unique("issuer", keys(&main.issuers), to),
            routes: Names::unique("route", routes, to),
            scenes: Names::unique("scene", scenes, to),
            upstreams: Names::unique(
                "upstream",
                shared().flat_map(|one| keys(&one.upstreams)),
                to,
            ),
        }
    }
}

fn keys<T>(named: &[(Word, Option<T>)]) -> impl Iterator<Item = &Word> {
    named.iter().map(|(name, _)| name)
}

impl<'f> Names<'f> {
    fn of(sort: &'static str, words: impl Iterator<Item = &'f Word>) -> Self {
        let places = words.map(|word| (word.value.as_str(), word.at)).collect();
        Self { sort, places }
    }

    fn unique(sort: &'static str, words: impl Iterator<Item = &'f Word>, to: &Collector) -> Self {
        let mut places = BTreeMap::new();
        for word in words {
            if let Some(first) = places.get(word.value.as_str()) {
                let message = format!("{sort} {} exists already", quoted(&word.value));
                let found = Diagnostic::error("duplicate-name", word.at, message);
                to.push(found.related(*first, "the first one"));
            } else {
                places.insert(word.value.as_str(), word.at);
            }
        }
        Self { sort, places }
    }

    /// Reports a name nothing has; says whether something has it.
    pub(crate) fn check(&self, word: &Word, around: Surroundings<'_>) -> bool {
        let known = self.places.contains_key(word.value.as_str());
        if !known {
            let message = format!("unknown {} {}", self.sort, quoted(&word.value));
            let near = help(&word.value, self.places.keys().copied());
            let found = Diagnostic::error("unknown-name", word.at, message);
            around.collector.push(found.help_if(near));
        }
        known
    }
}
