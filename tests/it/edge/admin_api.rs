//! The description of the operators' paths, and the console.

use std::fs;

use multicode::admin::openapi;
use serde_json::Value;

use super::{Files, Program};
use crate::source::root;

#[test]
fn the_description_is_the_one_in_the_manual() {
    let written = fs::read_to_string(root().join("docs/openapi.json")).unwrap_or_default();
    let made = openapi::text();
    if written != made {
        let beside = root().join("target/openapi.json");
        fs::write(&beside, made).unwrap();
        panic!(
            "docs/openapi.json is not what the handlers say: cp {} docs/openapi.json",
            beside.display()
        );
    }
}

#[test]
fn every_path_is_described_and_every_description_answers() {
    let files = Files::shipped();
    let program = Program::serve(&files, "info");
    let described = program.get("/openapi.json");
    let document = described.json();
    assert_eq!(document["openapi"], "3.1.0");
    assert_eq!(described.text(), openapi::text());
    let paths = document["paths"].as_object().unwrap();
    let routed: Vec<String> = routes();
    assert!(routed.len() > 20, "{routed:?}");
    for path in &routed {
        assert!(paths.contains_key(path), "{path} is not described");
    }
    for (path, methods) in paths {
        assert!(routed.contains(path), "{path} is described and not there");
        for method in methods.as_object().unwrap().keys() {
            let method = method.to_uppercase();
            let answer = program.ask(&method, path, "", "");
            let guarded = path.starts_with("/admin/");
            assert_eq!(answer.status, if guarded { 401 } else { 200 }, "{path}");
            assert_refusals_are_described(path, &methods[method.to_lowercase()]);
        }
        let wrong = program.ask("DELETE", path, &program.as_operator(), "");
        assert_eq!(wrong.status, 405, "{path}");
        let kind = wrong.header("content-type");
        assert_eq!(kind, Some("application/problem+json"), "{path}");
    }
}

#[track_caller]
fn assert_refusals_are_described(path: &str, operation: &Value) {
    if !path.starts_with("/admin/") {
        return;
    }
    for (status, response) in operation["responses"].as_object().unwrap() {
        if status == "default" || status.starts_with(['4', '5']) {
            let content = &response["content"];
            assert!(
                content["application/problem+json"].is_object(),
                "{path} {status}"
            );
        }
    }
    assert!(operation["responses"]["default"].is_object(), "{path}");
    assert!(operation["security"].is_null(), "{path} takes a token");
}

/// The paths of the router, as its source has them; the console's are pages.
fn routes() -> Vec<String> {
    let source = fs::read_to_string(root().join("src/admin/mod.rs")).unwrap();
    let decode = source.contains(".route(DECODE,").then_some("/admin/decode");
    let named = source.split(".route(\"").skip(1);
    let named = named.filter_map(|rest| rest.split('"').next());
    let pages = |path: &&str| *path != "/" && !path.starts_with("/console");
    let all = named.filter(pages).chain(decode);
    all.map(str::to_owned).collect()
}

#[test]
fn the_console_is_in_the_program_and_keeps_to_itself() {
    let files = Files::shipped();
    let program = Program::serve(&files, "info");
    let answer = program.ask("GET", "/", "", "");
    assert_eq!(
        (answer.status, answer.header("location")),
        (302, Some("/console/"))
    );
    let page = program.ask("GET", "/console/", "", "");
    assert_eq!(page.status, 200);
    assert_eq!(
        page.header("content-type"),
        Some("text/html; charset=utf-8")
    );
    assert_eq!(page.header("cache-control"), Some("no-cache"));
    let policy = page.header("content-security-policy").unwrap();
    assert!(policy.starts_with("default-src 'self'; script-src 'self'; style-src 'self'; "));
    for (name, value) in [
        ("x-content-type-options", "nosniff"),
        ("referrer-policy", "no-referrer"),
        ("cross-origin-opener-policy", "same-origin"),
    ] {
        assert_eq!(page.header(name), Some(value));
    }
    let tag = page.header("etag").unwrap();
    let again = program.ask("GET", "/console/", &format!("If-None-Match: {tag}\r\n"), "");
    assert_eq!((again.status, &*again.body), (304, &b""[..]));
    let other = program.ask("GET", "/console/", "If-None-Match: \"x\"\r\n", "");
    assert_eq!(other.status, 200);
    assert_eq!(
        program.ask("GET", "/console/index.html", "", "").body,
        page.body
    );
    for path in [
        "/console/nothing.js",
        "/console/../Cargo.toml",
        "/console/%2e%2e/Cargo.toml",
        "/console//etc/passwd",
    ] {
        assert_eq!(program.ask("GET", path, "", "").status, 404, "{path}");
    }
}
