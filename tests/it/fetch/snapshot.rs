//! A start without the key server, and a reload that asks nobody.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use multicode::fetch::Pace;
use multicode::trust::Keys;
use multicode::trust::standing::SupplyState;

use super::server::{KeyServer, Reply};
use super::{Setting, Tending, at, feed, issuers, make_key, one_key, outcome, set, setting, token};

/// Waits no longer than it must.
fn kept_in(folder: &Path) -> Setting {
    let pace = Pace {
        first_keys: Duration::from_millis(500),
        ..setting().pace
    };
    let snapshot = Some(folder.join("keys"));
    Setting {
        snapshot,
        pace,
        ..setting()
    }
}

#[test]
fn a_start_needs_no_key_server() {
    let folder = tempfile::tempdir().unwrap();
    let (server, key) = one_key();
    let origin = || feed("a", at(server.remote("/jwks.json")));
    let first = Tending::start(kept_in(folder.path()), origin());
    let known = first.standing().last_success;
    drop(first);
    server.dies();
    let tending = Tending::start(kept_in(folder.path()), origin());
    let (code, now) = (token("a", "k1", &key, 1), multicode::app::now());
    assert_eq!(
        outcome(&tending.keys.load(), &code, now),
        Ok("recognise-only".into())
    );
    let standing = tending.standing();
    assert_eq!(standing.state, SupplyState::Failing);
    let apart = standing.last_success.unwrap().millis() - known.unwrap().millis();
    assert!(apart.abs() < 500, "{apart}");
    // Another issuer's snapshot is none of ours.
    let other = feed("a", at(server.remote("/other.json")));
    let tending = Tending::start(kept_in(folder.path()), other);
    assert!(!tending.has("k1"));
}

#[test]
fn a_start_without_anything_waits_a_moment_and_serves() {
    let server = KeyServer::start(Reply::nothing().after(Duration::from_secs(4)));
    let began = Instant::now();
    let folder = tempfile::tempdir().unwrap();
    let tending = Tending::start(
        kept_in(folder.path()),
        feed("a", at(server.remote("/jwks.json"))),
    );
    assert!(began.elapsed() < Duration::from_secs(3));
    let code = token("a", "k1", &make_key(), 1);
    let now = multicode::app::now();
    assert_eq!(
        outcome(&tending.keys.load(), &code, now),
        Err("key-unavailable")
    );
    assert_eq!(tending.standing().state, SupplyState::Awaited);
}

#[test]
fn a_snapshot_that_was_tampered_with_is_ignored() {
    let folder = tempfile::tempdir().unwrap();
    let (server, _) = one_key();
    let origin = || feed("a", at(server.remote("/jwks.json")));
    drop(Tending::start(kept_in(folder.path()), origin()));
    server.dies();
    for entry in fs::read_dir(folder.path().join("keys")).unwrap() {
        let path = entry.unwrap().path();
        let text = fs::read_to_string(&path).unwrap();
        fs::write(&path, text.replace("\"keys\"", "\"kyes\"")).unwrap();
    }
    let tending = Tending::start(kept_in(folder.path()), origin());
    assert!(!tending.has("k1"));
}

#[test]
fn a_reload_keeps_the_keys_it_has_and_asks_nobody() {
    let (server, _) = one_key();
    let tending = Tending::of(&server);
    let before = tending.keys.load().issuer("a").unwrap().keys.clone();
    let mut again = feed("a", at(server.remote("/jwks.json")));
    again.max_stale = 24 * super::HOUR;
    again.refresh = super::HOUR / 4;
    let next = |keeper: &multicode::fetch::Keeper| keeper.standings()[0].next_refresh;
    let far = next(&tending.keeper);
    let other = KeyServer::start(Reply::json(set(&[("o1", &make_key())])));
    let feeds = vec![again, feed("b", at(other.remote("/jwks.json")))];
    let keys = tending.keeper.adopt(feeds, issuers(&["a", "b"])).unwrap();
    let keys = keys.load();
    assert!(keys.issuer("b").unwrap().keys.has("o1"));
    let after = &keys.issuer("a").unwrap().keys;
    assert!(after.has("k1") && after.supply != before.supply);
    assert_eq!((server.count(), other.count()), (1, 1));
    assert!(next(&tending.keeper) < far);
    // Who is gone is asked no more, and is not told of.
    let keys = tending
        .keeper
        .adopt(
            vec![feed("b", at(other.remote("/jwks.json")))],
            issuers(&["b"]),
        )
        .unwrap();
    assert!(keys.load().issuer("a").is_none());
    tending.keeper.refresh(None);
    assert_eq!((server.count(), other.count()), (1, 2));
    assert_eq!(tending.keeper.standings().len(), 1);
}

