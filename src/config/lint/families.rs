//! Families that can claim the same text.

use crate::classify::overlap::{TellsApart, overlaps as find};
use crate::config::diagnostic::{Collector, Diagnostic};
use crate::config::lower::FamilyAt;
use crate::config::suggest::quoted_within;
use crate::family::Family;

/// Characters of a sample that are shown: enough to try nearly every one with `explain`.
const SAMPLE: usize = 160;

/// Reports every pair, with a text both claim. Only a pair nothing tells apart is worth a warning.
pub(super) fn overlaps(families: &[Family], places: &[FamilyAt], to: &Collector) {
    let place = |family: &Family| {
        let found = families.iter().position(|one| std::ptr::eq(one, family));
        found.and_then(|at| places.get(at)).map(|at| at.id)
    };
    for overlap in find(families) {
        let (Some(winner), Some(loser)) = (place(overlap.winner), place(overlap.loser)) else {
            continue;
        };
        let (one, other) = (&overlap.winner.id, &overlap.loser.id);
        let sample = quoted_within(&overlap.sample, SAMPLE);
        let message = format!("families {one} and {other} can both claim {sample}");
        let found = match overlap.told_apart_by {
            _ if !overlap.proven => Diagnostic::note("overlap", winner, message).help(
                "the shapes overlap, but no text that passes the checksums of both was found",
            ),
            TellsApart::Nothing => Diagnostic::warning("overlap", winner, message)
                .help("nothing tells them apart: such a text is refused as ambiguous-code"),
            TellsApart::Checksum => Diagnostic::note("overlap", winner, message)
                .help(format!("where its checksums hold, {one} wins")),
            TellsApart::Prefix => Diagnostic::note("overlap", winner, message)
                .help(format!("{one} wins by its longer fixed prefix")),
            TellsApart::Symbology => Diagnostic::note("overlap", winner, message).help(format!(
                "{one} wins where the scanner names its symbology, and claims it nowhere else"
            )),
            TellsApart::Scene => Diagnostic::note("overlap", winner, message)
                .help("the scene decides; where it takes both kinds, the text is ambiguous-code"),
        };
        to.push(found.related(loser, "the other family"));
    }
}
