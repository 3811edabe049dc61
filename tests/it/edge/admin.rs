use std::thread::sleep;
use std::time::Duration;

use multicode::sandbox::departments::{Behaviour, Department};

use super::gateway::value_of;
use super::{Client, EAN, Files, HEALTH_CARD, Mocks, Program, eventually, post};

fn serve() -> (Program, Mocks, Files) {
    let (files, mocks) = (Files::shipped(), Mocks::start());
    mocks.stand_in(&files);
    (Program::serve(&files, "info"), mocks, files)
}

#[test]
fn operators_are_told_how_it_is() {
    let (program, _mocks, _files) = serve();
    let answer = program.get("/livez");
    assert_eq!((answer.status, answer.text()), (200, "ok\n"));
    let answer = program.get("/readyz");
    assert_eq!(
        (answer.status, &answer.json()["status"]),
        (200, &"ready".into())
    );
    assert_eq!(answer.json()["keys_unavailable"], serde_json::json!([]));
    let answer = program.get("/version");
    assert_eq!(answer.json()["name"], "multicode");
    assert_eq!(program.get("/nothing").status, 404);
    for path in ["/livez", "/readyz", "/metrics", "/version", "/admin/keys"] {
        assert_eq!(program.get(path).header("cache-control"), Some("no-store"));
    }
}

#[test]
fn operators_paths_are_not_for_terminals() {
    let (program, _mocks, _files) = serve();
    for path in [
        "/livez",
        "/readyz",
        "/metrics",
        "/version",
        "/admin/keys",
        "/console/",
    ] {
        let answer = program.send(format!("GET {path} HTTP/1.1\r\nHost: g\r\n\r\n"));
        answer.assert_refused(404, "not-found");
    }
}

#[test]
fn counters_move_with_what_became_of_scans() {
    let (program, _mocks, _files) = serve();
    let series = [
        (
            "multicode_scans_total{route=\"recognise-only\",outcome=\"decision\",reason=\"\"}",
            2.0,
        ),
        (
            "multicode_scans_total{route=\"\",outcome=\"rejection\",reason=\"merchant-code\"}",
            1.0,
        ),
        (
            "multicode_scans_total{route=\"\",outcome=\"rejection\",reason=\"not-found\"}",
            1.0,
        ),
        (
            "multicode_scans_total{route=\"medicine\",outcome=\"decision\",reason=\"\"}",
            0.0,
        ),
        (
            "multicode_artefacts_cleaned_total{artefact=\"carriage-return\"}",
            1.0,
        ),
        ("multicode_artefacts_cleaned_total{artefact=\"tab\"}", 0.0),
    ];
    program.send(post("/v1/scan", "", EAN));
    program.send(post("/v1/scan", "", format!("{EAN}\r")));
    program.send(post(
        "/v1/scan",
        "",
        "wxp://f2f0aBcDeFgHiJkLmNoPqRsTuVwXyZ0123456789",
    ));
    program.send(post("/nowhere", "", ""));
    let answer = program.get("/metrics");
    assert_eq!(
        answer.header("content-type"),
        Some("application/openmetrics-text; version=1.0.0; charset=utf-8")
    );
    for (name, value) in series {
        assert!(
            (value_of(answer.text(), name) - value).abs() < 0.1,
            "{name}"
        );
    }
}

#[test]
fn the_metrics_are_open_metrics() {
    let (program, _mocks, _files) = serve();
    let answer = program.get("/metrics");
    let text = answer.text();
    assert!(text.ends_with("# EOF\n"));
    let mut families = Vec::new();
    for line in text.lines().take_while(|line| *line != "# EOF") {
        if let Some(comment) = line.strip_prefix("# ") {
            let words: Vec<_> = comment.splitn(3, ' ').collect();
            assert!(matches!(words[0], "HELP" | "TYPE" | "UNIT"), "{line}");
            if words[0] == "TYPE" {
                assert!(!families.contains(&words[1].to_owned()), "{line} twice");
                families.push(words[1].to_owned());
            }
            continue;
        }
        let (series, value) = line.rsplit_once(' ').expect("a sample");
        assert!(value.parse::<f64>().is_ok(), "{line}");
        let name = series.split('{').next().unwrap();
        assert!(
            families
                .last()
                .is_some_and(|family| name.starts_with(&**family)),
            "{line}"
        );
        assert_eq!(
            text.lines()
                .filter(|other| other
                    .strip_prefix(series)
                    .is_some_and(|rest| rest.starts_with(' ')))
                .count(),
            1,
            "{line}"
        );
    }
    assert!(families.len() > 5);
}

#[test]
fn what_is_under_way_is_finished_before_the_end() {
    let (mut program, mocks, _files) = serve();
    let slow = Behaviour {
        latency: Duration::from_millis(800),
        ..Behaviour::default()
    };
    mocks.running.behave(Department::Health, slow);
    let mut client = Client::new(program.scan);
    client.write(post(
        "/v1/scan?scene=register&terminal=W-0001",
        "Content-Type: text/plain\r\n",
        HEALTH_CARD,
    ));
    eventually("the department is asked", || !mocks.received().is_empty());
    program.signal("TERM");
    program.wait_until_it_says("draining");
    let readiness = program.get("/readyz");
    assert_eq!(
        (readiness.status, &readiness.json()["status"]),
        (503, &"draining".into())
    );
    let answer = client.answer();
    assert_eq!(answer.status, 200);
    assert_eq!(answer.json()["commonOut"]["resultCode"], 0);
    assert_eq!(program.ended().code(), Some(0));
    sleep(Duration::from_millis(50));
    assert!(
        program.said().contains("\"cut_off\":0"),
        "{}",
        program.said()
    );
    assert!(std::net::TcpStream::connect(program.scan).is_err());
}
