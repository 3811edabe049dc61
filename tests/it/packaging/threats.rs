use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use super::text;
use crate::source::root;

/// Fewer would not be a model of anything.
const CASES: usize = 40;

/// Every test below a folder, by module and name.
fn tests(folder: &Path, module: &str, found: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let stem = path.file_stem().unwrap().to_str().unwrap();
        let own = match stem {
            "mod" | "main" | "lib" => module.to_owned(),
            _ => format!("{module}{stem}::"),
        };
        if path.is_dir() {
            tests(&path, &own, found);
        } else if path.extension() == Some("rs".as_ref()) {
            let text = fs::read_to_string(&path).unwrap();
            found.extend(named(&text).map(|name| format!("{own}{name}")));
        }
    }
}

/// The tests in a source.
fn named(text: &str) -> impl Iterator<Item = &str> {
    let mut is_test = false;
    text.lines().filter_map(move |line| {
        let line = line.trim();
        is_test |= line.starts_with("#[test]") || line.starts_with("#[tokio::test");
        let line = line.strip_prefix("async ").unwrap_or(line);
        let name = line.strip_prefix("fn ").filter(|_| is_test)?;
        is_test = false;
        name.split('(').next()
    })
}

fn all_tests() -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    tests(&root().join("src"), "", &mut found);
    tests(&root().join("tests/it"), "", &mut found);
    tests(&root().join("tests/faults"), "faults::", &mut found);
    assert!(found.len() > 1_000, "{}", found.len());
    found
}

/// The cells of the abuse cases.
fn cases(document: &str) -> Vec<Vec<&str>> {
    let rows = document.lines().filter(|line| {
        let number = line.strip_prefix("| A").and_then(|it| it.split(' ').next());
        number.is_some_and(|it| it.len() == 2 && it.bytes().all(|byte| byte.is_ascii_digit()))
    });
    rows.map(|row| row.trim_matches('|').split(" | ").map(str::trim).collect())
        .collect()
}

#[test]
fn every_abuse_case_names_tests_that_there_are_or_says_that_it_is_open() {
    let document = text("docs/threat-model.md");
    let tests = all_tests();
    let cases = cases(&document);
    assert!(cases.len() >= CASES, "{}", cases.len());
    let mut missing = Vec::new();
    let mut held = 0;
    for (place, case) in cases.iter().enumerate() {
        assert_eq!(case.len(), 5, "{case:?}");
        assert_eq!(case[0], format!("A{:02}", place + 1), "{case:?}");
        assert!(case.iter().all(|cell| !cell.is_empty()), "{case:?}");
        let named: Vec<_> = case[4].split('`').skip(1).step_by(2).collect();
        let is_open = case[4].starts_with("**open**");
        assert!(is_open || !named.is_empty(), "{case:?}");
        if is_open {
            continue;
        }
        held += 1;
        let unknown = named.iter().filter(|name| !tests.contains(**name));
        missing.extend(unknown.map(|name| format!("{}: {name}", case[0])));
    }
    assert_eq!(missing, Vec::<String>::new());
    assert!(held >= CASES, "only {held} are held by a test");
}

#[test]
fn every_attacker_has_a_case() {
    let document = text("docs/threat-model.md");
    let (_, attackers) = document.split_once("\n## Attackers\n").unwrap();
    let attackers = attackers.split("\n## ").next().unwrap();
    let named = attackers
        .lines()
        .filter_map(|line| line.strip_prefix("| **"));
    let named: Vec<_> = named.map(|it| it.split("**").next().unwrap()).collect();
    assert!(named.len() >= 5, "{named:?}");
    let cases = cases(&document);
    for attacker in named {
        assert!(cases.iter().any(|case| case[1] == attacker), "{attacker}");
    }
    for case in cases {
        assert!(
            attackers.contains(&format!("| **{}**", case[1])),
            "{case:?}"
        );
    }
}
