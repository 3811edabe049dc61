//! Who may come in at the operators' listener.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::time::{Duration, Instant};

use serde_json::json;

use super::{Answer, Client, Files, Program};

/// What everybody with a token may read.
pub(super) const LOOKING: [&str; 15] = [
    "/admin/session",
    "/admin/overview",
    "/admin/audit",
    "/admin/events/recent",
    "/admin/refusals",
    "/admin/keys",
    "/admin/outcomes",
    "/admin/routes",
    "/admin/families",
    "/admin/scenes",
    "/admin/upstreams",
    "/admin/config",
    "/admin/config/diff",
    "/admin/config/history",
    "/admin/events",
];

/// What only operators may do.
const ACTING: [&str; 3] = ["/admin/keys/refresh", "/admin/reload", "/admin/drain"];

/// What everybody with a token may have looked at.
const LAB: [&str; 3] = ["/admin/explain", "/admin/mint", "/admin/decode"];

#[track_caller]
fn assert_problem(answer: &Answer, status: u16, slug: &str) {
    assert_eq!(answer.status, status, "{answer:?}");
    let kind = answer.header("content-type");
    assert_eq!(kind, Some("application/problem+json"));
    let problem = answer.json();
    assert_eq!(problem["type"], format!("urn:multicode:admin:{slug}"));
    assert_eq!(problem["status"], status);
    assert!(problem["title"].is_string() && problem["detail"].is_string());
    assert_eq!(answer.header("cache-control"), Some("no-store"));
}

#[test]
fn nobody_comes_in_without_a_token() {
    let files = Files::shipped();
    let program = Program::serve(&files, "info");
    let wrong = "Authorization: Bearer nobody\r\n";
    for path in LOOKING
        .iter()
        .chain(["/admin", "/admin/", "/admin/nothing"].iter())
    {
        let answer = program.ask("GET", path, "", "");
        assert_problem(&answer, 401, "token-missing");
        assert_eq!(answer.header("www-authenticate"), Some("Bearer"));
    }
    for path in ACTING.iter().chain(LAB.iter()) {
        let answer = program.ask("POST", path, "", "");
        assert_problem(&answer, 401, "token-missing");
    }
    let basic = program.ask("GET", "/admin/keys", "Authorization: Basic eDp5\r\n", "");
    assert_problem(&basic, 401, "token-missing");
    let began = Instant::now();
    for _ in 0..3 {
        let answer = program.ask("GET", "/admin/keys", wrong, "");
        assert_problem(&answer, 401, "token-wrong");
        assert_eq!(answer.header("www-authenticate"), Some("Bearer"));
    }
    assert!(
        began.elapsed() > Duration::from_millis(500),
        "they are slowed"
    );
    let mut guessing: Vec<_> = (0..4).map(|_| Client::new(program.admin)).collect();
    for client in &mut guessing {
        client.write(program.request("GET", "/admin/keys", wrong, ""));
    }
    assert_eq!(program.get("/admin/keys").status, 200, "others do not wait");
    let statuses: Vec<_> = guessing.iter_mut().map(|it| it.answer().status).collect();
    assert!(
        statuses.contains(&401) && statuses.contains(&429),
        "{statuses:?}"
    );
}

#[test]
fn a_role_may_do_what_it_may() {
    let files = Files::shipped();
    let mut program = Program::serve(&files, "info");
    let viewer = program.as_viewer();
    for path in LOOKING.iter().filter(|path| **path != "/admin/events") {
        for headers in [&viewer, &program.as_operator()] {
            assert_eq!(program.ask("GET", path, headers, "").status, 200, "{path}");
        }
    }
    let session = |headers: &str| program.ask("GET", "/admin/session", headers, "").json();
    assert_eq!(session(&viewer)["role"], "viewer");
    assert_eq!(session(&program.as_operator())["role"], "operator");
    for path in ACTING {
        assert_problem(&program.ask("POST", path, &viewer, ""), 403, "role");
        let answer = program.ask("GET", path, &program.as_operator(), "");
        assert_problem(&answer, 405, "method-not-allowed");
    }
    for path in LAB {
        let answer = program.ask("POST", path, &viewer, "");
        assert!(![401, 403, 404, 405].contains(&answer.status), "{path}");
    }
    assert_problem(&program.get("/admin/nothing"), 404, "not-found");
    assert_eq!(
        program
            .ask("POST", "/admin/drain", &program.as_operator(), "")
            .status,
        202
    );
    assert_eq!(program.ended().code(), Some(0));
}

#[test]
fn tokens_are_made_once_and_shown_to_nobody() {
    let files = Files::shipped();
    let first = Program::serve(&files, "trace");
    let (viewer, operator) = (first.token("viewer"), first.token("operator"));
    assert_eq!(first.get("/admin/session").status, 200);
    first.wait_until_it_says("state/admin-tokens");
    let said = first.said();
    for token in [&viewer, &operator] {
        assert!(token.len() == 43 && !said.contains(&**token));
    }
    let path = files.path("state/admin-tokens");
    let mode = fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    drop(first);
    let second = Program::serve(&files, "info");
    assert_eq!(second.get("/admin/session").status, 200);
    assert_eq!(
        (second.token("viewer"), second.token("operator")),
        (viewer, operator)
    );
    drop(second);

    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    let third = Program::serve(&files, "info");
    assert_problem(&third.get("/admin/session"), 503, "no-tokens");
    assert_eq!(third.get("/readyz").status, 200);
    assert_eq!(third.get("/console/").status, 200);
    third.wait_until_it_says("can be read by others (mode 0644)");
}

