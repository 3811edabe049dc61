//! What comes back instead of keys: each is told for what it is, and the last good keys stay.

use std::time::Duration;

use multicode::fetch::Pace;
use multicode::trust::standing::SupplyState;

use super::server::{KeyServer, Reply};
use super::{Tending, at, eventually, feed, make_key, one_key, set, setting};

/// A server that has a key and then says this.
#[track_caller]
fn check(reply: Reply, why: &str) {
    let (server, _) = one_key();
    let tending = Tending::of(&server);
    assert!(tending.has("k1"), "{}", tending.error());
    assert_eq!(tending.standing().state, SupplyState::Fresh);
    server.says(reply);
    tending.keeper.refresh(Some("a"));
    assert!(tending.has("k1"));
    assert!(tending.error().contains(why), "{}", tending.error());
    let standing = tending.standing();
    assert_eq!(standing.state, SupplyState::Failing);
    assert_eq!(standing.trouble(), standing.last_error.as_deref());
    assert!(standing.next_refresh > standing.last_attempt);
}

#[test]
fn what_is_no_key_set_never_takes_the_place_of_one() {
    check(Reply::json(""), "nothing where a JWK Set");
    check(Reply::json("{\"keys\":"), "broken JSON");
    check(Reply::json("{}"), "JSON without one array");
    check(Reply::full("200 OK", "<!doctype html><p>Sign in"), "HTML");
    check(Reply::json("{\"keys\":[]}"), "a key set without a key");
    let deep = format!("{}{}", "[".repeat(50_000), "]".repeat(50_000));
    check(
        Reply::json(format!("{{\"keys\":{deep}}}")),
        "not a JSON object",
    );
    let secret = r#"{"keys":[{"kty":"oct","kid":"k1","alg":"HS256","k":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}]}"#;
    check(
        Reply::json(secret),
        "none of 1 keys can be used; k1: a shared secret from the network",
    );
    check(Reply::full("503 Busy", "soon"), "status 503");
    check(Reply::full("404 No", "{}"), "status 404");
    check(Reply::full("304 Not Modified", ""), "status 304");
    check(Reply::raw("HTTP/9 what\r\n\r\n"), "no whole answer in HTTP");
    check(Reply::nothing(), "no whole answer in HTTP");
    let cut = "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"keys\":[";
    check(Reply::raw(cut), "no whole answer in HTTP");
}

#[test]
fn what_is_too_large_is_not_read_to_its_end() {
    let five = vec![b' '; 5 << 20];
    check(Reply::json(&five), "longer than 1048576 bytes");
    let chunks: Vec<u8> = (0..80)
        .flat_map(|_| [b"10000\r\n", &vec![b' '; 0x10000][..], b"\r\n"].concat())
        .collect();
    let endless = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    check(
        Reply::raw([&endless[..], &chunks].concat()),
        "longer than 1048576 bytes",
    );
    let head = format!("HTTP/1.1 200 OK\r\nX: {}\r\n\r\n", "x".repeat(40_000));
    check(Reply::raw(head), "no whole answer in HTTP");
    let zipped = Reply::full("200 OK\r\nContent-Encoding: gzip", [31, 139, 8, 0]);
    check(zipped, "a compressed answer");
}

#[test]
fn a_redirect_stays_on_the_origin() {
    let other = KeyServer::start(Reply::json("{}"));
    let elsewhere = format!("another origin, {}", other.url(""));
    check(
        Reply::redirect(&other.url("/jwks.json?token=x")),
        &elsewhere,
    );
    check(
        Reply::redirect("http://localhost/jwks.json"),
        "another origin, http://localhost",
    );
    check(
        Reply::redirect("//169.254.169.254/latest"),
        "another origin",
    );
    check(Reply::redirect("file:///etc/passwd"), "cannot be followed");
    check(Reply::redirect("jwks2.json"), "cannot be followed");
    check(Reply::redirect("/jwks.json"), "too many redirects");
    check(Reply::full("302 Found", ""), "cannot be followed");
    assert_eq!(other.seen(), []);
}

#[test]
fn a_redirect_on_the_origin_is_followed() {
    let key = make_key();
    let keys = set(&[("k1", &key)]);
    let server = KeyServer::start(Reply::nothing());
    let port = server.address.port();
    server.plays(move |asked| match &*asked.path {
        "/jwks.json" => Reply::redirect("/moved"),
        "/moved" => Reply::redirect(&format!("https://LOCALHOST:{port}/keys?v=2")),
        _ => Reply::json(&keys),
    });
    let tending = Tending::of(&server);
    assert!(tending.has("k1"), "{}", tending.error());
    assert_eq!(server.seen().last().unwrap().path, "/keys?v=2");
}

