//! Never twice: idempotency keys, one-time codes, double reads, and outcomes nobody knows.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::Duration;

use multicode::random::Random;
use multicode::sandbox::departments::{Department, Fault};
use multicode::sandbox::mint::{Order, mint};
use serde_json::{Value, json};

use super::{Answer, Backend, EAN, HEALTH_CARD, TestGateway, eventually, post};

/// A wallet's payment code.
const WALLET: &str = "134650328919428540";

/// The shipped gateway to the letter.
fn strict() -> TestGateway {
    TestGateway::strict(|_| {})
}

/// A payment that a terminal asks for under this key.
fn pay(gateway: &TestGateway, code: &str, key: &str) -> Answer {
    gateway.send(payment(code, key, 100))
}

fn payment(code: &str, key: &str, fee: u32) -> Vec<u8> {
    let body = json!({
        "code": code, "scene": "payment", "terminal": "W-0001",
        "out_trade_no": "T-1", "total_fee": fee,
    });
    let header = format!("Content-Type: application/json\r\nIdempotency-Key: {key}\r\n");
    post("/v1/scan", &header, body.to_string())
}

/// A health card at a backend of the test's own, with these header lines.
fn card(headers: &str) -> Vec<u8> {
    let headers = format!("Content-Type: text/plain\r\n{headers}");
    post(
        "/v1/scan?scene=other&terminal=W-0001",
        &headers,
        HEALTH_CARD,
    )
}

#[test]
fn a_settlement_without_a_key_goes_nowhere() {
    let gateway = strict();
    let answer = gateway.scan(WALLET, "payment");
    answer.assert_refused(400, "idempotency-key-missing");
    gateway.assert_nobody_was_asked();
}

#[test]
fn a_repeated_payment_is_answered_as_the_first_time() {
    let gateway = strict();
    let code = WALLET.to_owned();
    let first = pay(&gateway, &code, "\"k-1\"");
    assert_eq!(first.status, 200, "{}", first.whole());
    assert_eq!(first.header("idempotency-replayed"), None);
    for _ in 0..3 {
        let again = pay(&gateway, &code, "k-1");
        assert_eq!(again.header("idempotency-replayed"), Some("true"));
        assert_eq!((again.status, &again.body), (first.status, &first.body));
        assert_eq!(again.header("content-type"), first.header("content-type"));
        assert_ne!(again.header("x-request-id"), first.header("x-request-id"));
    }
    gateway.only_received();
}

#[test]
fn a_key_belongs_to_one_request_of_one_terminal() {
    let gateway = strict();
    let code = WALLET.to_owned();
    assert_eq!(gateway.send(payment(&code, "k-1", 100)).status, 200);
    gateway
        .send(payment(&code, "k-1", 101))
        .assert_refused(422, "idempotency-key-reused");
    gateway.only_received();
}

#[test]
fn a_one_time_code_passes_once() {
    let gateway = strict();
    let code = gateway.mint("aggregate");
    assert_eq!(pay(&gateway, &code, "k-1").status, 200);
    pay(&gateway, &code, "k-2").assert_refused(422, "replayed");
    // Its own key still gets what came of it, although the code is used up.
    let again = pay(&gateway, &code, "k-1");
    assert_eq!(again.header("idempotency-replayed"), Some("true"));
    gateway.only_received();
}

#[test]
fn a_used_code_is_used_however_it_is_written() {
    let gateway = strict();
    let site = gateway.started.sites.load();
    let families = site.gateway.families();
    let family = families.iter().find(|it| &*it.id == "aggregate").unwrap();
    let signed_with = |key: &str| {
        let order = Order {
            key_id: Some(key.to_owned()),
            ..Order::default()
        };
        let (keys, mut random) = (site.keys.load(), Random::seeded(1));
        mint(family, &keys, &order, &mut random, multicode::app::now()).unwrap()
    };
    let (code, other) = (signed_with("2026a"), signed_with("2026s"));
    let nonce = |code: &str| code.split('.').nth(6).map(str::to_owned);
    assert_eq!(nonce(&code), nonce(&other));
    assert_eq!(pay(&gateway, &code, "k-1").status, 200);
    // What scanners leave around a text, and another key of the issuer.
    for (number, again) in [format!("{code}\r\n"), format!("{code}\n"), other]
        .iter()
        .enumerate()
    {
        let key = format!("k-again-{number}");
        pay(&gateway, again, &key).assert_refused(422, "replayed");
    }
    gateway.only_received();
}

