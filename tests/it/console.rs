//! The console in a browser: each file of tests in `tests/console` is one here. Node drives a Chromium
//! against the program; `tests/run` installs what that takes. A browser that is missing is a failure.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The files there, without their ending.
const FILES: [&str; 5] = ["change", "lab", "looks", "manner", "watch"];

const ENDING: &str = ".test.mjs";

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/console")
}

/// Has node run one file; all it said is shown if it failed.
#[track_caller]
fn check(name: &str) {
    assert!(FILES.contains(&name));
    let mut command = Command::new("node");
    command
        .args(["--test", "--test-reporter=spec"])
        .arg(folder().join(format!("{name}{ENDING}")))
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .env("MULTICODE", env!("CARGO_BIN_EXE_multicode"));
    let output = command.output().unwrap_or_else(|error| {
        panic!("no node ({error}): `tests/run` installs one, with a browser")
    });
    let said = String::from_utf8_lossy(&output.stdout);
    let complaints = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}{complaints}");
}

#[test]
fn every_file_of_tests_is_run() {
    let entries = fs::read_dir(folder()).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = names
        .filter_map(|name| Some(name.strip_suffix(ENDING)?.to_owned()))
        .collect();
    names.sort();
    assert_eq!(names, FILES);
}

#[test]
fn what_operators_watch_is_what_happens() {
    check("watch");
}

#[test]
fn what_operators_change_is_told() {
    check("change");
}

#[test]
fn the_lab_explains_and_keeps_nothing() {
    check("lab");
}

#[test]
fn every_page_fits_and_can_be_read() {
    check("looks");
}

#[test]
fn every_page_speaks_two_languages_and_obeys_the_keyboard() {
    check("manner");
}
