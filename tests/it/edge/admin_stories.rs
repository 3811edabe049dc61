//! What operators are told of routes, families, scenes, backends and refusals.

use serde_json::{Value, json};

use super::{EAN, Files, HEALTH_CARD, Mocks, Program, eventually, post};

fn serve() -> (Program, Mocks, Files) {
    let (files, mocks) = (Files::shipped(), Mocks::start());
    mocks.stand_in(&files);
    (Program::serve(&files, "info"), mocks, files)
}

#[track_caller]
fn named<'v>(list: &'v Value, key: &str, name: &str) -> &'v Value {
    let mut all = list.as_array().unwrap().iter();
    all.find(|it| it[key] == name)
        .unwrap_or_else(|| panic!("no {name} in {list}"))
}

#[test]
fn routes_say_where_they_stand_and_how_often_they_are_taken() {
    let (program, _mocks, files) = serve();
    program.send(post(
        "/v1/scan?scene=register&terminal=W-0001",
        "",
        HEALTH_CARD,
    ));
    eventually("it is counted", || {
        let told = program.get("/admin/routes").json();
        named(&told["routes"], "name", "register-health-card")["scans_15m"] == 1
    });
    let told = program.get("/admin/routes").json();
    let route = named(&told["routes"], "name", "register-health-card");
    assert_eq!(
        (&route["department"], &route["action"]),
        (&"health".into(), &"forward".into())
    );
    assert_eq!(
        route["file"],
        files.path("routes.d/health.toml").to_str().unwrap()
    );
    assert!(route["line"].as_u64() > Some(1) && route["last_matched"].is_string());
    assert_eq!(route["scans_total"], 1);
    assert!(
        route["contract"]["path"].as_str().unwrap().starts_with('/'),
        "{route}"
    );
    let conditions = route["conditions"].as_array().unwrap();
    assert!(conditions.iter().any(|it| it["what"] == "scene"), "{route}");
    let tests = told["routes"].as_array().unwrap().iter();
    assert!(
        tests
            .clone()
            .any(|it| it["tests"]["passed"].as_u64() > Some(0))
    );
    assert!(tests.clone().all(|it| it["tests"]["failed"] == 0));
    let department = named(&told["departments"], "name", "payment");
    assert_eq!(department["upstreams"], json!(["payment"]));
    let flow = named(&told["flow"], "route", "register-health-card");
    assert_eq!(
        (&flow["family"], &flow["upstream"]),
        (&"health-card".into(), &"health-platform".into())
    );
    assert_eq!(
        named(&told["adapters"], "name", "counter-pay")["path"],
        "/api/aggregateBarPay"
    );
    assert_eq!(named(&told["landings"], "name", "pay")["path"], "/l/pay");
    let landing = named(&told["landings"], "name", "pay");
    assert_eq!(landing["to"][0]["app"], "wechat");
    assert_eq!(landing["department"], "payment");
}

#[test]
fn families_scenes_and_backends_are_told() {
    let (program, _mocks, files) = serve();
    let families = program.get("/admin/families").json();
    let aggregate = named(&families["families"], "id", "aggregate");
    assert_eq!(
        (&aggregate["signed"], &aggregate["trust"]),
        (&true.into(), &"signature".into())
    );
    assert_eq!(
        aggregate["source"],
        files.path("plugins/aggregate.toml").to_str().unwrap()
    );
    assert!(aggregate["names"]["zh"].is_string() && aggregate["shapes"][0].is_string());
    let scenes = program.get("/admin/scenes").json();
    let settlement = named(&scenes["scenes"], "name", "settlement");
    assert_eq!(settlement["requires"]["freshness"], "dynamic");
    assert!(
        settlement["accepts"]
            .as_array()
            .unwrap()
            .contains(&"payment".into())
    );
    program.send(post(
        "/v1/scan?scene=register&terminal=W-0001",
        "",
        HEALTH_CARD,
    ));
    let upstreams = program.get("/admin/upstreams").json();
    let health = named(&upstreams["upstreams"], "name", "health-platform");
    let endpoint = &health["endpoints"][0];
    assert_eq!(
        (&endpoint["up"], &endpoint["breaker"]),
        (&true.into(), &"closed".into())
    );
    assert_eq!(endpoint["requests"]["answered"], 1);
}

#[test]
fn refusals_say_what_to_do() {
    let (program, _mocks, _files) = serve();
    for _ in 0..3 {
        program.send(post("/v1/scan?terminal=W-0001", "", "the quick brown fox"));
    }
    program.send(post("/v1/scan", "", EAN));
    eventually("they are counted", || {
        let told = program.get("/admin/overview").json();
        told["totals_15m"]["scans"] == 4
    });
    let told = program.get("/admin/refusals").json();
    let reason = &told["reasons"][0];
    assert_eq!(
        (&reason["reason"], &reason["count"]),
        (&"unknown-code".into(), &3.into())
    );
    assert_eq!(
        reason["by_terminal"],
        json!([{ "terminal": "W-0001", "count": 3 }])
    );
    let series = reason["series"].as_array().unwrap();
    assert_eq!((series.len(), &told["step_seconds"]), (90, &10.into()));
    assert!(
        reason["advice_en"]
            .as_str()
            .unwrap()
            .contains("Ask for another code")
    );
    assert!(
        reason["advice_zh"]
            .as_str()
            .unwrap()
            .contains("请出示其他码")
    );
    assert_eq!(reason["example"]["reason"], "unknown-code");
    let overview = program.get("/admin/overview").json();
    assert_eq!(overview["totals_15m"], json!({ "scans": 4, "refused": 3 }));
    let series = overview["series"].as_object().unwrap();
    for key in [
        "scans",
        "refused",
        "unknown",
        "p50_us",
        "p95_us",
        "p99_us",
        "overhead_p99_us",
    ] {
        assert_eq!(series[key].as_array().unwrap().len(), 900, "{key}");
    }
    assert_eq!(overview["readiness"]["status"], "ready");
    assert_eq!(overview["families_15m"][0]["kind"], "goods");
    let session = program.get("/admin/session").json();
    assert!(session["instance"].as_str().unwrap().contains(':') && session["now"].is_string());
    let audit = program.get("/admin/audit").json();
    assert!(audit["enabled"].is_boolean());
    let outcomes = program.get("/admin/outcomes").json();
    assert_eq!(outcomes, json!({ "unknown": [] }));
}
