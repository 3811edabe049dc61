//! What issuers took back.

use std::fs;

use multicode::fetch::{Keeper, Origin, WhenUnlisted};
use multicode::trust::standing::SupplyState;
use multicode::trust::{Issuer, KeySet, Supply, material};
use serde_json::{Value, json};

use super::server::{KeyServer, Reply};
use super::{
    Setting, Tending, at, eventually, feed, make_key, now as run, one_key, outcome, set, setting,
    token,
};

#[test]
fn a_key_that_was_taken_back_is_refused_within_the_refresh() {
    let (server, key) = one_key();
    let lists = KeyServer::start(Reply::full("200 OK", "# nothing yet\n"));
    let mut feed = feed("a", at(server.remote("/jwks.json")));
    feed.revoked = vec![Origin::Remote(lists.remote("/revoked.txt"))];
    feed.refresh = std::time::Duration::from_secs(1);
    let tending = Tending::start(setting(), feed);
    let code = token("a", "k1", &key, 1);
    let decide = || outcome(&tending.keys.load(), &code, multicode::app::now());
    assert_eq!(decide(), Ok("recognise-only".into()));
    lists.says(Reply::full("200 OK", "key k1\n"));
    eventually("revoked", || decide() == Err("revoked"));
    lists.dies();
    eventually("an error", || {
        tending.standing().lists[0].last_error.is_some()
    });
    assert_eq!(decide(), Err("revoked"));
    let standing = tending.standing();
    assert_eq!((standing.revoked.keys, standing.revoked.codes), (1, 0));
    assert!(standing.trouble().is_some());
}

#[test]
fn a_list_in_a_file_is_hot() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("revoked.txt");
    fs::write(&path, "").unwrap();
    let (server, key) = one_key();
    let mut feed = feed("a", at(server.remote("/jwks.json")));
    feed.revoked = vec![Origin::File(path.clone())];
    let tending = Tending::start(setting(), feed);
    let (one, two) = (token("a", "k1", &key, 1), token("a", "k1", &key, 2));
    let decide = |code| outcome(&tending.keys.load(), code, multicode::app::now());
    assert_eq!(decide(&one), Ok("recognise-only".into()));
    fs::write(&path, "code t1\n").unwrap();
    eventually("revoked", || decide(&one) == Err("revoked"));
    assert_eq!(decide(&two), Ok("recognise-only".into()));
    fs::write(&path, "what is this\n").unwrap();
    eventually("an error", || tending.standing().trouble().is_some());
    assert_eq!(decide(&one), Err("revoked"));
}

#[test]
fn a_card_issuers_lists_are_fetched_when_their_version_changes() {
    let key = make_key();
    let publish = move |server: &KeyServer, version: u64, rids: &'static [&'static str]| {
        let mut keys: Value = serde_json::from_str(&set(&[("k1", &key)])).unwrap();
        keys["keys"][0]["crlVersion"] = json!(version);
        let keys = keys.to_string();
        server.plays(move |asked| match &*asked.path {
            "/i/.well-known/jwks.json" => Reply::json(&keys),
            "/i/.well-known/crl/k1.json" => Reply::json(
                json!({ "kid": "k1", "method": "rid", "ctr": version, "rids": rids }).to_string(),
            ),
            _ => Reply::full("404 No", ""),
        });
    };
    let server = KeyServer::start(Reply::nothing());
    publish(&server, 1, &["x"]);
    let feed = feed("a", at(server.remote("/i/.well-known/jwks.json")));
    let tending = Tending::start(setting(), feed);
    eventually("the first list", || tending.standing().revoked.codes == 1);
    let lists = || {
        let seen = server.seen();
        seen.iter().filter(|it| it.path.contains("/crl/")).count()
    };
    assert_eq!(lists(), 1);
    // Asking for a key asks for the keys alone.
    let _ = run(tending.keeper.renew("a", Some("k2")));
    assert_eq!((lists(), server.count()), (1, 3));
    publish(&server, 2, &["x", "y"]);
    tending.keeper.refresh(Some("a"));
    eventually("the second list", || tending.standing().revoked.codes == 2);
    assert_eq!(tending.standing().lists.len(), 1);
}

