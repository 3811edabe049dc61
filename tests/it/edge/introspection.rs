//! Codes that are believed on the word of their issuer's platform.

use std::net::{SocketAddr, TcpListener};
use std::process::{Command, Output};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

use super::files::{KEYS, SECRET};
use super::{Answer, Backend, Files, HEALTH_CARD, Program, SHORT, TestGateway, eventually};

/// Another card.
const OTHER_CARD: &str = "00112233445566778899AABBCCDDEEFF00112233445566778899AABBCCDDEEFF:1";

/// The platform's name for the holder.
const INDEX: &str = "INDEXOFTHEHOLDER";

const ASKS: &str = "routes.d/platform.toml";

/// Has health cards believed on the word of the platform at `address`.
fn asks(files: &Files, address: SocketAddr, keys: &str) {
    let text = format!(
        r#"
owner = "platform"
[upstream.platform]
endpoints = ["http://{address}"]
[contract.ask]
account = "health-card"
path    = "/ask"
headers = {{ authorization = "Bearer ${{secret.token}}" }}
secrets = {{ token = "env:PLATFORM_TOKEN" }}
json    = {{ code = "${{account}}", terminal = "${{terminal?}}", step = "${{scene.medical_step?}}", office = "${{body:/office?}}" }}
[introspection.card]
families = ["health-card"]
upstream = "platform"
contract = "ask"
answer   = {{ valid = "/code", good = ["0"], index = "/data/index", region = "/data/region", expires_at = "/data/until" }}
{keys}
"#
    );
    files.write(ASKS, &text);
    let path = "\"${scene.medical_step}\", useCityCode";
    let told = "\"${scene.medical_step}\", index = \"${index?}\", useCityCode";
    files.change("routes.d/health.toml", path, told);
}

fn gateway(platform: &Backend, keys: &str) -> TestGateway {
    TestGateway::with(|files| asks(files, platform.address, keys))
}

fn http(body: &str) -> String {
    let length = body.len();
    format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n{body}")
}

/// A platform with one answer, given after a while.
pub(super) fn saying(answer: &Value, after: Duration) -> Backend {
    let answer = http(&answer.to_string());
    Backend::playing(move |stream| {
        thread::sleep(after);
        // Whoever asked may be gone.
        let _ = stream.write_all(answer.as_bytes());
    })
}

fn good() -> Value {
    json!({ "code": 0, "data": { "index": INDEX, "region": "350100", "until": null } })
}

fn asked(gateway: &TestGateway, outcome: &str) -> String {
    let labels = format!("introspection=\"card\",outcome=\"{outcome}\"");
    let count = gateway.metric(&format!("multicode_introspections_total{{{labels}}}"));
    count.to_string()
}

/// Scans at the terminal in Xiamen.
fn scan(gateway: &TestGateway, code: &str, scene: &str) -> Answer {
    let scan = json!({ "code": code, "scene": scene, "terminal": "W-0001", "office": "eyes" });
    gateway.send(super::json(&scan))
}

#[test]
fn a_code_the_platform_calls_good_goes_on_with_what_was_told() {
    let platform = saying(&good(), Duration::ZERO);
    let gateway = gateway(&platform, "");
    assert_eq!(scan(&gateway, HEALTH_CARD, "register").status, 200);
    let question = platform.only_head();
    assert!(question.starts_with("post /ask http/1.1"), "{question}");
    assert!(question.contains(&format!("authorization: bearer {SECRET}")));
    let seen = platform.seen();
    let (_, body) = seen[0].split_once("\r\n\r\n").unwrap();
    let body: Value = serde_json::from_str(body).unwrap();
    let expected =
        json!({ "code": HEALTH_CARD, "terminal": "W-0001", "step": "010101", "office": "eyes" });
    assert_eq!(body, expected);

    let (_, forwarded) = gateway.only_received();
    let head = |name: &str| forwarded.header(name).map(str::to_owned);
    assert_eq!(
        head("x-multicode-assurance").as_deref(),
        Some("introspected")
    );
    let body: Value = serde_json::from_str(&forwarded.body).unwrap();
    assert_eq!(body["req"]["index"], INDEX);

    let decision = scan(&gateway, HEALTH_CARD, "other").json();
    assert_eq!(decision["assurance"], "introspected");
    assert_eq!(
        decision["relation"], "same-province",
        "by the region that was told"
    );
    assert_eq!(
        [asked(&gateway, "active"), asked(&gateway, "kept")],
        ["2", "0"],
        "another step of the visit is another question"
    );
}

