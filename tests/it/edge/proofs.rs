//! Terminals that prove who they are by an API key, over real sockets: what they may do, what others
//! may not, and what becomes of the key.

use std::fs;

use multicode::identity::{Sort, digest};
use serde_json::json;

use super::{
    Answer, Backend, Client, EAN, Files, HEALTH_CARD, Mocks, Program, TestGateway, eventually, post,
};

/// The keys of `W-0001` and `W-0002`.
pub(super) const KEYS: [&str; 2] = [
    "Uk7mrWtw3yN1bH8sVqZ0pLx5cJd2aGfEkLmNoPqRsTu",
    "9sDfGhJkLqWeRtYuIoPzXcVbNm1234567890AaBbCcD",
];

pub(super) fn sha256(key: &str) -> String {
    let digest = digest(key.as_bytes()).unwrap();
    let hex: Vec<_> = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256:{}", hex.concat())
}

/// Writes a line into a terminal's table.
pub(super) fn register(files: &Files, terminal: &str, line: &str) {
    let table = format!("[terminal.{terminal}]\n");
    files.change("terminals.toml", &table, &format!("{table}{line}\n"));
}

/// Asks everybody for a proof; two terminals have keys.
pub(super) fn guard(files: &Files) {
    files.change("routes.toml", "\nanonymous       = true\n", "\n");
    give_keys(files);
}

fn give_keys(files: &Files) {
    for (terminal, key) in ["W-0001", "W-0002"].into_iter().zip(KEYS) {
        register(files, terminal, &format!("api_key = \"{}\"", sha256(key)));
    }
}

fn bearer(key: &str) -> String {
    format!("Authorization: Bearer {key}\r\n")
}

/// A medicine's code as text, with these header lines.
fn scan(query: &str, headers: &str) -> Vec<u8> {
    let headers = format!("Content-Type: text/plain\r\n{headers}");
    post(&format!("/v1/scan{query}"), &headers, EAN)
}

fn outcome(key: &str, headers: &str) -> Vec<u8> {
    format!("GET /v1/outcomes/{key} HTTP/1.1\r\nHost: gateway\r\n{headers}\r\n").into_bytes()
}

#[track_caller]
fn assert_unproven(answer: &Answer) {
    answer.assert_refused(401, "terminal-unproven");
    let challenge = Some("Bearer realm=\"multicode\"");
    assert_eq!(answer.header("www-authenticate"), challenge);
    assert_eq!(answer.json()["stage"], "ingress");
}

#[test]
fn who_proves_nothing_learns_nothing() {
    let gateway = TestGateway::with(guard);
    let form = "Content-Type: application/x-www-form-urlencoded\r\n";
    for request in [
        scan("", ""),
        scan("?terminal=W-0001", ""),
        scan("", "Authorization: Basic eA==\r\n"),
        post("/api/aggregateBarPay", form, "auth_code=134650328919428540"),
        post("/nowhere", "", ""),
        outcome("a", ""),
        outcome("a", "X-Multicode-Terminal: W-0001\r\n"),
    ] {
        let answer = gateway.send(request);
        assert_unproven(&answer);
        let detail = answer.json()["detail"].to_string();
        assert!(detail.contains("found no proof"), "{detail}");
    }
    let page = gateway.send("GET /l/pay HTTP/1.1\r\nHost: g\r\nUser-Agent: x\r\n\r\n");
    assert_eq!(page.status, 302, "the code on the wall is everybody's");
    gateway.assert_nobody_was_asked();
    let none = "multicode_terminal_proofs_total{proof=\"none\",result=\"failed\"}";
    assert!((gateway.metric(none) - 7.0).abs() < 0.5);
}

