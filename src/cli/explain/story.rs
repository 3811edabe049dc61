//! An explanation for people.

use std::io::{self, Write};

use crate::explain::Explanation;
use crate::printable::printable;

/// Writes the whole story, the verdict first.
pub(super) fn write(story: &Explanation<'_>, out: &mut dyn Write) -> io::Result<()> {
    verdict(story, out)?;
    trust(story, out)?;
    if !story.fields.is_empty() {
        writeln!(out, "\nfields")?;
    }
    for field in &story.fields {
        writeln!(out, "  {:>4}..{:<4} {}", field.start, field.end, field.name)?;
    }
    writeln!(out, "\nfamilies")?;
    let width = story
        .tried
        .iter()
        .map(|tried| tried.family.len())
        .max()
        .unwrap_or_default();
    for tried in &story.tried {
        writeln!(
            out,
            "  {:width$}  {:12}  {}",
            tried.family, tried.outcome, tried.why
        )?;
    }
    if let Some(request) = &story.request {
        writeln!(out, "\nrequest")?;
        writeln!(out, "  {} {}", request.method, request.path)?;
        for (name, value) in &request.headers {
            writeln!(out, "  {name}: {value}")?;
        }
        writeln!(
            out,
            "  {}",
            request
                .body
                .as_deref()
                .unwrap_or("(the terminal's own body)")
        )?;
    }
    if !story.routes.is_empty() {
        writeln!(out, "\nroutes, best first")?;
    }
    for route in &story.routes {
        let mark = match (route.taken, route.matches) {
            (true, _) => "taken",
            (false, true) => "matches",
            (false, false) => "does not match",
        };
        let failed = route.failed.map(|failed| format!(": {failed}"));
        let failed = failed.unwrap_or_default();
        writeln!(out, "  {}  {mark}{failed}", route.route)?;
    }
    Ok(())
}

fn verdict(story: &Explanation<'_>, out: &mut dyn Write) -> io::Result<()> {
    match (story.reason, story.stage) {
        (Some(reason), Some(stage)) => {
            writeln!(out, "rejection: {reason} (at {stage})")?;
            if let Some(detail) = &story.detail {
                writeln!(out, "  detail     {}", printable(detail))?;
            }
        }
        _ => writeln!(
            out,
            "decision: route {} to {}{}",
            or_dash(story.route),
            story.upstream.unwrap_or("nobody"),
            if story.trust.introspection == Some("not-asked") {
                ", if the issuer's platform calls the code good (it was not asked: --online asks)"
            } else {
                ""
            }
        )?,
    }
    let artefacts = story.artefacts.join(", ");
    let rows = [
        ("text", Some(story.shown.as_str())),
        (
            "cleaned",
            (!artefacts.is_empty()).then_some(artefacts.as_str()),
        ),
        ("family", story.family),
        ("rival", story.rival),
        ("kind", story.kind),
        ("issuer", story.issuer.as_deref()),
        ("freshness", story.freshness),
        ("assurance", story.assurance),
        ("scene", story.scene),
        ("region", story.region.as_deref()),
        ("relation", story.relation),
    ];
    for (name, value) in rows {
        if let Some(value) = value {
            writeln!(out, "  {name:10} {}", printable(value))?;
        }
    }
    Ok(())
}

fn trust(story: &Explanation<'_>, out: &mut dyn Write) -> io::Result<()> {
    let trust = &story.trust;
    writeln!(out, "\ntrust")?;
    writeln!(
        out,
        "  signature  {}{}",
        or_dash(trust.signature),
        if trust.revoked { ", revoked" } else { "" }
    )?;
    writeln!(out, "  key        {}", printable(or_dash(trust.key)))?;
    writeln!(out, "  time       {}", or_dash(trust.time))?;
    for (name, word) in [
        ("platform", trust.introspection),
        ("index", trust.index.as_deref()),
    ] {
        if let Some(word) = word {
            writeln!(out, "  {name:10} {word}")?;
        }
    }
    for (name, instant) in [("from", &trust.not_before), ("until", &trust.not_after)] {
        if let Some(instant) = instant {
            writeln!(out, "  {name:10} {instant}")?;
        }
    }
    for miss in &trust.near_misses {
        writeln!(
            out,
            "  near miss  {} ({})",
            printable(&miss.what),
            miss.slug
        )?;
    }
    Ok(())
}

fn or_dash(word: Option<&str>) -> &str {
    word.unwrap_or("-")
}
