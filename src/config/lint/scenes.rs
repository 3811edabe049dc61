//! Scenes against the families whose codes are scanned in them.

use crate::config::diagnostic::{Collector, Diagnostic};
use crate::config::source::Place;
use crate::gateway::Parts;
use crate::policy::WhenAway;

/// Finds scenes that would let a one-time code pass twice while the store is away.
pub(super) fn run(parts: &Parts, places: &[(Box<str>, Place)], to: &Collector) {
    let lenient = parts.scenes.iter();
    let lenient = lenient.filter(|it| it.care.when_away == WhenAway::Local && !it.care.reuse);
    for scene in lenient {
        let mut families = parts.families.iter();
        let one_time = families.find(|family| {
            family.validity.one_time.is_some() && scene.accepts.contains(family.kind)
        });
        let place = places.iter().find(|(name, _)| *name == scene.name);
        if let (Some(family), Some(&(_, at))) = (one_time, place) {
            let message = format!(
                "scene \"{}\" takes codes of \"{}\", good for one use, and would take them \
                 without asking the other gateways",
                scene.name, family.id
            );
            let found = Diagnostic::error("local-one-time", at, message);
            let help =
                "write when_store_away = \"closed\", or reuse = true if they may be shown again";
            to.push(found.help(help));
        }
    }
}