#[test]
fn an_empty_answer_does_not_give_back_what_was_taken() {
    let (server, key) = one_key();
    let lists = KeyServer::start(Reply::full("200 OK", "key k1\n"));
    let mut feed = feed("a", at(server.remote("/jwks.json")));
    feed.revoked = vec![Origin::Remote(lists.remote("/revoked.txt"))];
    let tending = Tending::start(setting(), feed);
    let code = token("a", "k1", &key, 1);
    let decide = || outcome(&tending.keys.load(), &code, multicode::app::now());
    assert_eq!(decide(), Err("revoked"));
    for nothing in [
        "",
        "# nothing\n",
        "{\"kid\":\"k1\",\"method\":\"rid\",\"rids\":[]}",
    ] {
        lists.says(Reply::full("200 OK", nothing));
        tending.keeper.refresh(None);
        assert_eq!(decide(), Err("revoked"));
        let told = tending.standing().lists[0].last_error.clone().unwrap();
        assert!(told.contains("without an entry"), "{told}");
    }
    // An entry that is about nobody gives everything back.
    lists.says(Reply::full("200 OK", "code nobody\n"));
    tending.keeper.refresh(None);
    assert_eq!(decide(), Ok("recognise-only".into()));
}

#[test]
fn an_emptied_file_does_not_give_back_what_was_taken() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("revoked.txt");
    fs::write(&path, "code t1\n").unwrap();
    let (server, key) = one_key();
    let mut feed = feed("a", at(server.remote("/jwks.json")));
    feed.revoked = vec![Origin::File(path.clone())];
    let tending = Tending::start(setting(), feed);
    fs::write(&path, "").unwrap();
    eventually("an error", || tending.standing().trouble().is_some());
    let code = token("a", "k1", &key, 1);
    let told = outcome(&tending.keys.load(), &code, multicode::app::now());
    assert_eq!(told, Err("revoked"));
}

#[test]
fn a_card_list_is_of_its_key_and_never_goes_back() {
    let key = make_key();
    let mut keys: Value = serde_json::from_str(&set(&[("k1", &key)])).unwrap();
    keys["keys"][0]["crlVersion"] = json!(1);
    let keys = keys.to_string();
    let server = KeyServer::start(Reply::nothing());
    let publish = |list: String| {
        let keys = keys.clone();
        server.plays(move |asked| match &*asked.path {
            "/.well-known/jwks.json" => Reply::json(&keys),
            _ => Reply::json(&list),
        });
    };
    let list = |kid: &str, ctr: u64, rids: &[&str]| {
        json!({ "kid": kid, "method": "rid", "ctr": ctr, "rids": rids }).to_string()
    };
    publish(list("k1", 5, &["x", "y"]));
    let origin = at(server.remote("/.well-known/jwks.json"));
    let tending = Tending::start(setting(), feed("a", origin));
    eventually("the list", || tending.standing().revoked.codes == 2);
    for (bad, why) in [
        (list("k2", 6, &["z"]), "another key"),
        (list("k1", 4, &["x"]), "ctr 4 is before the known 5"),
        (list("k1", 6, &[]), "without an entry"),
        ("code z\n".to_owned(), "not a revocation list"),
    ] {
        publish(bad);
        tending.keeper.refresh(None);
        let standing = tending.standing();
        assert_eq!(standing.revoked.codes, 2);
        let told = standing.lists[0].last_error.clone().unwrap();
        assert!(told.contains(why), "{told}");
    }
    publish(list("k1", 6, &["y"]));
    tending.keeper.refresh(None);
    assert_eq!(tending.standing().revoked.codes, 1);
}