#[test]
fn a_slow_server_is_given_up_in_time() {
    let (server, _) = one_key();
    let pace = Pace {
        answer: Duration::from_millis(300),
        ..setting().pace
    };
    let setting = super::Setting { pace, ..setting() };
    let tending = Tending::start(setting, feed("a", at(server.remote("/jwks.json"))));
    assert!(tending.has("k1"));
    for late in [
        Reply::json("{}").after(Duration::from_secs(2)),
        Reply {
            drip: Some(Duration::from_millis(30)),
            ..Reply::json(" ".repeat(1_000))
        },
    ] {
        server.says(late);
        tending.keeper.refresh(None);
        assert_eq!(tending.error(), "no whole answer within 0.3 s");
    }
    assert!(tending.has("k1"));
}

#[test]
fn an_address_inside_is_refused_unless_it_is_allowed() {
    let (server, _) = one_key();
    for host in [
        "localhost",
        "127.0.0.1",
        "::1",
        "169.254.169.254",
        "0.0.0.0",
    ] {
        let mut remote = server.remote("/jwks.json");
        (remote.host, remote.private_addresses) = (host.into(), false);
        let tending = Tending::start(setting(), feed("a", at(remote)));
        let error = tending.error();
        assert!(error.contains("not a public address"), "{host}: {error}");
        assert_eq!(tending.standing().state, SupplyState::Awaited);
    }
    assert_eq!(server.seen(), []);
}

#[test]
fn a_server_nobody_vouches_for_is_not_believed() {
    let ((server, _), (stranger, _)) = (one_key(), one_key());
    let mut remote = server.remote("/jwks.json");
    remote.authority = stranger.authority();
    let tending = Tending::start(setting(), feed("a", at(remote)));
    assert_eq!(
        tending.error(),
        "its certificate is not vouched for by the configured ca"
    );
    let mut remote = server.remote("/jwks.json");
    remote.host = "127.0.0.1".into();
    let tending = Tending::start(setting(), feed("a", at(remote)));
    assert!(
        tending.error().starts_with("no TLS with the server: "),
        "{}",
        tending.error()
    );
    assert_eq!(server.seen(), []);
}

#[test]
fn a_name_nobody_knows_is_an_error_like_any_other() {
    let (server, _) = one_key();
    let mut remote = server.remote("/jwks.json");
    remote.host = "keys.invalid".into();
    let tending = Tending::start(setting(), feed("a", at(remote)));
    eventually("an error", || tending.standing().last_error.is_some());
    assert!(tending.error().contains("resolved"), "{}", tending.error());
}

#[test]
fn a_bad_key_is_listed_and_the_good_ones_load() {
    let key = make_key();
    let mut keys: serde_json::Value = serde_json::from_str(&set(&[("k1", &key)])).unwrap();
    let bad =
        serde_json::json!({ "kty": "EC", "crv": "P-256", "kid": "bad", "x": "AA", "y": "AA" });
    keys["keys"].as_array_mut().unwrap().push(bad);
    let server = KeyServer::start(Reply::json(keys.to_string()));
    let tending = Tending::of(&server);
    assert!(tending.has("k1") && !tending.has("bad"));
    let standing = tending.standing();
    assert_eq!(&*standing.rejected[0].id, "bad");
    assert!(!standing.rejected[0].reason.is_empty());
    assert_eq!(standing.trouble(), None);
}

#[test]
fn the_same_version_is_not_sent_twice() {
    let key = make_key();
    let keys = set(&[("k1", &key)]);
    let server = KeyServer::start(Reply::nothing());
    server.plays(move |asked| match asked.etag.as_deref() {
        Some("\"7\"") => Reply::raw("HTTP/1.1 304 Not Modified\r\nETag: \"7\"\r\n\r\n"),
        _ => Reply::json(&keys),
    });
    let body = set(&[("k1", &key)]);
    let marked = Reply::full("200 OK\r\nETag: \"7\"", body);
    server.plays(move |asked| match asked.etag.as_deref() {
        Some("\"7\"") => Reply::raw("HTTP/1.1 304 Not Modified\r\nETag: \"7\"\r\n\r\n"),
        _ => marked.clone(),
    });
    let tending = Tending::of(&server);
    let before = tending.standing();
    std::thread::sleep(Duration::from_millis(5));
    tending.keeper.refresh(Some("a"));
    assert_eq!(tending.error(), "");
    let after = tending.standing();
    assert!(after.last_success > before.last_success && after.serve_until > before.serve_until);
    assert_eq!(server.seen().last().unwrap().etag.as_deref(), Some("\"7\""));
    assert!(tending.has("k1"));
}
