//! `[[test]]` blocks: what they name must exist.

use super::{Files, Known, Surroundings};
use crate::config::diagnostic::Diagnostic;
use crate::config::file::{self, Word};
use crate::config::meaning::{Expect, FLAWS, Trial, TrialCode};
use crate::config::suggest::{help, quoted};
use crate::trust::Introspected;

/// Lowers every test that is whole. Their scenes are not looked up: a test may well ask what
/// becomes of a scene nobody knows.
pub(super) fn lower(files: &Files, known: &Known<'_>, around: Surroundings<'_>) -> Vec<Trial> {
    let written = files.shared().flat_map(|one| &one.trials);
    written
        .filter_map(|one| trial(one, known, around))
        .collect()
}

fn trial(one: &file::Trial, known: &Known<'_>, around: Surroundings<'_>) -> Option<Trial> {
    let boxed = |word: &Option<Word>| word.as_ref().map(|word| word.value.as_str().into());
    let expect = &one.expect;
    let checked = [
        (&expect.route, &known.routes),
        (&expect.upstream, &known.upstreams),
        (&expect.family, &known.families),
    ];
    for (word, names) in checked {
        if let Some(word) = word {
            names.check(word, around);
        }
    }
    if let (Some(reason), Some(route)) = (expect.reason, &expect.route) {
        let message = "a scan that is refused takes no route";
        let found = Diagnostic::error("conflict", route.at, message);
        around
            .collector
            .push(found.related(reason.at, "the refusal"));
    }
    let code = one.code.as_ref().and_then(|it| code(it, known, around));
    Some(Trial {
        name: one.name.value.as_str().into(),
        at: one.at,
        code: code?,
        scene: boxed(&one.scene),
        terminal: boxed(&one.terminal),
        organisation: boxed(&one.organisation),
        region: boxed(&one.region),
        now: one.now?.value,
        platform: one
            .platform
            .as_ref()
            .map_or(Introspected::ACTIVE, platform)
            .into(),
        expect: Expect {
            route: boxed(&expect.route),
            upstream: boxed(&expect.upstream),
            family: boxed(&expect.family),
            kind: expect.kind.map(|kind| kind.value),
            reason: expect.reason.map(|reason| reason.value),
        },
    })
}

fn platform(written: &file::trial::Platform) -> Introspected {
    Introspected {
        active: written.good.value,
        region: written.region.map(|region| region.value),
        ..Introspected::ACTIVE
    }
}

fn code(
    written: &file::TrialCode,
    known: &Known<'_>,
    around: Surroundings<'_>,
) -> Option<TrialCode> {
    let boxed = |word: &Option<Word>| word.as_ref().map(|word| word.value.as_str().into());
    match written {
        file::TrialCode::Text(text) => Some(TrialCode::Text(text.value.as_str().into())),
        file::TrialCode::Mint {
            family,
            issuer,
            region,
            flaw,
        } => {
            let family = family.as_ref()?;
            known.families.check(family, around);
            // A foreign issuer is one nobody has configured.
            let foreign = flaw.as_ref().is_some_and(|flaw| flaw.value == "foreign");
            if let Some(issuer) = issuer.as_ref().filter(|_| !foreign) {
                known.issuers.check(issuer, around);
            }
            if let Some(flaw) = flaw
                .as_ref()
                .filter(|it| !FLAWS.contains(&it.value.as_str()))
            {
                let message = format!("no such flaw as {}", quoted(&flaw.value));
                let found = Diagnostic::error("unknown-name", flaw.at, message);
                around
                    .collector
                    .push(found.help_if(help(&flaw.value, FLAWS)));
            }
            Some(TrialCode::Mint {
                family: family.value.as_str().into(),
                issuer: boxed(issuer),
                region: region.map(|region| region.value),
                flaw: boxed(flaw),
            })
        }
    }
}
