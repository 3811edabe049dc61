//! Issuers and keys for people.

use std::io::{self, Write};

use crate::admin::Standings;
use crate::printable::printable;
use crate::trust::standing::{KeyStanding, Rejected, Standing, SupplyState};

/// Writes issuer by issuer, each with its keys.
pub(super) fn write(story: &Standings, out: &mut dyn Write) -> io::Result<()> {
    for (place, issuer) in story.issuers.iter().enumerate() {
        if place > 0 {
            writeln!(out)?;
        }
        write_issuer(issuer, out)?;
    }
    Ok(())
}

fn write_issuer(issuer: &Standing, out: &mut dyn Write) -> io::Result<()> {
    let source = issuer.source.as_deref().unwrap_or("the configuration");
    let source = printable(source);
    writeln!(
        out,
        "{}  {}, from {source}",
        printable(&issuer.issuer),
        issuer.state.name()
    )?;
    keys(&issuer.keys, out)?;
    rejected(&issuer.rejected, out)?;
    let asked = issuer.last_attempt.is_some();
    if issuer.state == SupplyState::Awaited && !asked {
        writeln!(
            out,
            "  its server is asked by a running gateway: see --admin"
        )?;
    }
    let revoked = issuer.revoked;
    if revoked.keys + revoked.codes > 0 {
        writeln!(
            out,
            "  took back {}, {}",
            counted(revoked.keys, "key"),
            counted(revoked.codes, "code")
        )?;
    }
    let instants = [
        ("asked", issuer.last_attempt),
        ("had", issuer.last_success),
        ("next", issuer.next_refresh),
        ("serves until", issuer.serve_until),
    ];
    for (name, instant) in instants {
        if let Some(instant) = instant {
            writeln!(out, "  {name} {instant}")?;
        }
    }
    if let Some(error) = &issuer.last_error {
        writeln!(out, "  failed: {}", printable(error))?;
    }
    for list in &issuer.lists {
        if let Some(error) = &list.last_error {
            let (source, error) = (printable(&list.source), printable(error));
            writeln!(out, "  list {source} failed: {error}")?;
        }
    }
    Ok(())
}

/// Writes a line a key.
pub(super) fn keys(keys: &[KeyStanding], out: &mut dyn Write) -> io::Result<()> {
    let id = |key: &KeyStanding| printable(key.id.as_deref().unwrap_or("-")).into_owned();
    let width = keys.iter().map(|key| id(key).chars().count()).max();
    let width = width.unwrap_or_default();
    for key in keys {
        let (algorithm, state) = (printable(&key.algorithm), key.state.name());
        let window = [("from", key.not_before), ("until", key.not_after)];
        let window = window.map(|(word, instant)| match instant {
            Some(instant) => format!("  {word} {instant}"),
            None => String::new(),
        });
        let line = format!(
            "  {:width$}  {algorithm:11}  {state:7}{}",
            id(key),
            window.concat()
        );
        writeln!(out, "{}", line.trim_end())?;
    }
    Ok(())
}

/// Writes a line for whatever was rejected.
pub(super) fn rejected(rejected: &[Rejected], out: &mut dyn Write) -> io::Result<()> {
    for one in rejected {
        let (id, reason) = (printable(&one.id), printable(&one.reason));
        writeln!(out, "  {id}  rejected: {reason}")?;
    }
    Ok(())
}

fn counted(count: usize, word: &str) -> String {
    format!("{count} {word}{}", if count == 1 { "" } else { "s" })
}
