//! The codes of `tests/codes/<family>/{valid,invalid}`, held against the shipped configuration.
//!
//! Lines in front that begin with `# ` say where a code comes from; one line end behind it is not
//! part of it. A valid code is recognised and read as its family's, whatever trust and policy then
//! say; an invalid one never is.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use crate::shipped::{Ask, GATEWAY, door};
use crate::source::root;

/// Enough to show what a family is, and what it is not.
const LEAST_VALID: usize = 3;
const LEAST_INVALID: usize = 5;

/// Families whose text nobody published.
const TEMPLATES: [&str; 1] = ["social-security"];

fn entries(folder: &Path) -> Vec<PathBuf> {
    let read = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut paths: Vec<_> = read.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
}

fn stems(folder: &str) -> BTreeSet<String> {
    let stem = |path: PathBuf| path.file_stem().unwrap().to_str().unwrap().to_owned();
    entries(&root().join(folder))
        .into_iter()
        .map(stem)
        .collect()
}

/// The code in a file, behind its header.
fn code(file: &Path) -> String {
    let text = fs::read_to_string(file).unwrap_or_else(|e| panic!("{}: {e}", file.display()));
    let (mut rest, mut sourced) = (text.as_str(), false);
    while let Some((line, behind)) = rest
        .split_once('\n')
        .filter(|(line, _)| line.starts_with("# "))
    {
        sourced |= line.starts_with("# Source: ");
        rest = behind;
    }
    assert!(sourced, "{}: does not name its source", file.display());
    rest.strip_suffix('\n').unwrap_or(rest).to_owned()
}

/// The family whose code this was read to be.
fn family_of(code: &str) -> (Option<String>, String) {
    Ask::new(code).explained(&GATEWAY, &door(), |story| {
        // What has a freshness was read; a rejection names the family of a broken text, too.
        let read = story.family.filter(|_| story.freshness.is_some());
        let said = story.reason.unwrap_or(story.outcome);
        (
            read.map(str::to_owned),
            format!("{:?}: {said}", story.family),
        )
    })
}

fn check(side: &str, least: usize, is_right: impl Fn(&str, Option<&str>) -> bool) {
    let mut wrong = Vec::new();
    for family in stems("tests/codes") {
        let files = entries(&root().join("tests/codes").join(&family).join(side));
        if files.len() < least {
            wrong.push(format!(
                "{family}: {} {side} codes, not {least}",
                files.len()
            ));
        }
        for file in files {
            let code = code(&file);
            let (found, said) = family_of(&code);
            if !is_right(&family, found.as_deref()) {
                wrong.push(format!("{}: {said}", file.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_family_has_a_corpus_and_every_corpus_a_family() {
    let mut families = stems("plugins");
    assert!(
        families.remove("README"),
        "how a family is written is told beside them"
    );
    for template in TEMPLATES {
        assert!(families.remove(template), "{template} is no family");
    }
    assert_eq!(families, stems("tests/codes"));
    let enabled = GATEWAY
        .families()
        .iter()
        .map(|family| family.id.to_string());
    assert_eq!(families, enabled.collect());
}

#[test]
fn valid_codes_are_read_as_their_familys() {
    check("valid", LEAST_VALID, |family, found| found == Some(family));
}

#[test]
fn invalid_codes_are_never_read_as_their_familys() {
    check("invalid", LEAST_INVALID, |family, found| {
        found != Some(family)
    });
}