#[test]
fn a_key_proves_its_terminal_in_either_header() {
    let gateway = TestGateway::with(guard);
    let [key, other] = KEYS;
    for headers in [bearer(key), format!("X-API-Key: {key}\r\n")] {
        assert_eq!(gateway.send(scan("", &headers)).status, 200);
    }
    let both = bearer(key) + &format!("X-Api-Key: {key}\r\n");
    for wrong in [
        bearer(key.trim_start_matches('U')),
        bearer(&format!("{key}=")),
        bearer(&sha256(key)),
        bearer(&format!("{key} {other}")),
        bearer(key) + &bearer(key),
        format!("x_api_key: {key}\r\n"),
        both,
    ] {
        assert_unproven(&gateway.send(scan("", &wrong)));
    }
    let count = |result| {
        let series = format!("{{proof=\"api-key\",result=\"{result}\"}}");
        gateway.metric(&format!("multicode_terminal_proofs_total{series}"))
    };
    assert!((count("held") - 2.0).abs() < 0.5);
    assert!((count("failed") - 6.0).abs() < 0.5);
}

#[test]
fn what_is_proven_fills_in_what_is_not_said() {
    let gateway = TestGateway::with(guard);
    let [key, _] = KEYS;
    // The region of the code is the terminal's, which the body does not name.
    let headers = format!("Content-Type: text/plain\r\n{}", bearer(key));
    let code = gateway.mint("aggregate");
    let answer = gateway.send(post("/v1/scan?scene=register", &headers, code));
    assert_eq!(answer.status, 200, "{answer:?}");
    let live = &gateway.started.telling.live;
    eventually("it is told", || !live.since(0).events.is_empty());
    let told = &live.since(0).events[0].1;
    assert_eq!(told.terminal.as_deref(), Some("W-0001"));
    assert_eq!(told.proof, Some(Sort::ApiKey));
    assert_eq!(told.organisation.as_deref(), Some("H35020000001"));
    assert_eq!(told.story().proof, "api-key");
}

#[test]
fn what_is_said_may_not_contradict_what_is_proven() {
    let gateway = TestGateway::with(guard);
    let key = bearer(KEYS[0]);
    assert_eq!(gateway.send(scan("?terminal=W-0001", &key)).status, 200);
    for claim in [
        "?terminal=W-0002",
        "?terminal=w-0001",
        "?terminal=W-0001%20",
        "?terminal=nobody",
        "?organisation=H35010000001",
        "?region=350100",
    ] {
        let answer = gateway.send(scan(claim, &key));
        answer.assert_refused(403, "terminal-conflict");
    }
    let header = key.clone() + "X-Multicode-Terminal: W-0002\r\n";
    gateway
        .send(scan("", &header))
        .assert_refused(403, "terminal-conflict");
    let body = json!({ "code": EAN, "terminal": "W-0002" }).to_string();
    let headers = format!("Content-Type: application/json\r\n{key}");
    let answer = gateway.send(post("/v1/scan", &headers, body));
    answer.assert_refused(403, "terminal-conflict");
}

#[test]
fn an_outcome_is_its_terminals_alone() {
    let gateway = TestGateway::with(guard);
    let [one, other] = KEYS.map(bearer);
    let named = one.clone() + "Idempotency-Key: lost\r\n";
    assert_eq!(gateway.send(scan("", &named)).status, 200);
    // A repetition that names itself as well is the same terminal's.
    let again = gateway.send(scan("", &named));
    assert_eq!(again.header("idempotency-replayed"), Some("true"));
    // The other one's same key is another request.
    let theirs = other.clone() + "Idempotency-Key: lost-too\r\n";
    assert_eq!(gateway.send(scan("", &theirs)).status, 200);

    let found = gateway.send(outcome("lost", &one));
    assert_eq!(found.json()["state"], "done");
    assert_eq!(
        gateway.send(outcome("lost?terminal=W-0001", &one)).status,
        200
    );
    let of_other = gateway.send(outcome("lost", &other));
    of_other.assert_refused(404, "not-found");
    let as_first = gateway.send(outcome("lost?terminal=W-0001", &other));
    as_first.assert_refused(403, "terminal-conflict");
    let header = other.clone() + "X-Multicode-Terminal: W-0001\r\n";
    let as_first = gateway.send(outcome("lost", &header));
    as_first.assert_refused(403, "terminal-conflict");
    assert_unproven(&gateway.send(outcome("lost?terminal=W-0001", "")));
}