#[test]
fn a_word_serves_every_scan_that_would_ask_the_same() {
    let platform = saying(&good(), Duration::ZERO);
    let gateway = TestGateway::with(|files| {
        asks(files, platform.address, "");
        files.change(ASKS, ", step = \"${scene.medical_step?}\"", "");
    });
    let ask = |scene: &str, terminal: &str, office: &str| {
        let scan = json!({ "code": HEALTH_CARD, "scene": scene, "terminal": terminal, "office": office, "bill": scene });
        assert_eq!(gateway.send(super::json(&scan)).status, 200);
        platform.seen().len()
    };
    assert_eq!(ask("register", "W-0001", "eyes"), 1);
    assert_eq!(ask("other", "W-0001", "eyes"), 1);
    assert_eq!(ask("register", "W-0001", "ears"), 2);
    assert_eq!(ask("register", "W-0002", "eyes"), 3);
    assert_eq!(ask("register", "W-0001", "eyes"), 3);
}

#[test]
fn a_code_the_platform_does_not_call_good_goes_nowhere() {
    let platform = saying(&json!({ "code": 3004 }), Duration::ZERO);
    let gateway = gateway(&platform, "");
    scan(&gateway, HEALTH_CARD, "register").assert_refused(401, "refused-by-issuer");
    gateway.assert_nobody_was_asked();
    assert_eq!(asked(&gateway, "inactive"), "1");
}

