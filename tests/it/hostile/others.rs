//! What a platform may answer, and what operators may hold up to the lab.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use super::made_bombs::tables;
use super::{HANDS, bombs, throw};
use crate::edge::{Backend, Client, Files, Program, json};
use crate::pictures::drawn::{made, webp};

/// A platform that is asked about every health card, and can be made to answer anything.
pub(super) struct Platform {
    answer: Arc<Mutex<Vec<u8>>>,
    cards: AtomicUsize,
}

impl Platform {
    pub(super) fn among(files: &Files) -> Self {
        let answer: Arc<Mutex<Vec<u8>>> = Arc::default();
        let told = Arc::clone(&answer);
        let backend = Backend::playing(move |stream| {
            let answer = told.lock().unwrap().clone();
            // Whoever asked may have had enough.
            let _ = stream.write_all(&answer);
        });
        let text = format!(
            r#"
owner = "platform"
[upstream.platform]
endpoints = ["http://{}"]
[contract.ask]
account = "health-card"
path    = "/ask"
json    = {{ code = "${{account}}" }}
[introspection.card]
families = ["health-card"]
upstream = "platform"
contract = "ask"
answer   = {{ valid = "/code", good = ["0"] }}
"#,
            backend.address
        );
        files.write("routes.d/platform.toml", &text);
        let cards = AtomicUsize::new(0);
        Self { answer, cards }
    }

    /// Has many scan cards that the platform answers this about.
    pub(super) fn check(&self, address: SocketAddr, answer: &[u8]) {
        *self.answer.lock().unwrap() = answer.to_vec();
        thread::scope(|scope| {
            for _ in 0..HANDS {
                scope.spawn(|| {
                    let card = self.cards.fetch_add(1, Ordering::Relaxed);
                    let scan = serde_json::json!({ "code": format!("{card:064X}:1"), "scene": "register", "terminal": "W-0001" });
                    let answer = throw(address, &json(&scan));
                    assert_eq!(answer.reason(), Some("issuer-unavailable"), "{}", answer.whole());
                });
            }
        });
    }
}

fn http(body: &str) -> Vec<u8> {
    let length = body.len();
    format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n{body}").into_bytes()
}

pub(super) fn answers() -> Vec<(&'static str, Vec<u8>)> {
    const WHOLE: usize = 64 << 10;
    let objects = format!(
        "{{\"a\":[{}{{\"\":0}}]}}",
        "{\"\":0},".repeat(WHOLE / 8 - 4)
    );
    let endless = [b"10000\r\n", &*vec![b' '; WHOLE], b"\r\n"].concat();
    let head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec();
    vec![
        ("answer: 8,000 objects", http(&objects)),
        ("answer: arrays 64 Ki deep", http(&"[".repeat(WHOLE))),
        ("answer: 16 MiB", http(&" ".repeat(16 << 20))),
        (
            "answer: 16 MiB in chunks",
            [head, endless.repeat(256)].concat(),
        ),
    ]
}

pub(super) fn pictures() -> Vec<(&'static str, Vec<u8>)> {
    vec![
        ("lab, png: 8 Mi pixels in colour", bombs::white()),
        ("lab, webp: tables of 1.3 GiB", tables(u16::MAX)),
        (
            "lab, webp: the heaviest lossless",
            webp(&made(1_500, 1_500, |_, _| 255)),
        ),
    ]
}

/// Many operators hold it up to the lab at once.
pub(super) fn check_lab(program: &Program, picture: &[u8]) {
    let host = program.admin;
    let (token, length) = (program.token("operator"), picture.len());
    let head = format!(
        "POST /admin/decode HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {token}\r\nContent-Type: image/png\r\nContent-Length: {length}\r\n\r\n"
    );
    let request = [head.as_bytes(), picture].concat();
    thread::scope(|scope| {
        for _ in 0..HANDS {
            scope.spawn(|| {
                let mut client = Client::new(host).patient();
                client.try_write(&request);
                let answer = client.answer();
                assert!(
                    [200, 413, 422, 503].contains(&answer.status),
                    "{}",
                    answer.whole()
                );
            });
        }
    });
}
