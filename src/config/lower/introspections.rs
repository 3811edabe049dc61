//! Platforms that are asked about codes: names resolved, families given to them.

use std::collections::BTreeMap;
use std::time::Duration;

use super::families::Families;
use super::routes::Resolved;
use super::{Files, Surroundings};
use crate::config::diagnostic::Diagnostic;
use crate::config::file::Introspection as Written;
use crate::config::file::Word;
use crate::config::file::family::Trust as WrittenTrust;
use crate::config::source::{Place, Spanned};
use crate::config::suggest::quoted;
use crate::family::Trust;
use crate::fetch::introspection::{
    DEFAULT_AT_ONCE, DEFAULT_KEEP, DEFAULT_TIMEOUT, Introspection, MAX_KEEP,
};
use crate::trust::introspection::AnswerLayout;

/// Lowers every introspection that is whole, with the place of its contract's name, and gives it
/// its families.
pub(super) fn lower(
    files: &Files,
    resolved: &Resolved<'_>,
    families: &mut Families,
    around: Surroundings<'_>,
) -> (Vec<Introspection>, Vec<Place>) {
    let mut all = Vec::new();
    let mut places = Vec::new();
    let mut given = BTreeMap::new();
    let written = files.shared().flat_map(|one| &one.introspections);
    for (name, one) in written {
        let Some(one) = one else { continue };
        for family in &one.families {
            if let Some(first) = given.insert(family.value.as_str(), family.at) {
                let message = format!("another platform is asked about {}", quoted(&family.value));
                let found = Diagnostic::error("conflict", family.at, message);
                around.collector.push(found.related(first, "there"));
            } else {
                give(family, all.len(), families, resolved, around);
            }
        }
        if let Some((introspection, contract)) = introspection(name, one, resolved, around) {
            all.push(introspection);
            places.push(contract);
        }
    }
    for (_, family) in &files.families {
        let (Some(id), Some(trust)) = (&family.id, family.trust) else {
            continue;
        };
        let enabled = family.enabled.is_none_or(|it| it.value);
        if enabled && trust.value == WrittenTrust::Introspect && !given.contains_key(&*id.value) {
            let message = format!("nobody is asked about codes of {}", quoted(&id.value));
            let found = Diagnostic::error("no-introspection", trust.at, message);
            let help = "name the family in an [introspection.NAME]";
            around.collector.push(found.help(help));
        }
    }
    (all, places)
}

/// Lets a family be believed on the word of the platform at this place.
fn give(
    name: &Word,
    by: usize,
    families: &mut Families,
    resolved: &Resolved<'_>,
    around: Surroundings<'_>,
) {
    resolved.known.families.check(name, around);
    let mut all = families.enabled.iter_mut().chain(&mut families.templates);
    let Some(family) = all.find(|family| *family.id == *name.value) else {
        return;
    };
    if family.trust == Trust::Signature {
        let message = format!(
            "codes of {} are believed by their signature, nobody is asked about them",
            quoted(&name.value)
        );
        around.error("conflict", name.at, message);
    } else {
        family.trust = Trust::Introspection { by };
    }
}

fn introspection(
    name: &Word,
    one: &Written,
    resolved: &Resolved<'_>,
    around: Surroundings<'_>,
) -> Option<(Introspection, Place)> {
    let upstream = one
        .upstream
        .as_ref()
        .map(|upstream| resolved.upstream(upstream, around));
    let contract = one.contract.as_ref()?;
    resolved.known.contracts.check(contract, around);
    let answer = one.answer.as_ref()?;
    if answer.good.is_empty() {
        let message = format!("introspection {} calls no code good", quoted(&name.value));
        around.error("bad-value", name.at, message);
    }
    let (upstream, _) = upstream??;
    let introspection = Introspection {
        name: name.value.as_str().into(),
        upstream,
        contract: resolved.contracts.get(contract.value.as_str())?.clone()?,
        answer: AnswerLayout {
            valid: answer.valid.clone(),
            good: answer
                .good
                .iter()
                .map(|word| word.value.as_str().into())
                .collect(),
            index: answer.index.clone(),
            region: answer.region.clone(),
            expires_at: answer.expires_at.clone(),
        },
        keep: one.keep.map_or(DEFAULT_KEEP, |keep| bounded(keep, around)),
        timeout: one.timeout.map_or(DEFAULT_TIMEOUT, |it| it.value),
        at_once: one.at_once.map_or(DEFAULT_AT_ONCE, |it| it.value).into(),
    };
    Some((introspection, contract.at))
}

fn bounded(keep: Spanned<Duration>, around: Surroundings<'_>) -> Duration {
    if keep.value > MAX_KEEP {
        let message = format!(
            "\"keep\" is {} s at most: the platform is asked for what is so now",
            MAX_KEEP.as_secs()
        );
        around.error("bad-value", keep.at, message);
    }
    keep.value
}
