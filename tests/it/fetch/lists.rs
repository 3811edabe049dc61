//! What issuers took back.

use std::fs;

use multicode::fetch::Origin;
use serde_json::{Value, json};

use super::server::{KeyServer, Reply};
use super::{
    Tending, at, eventually, feed, make_key, now as run, one_key, outcome, set, setting, token,
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
