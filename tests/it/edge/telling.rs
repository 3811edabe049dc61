//! What is told of scans: one event each, with names, numbers and reasons, and nothing of the code.

use std::io::Write as _;
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use multicode::reason::Stage;
use multicode::sandbox::departments::{Department, Fault};
use multicode::sandbox::mint::Flaw;
use multicode::telemetry::{Outcome, ScanEvent, Sent};
use serde_json::{Value, json};
use socket2::SockRef;

use super::reload::reloader;
use super::{
    Backend, Files, HEALTH_CARD, Mocks, Program, TestGateway, eventually, json as object, post,
};

const WALLET: &str = "134650328919428540";

/// The events of a gateway, once there are so many.
#[track_caller]
fn events(gateway: &TestGateway, count: usize) -> Vec<Arc<ScanEvent>> {
    let live = &gateway.started.telling.live;
    eventually("the events are there", || {
        live.since(0).events.len() >= count
    });
    let events = live.since(0).events;
    assert_eq!(events.len(), count, "{events:#?}");
    events.into_iter().map(|(_, event)| event).collect()
}

fn pay(terminal: &str, key: &str) -> Vec<u8> {
    let body = json!({
        "code": WALLET, "scene": "payment", "terminal": terminal,
        "out_trade_no": "T-1", "total_fee": 1,
    });
    let header = format!("Content-Type: application/json\r\nIdempotency-Key: {key}\r\n");
    post("/v1/scan", &header, body.to_string())
}

#[test]
fn a_decision_is_told_whole() {
    let gateway = TestGateway::start();
    let code = gateway.mint("aggregate");
    let traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let header = format!("Content-Type: application/json\r\nTraceparent: {traceparent}\r\n");
    let body = json!({ "code": code, "scene": "register", "terminal": "W-0001" });
    let answer = gateway.send(post("/v1/scan", &header, body.to_string()));
    assert_eq!(answer.status, 200);
    let told = &events(&gateway, 1)[0];
    assert_eq!((told.outcome, told.reason), (Outcome::Decision, None));
    assert_eq!((told.status, told.upstream_status), (200, Some(200)));
    assert_eq!((told.listener(), told.adapter()), ("scan", Some("scan")));
    assert_eq!(told.family(), Some("aggregate"));
    assert_eq!(told.issuer(), Some("fujian"));
    assert_eq!(told.scene(), Some("register"));
    assert_eq!(told.upstream(), Some("health-platform"));
    assert_eq!(told.terminal.as_deref(), Some("W-0001"));
    assert_eq!(told.assurance, Some("signature"));
    assert_eq!((told.sent, told.repeated), (Sent::Once, false));
    assert_eq!(told.trace.trace_id(), "4bf92f3577b34da6a3ce929d0e0e4736");
    assert_eq!(told.trace.parent, Some(0x00f0_67aa_0ba9_02b7));
    assert!(told.trace.sampled && told.verification.is_some_and(|it| it.holds));
    assert_eq!(Some(&*told.request_id()), answer.header("x-request-id"));
    let stages: Vec<_> = told.laps.iter().map(|(stage, _)| stage).collect();
    let all = [
        Stage::Ingress,
        Stage::Classify,
        Stage::Trust,
        Stage::Policy,
        Stage::Route,
        Stage::Guard,
        Stage::Forward,
    ];
    assert_eq!(stages, all);
    assert!(told.laps.overhead() < told.laps.total);
}

#[test]
fn a_refusal_is_told_with_its_reason() {
    let gateway = TestGateway::start();
    let expired = gateway.mint_flawed("aggregate", Flaw::Expired);
    gateway
        .scan(&expired, "register")
        .assert_refused(401, "expired");
    gateway
        .scan("nonsense!", "register")
        .assert_refused(422, "unknown-code");
    gateway
        .send(post("/nowhere", "", ""))
        .assert_refused(404, "not-found");
    let told = events(&gateway, 3);
    let story = |at: usize| {
        let event = &told[at];
        (event.outcome, event.reason.unwrap().slug(), event.family())
    };
    assert_eq!(story(0), (Outcome::Rejection, "expired", Some("aggregate")));
    assert_eq!(story(1), (Outcome::Rejection, "unknown-code", None));
    assert_eq!(story(2), (Outcome::Rejection, "not-found", None));
    assert!(told[0].subject.is_some() && told[0].shown.is_some());
    assert!(told.iter().all(|event| event.sent == Sent::No));
}