#[test]
fn a_used_code_in_another_case_or_with_padding_is_used_or_none() {
    let gateway = strict();
    let code = gateway.mint("aggregate");
    assert_eq!(pay(&gateway, &code, "k-1").status, 200);
    let (head, signature) = code.rsplit_once('.').unwrap();
    // What everybody who reads leniently takes for the same.
    let spellings = [
        code.to_lowercase(),
        code.to_uppercase(),
        format!("{}.{signature}", head.to_lowercase()),
        format!("{}.{signature}", head.to_uppercase()),
        format!("{code}="),
        format!("{code}=="),
        format!("{head}.{}", signature.replace(['-', '_'], "+")),
        format!("{code} "),
        format!(" {code}"),
        format!("\u{feff}{code}"),
        format!("{code}\t"),
        format!("{code}\0"),
        code.replace('.', ". "),
        code.replacen('.', "%2E", 1),
        format!("{code}."),
    ];
    for (number, again) in spellings.iter().filter(|it| **it != code).enumerate() {
        let answer = pay(&gateway, again, &format!("k-again-{number}"));
        let reason = answer.reason().unwrap_or("none");
        let refused = [
            "replayed",
            "malformed-code",
            "unknown-code",
            "bad-signature",
        ];
        assert!(refused.contains(&reason), "{again:?}: {}", answer.whole());
    }
    // Nothing but what surrounds it was taken off: it is the same code.
    let again = format!("\u{feff}{code}\r\n");
    pay(&gateway, &again, "k-last").assert_refused(422, "replayed");
    gateway.only_received();
}

#[test]
fn a_one_time_code_that_goes_nowhere_is_not_used_up() {
    let gateway = strict();
    let code = gateway.mint("aggregate");
    // Nothing is done with it here …
    assert_eq!(gateway.scan(&code, "other").status, 200);
    // … and here it lacks what the department needs.
    let body = json!({ "code": code, "scene": "payment", "idempotency_key": "k-1" });
    let answer = gateway.send(super::json(&body));
    answer.assert_refused(422, "contract-unfilled");
    assert_eq!(pay(&gateway, &code, "k-2").status, 200);
}

#[test]
fn sixty_four_at_once_are_one() {
    let gateway = TestGateway::strict_with_workers(2, |_| {});
    let code = gateway.mint("aggregate");
    let barrier = Barrier::new(64);
    let statuses: Vec<_> = thread::scope(|scope| {
        let scan = |number| {
            let (barrier, gateway, code) = (&barrier, &gateway, &code);
            move || {
                let mut client = gateway.client();
                barrier.wait();
                let answer = client.exchange(payment(code, &format!("k-{number}"), 100));
                (answer.status, answer.reason().map(str::to_owned))
            }
        };
        let all: Vec<_> = (0..64).map(|number| scope.spawn(scan(number))).collect();
        all.into_iter().map(|one| one.join().unwrap()).collect()
    });
    let refused = (422, Some("replayed".to_owned()));
    assert_eq!(statuses.iter().filter(|it| **it == (200, None)).count(), 1);
    assert_eq!(statuses.iter().filter(|it| **it == refused).count(), 63);
    gateway.only_received();
}