#[test]
fn a_terminal_that_is_taken_out_is_out_on_the_connection_it_has_open() {
    let gateway = TestGateway::with(guard);
    let [key, other] = KEYS;
    let mut open = gateway.client();
    let mut beside = gateway.client();
    assert_eq!(open.exchange(scan("", &bearer(key))).status, 200);
    assert_eq!(beside.exchange(scan("", &bearer(other))).status, 200);
    register(&gateway.files, "W-0001", "revoked = true");
    gateway.reload();
    let answer = open.exchange(scan("", &bearer(key)));
    answer.assert_refused(403, "terminal-revoked");
    open.exchange(outcome("a", &bearer(key)))
        .assert_refused(403, "terminal-revoked");
    // Only whoever has its key is told so.
    assert_unproven(&open.exchange(scan(
        "?terminal=W-0001",
        &bearer(key.trim_start_matches('U')),
    )));
    assert_eq!(beside.exchange(scan("", &bearer(other))).status, 200);

    let back = ("revoked = true\n", "");
    gateway.files.change("terminals.toml", back.0, back.1);
    gateway.reload();
    assert_eq!(open.exchange(scan("", &bearer(key))).status, 200);
    let line = format!("api_key = \"{}\"\n", sha256(key));
    gateway.files.change("terminals.toml", &line, "");
    gateway.reload();
    assert_unproven(&open.exchange(scan("", &bearer(key))));
}

#[test]
fn a_key_is_exchanged_while_both_hold() {
    const NEWER: &str = "newer-key-newer-key-newer-key-newer-key-123";
    let gateway = TestGateway::with(guard);
    let [older, _] = KEYS;
    let one = format!("\"{}\"", sha256(older));
    let two = format!("[{one}, \"{}\"]", sha256(NEWER));
    assert_unproven(&gateway.send(scan("", &bearer(NEWER))));
    gateway.files.change("terminals.toml", &one, &two);
    gateway.reload();
    for key in [older, NEWER] {
        assert_eq!(gateway.send(scan("", &bearer(key))).status, 200);
    }
    let last = format!("\"{}\"", sha256(NEWER));
    gateway.files.change("terminals.toml", &two, &last);
    gateway.reload();
    assert_eq!(gateway.send(scan("", &bearer(NEWER))).status, 200);
    assert_unproven(&gateway.send(scan("", &bearer(older))));
}

#[test]
fn where_nobody_is_asked_what_is_shown_must_hold() {
    let gateway = TestGateway::with(|files| {
        give_keys(files);
        register(files, "K-0001", "revoked = true");
    });
    assert_eq!(gateway.send(scan("", "")).status, 200);
    // Who could prove it must: what is a terminal's own is not everybody's at this listener.
    assert_unproven(&gateway.send(scan("?terminal=W-0001", "")));
    assert_unproven(&gateway.send(outcome("a?terminal=W-0001", "")));
    assert_eq!(gateway.send(scan("?terminal=W-0099", "")).status, 200);
    assert_eq!(
        gateway
            .send(scan("", "Authorization: Basic eA==\r\n"))
            .status,
        200
    );
    assert_eq!(gateway.send(scan("", &bearer(KEYS[0]))).status, 200);
    assert_unproven(&gateway.send(scan("", &bearer(KEYS[0].trim_start_matches('U')))));
    assert_unproven(&gateway.send(scan("", "Signature: a=::\r\n")));
    let conflict = gateway.send(scan("?terminal=W-0001", &bearer(KEYS[1])));
    conflict.assert_refused(403, "terminal-conflict");
    // Out of service is out of service, whoever says it is there.
    let lost = gateway.send(scan("?terminal=K-0001", ""));
    lost.assert_refused(403, "terminal-revoked");
    let lost = gateway.send(outcome("a?terminal=K-0001", ""));
    lost.assert_refused(403, "terminal-revoked");
}

