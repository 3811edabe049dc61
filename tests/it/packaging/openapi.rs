use serde_json::Value;

use super::{outcome, text, tool};
use crate::edge::{Files, Program};

/// Requests from the description of the operators' API, sound and broken ones, always the same.
const SEED: &str = "7";

/// For each operation; the coverage of every parameter and member comes on top.
const EXAMPLES: &str = "4";

/// Ends the gateway, and an answer without an end: what the others are asked with says nothing of them.
const LEFT_OUT: [&str; 2] = ["/admin/drain", "/admin/events"];

/// Whether texts, scenes and families exist the files say, not the description; and of wrong tokens only a
/// few are answered 401, which `edge::admin_access` looks at.
const NOT_CHECKED: &str = "positive_data_acceptance,ignored_auth";

#[track_caller]
fn check(role: &str) {
    let files = Files::shipped();
    let program = Program::serve(&files, "info");
    let token = program.token(role);
    let mut command = tool(
        "MULTICODE_SCHEMATHESIS",
        "target/tools/schemathesis/bin/schemathesis",
    );
    let folder = tempfile::tempdir().unwrap();
    command
        .current_dir(folder.path())
        .arg("run")
        .arg(crate::source::root().join("docs/openapi.json"))
        .arg(format!("--url=http://{}", program.admin))
        .args(["-H", &format!("Authorization: Bearer {token}")])
        .args(["--seed", SEED, "-n", EXAMPLES, "--phases=coverage,fuzzing"])
        .args(["--checks=all", "--exclude-checks", NOT_CHECKED])
        .args([
            "--continue-on-failure",
            "--warnings=off",
            "--no-color",
            "--request-timeout=20",
        ])
        .args(LEFT_OUT.iter().flat_map(|path| ["--exclude-path", path]));
    let (held, said) = outcome(command);
    assert!(held, "{said}");
    let description: Value = serde_json::from_str(&text("docs/openapi.json")).unwrap();
    let paths = description["paths"].as_object().unwrap();
    let operations: usize = paths.values().map(|it| it.as_object().unwrap().len()).sum();
    let tested = format!("Tested: {}", operations - LEFT_OUT.len());
    assert!(said.contains(&tested), "{tested}: {said}");
    assert!(
        !program.said().contains("a fault of the gateway"),
        "{}",
        program.said()
    );
    assert_eq!(program.get("/livez").status, 200);
}

#[test]
fn whatever_an_operator_sends_the_answers_are_as_described() {
    check("operator");
}

#[test]
fn whatever_a_viewer_sends_the_answers_are_as_described() {
    check("viewer");
}
