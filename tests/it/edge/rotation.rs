//! Keys that change while scans flow.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use multicode::reload::Reloader;

use super::files::OneSecret;
use super::{Client, Files, Program, TestGateway, eventually, post};
use crate::fetch::server::{KeyServer, Reply};
use crate::fetch::{make_key, set, token};

/// An issuer whose keys that server has, asked every second.
fn add_issuer(files: &Files, server: &KeyServer, more: &str) {
    std::fs::copy(server.ca(), files.path("ca.pem")).unwrap();
    let url = server.url("/jwks.json");
    let text = format!(
        r#"
[issuer.a]
keys = {{ url = "{url}", ca = "ca.pem", private_addresses = true, refresh = "1s"{more} }}
"#
    );
    let main = std::fs::read_to_string(files.main()).unwrap();
    files.write("routes.toml", &format!("{main}{text}"));
}

fn gateway(server: &KeyServer, more: &str) -> TestGateway {
    TestGateway::with(|files| add_issuer(files, server, more))
}

/// Clients that scan without a pause until told to stop; each shows every code it can make.
struct Crowd {
    stop: Arc<AtomicBool>,
    served: Arc<AtomicU64>,
    threads: Vec<thread::JoinHandle<Vec<String>>>,
}

impl Crowd {
    fn gather(gateway: &TestGateway, make: impl Fn(u64) -> String + Send + Sync + 'static) -> Self {
        let (stop, served) = (
            Arc::new(AtomicBool::new(false)),
            Arc::new(AtomicU64::new(0)),
        );
        let make = Arc::new(make);
        let threads = (0..4).map(|place: u64| {
            let (stop, served, make) = (Arc::clone(&stop), Arc::clone(&served), Arc::clone(&make));
            let mut client = Client::new(gateway.address);
            thread::spawn(move || {
                let mut refused = Vec::new();
                let mut turn = place << 32;
                while !stop.load(Ordering::Relaxed) {
                    turn += 1;
                    let answer = client.exchange(post("/v1/scan", "", make(turn)));
                    if answer.status == 200 {
                        served.fetch_add(1, Ordering::Relaxed);
                    } else {
                        refused.push(answer.whole());
                    }
                }
                refused
            })
        });
        let threads = threads.collect();
        Self {
            stop,
            served,
            threads,
        }
    }

    /// Lets so many more scans pass.
    fn let_pass(&self, scans: u64) {
        let until = self.served.load(Ordering::Relaxed) + scans;
        eventually("scans pass", || {
            self.served.load(Ordering::Relaxed) >= until
        });
    }

    /// What was refused.
    fn ends(self) -> Vec<String> {
        self.stop.store(true, Ordering::Relaxed);
        let threads = self.threads.into_iter();
        threads.flat_map(|it| it.join().unwrap()).collect()
    }
}

/// Rotates under load: the new key is used that long after it was published, the old one taken away
/// later.
#[track_caller]
fn check_rotation(refresh: &str, used_after: Duration) {
    let (old, new) = (Arc::new(make_key()), Arc::new(make_key()));
    let server = KeyServer::start(Reply::json(set(&[("old", &old)])));
    let gateway = TestGateway::with(|files| {
        add_issuer(files, &server, "");
        let refresh = format!("refresh = \"{refresh}\"");
        files.change("routes.toml", "refresh = \"1s\"", &refresh);
    });
    let turned = Arc::new(AtomicBool::new(false));
    let keys = (Arc::clone(&old), Arc::clone(&new), Arc::clone(&turned));
    let crowd = Crowd::gather(&gateway, move |turn| {
        let (old, new, turned) = &keys;
        if turned.load(Ordering::Relaxed) && turn.is_multiple_of(2) {
            token("a", "new", new, turn)
        } else {
            token("a", "old", old, turn)
        }
    });
    crowd.let_pass(50);
    server.says(Reply::json(set(&[("old", &old), ("new", &new)])));
    thread::sleep(used_after);
    turned.store(true, Ordering::Relaxed);
    crowd.let_pass(400);
    assert_eq!(crowd.ends(), [""; 0]);
    server.says(Reply::json(set(&[("new", &new)])));
    let scan = |code| gateway.send(post("/v1/scan", "", code)).status;
    if refresh == "1h" {
        gateway.started.sites.load().shared.keeper.refresh(None);
    }
    let began = Instant::now();
    eventually("the old key is gone", || {
        scan(token("a", "old", &old, 1)) == 401
    });
    assert!(began.elapsed() < Duration::from_secs(3));
    assert_eq!(scan(token("a", "new", &new, 1)), 200);
}