#[test]
fn what_is_no_word_of_a_code_is_none() {
    let huge = format!("{{\"code\":0,\"x\":\"{}\"}}", "x".repeat(64 * 1024));
    let answers = [
        http("<html>good</html>"),
        http("{}"),
        http("{\"code\":null}"),
        http("{\"code\":0,\"data\":{\"until\":\"soon\"}}"),
        http(""),
        http(&huge),
        http(&"[".repeat(10_000)),
        "HTTP/1.1 500 No\r\nContent-Length: 10\r\n\r\n{\"code\":0}".into(),
        "HTTP/1.1 201 Yes\r\nContent-Length: 10\r\n\r\n{\"code\":0}".into(),
        "HTTP/1.1 302 There\r\nLocation: /there\r\nContent-Length: 10\r\n\r\n{\"code\":0}".into(),
        "HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\n{\"code\":0}".into(),
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\na\r\n{\"code\":0}\r\n".into(),
        "nonsense\r\n\r\n".into(),
        String::new(),
    ];
    for answer in answers {
        let told = answer.clone();
        let platform = Backend::playing(move |stream| {
            let _ = stream.write_all(told.as_bytes());
        });
        let gateway = gateway(&platform, "timeout = \"300ms\"");
        let refusal = scan(&gateway, HEALTH_CARD, "register");
        assert_eq!(refusal.reason(), Some("issuer-unavailable"), "{answer:.80}");
        refusal.assert_refused(503, "issuer-unavailable");
        assert_eq!(platform.seen().len(), 1, "{answer:.80}");
        gateway.assert_nobody_was_asked();
        assert_eq!(asked(&gateway, "unavailable"), "1");
    }
}

#[test]
fn a_platform_that_is_not_there_is_no_word() {
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = nobody.local_addr().unwrap();
    drop(nobody);
    let gateway = TestGateway::with(|files| asks(files, address, ""));
    scan(&gateway, HEALTH_CARD, "register").assert_refused(503, "issuer-unavailable");
    gateway.assert_nobody_was_asked();
}

#[test]
fn many_scans_of_one_code_are_one_question() {
    let platform = saying(&good(), SHORT);
    let gateway = TestGateway::with_workers(4, |files| asks(files, platform.address, ""));
    thread::scope(|scope| {
        for _ in 0..50 {
            scope.spawn(|| assert_eq!(scan(&gateway, HEALTH_CARD, "register").status, 200));
        }
    });
    assert_eq!(platform.seen().len(), 1);
    assert_eq!(
        [asked(&gateway, "active"), asked(&gateway, "kept")],
        ["1", "49"]
    );
}

#[test]
fn a_failure_is_shared_by_those_who_wait_and_forgotten() {
    let platform = Backend::playing(|stream| {
        thread::sleep(SHORT);
        let _ = stream.write_all(b"HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n");
    });
    let gateway = TestGateway::with_workers(2, |files| asks(files, platform.address, ""));
    thread::scope(|scope| {
        for _ in 0..10 {
            scope.spawn(|| {
                let refusal = scan(&gateway, HEALTH_CARD, "register");
                refusal.assert_refused(503, "issuer-unavailable");
            });
        }
    });
    assert_eq!(platform.seen().len(), 1);
    scan(&gateway, HEALTH_CARD, "register").assert_refused(503, "issuer-unavailable");
    assert_eq!(platform.seen().len(), 2);
}

#[test]
fn a_terminal_that_hangs_up_leaves_its_question_to_the_others() {
    let platform = saying(&good(), SHORT);
    let gateway = gateway(&platform, "");
    let mut impatient = gateway.client();
    let body =
        json!({ "code": HEALTH_CARD, "scene": "register", "terminal": "W-0001", "office": "eyes" });
    impatient.write(super::json(&body));
    eventually("the question", || platform.seen().len() == 1);
    thread::scope(|scope| {
        let patient = scope.spawn(|| scan(&gateway, HEALTH_CARD, "register"));
        thread::sleep(SHORT / 3);
        drop(impatient);
        assert_eq!(patient.join().unwrap().status, 200);
    });
    assert_eq!(platform.seen().len(), 1);
}

/// Scans twice with a pause between; how often was asked?
#[track_caller]
fn check_kept(answer: &Value, keys: &str, pause: Duration, questions: usize) {
    let platform = saying(answer, Duration::ZERO);
    let gateway = gateway(&platform, keys);
    scan(&gateway, HEALTH_CARD, "register");
    thread::sleep(pause);
    scan(&gateway, HEALTH_CARD, "register");
    assert_eq!(platform.seen().len(), questions, "{keys} {answer}");
}

#[test]
fn a_word_counts_until_its_end_and_no_longer_than_it_is_kept() {
    let until = |millis: i64| {
        let end = multicode::app::now().millis() + millis;
        json!({ "code": 0, "data": { "until": end } })
    };
    let (none, second) = (Duration::ZERO, Duration::from_millis(1_100));
    check_kept(&good(), "", none, 1);
    check_kept(&good(), "keep = \"0s\"", none, 2);
    check_kept(&good(), "keep = \"500ms\"", second, 2);
    check_kept(&until(1_000), "", none, 1);
    check_kept(&until(1_000), "", second, 2);
    check_kept(&until(60_000), "keep = \"500ms\"", second, 2);
}

#[test]
fn a_word_is_asked_for_again_for_the_same_time_as_before() {
    let platform = saying(&good(), Duration::ZERO);
    let gateway = gateway(&platform, "keep = \"500ms\"");
    for questions in 1..=3 {
        scan(&gateway, HEALTH_CARD, "register");
        scan(&gateway, HEALTH_CARD, "register");
        assert_eq!(platform.seen().len(), questions);
        thread::sleep(Duration::from_millis(700));
    }
}

#[test]
fn a_refusal_is_kept_for_a_moment() {
    let refusal = json!({ "code": 3004 });
    check_kept(&refusal, "", Duration::ZERO, 1);
    check_kept(&refusal, "", Duration::from_millis(2_200), 2);
    check_kept(&refusal, "keep = \"0s\"", Duration::ZERO, 2);
}

#[test]
fn a_word_that_is_over_believes_nothing() {
    let over = json!({ "code": 0, "data": { "until": 1_000_000_000 } });
    let platform = saying(&over, Duration::ZERO);
    let gateway = gateway(&platform, "");
    scan(&gateway, HEALTH_CARD, "register").assert_refused(401, "expired");
    gateway.assert_nobody_was_asked();
}

#[test]
fn no_more_questions_are_open_than_allowed() {
    let platform = saying(&good(), SHORT);
    let gateway =
        TestGateway::with_workers(2, |files| asks(files, platform.address, "at_once = 1"));
    thread::scope(|scope| {
        let first = scope.spawn(|| scan(&gateway, HEALTH_CARD, "register"));
        eventually("the question", || platform.seen().len() == 1);
        let second = scan(&gateway, OTHER_CARD, "register");
        second.assert_refused(503, "issuer-unavailable");
        assert_eq!(first.join().unwrap().status, 200);
    });
    assert_eq!(asked(&gateway, "busy"), "1");
    assert_eq!(scan(&gateway, OTHER_CARD, "register").status, 200);
    assert_eq!(platform.seen().len(), 2);
}

#[test]
fn nobody_is_asked_about_a_code_that_is_refused_anyway() {
    let platform = saying(&good(), Duration::ZERO);
    let gateway = TestGateway::with(|files| {
        asks(files, platform.address, "");
        files.change(ASKS, "${terminal?}", "${body:/must}");
    });
    scan(&gateway, HEALTH_CARD, "payment").assert_refused(422, "kind-not-accepted");
    scan(&gateway, HEALTH_CARD, "consult").assert_refused(422, "dynamic-required");
    scan(&gateway, HEALTH_CARD, "nowhere").assert_refused(422, "unknown-scene");
    scan(&gateway, HEALTH_CARD, "register").assert_refused(422, "contract-unfilled");
    assert_eq!(platform.seen(), [""; 0]);
}

#[test]
fn a_reload_begins_with_no_words() {
    let platform = saying(&good(), Duration::ZERO);
    let gateway = gateway(&platform, "");
    scan(&gateway, HEALTH_CARD, "register");
    gateway.reload();
    assert_eq!(scan(&gateway, HEALTH_CARD, "register").status, 200);
    assert_eq!(platform.seen().len(), 2);
}

#[test]
fn nothing_of_an_answer_is_logged_or_told() {
    let answers = AtomicUsize::new(0);
    let platform = Backend::playing(move |stream| {
        let answer = match answers.fetch_add(1, Ordering::Relaxed) {
            0 => json!({ "code": 0, "data": { "index": INDEX, "name": "TOKENNAME" } }),
            1 => json!({ "code": "TOKENCODE", "data": { "index": INDEX } }),
            _ => json!([INDEX, "TOKENNAME", "TOKENCODE"]),
        };
        stream
            .write_all(http(&answer.to_string()).as_bytes())
            .unwrap();
    });
    let (files, mocks) = (Files::shipped(), super::Mocks::start());
    mocks.stand_in(&files);
    asks(&files, platform.address, "");
    files.change(ASKS, "env:PLATFORM_TOKEN", &format!("env:{}", KEYS[0]));
    let program = Program::serve(&files, "trace");
    let cards = [HEALTH_CARD, OTHER_CARD, &OTHER_CARD.replace('0', "9")];
    let scans =
        cards.map(|code| program.send(super::json(&json!({ "code": code, "scene": "other" }))));
    let reasons = scans.each_ref().map(Answer::reason);
    assert_eq!(
        reasons,
        [None, Some("refused-by-issuer"), Some("issuer-unavailable")]
    );
    assert_eq!(platform.seen().len(), 3);
    program.wait_until_it_says("no word of a code");
    let readiness = program.get("/readyz").json();
    assert_eq!(
        (
            &readiness["status"],
            &readiness["platforms"][0]["introspection"]
        ),
        (&json!("degraded"), &json!("card"))
    );
    program.wait_until_it_says("a platform gives no word of codes");
    let mut said = program.said() + &program.get("/metrics").whole();
    said.extend(scans.iter().map(Answer::whole));
    let secrets = [INDEX, "TOKENNAME", "TOKENCODE", SECRET];
    for secret in secrets.into_iter().chain(cards) {
        assert!(!said.contains(secret), "{secret} in {said}");
    }
}

pub(super) fn multicode(files: &Files, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_multicode"));
    let command = command.args(arguments).env_clear();
    command
        .env("PLATFORM_TOKEN", SECRET)
        .current_dir(files.main().parent().unwrap())
        .output()
        .unwrap()
}

#[test]
fn only_explain_online_asks() {
    let platform = saying(&good(), Duration::ZERO);
    let files = Files::shipped();
    asks(&files, platform.address, "");
    let explain = [
        "explain",
        HEALTH_CARD,
        "--scene",
        "register",
        "--format",
        "json",
    ];

    let checked = multicode(&files, &["check"]);
    assert!(checked.status.success(), "{checked:?}");
    let unasked = multicode(&files, &explain);
    let unasked: Value = serde_json::from_slice(&unasked.stdout).unwrap();
    assert_eq!(unasked["outcome"], "decision");
    assert_eq!(unasked["trust"]["introspection"], "not-asked");
    assert_eq!(platform.seen(), [""; 0]);

    let asked = multicode(&files, &[&explain[..], &["--online"]].concat());
    let text = String::from_utf8(asked.stdout).unwrap();
    let asked: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(asked["trust"]["introspection"], "active");
    assert_eq!(asked["trust"]["index"], "… (16)");
    assert_eq!(asked["region"], "350100");
    assert!(
        !text.contains(INDEX) && !text.contains(HEALTH_CARD),
        "{text}"
    );
    assert_eq!(platform.seen().len(), 1);
}

#[test]
fn explain_online_says_why_there_is_no_word() {
    let platform = Backend::answering("HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n");
    let files = Files::shipped();
    asks(&files, platform.address, "");
    let out = multicode(
        &files,
        &["explain", HEALTH_CARD, "--scene", "register", "--online"],
    );
    let (told, why) = (
        String::from_utf8(out.stdout).unwrap(),
        String::from_utf8(out.stderr).unwrap(),
    );
    assert!(
        told.starts_with("rejection: issuer-unavailable (at trust)\n"),
        "{told}"
    );
    assert!(told.contains("\n  platform   unavailable\n"), "{told}");
    assert!(
        why.contains("the platform answered with status 503"),
        "{why}"
    );
    assert_eq!(out.status.code(), Some(1));
}

#[test]
fn what_one_terminal_sends_decides_for_no_other() {
    let asked = AtomicUsize::new(0);
    let platform = Backend::playing(move |stream| {
        // Says no to the first question, as a platform does to an office it does not know.
        let first = asked.fetch_add(1, Ordering::Relaxed) == 0;
        let code = if first { 3004 } else { 0 };
        let answer = json!({ "code": code, "data": { "index": INDEX, "region": "350100" } });
        let _ = stream.write_all(http(&answer.to_string()).as_bytes());
    });
    let gateway = gateway(&platform, "");
    let wrong = json!({
        "code": HEALTH_CARD, "scene": "register", "terminal": "W-0001", "office": "no such"
    });
    gateway
        .send(super::json(&wrong))
        .assert_refused(401, "refused-by-issuer");
    assert_eq!(scan(&gateway, HEALTH_CARD, "register").status, 200);
}