#[test]
fn a_scanner_that_reads_twice_is_one_scan() {
    let slow = Duration::from_millis(200);
    let backend = Backend::playing(move |stream| {
        thread::sleep(slow);
        let answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
        stream.write_all(answer.as_bytes()).unwrap();
    });
    let gateway = TestGateway::strict_with_workers(2, |files| files.pass_through(backend.address));
    let answers: Vec<_> = thread::scope(|scope| {
        let one = || scope.spawn(|| gateway.send(card("")));
        let all: Vec<_> = (0..4).map(|_| one()).collect();
        all.into_iter().map(|one| one.join().unwrap()).collect()
    });
    assert!(answers.iter().all(|answer| answer.text() == "ok"));
    let replayed = answers
        .iter()
        .filter(|answer| answer.header("idempotency-replayed").is_some());
    assert_eq!(replayed.count(), 3);
    assert_eq!(backend.seen().len(), 1);
    // Another key says that it is another request.
    gateway.send(card("Idempotency-Key: one\r\n"));
    assert_eq!(
        gateway.send(card("Idempotency-Key: other\r\n")).text(),
        "ok"
    );
    assert_eq!(backend.seen().len(), 2, "the first key was a double read");
}

#[test]
fn what_was_never_sent_may_be_sent_again() {
    let down = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = down.local_addr().unwrap();
    drop(down);
    let gateway = TestGateway::strict(|files| files.pass_through(address));
    let key = "Idempotency-Key: k-1\r\n";
    gateway
        .send(card(key))
        .assert_refused(503, "upstream-unreachable");
    gateway
        .send(card(key))
        .assert_refused(503, "upstream-unreachable");
    assert_eq!(outcome(&gateway, "k-1").status, 404);
}

#[test]
fn an_outcome_nobody_knows_stays_unknown_and_is_listed() {
    let gateway = strict();
    gateway.spoil(Department::Payment, Fault::Close);
    let code = WALLET.to_owned();
    pay(&gateway, &code, "k-1").assert_refused(502, "outcome-unknown");
    for _ in 0..2 {
        let again = pay(&gateway, &code, "k-1");
        again.assert_refused(409, "outcome-unknown");
        assert_eq!(again.json()["retryable"], false);
    }
    assert_eq!(outcome(&gateway, "k-1").json()["state"], "unknown");
    gateway.only_received();
}

#[test]
fn a_terminal_that_hangs_up_is_answered_when_it_comes_back() {
    let go = Arc::new(AtomicBool::new(false));
    let (told, gone) = (Arc::clone(&go), go);
    let backend = Backend::playing(move |stream| {
        while !told.load(Ordering::SeqCst) {
            thread::sleep(Duration::from_millis(5));
        }
        let answer = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\npaid";
        stream.write_all(answer.as_bytes()).unwrap();
    });
    let gateway = TestGateway::strict(|files| files.pass_through(backend.address));
    let key = "Idempotency-Key: k-1\r\n";
    let mut client = gateway.client();
    client.write(card(key));
    eventually("the backend is asked", || backend.seen().len() == 1);
    drop(client);
    let state = || outcome(&gateway, "k-1").json()["state"].clone();
    assert_eq!(state(), "in-flight");
    gone.store(true, Ordering::SeqCst);
    eventually("the answer is kept", || state() == "done");
    let again = gateway.send(card(key));
    assert_eq!(again.text(), "paid");
    assert_eq!(again.header("idempotency-replayed"), Some("true"));
    assert_eq!(backend.seen().len(), 1);
}

#[test]
fn a_request_under_way_is_not_made_again() {
    let backend = Backend::playing(|stream| {
        thread::sleep(Duration::from_millis(1500));
        let answer = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nlate";
        stream.write_all(answer.as_bytes()).unwrap();
    });
    let gateway = TestGateway::strict(|files| {
        files.pass_through(backend.address);
        files.change(
            "routes.toml",
            "# double_read  = \"2s\"",
            "double_read = \"300ms\" #",
        );
    });
    let key = "Idempotency-Key: k-1\r\n";
    let mut first = gateway.client();
    first.write(card(key));
    eventually("the backend is asked", || backend.seen().len() == 1);
    let again = gateway.send(card(key));
    again.assert_refused(409, "in-flight");
    assert_eq!(again.header("retry-after"), Some("1"));
    assert_eq!(first.answer().text(), "late");
    assert_eq!(backend.seen().len(), 1);
}