#[test]
fn a_rotation_announced_ahead_refuses_nobody() {
    check_rotation("1s", Duration::from_millis(1_500));
}

#[test]
fn a_key_used_the_moment_it_is_published_refuses_nobody() {
    check_rotation("1h", Duration::ZERO);
}

#[test]
fn an_unknown_key_is_unknown_only_if_its_issuer_says_so() {
    let key = make_key();
    let server = KeyServer::start(Reply::json(set(&[("k1", &key)])));
    let gateway = gateway(&server, ", max_stale = \"3s\"");
    let scan = |kid| gateway.send(post("/v1/scan", "", token("a", kid, &key, 1)));
    scan("k2").assert_refused(401, "unknown-key");
    assert_eq!(scan("k1").status, 200);
    server.dies();
    eventually("in doubt", || {
        scan("k2").reason() == Some("key-unavailable")
    });
    let began = Instant::now();
    scan("k3").assert_refused(503, "key-unavailable");
    assert!(began.elapsed() < Duration::from_millis(500));
    assert_eq!(scan("k1").status, 200);
    eventually("stale", || scan("k1").reason() == Some("keys-stale"));
    let labels = "{issuer=\"a\",outcome=\"failure\"}";
    assert!(gateway.metric(&format!("multicode_key_fetches_total{labels}")) >= 1.0);
    assert!(gateway.metric("multicode_keys{issuer=\"a\",state=\"active\"}") > 0.5);
    assert!(gateway.metric("multicode_keys_fresh_timestamp_seconds{issuer=\"a\"}") > 1e9);
    server.says(Reply::json(set(&[("k1", &key)])));
    eventually("fresh", || scan("k1").status == 200);
}

#[test]
fn a_slow_server_holds_a_scan_up_for_a_second_and_nobody_else() {
    let key = make_key();
    let server = KeyServer::start(Reply::json(set(&[("k1", &key)])));
    let gateway = gateway(&server, "");
    let slow = Reply::json(set(&[("k1", &key)]));
    server.says(slow.after(Duration::from_secs(4)));
    let mut waiting = gateway.client();
    let began = Instant::now();
    waiting.write(post("/v1/scan", "", token("a", "k2", &key, 1)));
    for turn in 0..20 {
        let answer = gateway.send(post("/v1/scan", "", token("a", "k1", &key, turn)));
        assert_eq!(answer.status, 200);
    }
    assert!(
        began.elapsed() < Duration::from_millis(900),
        "known keys waited"
    );
    waiting.answer().assert_refused(503, "key-unavailable");
    assert!(began.elapsed() < Duration::from_secs(2));
}

#[test]
fn a_reload_asks_no_key_server() {
    let key = make_key();
    let server = KeyServer::start(Reply::json(set(&[("k1", &key)])));
    let gateway = TestGateway::with(|files| {
        add_issuer(files, &server, "");
        files.change("routes.toml", "refresh = \"1s\"", "refresh = \"1h\"");
    });
    let reloader = Reloader::new(
        gateway.files.main(),
        Box::new(OneSecret),
        Arc::clone(&gateway.started.sites),
        gateway.started.metrics.clone(),
        multicode::app::now(),
    );
    server.dies();
    let before = server.count();
    reloader.reload(multicode::app::now()).unwrap();
    let answer = gateway.send(post("/v1/scan", "", token("a", "k1", &key, 1)));
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(server.count(), before);
}

