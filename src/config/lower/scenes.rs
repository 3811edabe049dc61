//! Scenes: every demand spelled out.

use super::Surroundings;
use crate::config::diagnostic::Diagnostic;
use crate::config::file::{Named, Scene as Written, Word};
use crate::family::Names;
use crate::policy::{Audited, Care, Idempotency, Scene, Scenes, WhenAway};

/// Lowers every scene that is whole.
pub(super) fn lower(written: &Named<Written>, has_trail: bool, around: Surroundings<'_>) -> Scenes {
    let each = written.iter().filter_map(|(name, scene)| {
        let scene = scene.as_ref()?;
        if scene.accepts.as_ref().is_some_and(Vec::is_empty) {
            let message = "\"accepts\" is empty, so every code is refused here";
            around.error("bad-value", scene.at, message);
        }
        lower_one(name, scene, has_trail, around)
    });
    Scenes::new(each.collect())
}

fn lower_one(
    name: &Word,
    scene: &Written,
    has_trail: bool,
    around: Surroundings<'_>,
) -> Option<Scene> {
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
        care: Care {
            audit: audit(scene, has_trail, around),
            ..care(scene, around)
        },
        regions: scene.regions.iter().map(|it| it.value).collect(),
        codes: scene
            .codes
            .iter()
            .map(|(vocabulary, code)| (boxed(vocabulary), boxed(code)))
            .collect(),
        index: 0,
    })
}

/// Where money moves, nothing is sent that is not in the trail, if one is kept.
fn audit(scene: &Written, has_trail: bool, around: Surroundings<'_>) -> Audited {
    let required = scene.audit.filter(|it| it.value == Audited::Required);
    if let (Some(required), false) = (required, has_trail) {
        let message = "nothing says where the audit trail is kept, so every scan would be refused";
        let found = Diagnostic::error("audit-without-folder", required.at, message);
        let help = "write [audit] with folder = \"state/audit\"";
        around.collector.push(found.help(help));
    }
    let settles = scene.settlement.is_some_and(|it| it.value);
    let usual = if settles && has_trail {
        Audited::Required
    } else {
        Audited::BestEffort
    };
    scene.audit.map_or(usual, |it| it.value)
}

/// Where money moves, nothing is forwarded twice and nothing unrecorded.
fn care(scene: &Written, around: Surroundings<'_>) -> Care {
    let settles = scene.settlement.is_some_and(|it| it.value);
    if let (true, Some(reuse)) = (settles, scene.reuse.filter(|it| it.value)) {
        let message = "a settlement scene would take a one-time code twice";
        around.error("settlement-reuse", reuse.at, message);
    }
    let local = scene.when_store_away;
    if let (true, Some(local)) = (settles, local.filter(|it| it.value == WhenAway::Local)) {
        let message = "a settlement scene would forward what nobody else can know of";
        around.error("local-settlement", local.at, message);
    }
    let usual = if settles {
        Idempotency::Required
    } else {
        Idempotency::Optional
    };
    Care {
        idempotency: scene.idempotency.map_or(usual, |it| it.value),
        reuse: scene.reuse.is_some_and(|it| it.value),
        when_away: local.map(|it| it.value).unwrap_or_default(),
        replicas: scene.replicas.map(|it| it.value).unwrap_or_default(),
        audit: Audited::default(),
    }
}