#[test]
fn files_are_looked_at_and_bad_ones_change_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("issuer.jwks");
    let (first, second) = (make_key(), make_key());
    fs::write(&path, set(&[("k1", &first)])).unwrap();
    let origin = Some(multicode::fetch::Origin::File(path.clone()));
    let tending = Tending::start(setting(), feed("a", origin));
    assert!(tending.has("k1"));
    assert_eq!(tending.standing().state, SupplyState::Files);
    fs::write(&path, set(&[("k1", &first), ("k2", &second)])).unwrap();
    super::eventually("the second key", || tending.has("k2"));
    fs::write(&path, "<html>").unwrap();
    super::eventually("an error", || tending.error().contains("HTML"));
    assert!(tending.has("k2"));
    assert_eq!(tending.standing().state, SupplyState::Failing);
    fs::write(&path, set(&[("k2", &second)])).unwrap();
    super::eventually("one key less", || !tending.has("k1"));
    super::eventually("no trouble", || tending.standing().trouble().is_none());
}

#[test]
fn keys_given_out_before_a_reload_are_kept_fresh_until_nobody_holds_them() {
    let (server, first) = one_key();
    let tending = Tending::of(&server);
    let origin = || feed("a", at(server.remote("/jwks.json")));
    let other = KeyServer::start(Reply::json(set(&[("o1", &make_key())])));
    let feeds = vec![origin(), feed("b", at(other.remote("/jwks.json")))];
    let newer = tending.keeper.adopt(feeds, issuers(&["a", "b"])).unwrap();
    server.says(Reply::json(set(&[("k1", &first), ("k2", &make_key())])));
    tending.keeper.refresh(None);
    assert!(newer.load().issuer("a").unwrap().keys.has("k2"));
    assert!(tending.has("k2"));
    // What is new is none of theirs.
    assert!(tending.keys.load().issuer("b").is_none());
    // Nor is an issuer of the same name that is asked elsewhere now.
    let feeds = vec![feed("a", at(other.remote("/jwks.json")))];
    let newest = tending.keeper.adopt(feeds, issuers(&["a"])).unwrap();
    assert!(newest.load().issuer("a").unwrap().keys.has("o1"));
    assert!(tending.has("k2") && !tending.has("o1"));
}

#[test]
fn keys_had_under_another_authority_do_not_outlive_it() {
    let folder = tempfile::tempdir().unwrap();
    let (server, key) = one_key();
    let first = Tending::start(
        kept_in(folder.path()),
        feed("a", at(server.remote("/jwks.json"))),
    );
    let code = token("a", "k1", &key, 1);
    let decide = |keys: &Keys| outcome(keys, &code, multicode::app::now());
    assert_eq!(decide(&first.keys.load()), Ok("recognise-only".into()));
    // The operator no longer trusts that authority, and reloads.
    let mut remote = server.remote("/jwks.json");
    remote.authority = KeyServer::start(Reply::nothing()).authority();
    let newer = feed("a", at(remote));
    let keys = first.keeper.adopt(vec![newer.clone()], issuers(&["a"]));
    assert_eq!(decide(&keys.unwrap().load()), Err("key-unavailable"));
    drop(first);
    let second = Tending::start(kept_in(folder.path()), newer);
    assert_eq!(decide(&second.keys.load()), Err("key-unavailable"));
    // Nor do those of an address inside, once that may not be asked any more.
    let mut remote = server.remote("/jwks.json");
    let inside = Tending::start(kept_in(folder.path()), feed("a", at(remote.clone())));
    assert_eq!(decide(&inside.keys.load()), Ok("recognise-only".into()));
    remote.private_addresses = false;
    let keys = inside
        .keeper
        .adopt(vec![feed("a", at(remote))], issuers(&["a"]));
    assert_eq!(decide(&keys.unwrap().load()), Err("key-unavailable"));
}

#[test]
fn what_was_taken_back_under_another_authority_stays_so() {
    let (server, key) = one_key();
    let lists = KeyServer::start(Reply::full("200 OK", "key k1\n"));
    let mut feed = feed("a", at(server.remote("/jwks.json")));
    let mut list = lists.remote("/revoked.txt");
    feed.revoked = vec![at(list.clone())];
    let tending = Tending::start(setting(), feed.clone());
    list.authority = server.authority();
    feed.revoked = vec![at(list)];
    let keys = tending.keeper.adopt(vec![feed], issuers(&["a"])).unwrap();
    let code = token("a", "k1", &key, 1);
    let told = outcome(&keys.load(), &code, multicode::app::now());
    assert_eq!(told, Err("revoked"));
}