#[test]
fn who_guesses_is_slowed_and_nobody_beside_him() {
    let gateway = TestGateway::with(guard);
    let guess = |number: u32| scan("", &bearer(&format!("{number:043}")));
    let mut client = gateway.client();
    let refused = (0..100).map(|number| client.exchange(guess(number)));
    let slowed = refused.into_iter().find(|answer| answer.status != 401);
    let slowed = slowed.expect("a limit");
    slowed.assert_refused(429, "rate-limited");
    assert_eq!(slowed.header("connection"), Some("close"));
    let pause: u64 = slowed.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=2).contains(&pause), "{pause}");
    assert_eq!(client.rest(), b"");
    // The hospital behind the same address goes on.
    for _ in 0..50 {
        assert_eq!(gateway.send(scan("", &bearer(KEYS[0]))).status, 200);
    }
    assert_unproven(&gateway.send(scan("", "")));
}

#[test]
fn a_refused_request_costs_no_connection_if_it_is_all_here() {
    let gateway = TestGateway::with(guard);
    let mut client = gateway.client();
    assert_unproven(&client.exchange(scan("", "")));
    assert_eq!(client.exchange(scan("", &bearer(KEYS[0]))).status, 200);
    // A body that nobody waits for is not read.
    client.write("POST /v1/scan HTTP/1.1\r\nHost: g\r\nContent-Length: 9000\r\n\r\n{");
    let answer = client.answer();
    assert_unproven(&answer);
    assert_eq!(answer.header("connection"), Some("close"));
    client.write("POST /v1/scan HTTP/1.1\r\nHost: g\r\n");
    assert_eq!(client.rest(), b"");
}

#[test]
fn a_key_ends_at_the_gateway() {
    let backend = Backend::answering("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok");
    let gateway = TestGateway::with(|files| {
        guard(files);
        files.pass_through(backend.address);
    });
    let [key, _] = KEYS;
    let spellings = [
        bearer(key),
        format!("authorization: bEARER  {key}\r\n"),
        format!("X-API-KEY: {key}\r\n"),
        bearer(key) + &format!("x_api_key: {key}\r\n"),
        bearer(key) + &format!("X_Api-Key: {key}\r\nX-Trade: 7\r\n"),
    ];
    for headers in &spellings {
        let headers = format!("Content-Type: text/plain\r\n{headers}");
        let answer = gateway.send(post("/v1/scan?scene=other", &headers, HEALTH_CARD));
        assert_eq!(answer.status, 200, "{answer:?}");
    }
    let seen = backend.seen().join("\n").to_lowercase();
    assert_eq!(seen.matches("post /in").count(), spellings.len());
    assert!(seen.contains("x-trade: 7"), "other headers travel: {seen}");
    for part in [&*key.to_lowercase(), "bearer", "api-key", "api_key"] {
        assert!(!seen.contains(part), "{part} in {seen}");
    }
    // What is no proof of ours is the department's.
    let headers = format!("X-Api-Key: {key}\r\nAuthorization: Basic theirs\r\n");
    gateway.send(post("/v1/scan?scene=other", &headers, HEALTH_CARD));
    assert!(backend.seen().last().unwrap().contains("Basic theirs"));
}

