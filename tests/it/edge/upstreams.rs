//! Departments with several endpoints, as terminals and operators see them.

use std::collections::BTreeSet;
use std::thread;
use std::time::Duration;

use super::{Backend, Files, HEALTH_CARD, Mocks, Program, TestGateway, eventually};

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

#[test]
fn operators_are_told_of_a_backend_of_which_no_endpoint_is_well() {
    let (files, mocks) = (Files::shipped(), Mocks::start());
    mocks.stand_in(&files);
    files.write(
        "routes.d/gone.toml",
        "owner = \"nobody\"
[upstream.gone]
endpoints = [\"http://127.0.0.1:1\"]
check = { tcp = true, interval = \"50ms\", timeout = \"50ms\", fall = 1 }
",
    );
    let program = Program::serve(&files, "info");
    eventually("the backend is in trouble", || {
        let answer = program.get("/readyz");
        assert_eq!(answer.status, 200);
        answer.json()["status"] == "degraded"
    });
    let expected =
        serde_json::json!([{ "upstream": "gone", "why": "127.0.0.1:1 fails its checks" }]);
    assert_eq!(program.get("/readyz").json()["upstreams"], expected);
    let metrics = program.get("/metrics");
    let up = "multicode_upstream_endpoint_up{upstream=\"gone\",endpoint=\"127.0.0.1:1\"} 0";
    assert!(metrics.text().contains(up), "{}", metrics.text());
}

#[test]
fn a_busy_department_is_said_to_be_busy_at_once() {
    let backend = Backend::playing(|stream| {
        thread::sleep(Duration::from_millis(800));
        stream.write_all(OK.as_bytes()).unwrap();
    });
    let gateway = TestGateway::with(|files| {
        let endpoint = format!("endpoints = [\"http://{}\"]", backend.address);
        files.pass_through_with(&format!("{endpoint}\nat_once = 1\nqueue = 0"));
    });
    let scan = || gateway.scan(HEALTH_CARD, "other");
    let answers = thread::scope(|scope| {
        let threads = [0; 4].map(|_| scope.spawn(scan));
        threads.map(|thread| thread.join().unwrap())
    });
    let busy: Vec<_> = answers.iter().filter(|it| it.status != 200).collect();
    assert_eq!(busy.len(), 3);
    for answer in busy {
        answer.assert_refused(503, "upstream-busy");
        assert!(answer.header("retry-after").is_some());
    }
    assert_eq!(backend.seen().len(), 1);
}

#[test]
fn the_same_terminal_is_served_by_the_same_endpoint() {
    let backends = [0; 4].map(|_| Backend::answering(OK));
    let addresses: Vec<_> = backends.iter().map(|it| it.address.to_string()).collect();
    let gateway = TestGateway::with(|files| {
        let endpoints = addresses.join("\", \"http://");
        let hash = "balance = { hash = \"terminal\" }";
        files.pass_through_with(&format!("endpoints = [\"http://{endpoints}\"]\n{hash}"));
    });
    let mut used = BTreeSet::new();
    for terminal in 0..12 {
        let before: Vec<_> = backends.iter().map(|it| it.seen().len()).collect();
        for _ in 0..3 {
            let scan = serde_json::json!({
                "code": HEALTH_CARD, "scene": "other", "terminal": format!("t-{terminal}"),
            });
            assert_eq!(gateway.send(super::json(&scan)).status, 200);
        }
        let more = backends
            .iter()
            .zip(before)
            .map(|(it, before)| it.seen().len() - before);
        let more: Vec<_> = more.collect();
        assert_eq!(more.iter().max(), Some(&3), "{more:?}");
        used.insert(more);
    }
    assert!(used.len() > 1, "all of them went to one endpoint");
}