#[test]
fn a_person_has_one_pseudonym_and_a_stranger_none_of_its_names() {
    let gateway = TestGateway::start();
    for terminal in ["W-0001", "350102199001011234"] {
        let body = json!({ "code": WALLET, "scene": "other", "terminal": terminal });
        gateway.send(object(&body));
    }
    let told = events(&gateway, 2);
    assert!(told[0].subject.is_some());
    assert_eq!(told[0].subject, told[1].subject);
    assert_eq!(told[0].terminal.as_deref(), Some("W-0001"));
    let stranger = told[1].terminal.as_deref().unwrap();
    assert!(
        stranger.starts_with('~') && stranger.len() == 17,
        "{stranger}"
    );
}

#[test]
fn an_answer_from_the_record_is_told_as_one() {
    let gateway = TestGateway::strict(|_| {});
    assert_eq!(gateway.send(pay("W-0001", "k-1")).status, 200);
    assert_eq!(gateway.send(pay("W-0001", "k-1")).status, 200);
    let told = events(&gateway, 2);
    let story: Vec<_> = told.iter().map(|it| (it.sent, it.repeated)).collect();
    assert_eq!(story, [(Sent::Once, false), (Sent::No, true)]);
    assert!(told[0].laps.spent(Stage::Guard) > Duration::ZERO);
}

#[test]
fn a_terminal_that_hangs_up_is_told_of_when_its_request_is_through() {
    let go = Arc::new(AtomicBool::new(false));
    let (told, gone) = (Arc::clone(&go), go);
    let backend = Backend::playing(move |stream| {
        while !told.load(Ordering::SeqCst) {
            thread::sleep(Duration::from_millis(5));
        }
        let answer = "HTTP/1.1 201 Created\r\nContent-Length: 4\r\n\r\npaid";
        stream.write_all(answer.as_bytes()).unwrap();
    });
    let gateway = TestGateway::strict(|files| files.pass_through(backend.address));
    let header = "Content-Type: text/plain\r\nIdempotency-Key: k-1\r\n";
    let request = post("/v1/scan?scene=other&terminal=W-0001", header, HEALTH_CARD);
    let mut client = TcpStream::connect(gateway.address).unwrap();
    client.write_all(&request).unwrap();
    eventually("the backend is asked", || backend.seen().len() == 1);
    // Without a word, as when the plug is pulled.
    let linger = SockRef::from(&client).set_linger(Some(Duration::ZERO));
    linger.unwrap();
    drop(client);
    gone.store(true, Ordering::SeqCst);
    let told = &events(&gateway, 1)[0];
    assert_eq!((told.sent, told.upstream_status), (Sent::Once, Some(201)));
    // Over HTTP/1.1 it is not noticed before the answer is written.
    assert_eq!(told.status, 201);
    assert_eq!(backend.seen().len(), 1);
}

#[test]
fn a_silent_department_is_told_as_unknown() {
    let gateway = TestGateway::strict(|_| {});
    gateway.spoil(Department::Payment, Fault::Close);
    let answer = gateway.send(pay("W-0001", "k-1"));
    assert_eq!(answer.reason(), Some("outcome-unknown"));
    let told = &events(&gateway, 1)[0];
    assert_eq!(told.sent, Sent::Unknown);
    assert_eq!((told.route().is_some(), told.upstream_status), (true, None));
}

#[test]
fn a_request_id_that_holds_the_code_is_not_told() {
    let gateway = TestGateway::start();
    let header = format!("Content-Type: text/plain\r\nX-Request-Id: id-{WALLET}\r\n");
    gateway.send(post("/v1/scan?scene=other", &header, WALLET));
    let told = &events(&gateway, 1)[0];
    assert_eq!(*told.request_id(), *told.trace.trace_id());
}

