use std::env;
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use super::*;
use crate::report::{Unit, sample};

#[test]
fn a_report_is_read_as_it_was_written() {
    let mut report = sample::report();
    assert_eq!(
        Report::from_json(&report.to_json().unwrap()).unwrap(),
        report
    );
    report.find_max = None;
    let text = report.to_json().unwrap();
    assert!(!text.contains("find_max") && text.ends_with("}\n"));
    assert_eq!(Report::from_json(&text).unwrap(), report);
}

#[test]
fn a_later_report_may_say_more() {
    let mut value = serde_json::to_value(sample::report()).unwrap();
    value["weather"] = json!("rain");
    value["totals"]["retried"] = json!(7);
    value["series"][0]["latency"]["p75_us"] = json!(800);
    assert_eq!(
        Report::from_json(&value.to_string()).unwrap(),
        sample::report()
    );
}

#[test]
fn a_file_that_is_no_report_says_what_it_is() {
    #[track_caller]
    fn check(text: &str, expected: &str) {
        let found = Report::from_json(text).unwrap_err().to_string();
        assert!(found.starts_with(expected), "{found}");
    }
    check("", "no JSON: EOF");
    check(
        "{\"version\": 1",
        "no JSON: EOF while parsing an object at line 1",
    );
    check("{} {}", "no JSON: trailing characters");
    check(
        "{}",
        "no report of this load tester: it needs a whole number \"version\"",
    );
    check("[1]", "no report of this load tester");
    check("{\"version\": \"1\"}", "no report of this load tester");
    check(
        "{\"version\": 2}",
        "a report of version 2, and this program reads version 1",
    );
    check(
        "{\"version\": 1}",
        "not as a report of version 1 has to be: missing field `started`",
    );
    let text = sample::report().to_json().unwrap();
    let wrong = text.replacen("\"tls\": true", "\"tls\": 1", 1);
    check(
        &wrong,
        "not as a report of version 1 has to be: invalid type: integer `1`, expected a boolean at line",
    );
}

#[test]
fn a_number_that_json_cannot_hold_is_not_written() {
    for wrong in [f64::NAN, f64::INFINITY] {
        let mut report = sample::report();
        report.rate.achieved = wrong;
        let error = report.to_json().unwrap_err().to_string();
        assert_eq!(
            error,
            "the report cannot be written: rate.achieved is no number"
        );
        let mut report = sample::report();
        report.thresholds[1].measured = Some(wrong);
        let error = report.to_json().unwrap_err().to_string();
        assert_eq!(
            error,
            "the report cannot be written: thresholds.measured is no number"
        );
    }
}

/// Where the validator is: an environment of wheels that `tests/run` makes.
fn python() -> PathBuf {
    let program = env::var_os("MULTICODE_SCHEMATHESIS").map_or_else(
        || {
            Path::new(env!("CARGO_MANIFEST_DIR"))
                .join("../target/tools/schemathesis/bin/schemathesis")
        },
        PathBuf::from,
    );
    program.with_file_name("python")
}

/// What somebody else's validator says of each, by the schema.
fn judged(documents: &[(String, Value)]) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    let (schema, lines) = (
        folder.path().join("schema.json"),
        folder.path().join("documents"),
    );
    fs::write(&schema, SCHEMA).unwrap();
    let mut text = String::new();
    for (_, document) in documents {
        writeln!(text, "{document}").unwrap();
    }
    fs::write(&lines, text).unwrap();
    let judge = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/judge.py");
    let output = Command::new(python())
        .arg(judge)
        .args([schema, lines])
        .output();
    let output = output.unwrap_or_else(|error| {
        panic!(
            "no {} ({error}): `tests/run` installs it",
            python().display()
        )
    });
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let judgements = String::from_utf8(output.stdout).unwrap();
    judgements.lines().map(str::to_owned).collect()
}

/// Every value within a document, by its pointer.
fn pointers(value: &Value, at: &str, found: &mut Vec<String>) {
    found.push(at.to_owned());
    match value {
        Value::Object(all) => {
            all.iter()
                .for_each(|(key, value)| pointers(value, &format!("{at}/{key}"), found));
        }
        Value::Array(all) => {
            let values = all.iter().enumerate();
            values.for_each(|(key, value)| pointers(value, &format!("{at}/{key}"), found));
        }
        _ => {}
    }
}

/// A report with every field, and one entry in every list.
fn short() -> Value {
    fn shorten(value: &mut Value) {
        match value {
            Value::Array(all) => {
                all.truncate(1);
                all.iter_mut().for_each(shorten);
            }
            Value::Object(all) => all.values_mut().for_each(shorten),
            _ => {}
        }
    }
    let mut value = serde_json::to_value(sample::report()).unwrap();
    shorten(&mut value);
    value
}

/// The report with each of its values left out, and replaced by one of every type.
fn mutants() -> Vec<(String, Value)> {
    let original = short();
    let mut places = Vec::new();
    pointers(&original, "", &mut places);
    let others = [
        json!(null),
        json!(true),
        json!("x"),
        json!(7),
        json!(-1),
        json!(1.5),
        json!([]),
        json!({}),
        json!([null]),
    ];
    let mut mutants = Vec::new();
    for place in places {
        for other in &others {
            let mut mutant = original.clone();
            *mutant.pointer_mut(&place).unwrap() = other.clone();
            mutants.push((format!("{place} = {other}"), mutant));
        }
        let mut mutant = original.clone();
        let (parent, key) = place.rsplit_once('/').unwrap_or(("", ""));
        if let Some(Value::Object(all)) = mutant.pointer_mut(parent)
            && all.remove(key).is_some()
        {
            mutants.push((format!("{place} left out"), mutant));
        }
    }
    mutants
}

#[test]
fn the_schema_accepts_what_is_written() {
    let mut bare = sample::report();
    bare.find_max = None;
    bare.series.clear();
    bare.thresholds
        .iter_mut()
        .for_each(|rule| rule.measured = None);
    let whole = sample::report();
    let mut documents = Vec::new();
    for unit in [Unit::Micros, Unit::Share, Unit::Count, Unit::PerSecond] {
        bare.thresholds[0].unit = unit;
        documents.push((format!("{unit:?}"), serde_json::to_value(&bare).unwrap()));
    }
    documents.push(("whole".to_owned(), serde_json::to_value(&whole).unwrap()));
    let mut extreme = whole;
    extreme.totals.sent = u64::MAX;
    extreme.latency.max_us = u64::MAX;
    documents.push((
        "extreme".to_owned(),
        serde_json::to_value(&extreme).unwrap(),
    ));
    for ((name, _), judgement) in documents.iter().zip(judged(&documents)) {
        assert_eq!(judgement, "valid", "{name}");
    }
}

#[test]
fn the_schema_refuses_exactly_what_reading_refuses() {
    let mutants = mutants();
    assert!(mutants.len() > 800, "{}", mutants.len());
    let judgements = judged(&mutants);
    assert_eq!(judgements.len(), mutants.len());
    let (mut refused, mut differ) = (0, Vec::new());
    for ((name, mutant), judgement) in mutants.iter().zip(judgements) {
        let read = Report::from_json(&mutant.to_string());
        refused += usize::from(read.is_err());
        if read.is_ok() != (judgement == "valid") {
            let read = read.map_or_else(|error| error.to_string(), |_| "read".to_owned());
            differ.push(format!("{name}: {judgement}, but {read}"));
        }
    }
    assert!(differ.is_empty(), "{}", differ.join("\n"));
    assert!(refused > 600, "only {refused} of {} refused", mutants.len());
}
