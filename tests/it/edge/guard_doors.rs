//! Never twice, by whichever door, path or store a repetition comes.

use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use super::{Answer, Backend, Client, EAN, HEALTH_CARD, TestGateway, eventually, json, post};

/// A scene of health cards alone, whose requests are forwarded as long as anybody remembers them.
const DESK: &str = r#"
[scene.desk]
accepts         = ["health-card"]
freshness       = "any"
assurance       = "structure"
settlement      = false
when_store_away = "local"
"#;

/// What its backend answers.
const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

fn card(target: &str, headers: &str) -> Vec<u8> {
    let headers = format!("Content-Type: text/plain\r\n{headers}");
    post(target, &headers, HEALTH_CARD)
}

fn get(target: &str) -> Vec<u8> {
    format!("GET {target} HTTP/1.1\r\nHost: gateway\r\n\r\n").into_bytes()
}

fn is_replayed(answer: &Answer) -> bool {
    answer.header("idempotency-replayed") == Some("true")
}

#[test]
fn a_plus_in_a_path_is_a_plus() {
    let gateway = TestGateway::strict(|_| {});
    let body = serde_json::json!({ "code": EAN, "scene": "pharmacy", "idempotency_key": "a+b/c=" });
    assert_eq!(gateway.send(json(&body)).status, 200);
    for path in ["a+b%2Fc=", "a+b/c=", "a%2Bb%2Fc%3D"] {
        let told = gateway.send(get(&format!("/v1/outcomes/{path}")));
        assert_eq!(told.status, 200, "{path}: {}", told.whole());
        assert_eq!(told.json()["state"], "done");
    }
    gateway
        .send(get("/v1/outcomes/a%2"))
        .assert_refused(400, "idempotency-key-malformed");
}

#[test]
fn another_doors_scene_makes_another_request() {
    let backend = Backend::answering(OK);
    let gateway = TestGateway::strict(|files| {
        files.pass_through(backend.address);
        files.change(
            "routes.d/edge.toml",
            "scene = [\"other\"]",
            "scene = [\"other\", \"register\"]",
        );
        let door = "[listener.desk]\naddress = \"127.0.0.1:0\"\nanonymous = true\n\
                    terminals = \"any\"\ndefault_scene = \"register\"\n\n[admin]\n";
        files.change("routes.toml", "[admin]\n", door);
    });
    let [door, desk] = gateway.doors[..] else {
        panic!("{:?}", gateway.doors)
    };
    let send = |at, headers| Client::new(at).exchange(card("/v1/scan?terminal=W-0001", headers));
    assert!(!is_replayed(&send(door, "")));
    assert!(!is_replayed(&send(desk, "")), "no double read");
    let key = "Idempotency-Key: k-1\r\n";
    assert_eq!(send(door, key).status, 200);
    send(desk, key).assert_refused(422, "idempotency-key-reused");
    assert!(is_replayed(&send(door, key)));
    let scenes = backend.seen();
    let of = |scene: &str| scenes.iter().filter(|it| it.contains(scene)).count();
    assert_eq!(of("x-multicode-scene: register\r\n"), 1);
    assert_eq!(of("x-multicode-scene: other\r\n"), 1);
}

#[test]
fn what_was_sent_while_the_store_was_away_is_known_when_it_is_back() {
    let backend = Backend::answering(OK);
    let gateway = TestGateway::strict(|files| {
        files.pass_through(backend.address);
        files.change(
            "routes.d/edge.toml",
            "scene = [\"other\"]",
            "scene = [\"desk\"]",
        );
        files.change(
            "routes.toml",
            "[scene.register]\n",
            &format!("{DESK}\n[scene.register]\n"),
        );
    });
    let site = gateway.started.sites.load_full();
    let store = site.shared.books.store.swap(None);
    let scan = card(
        "/v1/scan?scene=desk&terminal=W-0001",
        "Idempotency-Key: k-1\r\n",
    );
    let first = gateway.send(&scan);
    assert_eq!((first.status, is_replayed(&first)), (200, false));
    let outcome = || gateway.send(get("/v1/outcomes/k-1?terminal=W-0001"));
    assert_eq!(outcome().json()["state"], "done");
    site.shared.books.store.store(store);
    let again = gateway.send(&scan);
    assert_eq!((again.text(), is_replayed(&again)), ("ok", true));
    assert_eq!(outcome().json()["state"], "done");
    assert_eq!(backend.seen().len(), 1);
}

#[test]
fn a_terminal_that_reads_slowly_keeps_no_outcome_from_being_known() {
    const LENGTH: usize = 12 << 20;
    let sent = Arc::new(Mutex::new(false));
    let tell = Arc::clone(&sent);
    let backend = Backend::playing(move |stream| {
        let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
        stream.write_all(head.as_bytes()).unwrap();
        let part = [b"10000\r\n".to_vec(), vec![b'x'; 0x10000], b"\r\n".to_vec()].concat();
        for _ in 0..LENGTH / 0x10000 {
            if stream.write_all(&part).is_err() {
                return;
            }
        }
        *tell.lock().unwrap() = stream.write_all(b"0\r\n\r\n").is_ok();
    });
    let gateway = TestGateway::strict(|files| {
        files.pass_through(backend.address);
        // A busy machine takes a while over so many bytes.
        files.change("routes.d/edge.toml", "timeout = \"2s\"", "timeout = \"8s\"");
    });
    let mut slow = gateway.client();
    slow.write(card(
        "/v1/scan?scene=other&terminal=W-0001",
        "Idempotency-Key: k-1\r\n",
    ));
    let state = || {
        let told = gateway.send(get("/v1/outcomes/k-1?terminal=W-0001"));
        (told.status == 200).then(|| told.json()["state"].as_str().unwrap().to_owned())
    };
    eventually("it is over", || state().is_some_and(|it| it != "in-flight"));
    assert_eq!(state().as_deref(), Some("done"));
    assert!(*sent.lock().unwrap(), "the whole answer was read");
    // What it gets is not taken for the whole.
    thread::sleep(Duration::from_millis(10));
    let rest = slow.rest();
    assert!(rest.len() < LENGTH && !rest.ends_with(b"0\r\n\r\n"));
}

#[test]
fn a_read_that_is_forgotten_before_its_time_holds_nobody_up() {
    let backend = Backend::answering(OK);
    let gateway = TestGateway::strict(|files| {
        files.pass_through(backend.address);
        files.change("routes.toml", "[state]\n", "[state]\nkeep = \"300ms\"\n");
    });
    let scan = card("/v1/scan?scene=other&terminal=W-0001", "");
    assert_eq!(gateway.send(&scan).text(), "ok");
    thread::sleep(Duration::from_millis(600));
    let again = gateway.send(&scan);
    assert_eq!((again.text(), is_replayed(&again)), ("ok", false));
    assert_eq!(backend.seen().len(), 2);
}