#[test]
fn the_log_has_one_line_a_scan() {
    let (files, mocks) = (Files::shipped(), Mocks::start());
    mocks.stand_in(&files);
    let mut program = Program::serve(&files, "info");
    let code = files.mint("aggregate", Flaw::None, 1);
    let scan = |code: &str| object(&json!({ "code": code, "scene": "register" }));
    program.send(scan(&code));
    program.send(scan("nonsense!"));
    program.wait_until_it_says("unknown-code");
    program.signal("TERM");
    program.ended();
    let log = program.said();
    let lines = log.lines().filter(|line| line.contains("multicode::scan"));
    let lines: Vec<Value> = lines.map(|it| serde_json::from_str(it).unwrap()).collect();
    assert_eq!(lines.len(), 2, "{log}");
    assert_eq!(lines[0]["level"], "INFO");
    assert_eq!(lines[0]["message"], "scan");
    assert_eq!(lines[0]["route"], "register-aggregate");
    assert_eq!(lines[1]["reason"], "unknown-code");
    assert!(lines[0]["timestamp"].as_str().unwrap().ends_with('Z'));
}

#[test]
fn of_what_is_not_to_be_logged_only_refusals_are() {
    let (files, mocks) = (Files::shipped(), Mocks::start());
    mocks.stand_in(&files);
    let told = "[telemetry]\n";
    files.change("routes.toml", told, &format!("{told}log_scans = 0\n"));
    let mut program = Program::serve(&files, "info");
    let code = files.mint("aggregate", Flaw::None, 1);
    let scan = |code: &str| object(&json!({ "code": code, "scene": "register" }));
    program.send(scan(&code));
    program.send(scan("nonsense!"));
    program.wait_until_it_says("unknown-code");
    program.signal("TERM");
    program.ended();
    let log = program.said();
    let lines = log.lines().filter(|line| line.contains("multicode::scan"));
    assert_eq!(lines.count(), 1, "{log}");
}

#[test]
fn a_department_that_answers_no_http_may_have_acted() {
    let backend = Backend::answering("no HTTP at all\r\n\r\n");
    let gateway = TestGateway::strict(|files| files.pass_through(backend.address));
    // With a record that lasts, and without; of two terminals, lest one read be the other's.
    for (terminal, key) in [("W-0001", "Idempotency-Key: k-1\r\n"), ("W-0002", "")] {
        let path = format!("/v1/scan?scene=other&terminal={terminal}");
        let header = format!("Content-Type: text/plain\r\n{key}");
        let answer = gateway.send(post(&path, &header, HEALTH_CARD));
        assert_eq!(answer.reason(), Some("upstream-invalid"), "{terminal}");
    }
    for told in events(&gateway, 2) {
        assert_eq!((told.sent, told.upstream_status), (Sent::Unknown, None));
    }
}

#[test]
fn a_request_id_that_holds_the_code_is_not_told_of_what_is_refused_early() {
    let gateway = TestGateway::strict(|_| {});
    let body = json!({ "code": format!("{WALLET}\r"), "scene": "payment" });
    let header = format!("Content-Type: application/json\r\nX-Request-Id: {WALLET}\r\n");
    let answer = gateway.send(post("/v1/scan", &header, body.to_string()));
    assert_eq!(answer.reason(), Some("idempotency-key-missing"));
    let told = &events(&gateway, 1)[0];
    assert_eq!(*told.request_id(), *told.trace.trace_id());
}

#[test]
fn a_reload_leaves_people_their_pseudonyms() {
    let gateway = TestGateway::start();
    let scan = || gateway.scan(WALLET, "other");
    scan();
    reloader(&gateway).reload(multicode::app::now()).unwrap();
    scan();
    let told = events(&gateway, 2);
    assert_eq!(told[0].subject, told[1].subject);
}