#[test]
fn operators_are_told_which_issuer_is_in_trouble() {
    let server = KeyServer::start(Reply::nothing());
    let (files, mocks) = (Files::shipped(), super::Mocks::start());
    mocks.stand_in(&files);
    add_issuer(&files, &server, "");
    let program = Program::serve(&files, "info");
    let readiness = program.get("/readyz");
    assert_eq!(readiness.status, 200);
    let told = readiness.json();
    assert_eq!(told["status"], "degraded");
    assert_eq!(told["issuers"][0]["issuer"], "a");
    assert_eq!(told["issuers"][0]["state"], "awaited");
    assert!(told["issuers"][0]["why"].as_str().unwrap().contains("HTTP"));
    let key = make_key();
    server.says(Reply::json(set(&[("k1", &key)])));
    eventually("ready", || {
        program.get("/readyz").json()["status"] == "ready"
    });
    let answer = program.send(post("/v1/scan", "", token("a", "k1", &key, 1)));
    assert_eq!(answer.status, 200, "{answer:?}");
    program.wait_until_it_says("cannot have the keys of a: no whole answer in HTTP");
    program.wait_until_it_says("the keys of a can be had again");
    let said = program.said();
    assert!(said.contains("; none yet"), "{said}");
    assert_eq!(said.matches("cannot have the keys").count(), 1, "{said}");
}

#[test]
fn operators_are_told_when_it_is_a_list_that_cannot_be_had() {
    let key = make_key();
    let server = KeyServer::start(Reply::nothing());
    let keys = set(&[("k1", &key)]);
    server.plays(move |asked| match &*asked.path {
        "/jwks.json" => Reply::json(&keys),
        _ => Reply::full("404 No", ""),
    });
    let (files, mocks) = (Files::shipped(), super::Mocks::start());
    mocks.stand_in(&files);
    add_issuer(&files, &server, "");
    let url = server.url("/revoked.txt");
    let list =
        format!("revoked = [{{ url = \"{url}\", ca = \"ca.pem\", private_addresses = true }}]\n");
    let main = std::fs::read_to_string(files.main()).unwrap();
    files.write("routes.toml", &format!("{main}{list}"));
    let program = Program::serve(&files, "info");
    let told = program.get("/readyz").json();
    assert_eq!(told["issuers"][0]["state"], "fresh");
    let why = format!("revocation list {url}: status 404, expected 200");
    assert_eq!(told["issuers"][0]["why"], why);
    program.wait_until_it_says("cannot have the revocation list of a: status 404, expected 200");
    program.wait_until_it_says("none yet, so it takes nothing back");
}

#[test]
fn two_reloads_at_once_leave_keys_that_are_kept_fresh() {
    let (old, new) = (make_key(), make_key());
    let server = KeyServer::start(Reply::json(set(&[("old", &old)])));
    let silent = KeyServer::start(Reply::nothing().after(Duration::from_secs(20)));
    let gateway = gateway(&server, "");
    let reloader = Arc::new(Reloader::new(
        gateway.files.main(),
        Box::new(OneSecret),
        Arc::clone(&gateway.started.sites),
        gateway.started.metrics.clone(),
        multicode::app::now(),
    ));
    // A new issuer, whose server is silent, and a hangup; then the next one, as `serve` does it.
    std::fs::copy(silent.ca(), gateway.files.path("silent.pem")).unwrap();
    let url = silent.url("/jwks.json");
    let main = std::fs::read_to_string(gateway.files.main()).unwrap();
    let text = format!(
        "\n[issuer.b]\nkeys = {{ url = \"{url}\", ca = \"silent.pem\", private_addresses = true }}\n"
    );
    gateway.files.write("routes.toml", &format!("{main}{text}"));
    let first = Arc::clone(&reloader);
    let first = thread::spawn(move || first.reload(multicode::app::now()).is_ok());
    thread::sleep(Duration::from_millis(1_500));
    assert!(reloader.reload(multicode::app::now()).is_ok());
    assert!(first.join().unwrap());
    let scan = |code| gateway.send(post("/v1/scan", "", code)).status;
    assert_eq!(scan(token("a", "old", &old, 1)), 200);
    server.says(Reply::json(set(&[("new", &new)])));
    // Refreshed every second, and an unknown key is asked for.
    thread::sleep(Duration::from_secs(4));
    assert_eq!(
        (
            scan(token("a", "new", &new, 1)),
            scan(token("a", "old", &old, 2))
        ),
        (200, 401)
    );
}
