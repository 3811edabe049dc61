use std::collections::BTreeSet;

use multicode::reason::Reason;

use super::text;

/// The part of the manual under a heading of the second level.
fn section(heading: &str) -> String {
    let manual = text("docs/operations.md");
    let (_, after) = manual.split_once(&format!("\n## {heading}\n")).unwrap();
    after.split("\n## ").next().unwrap().to_owned()
}

/// Words in code.
fn in_code(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

#[test]
fn every_incident_says_where_to_look_and_what_to_do() {
    let section = section("Incidents");
    let rows = section.lines().filter(|line| line.starts_with("| "));
    let rows: Vec<Vec<_>> = rows
        .skip(1)
        .map(|row| row.trim_matches('|').split(" | ").map(str::trim).collect())
        .collect();
    assert!(rows.len() >= 20, "{}", rows.len());
    for row in rows {
        assert!(
            row.len() == 3 && row.iter().all(|cell| !cell.is_empty()),
            "{row:?}"
        );
    }
}

#[test]
fn incidents_name_metrics_alerts_and_reasons_that_there_are() {
    let manual = text("docs/operations.md");
    let (before, rest) = manual.split_once("\n## Incidents\n").unwrap();
    let after = rest.split_once("\n## ").map_or("", |it| it.1);
    // Another test holds the tables of metrics and alerts against the program.
    let known: BTreeSet<_> = in_code(before).chain(in_code(after)).collect();
    let reasons: BTreeSet<_> = Reason::ALL.iter().map(|it| it.slug()).collect();
    let section = section("Incidents");
    let mut named = 0;
    for word in in_code(&section) {
        let bare = word.split('{').next().unwrap();
        if bare.starts_with("multicode_")
            || bare.starts_with("Multicode")
            || bare.starts_with("process_")
        {
            named += 1;
            assert!(known.contains(bare), "{word}");
        } else if let Some(reason) = bare.strip_prefix("reason:") {
            named += 1;
            assert!(reasons.contains(reason), "{word}");
        }
    }
    assert!(named >= 20, "{named}");
}