#[test]
fn tokens_of_the_files_are_used_and_no_others() {
    let files = Files::shipped();
    let token = "0123456789abcdef0123456789abcdef";
    files.write("token", token);
    fs::set_permissions(files.path("token"), fs::Permissions::from_mode(0o600)).unwrap();
    files.change(
        "routes.toml",
        "[admin]\n",
        "[admin]\nviewer = \"file:token\"\n",
    );
    let program = Program::serve(&files, "info");
    let headers = format!("authorization: bearer {token}\r\n");
    let answer = program.ask("GET", "/admin/session", &headers, "");
    assert_eq!(answer.json()["role"], "viewer");
    assert_problem(
        &program.ask("POST", "/admin/reload", &headers, ""),
        403,
        "role",
    );
    assert!(!files.path("state/admin-tokens").exists());
    drop(program);

    files.change(
        "routes.toml",
        "viewer = \"file:token\"",
        "viewer = \"env:NOT_SET\"",
    );
    let program = Program::serve(&files, "info");
    let answer = program.ask("GET", "/admin/session", &headers, "");
    assert_problem(&answer, 503, "no-tokens");
}

#[test]
fn a_page_from_elsewhere_gets_nothing() {
    let files = Files::shipped();
    files.change(
        "routes.toml",
        "[admin]\n",
        "[admin]\nhosts = [\"ops.example\"]\n",
    );
    let program = Program::serve(&files, "info");
    let (operator, admin) = (program.as_operator(), program.admin);
    let under = |host: &str, path: &str| {
        let request = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n{operator}\r\n");
        Client::new(admin).exchange(request)
    };
    for path in ["/admin/session", "/console/", "/"] {
        for host in [
            "evil.example",
            "evil.example:9090",
            "127.0.0.1.evil.example",
            "ops.example.evil",
        ] {
            assert_problem(&under(host, path), 421, "host-not-served");
        }
    }
    for host in [
        "localhost",
        "LOCALHOST:9090",
        "127.0.0.1:1",
        "[::1]:9090",
        "ops.example:80",
        "Ops.Example",
    ] {
        assert_eq!(under(host, "/admin/session").status, 200, "{host}");
    }
    assert_eq!(under("scraped.by.name:9090", "/metrics").status, 200);
}

#[test]
fn a_form_of_another_page_does_nothing() {
    let files = Files::shipped();
    let program = Program::serve(&files, "info");
    let (operator, admin) = (program.as_operator(), program.admin);
    let post = |headers: &str| {
        program.ask(
            "POST",
            "/admin/reload",
            &format!("{operator}{headers}"),
            "{}",
        )
    };
    for origin in ["https://evil.example", "null", "http://127.0.0.1:1"] {
        assert_problem(&post(&format!("Origin: {origin}\r\n")), 403, "cross-origin");
    }
    for kind in [
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data",
    ] {
        let answer = post(&format!("Content-Type: {kind}\r\n"));
        assert_problem(&answer, 415, "unsupported-media-type");
    }
    assert_eq!(
        post(&format!(
            "Origin: http://{admin}\r\nContent-Type: application/json; charset=utf-8\r\n"
        ))
        .status,
        200
    );
    let answer = program.ask("OPTIONS", "/admin/reload", &operator, "");
    assert!(answer.header("access-control-allow-origin").is_none());
}

#[test]
fn a_body_is_never_quoted_and_never_too_long() {
    let files = Files::shipped();
    let program = Program::serve(&files, "trace");
    let long = json!({ "text": "x".repeat(70_000) });
    assert_problem(
        &program.send_json("/admin/explain", &long),
        413,
        "too-large",
    );
    let headers = program.as_operator() + "Content-Type: application/json\r\n";
    for body in [
        "",
        "PLANTEDBODY",
        "{\"PLANTEDBODY\":1}",
        "{\"text\":PLANTEDBODY}",
        "[\"PLANTEDBODY\"]",
        "{\"text\":7}",
    ] {
        let answer = program.ask("POST", "/admin/explain", &headers, body);
        assert_problem(&answer, 400, "malformed-request");
        assert!(!answer.whole().contains("PLANTEDBODY"));
    }
    assert!(!program.said().contains("PLANTEDBODY"));
}

#[test]
fn an_admin_listener_others_reach_must_be_meant() {
    let files = Files::shipped();
    let found = |files: &Files| {
        let secrets = super::OneSecret;
        let found = multicode::config::load(&files.main(), &secrets).diagnostics;
        found.render(multicode::config::Style::Plain)
    };
    assert!(!found(&files).contains("operators are served"));
    files.change(
        "routes.toml",
        "address = \"127.0.0.1:9090\"",
        "address = \"0.0.0.0:9090\"",
    );
    assert!(found(&files).contains("warning: operators are served without TLS"));
    files.change("routes.toml", "[admin]\n", "[admin]\nexposed = true\n");
    assert!(!found(&files).contains("operators are served"));
    files.change(
        "routes.toml",
        "[admin]\n",
        "[admin]\nviewer = \"hunter2hunter2hunter2hunter2\"\n",
    );
    let found = found(&files);
    assert!(
        found.contains("error") && !found.contains("hunter2"),
        "{found}"
    );
}