#[test]
fn a_list_that_could_never_be_had_takes_nothing_back_and_says_so() {
    let (server, key) = one_key();
    let lists = KeyServer::start(Reply::nothing());
    let mut feed = feed("a", at(server.remote("/jwks.json")));
    feed.revoked = vec![Origin::Remote(lists.remote("/revoked.txt"))];
    let tending = Tending::start(setting(), feed);
    let code = token("a", "k1", &key, 1);
    let told = outcome(&tending.keys.load(), &code, multicode::app::now());
    assert_eq!(told, Ok("recognise-only".into()));
    let standing = tending.standing();
    assert_eq!(standing.lists[0].revoked, None);
    assert!(standing.trouble().is_some());
}

#[test]
fn a_cold_start_has_the_last_lists() {
    let folder = tempfile::tempdir().unwrap();
    let (server, key) = one_key();
    let lists = KeyServer::start(Reply::full("200 OK", "key k1\n"));
    let start = || {
        let mut feed = feed("a", at(server.remote("/jwks.json")));
        feed.revoked = vec![Origin::Remote(lists.remote("/revoked.txt"))];
        let snapshot = Some(folder.path().join("keys"));
        let setting = Setting {
            snapshot,
            ..setting()
        };
        Tending::start(setting, feed)
    };
    drop(start());
    lists.dies();
    let tending = start();
    let code = token("a", "k1", &key, 1);
    let decide = || outcome(&tending.keys.load(), &code, multicode::app::now());
    assert_eq!(decide(), Err("revoked"));
    lists.says(Reply::full("200 OK", ""));
    tending.keeper.refresh(None);
    assert_eq!(decide(), Err("revoked"));
}

#[test]
fn an_issuer_may_serve_only_with_its_lists() {
    let (server, key) = one_key();
    let lists = KeyServer::start(Reply::nothing());
    let mut feed = feed("a", at(server.remote("/jwks.json")));
    feed.revoked = vec![Origin::Remote(lists.remote("/revoked.txt"))];
    feed.when_unlisted = WhenUnlisted::Reject;
    let tending = Tending::start(setting(), feed);
    let code = token("a", "k1", &key, 1);
    let decide = || outcome(&tending.keys.load(), &code, multicode::app::now());
    assert_eq!(decide(), Err("key-unavailable"));
    assert_eq!(tending.standing().state, SupplyState::Awaited);
    lists.says(Reply::full("200 OK", "code other\n"));
    tending.keeper.refresh(None);
    assert_eq!(decide(), Ok("recognise-only".into()));
    assert_eq!(tending.standing().state, SupplyState::Fresh);
    // What was had once holds.
    lists.dies();
    tending.keeper.refresh(None);
    assert_eq!(decide(), Ok("recognise-only".into()));
}

#[test]
fn keys_of_the_configuration_serve_once_their_list_is_there() {
    let key = make_key();
    let lists = KeyServer::start(Reply::nothing());
    let mut feed = feed("a", None);
    feed.revoked = vec![Origin::Remote(lists.remote("/revoked.txt"))];
    feed.when_unlisted = WhenUnlisted::Reject;
    let written = material::read(set(&[("k1", &key)]).as_bytes(), &feed.reading).unwrap();
    let issuer = Issuer {
        id: "a".into(),
        keys: KeySet::new(written.keys, Supply::Files).into(),
        ..Issuer::default()
    };
    let keeper = Keeper::start(setting()).unwrap();
    let keys = keeper.adopt(vec![feed], [issuer].into_iter().collect());
    let (keys, code) = (keys.unwrap(), token("a", "k1", &key, 1));
    let decide = || outcome(&keys.load(), &code, multicode::app::now());
    assert_eq!(decide(), Err("key-unavailable"));
    lists.says(Reply::full("200 OK", ""));
    keeper.refresh(None);
    assert_eq!(decide(), Ok("recognise-only".into()));
}