#[test]
fn of_a_large_answer_its_digest_is_kept() {
    let large = Backend::playing(|stream| {
        let body = "x".repeat(100_000);
        let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n{body}");
        stream.write_all(answer.as_bytes()).unwrap();
    });
    let gateway = TestGateway::strict(|files| files.pass_through(large.address));
    let key = "Idempotency-Key: k-1\r\n";
    let first = gateway.send(card(key));
    assert_eq!((first.status, first.body.len()), (200, 100_000));
    let again = gateway.send(card(key));
    again.assert_refused(409, "answer-not-kept");
    let given = &again.json()["given"];
    assert_eq!(
        (&given["status"], &given["length"]),
        (&json!(200), &json!(100_000))
    );
    // Of 100,000 times x, as sha256sum has it.
    let digest = "sha-256=:wI4asO6PtbFa4rUAgRvwoxNEbk3j14lExPmgqo9frkI=:";
    assert_eq!(given["digest"].as_str().unwrap().len(), digest.len());
    assert_eq!(large.seen().len(), 1);
}

#[test]
fn a_terminal_may_ask_what_became_of_its_request() {
    let gateway = strict();
    let code = WALLET.to_owned();
    let paid = pay(&gateway, &code, "\"a b/c\"");
    let told = gateway.send(get("/v1/outcomes/a%20b%2Fc?terminal=W-0001"));
    let told: Value = told.json();
    assert_eq!(told["state"], "done");
    assert_eq!(told["answer"]["status"], 200);
    assert_eq!(told["answer"]["content"], paid.text());
    // The key is this terminal's alone.
    assert_eq!(
        gateway
            .send(get("/v1/outcomes/a%20b%2Fc?terminal=W-0002"))
            .status,
        404
    );
    assert_eq!(
        gateway
            .send(get("/v1/outcomes/other?terminal=W-0001"))
            .status,
        404
    );
    gateway
        .send(get("/v1/outcomes/"))
        .assert_refused(400, "idempotency-key-malformed");
    gateway
        .send(post("/v1/outcomes/x", "", ""))
        .assert_refused(405, "method-not-allowed");
}

#[test]
fn what_the_gateway_answers_itself_has_a_key_as_well() {
    let gateway = strict();
    let body = json!({ "code": EAN, "scene": "pharmacy", "idempotency_key": "k-1" });
    let first = gateway.send(super::json(&body));
    let again = gateway.send(super::json(&body));
    assert_eq!((first.status, again.status), (200, 200));
    assert_eq!(first.body, again.body);
    assert_eq!(again.header("idempotency-replayed"), Some("true"));
}

#[test]
fn keys_that_disagree_are_refused() {
    let gateway = strict();
    let body = json!({ "code": EAN, "scene": "pharmacy", "idempotency_key": "k-1" });
    let headers = "Content-Type: application/json\r\nIdempotency-Key: k-2\r\n";
    gateway
        .send(post("/v1/scan", headers, body.to_string()))
        .assert_refused(400, "idempotency-key-malformed");
}

#[test]
fn books_in_memory_serve_where_no_money_moves() {
    let gateway = TestGateway::strict(|files| {
        files.change("routes.toml", "file = \"state/ledger\"\n", "");
        files.change("routes.toml", "key  = \"env:MULTICODE_STATE_KEY\"\n", "");
        files.change("routes.toml", "settlement = true", "settlement = false");
    });
    let code = WALLET.to_owned();
    assert_eq!(pay(&gateway, &code, "k-1").status, 200);
    let again = pay(&gateway, &code, "k-1");
    assert_eq!(again.header("idempotency-replayed"), Some("true"));
    gateway.only_received();
    // Which codes were used before this process began nobody knows.
    let code = gateway.mint("aggregate");
    pay(&gateway, &code, "k-2").assert_refused(422, "refresh-code");
}

fn outcome(gateway: &TestGateway, key: &str) -> Answer {
    gateway.send(get(&format!("/v1/outcomes/{key}?terminal=W-0001")))
}

fn get(target: &str) -> Vec<u8> {
    format!("GET {target} HTTP/1.1\r\nHost: gateway\r\n\r\n").into_bytes()
}
