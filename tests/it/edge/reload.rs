use multicode::reload::Reloader;

use super::files::OneSecret;
use super::gateway::value_of;
use super::{EAN, Files, Mocks, Program, TestGateway, eventually};

/// Lets medicines in the pharmacy take another route.
const NEW_ROUTE: &str = r#"
owner = "edge"
[[route]]
name    = "new"
match   = { kind = ["goods"], scene = ["pharmacy"], family = ["ean"] }
respond = true
"#;

pub(super) fn reloader(gateway: &TestGateway) -> Reloader {
    Reloader::new(
        gateway.files.main(),
        Box::new(OneSecret),
        std::sync::Arc::clone(&gateway.started.sites),
        gateway.started.metrics.clone(),
        multicode::app::now(),
    )
}

fn route(gateway: &TestGateway) -> String {
    let answer = gateway.scan(EAN, "pharmacy").json();
    answer["route"].as_str().unwrap().to_owned()
}

#[test]
fn a_new_route_comes_into_force() {
    let gateway = TestGateway::start();
    let mut kept = gateway.client();
    let scan = super::json(&serde_json::json!({ "code": EAN, "scene": "pharmacy" }));
    assert_eq!(kept.exchange(&scan).json()["route"], "medicine");
    gateway.files.write("routes.d/edge.toml", NEW_ROUTE);
    reloader(&gateway).reload(multicode::app::now()).unwrap();
    assert_eq!(route(&gateway), "new");
    assert_eq!(kept.exchange(&scan).json()["route"], "new");
}

/// Breaks the files so; the old configuration must stay in force and the reason must say this.
#[track_caller]
fn check_refused(break_it: impl FnOnce(&Files), why: &str) {
    let gateway = TestGateway::start();
    gateway.files.write("routes.d/edge.toml", NEW_ROUTE);
    break_it(&gateway.files);
    let reloader = reloader(&gateway);
    let stale = reloader.reload(multicode::app::now()).unwrap_err();
    assert!(stale.why.contains(why), "{}", stale.why);
    assert_eq!(&*reloader.standing().stale.unwrap().why, &*stale.why);
    assert_eq!(route(&gateway), "medicine");
    assert!(
        gateway
            .metric("multicode_config_last_reload_successful")
            .abs()
            < 0.5
    );
}

#[test]
fn files_with_a_mistake_are_refused() {
    check_refused(
        |files| files.write("routes.d/x.toml", "owner = \"x\"\nowner"),
        "routes.d/x.toml:2",
    );
    check_refused(
        |files| {
            files.change(
                "routes.d/health.toml",
                "upstream = \"health-platform\"",
                "upstream = \"helth-platform\"",
            );
        },
        "health-platform",
    );
    check_refused(
        |files| {
            std::fs::remove_file(files.main()).unwrap();
        },
        "routes.toml",
    );
}

#[test]
fn files_whose_own_tests_fail_are_refused() {
    let failing = "[[test]]\nname = \"wrong\"\ncode = \"6901234567892\"\nat = \"2026-11-22T09:00:00+08:00\"\nexpect = { kind = \"payment\" }\n";
    check_refused(
        |files| files.write("routes.d/edge.toml", &format!("{NEW_ROUTE}{failing}")),
        "\"wrong\"",
    );
}

#[test]
fn another_listener_needs_a_restart() {
    check_refused(
        |files| files.change("routes.toml", "[listener.scan]", "[listener.door]"),
        "restart",
    );
}

#[test]
fn another_address_needs_a_restart() {
    check_refused(
        |files| {
            let main = std::fs::read_to_string(files.main()).unwrap();
            let written = main
                .lines()
                .find(|line| line.starts_with("address"))
                .unwrap()
                .to_owned();
            files.change("routes.toml", &written, "address = \"127.0.0.1:1\"");
        },
        "another address",
    );
}

#[test]
fn mended_files_come_into_force() {
    let gateway = TestGateway::start();
    let reloader = reloader(&gateway);
    gateway.files.write("routes.d/edge.toml", "nonsense");
    reloader.reload(multicode::app::now()).unwrap_err();
    gateway.files.write("routes.d/edge.toml", NEW_ROUTE);
    reloader.reload(multicode::app::now()).unwrap();
    assert!(reloader.standing().stale.is_none());
    assert_eq!(route(&gateway), "new");
    assert!(gateway.metric("multicode_config_last_reload_successful") > 0.5);
}

#[test]
fn a_hangup_reloads_the_program() {
    let (files, mocks) = (Files::shipped(), Mocks::start());
    mocks.stand_in(&files);
    let program = Program::serve(&files, "info");
    let scan = super::json(&serde_json::json!({ "code": EAN, "scene": "pharmacy" }));
    assert_eq!(program.get("/readyz").json()["status"], "ready");

    files.write("routes.d/edge.toml", NEW_ROUTE);
    program.signal("HUP");
    program.wait_until_it_says("configuration reloaded");
    assert_eq!(program.send(&scan).json()["route"], "new");

    files.write("routes.d/edge.toml", "owner = 1\n");
    program.signal("HUP");
    eventually("it is degraded", || {
        program.get("/readyz").json()["status"] == "degraded"
    });
    let readiness = program.get("/readyz");
    assert_eq!(readiness.status, 200);
    let why = readiness.json()["config"]["why"].clone();
    assert!(
        why.as_str().unwrap().contains("routes.d/edge.toml:1"),
        "{why}"
    );
    assert_eq!(program.send(&scan).json()["route"], "new");
    let metrics = program.get("/metrics");
    let is = |series: &str, value: f64| {
        assert!(
            (value_of(metrics.text(), series) - value).abs() < 0.1,
            "{series}"
        );
    };
    is("multicode_config_last_reload_successful", 0.0);
    is("multicode_config_reloads_total{result=\"success\"}", 2.0);
    is("multicode_config_reloads_total{result=\"failure\"}", 1.0);
}
