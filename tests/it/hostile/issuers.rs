//! What an issuer's server may publish that costs little to send, and would cost much to keep.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::edge::Files;
use crate::fetch::server::{KeyServer, Reply};
use crate::fetch::{make_key, set};

/// Where the issuer has its keys, and what it took back.
const KEYS: &str = "/jwks.json";
const LIST: &str = "/revoked.json";

/// As much as is taken of a list.
const WHOLE: usize = 4 << 20;

/// For a list of a million names, three times, in a build without optimisation.
const LONG: Duration = Duration::from_secs(120);

/// What is published where.
pub(super) struct Bomb {
    pub(super) name: &'static str,
    path: &'static str,
    body: Vec<u8>,
}

fn bomb(name: &'static str, path: &'static str, body: impl Into<Vec<u8>>) -> Bomb {
    let body = body.into();
    Bomb { name, path, body }
}

/// A list of that key with as many of these entries as are taken.
fn list(kid: &str, mut entry: impl FnMut(usize) -> String) -> String {
    let mut text = format!("{{\"kid\":\"{kid}\",\"method\":\"rid\",\"ctr\":1,\"rids\":[");
    for turn in 0.. {
        let next = entry(turn);
        if text.len() + next.len() + 16 > WHOLE {
            break;
        }
        text += &next;
        text.push(',');
    }
    text + "\"last\"]}"
}

/// As many of these lines as are taken.
fn lines(line: impl Fn(usize) -> String) -> String {
    let mut text = String::new();
    for turn in 0.. {
        let next = line(turn);
        if text.len() + next.len() > WHOLE {
            break;
        }
        text += &next;
    }
    text
}

pub(super) fn all() -> Vec<Bomb> {
    let kid = "k".repeat(100);
    let mut all = vec![
        bomb(
            "list: one card a million times",
            LIST,
            list(&kid, |_| "\"a\"".into()),
        ),
        bomb(
            "list: half a million cards",
            LIST,
            list(&kid, |turn| format!("\"{turn:x}\"")),
        ),
        bomb(
            "list: a million cards of a key of 2 MiB",
            LIST,
            list(&"k".repeat(WHOLE / 2), |_| "\"a\"".into()),
        ),
        bomb(
            "list: 300,000 codes in lines",
            LIST,
            lines(|turn| format!("code {turn:x}\n")),
        ),
        bomb(
            "list: 300,000 keys in lines",
            LIST,
            lines(|turn| format!("key {turn:x}\n")),
        ),
        bomb(
            "list: 300,000 blank names",
            LIST,
            list("k", |_| "\"\\u0000\\u0000\"".into()),
        ),
        bomb(
            "list: one card of 4 MiB",
            LIST,
            format!(
                "{{\"kid\":\"k\",\"method\":\"rid\",\"rids\":[\"{}\"]}}",
                "a".repeat(WHOLE - 64)
            ),
        ),
    ];
    all.extend(keys());
    all
}

fn keys() -> Vec<Bomb> {
    const WHOLE: usize = 1 << 20;
    let of = |item: &str| {
        let many = format!("{item},").repeat((WHOLE - 64) / (item.len() + 1));
        format!("{{\"keys\":[{many}{item}]}}")
    };
    let members = (0..100_000).fold("{".to_owned(), |all, at| all + &format!("\"{at}\":0,"));
    let key = make_key();
    let names: Vec<_> = (0..4_096).map(|at| format!("{at:0>100}")).collect();
    let many: Vec<_> = names.iter().map(|name| (&**name, &key)).collect();
    vec![
        bomb("keys: a million nothings", KEYS, of("0")),
        bomb("keys: empty objects", KEYS, of("{}")),
        bomb("keys: members", KEYS, members + "\"keys\":[]}"),
        bomb(
            "keys: arrays deep",
            KEYS,
            "{\"keys\":".to_owned() + &"[".repeat(WHOLE - 64),
        ),
        bomb("keys: 4,096 that are none", KEYS, {
            let none = format!("{{\"kty\":\"EC\",\"kid\":\"{}\"}}", "k".repeat(200));
            format!("{{\"keys\":[{}{none}]}}", format!("{none},").repeat(4_095))
        }),
        bomb("keys: 4,096 good ones", KEYS, set(&many)),
    ]
}

/// An issuer whose server can be made to publish anything.
pub(super) struct Issuer {
    server: KeyServer,
    published: Arc<Mutex<HashMap<String, Vec<u8>>>>,
}

impl Issuer {
    /// One among those of the files, asked every second.
    pub(super) fn among(files: &Files) -> Self {
        let server = KeyServer::start(Reply::nothing());
        let published = HashMap::from([
            (KEYS.to_owned(), set(&[("k1", &make_key())]).into_bytes()),
            (LIST.to_owned(), b"code one\n".to_vec()),
        ]);
        let published = Arc::new(Mutex::new(published));
        let told = Arc::clone(&published);
        server.plays(move |asked| Reply::json(&told.lock().unwrap()[&asked.path]));
        std::fs::copy(server.ca(), files.path("issuer-ca.pem")).unwrap();
        let main = std::fs::read_to_string(files.main()).unwrap();
        let text = format!(
            r#"
[issuer.hostile]
keys = {{ url = "{}", ca = "issuer-ca.pem", private_addresses = true, refresh = "1s" }}
revoked = [{{ url = "{}", ca = "issuer-ca.pem", private_addresses = true }}]
"#,
            server.url(KEYS),
            server.url(LIST),
        );
        files.write("routes.toml", &format!("{main}{text}"));
        Self { server, published }
    }

    /// Publishes it until it was looked at: it was asked for again.
    pub(super) fn throws(&self, bomb: &Bomb) {
        let asked = || {
            self.server
                .seen()
                .iter()
                .filter(|it| it.path == bomb.path)
                .count()
        };
        let body = bomb.body.clone();
        self.published
            .lock()
            .unwrap()
            .insert(bomb.path.to_owned(), body);
        let before = asked();
        let began = Instant::now();
        while asked() < before + 3 {
            assert!(began.elapsed() < LONG, "{} is not asked for", bomb.name);
            sleep(Duration::from_millis(20));
        }
    }
}