#[test]
fn a_key_is_told_nobody() {
    const WRONG: &str = "wrong-key-wrong-key-wrong-key-wrong-key-123";
    let (files, mocks) = (Files::shipped(), Mocks::start());
    mocks.stand_in(&files);
    guard(&files);
    let routes = fs::read_to_string(files.main()).unwrap();
    let routes = routes + "\n[audit]\nfolder = \"state/audit\"\n";
    fs::write(files.main(), routes).unwrap();
    let mut program = Program::serve(&files, "trace");
    let [key, _] = KEYS;
    let mut answers = vec![
        program.send(scan("", &bearer(key))),
        program.send(scan("", &format!("x-api-key: {key}\r\n"))),
    ];
    assert!(answers.iter().all(|answer| answer.status == 200));
    for headers in [
        bearer(WRONG),
        format!("X-Api-Key: {WRONG}\r\n"),
        bearer(key) + &bearer(WRONG),
    ] {
        answers.push(program.send(scan("", &headers)));
    }
    let mut told: Vec<_> = answers.iter().map(Answer::whole).collect();
    for path in [
        "/metrics",
        "/admin/config",
        "/admin/events/recent",
        "/admin/refusals",
    ] {
        let answer = program.get(path);
        assert_eq!(answer.status, 200, "{path}");
        told.push(answer.whole());
    }
    program.signal("TERM");
    program.ended();
    program.wait_until_it_says("\"stopped\"");
    let log = program.said();
    let [.., recent, _] = &*told else { panic!() };
    for place in [&log, recent] {
        assert!(place.contains("\"proof\":\"api-key\""), "{place}");
    }
    told.push(log);
    for segment in fs::read_dir(files.path("state/audit")).unwrap() {
        let bytes = fs::read(segment.unwrap().path()).unwrap_or_default();
        told.push(String::from_utf8_lossy(&bytes).into_owned());
    }
    assert!(told.iter().any(|one| one.contains("api-key")));
    let digest = sha256(key).split_off("sha256:".len());
    for secret in [key, WRONG, &digest] {
        for place in &told {
            assert!(!place.contains(secret), "{secret} in {place}");
        }
    }
}

#[test]
fn a_key_is_no_part_of_what_is_the_same_request() {
    const NEWER: &str = "newer-key-newer-key-newer-key-newer-key-123";
    let gateway = TestGateway::with(|files| {
        guard(files);
        register(
            files,
            "K-0001",
            &format!("api_key = [\"{}\"]", sha256(NEWER)),
        );
    });
    let named = |headers: &str| scan("", &format!("{headers}Idempotency-Key: k\r\n"));
    let [key, _] = KEYS;
    assert_eq!(gateway.send(named(&bearer(key))).status, 200);
    let other_header = format!("X-Api-Key: {key}\r\n");
    let again = gateway.send(named(&other_header));
    assert_eq!(again.header("idempotency-replayed"), Some("true"));
    let anothers = gateway.send(named(&bearer(NEWER)));
    assert_eq!(anothers.header("idempotency-replayed"), None);
}

#[test]
fn the_program_makes_keys_that_it_takes() {
    let program = env!("CARGO_BIN_EXE_multicode");
    let run = |arguments: &[&str]| {
        let mut command = std::process::Command::new(program);
        command.args(["terminals", "key"]).args(arguments);
        command.output().unwrap()
    };
    let made = run(&["--name", "W-0001"]);
    let made = String::from_utf8(made.stdout).unwrap();
    let lines: Vec<_> = made.lines().filter(|line| !line.starts_with('#')).collect();
    let [key, table, line] = *lines else {
        panic!("{made}")
    };
    assert_eq!((key.len(), table), (43, "[terminal.W-0001]"));
    assert_eq!(line, format!("api_key = \"{}\"", sha256(key)));
    assert!(!run(&[]).stdout.is_empty() && !made.contains("[terminal.]"));
    assert_eq!(run(&["--name", "a b"]).status.code(), Some(2));
    let gateway = TestGateway::with(|files| {
        files.change("routes.toml", "\nanonymous       = true\n", "\n");
        register(files, "W-0001", line);
    });
    let mut client = Client::new(gateway.address);
    assert_eq!(client.exchange(scan("", &bearer(key))).status, 200);
}
