//! Scenes: every demand spelled out.

use super::Surroundings;
use crate::config::file::{Named, Scene as Written, Word};
use crate::family::Names;
use crate::policy::{Scene, Scenes};

/// Lowers every scene that is whole.
pub(super) fn lower(written: &Named<Written>, around: Surroundings<'_>) -> Scenes {
    let each = written.iter().filter_map(|(name, scene)| {
        let scene = scene.as_ref()?;
        if scene.accepts.as_ref().is_some_and(Vec::is_empty) {
            let message = "\"accepts\" is empty, so every code is refused here";
            around.error("bad-value", scene.at, message);
        }
        lower_one(name, scene)
    });
    Scenes::new(each.collect())
}

fn lower_one(name: &Word, scene: &Written) -> Option<Scene> {
    let boxed = |word: &Word| word.value.as_str().into();
    let names = scene.names.clone().unwrap_or_default();
    Some(Scene {
        name: boxed(name),
        names: Names {
            en: names.en.unwrap_or_default().into(),
            zh: names.zh.unwrap_or_default().into(),
        },
        aliases: scene.aliases.iter().map(boxed).collect(),
        accepts: scene.accepts.as_ref()?.iter().map(|it| it.value).collect(),
        freshness: scene.freshness?.value,
        assurance: scene.assurance?.value,
        max_age: scene.max_age.map(|age| age.value),
        settlement: scene.settlement?.value,
        regions: scene.regions.iter().map(|it| it.value).collect(),
        codes: scene
            .codes
            .iter()
            .map(|(vocabulary, code)| (boxed(vocabulary), boxed(code)))
            .collect(),
        index: 0,
    })
}
