//! A server that is dead for days, by a clock that the test moves.

use multicode::fetch::WhenStale;
use multicode::trust::standing::SupplyState;

use super::{Setting, Tending, at, clock, feed, one_key, outcome, setting, token};

clock!(reject_clock);
clock!(accept_clock);
clock!(wrong_clock);

#[test]
fn keys_outlive_their_server_for_as_long_as_they_may() {
    use reject_clock as clock;

    let (server, key) = one_key();
    let code = token("a", "k1", &key, 1);
    let setting = Setting {
        clock: clock::now,
        ..setting()
    };
    let tending = Tending::start(setting, feed("a", at(server.remote("/jwks.json"))));
    let decide = || outcome(&tending.keys.load(), &code, clock::now());
    assert_eq!(decide(), Ok("recognise-only".into()));
    server.dies();
    clock::pass(48);
    tending.keeper.refresh(None);
    assert_eq!(decide(), Ok("recognise-only".into()));
    assert_eq!(tending.standing().state, SupplyState::Failing);
    clock::pass(24);
    assert_eq!(decide(), Err("keys-stale"));
    assert_eq!(tending.standing().state, SupplyState::Stale);
    server.says(super::Reply::json(super::set(&[("k1", &key)])));
    tending.keeper.refresh(None);
    assert_eq!(decide(), Ok("recognise-only".into()));
    assert_eq!(tending.standing().state, SupplyState::Fresh);
}

#[test]
fn keys_that_may_be_stale_serve_on_and_everything_says_so() {
    use accept_clock as clock;

    let (server, key) = one_key();
    let code = token("a", "k1", &key, 1);
    let setting = Setting {
        clock: clock::now,
        ..setting()
    };
    let mut feed = feed("a", at(server.remote("/jwks.json")));
    feed.when_stale = WhenStale::Accept;
    let tending = Tending::start(setting, feed);
    server.dies();
    clock::pass(24 * 365);
    tending.keeper.refresh(None);
    let keys = tending.keys.load();
    assert_eq!(
        outcome(&keys, &code, clock::now()),
        Ok("recognise-only".into())
    );
    let standing = tending.standing();
    assert_eq!(
        (standing.state, standing.serve_until),
        (SupplyState::Stale, None)
    );
    assert!(standing.trouble().is_some());
}

#[test]
fn a_clock_that_was_ahead_for_a_while_lengthens_nothing() {
    use wrong_clock as clock;

    let (server, _) = one_key();
    let setting = Setting {
        clock: clock::now,
        ..setting()
    };
    let tending = Tending::start(setting, feed("a", at(server.remote("/jwks.json"))));
    let right = tending.standing().serve_until;
    clock::pass(24 * 365);
    tending.keeper.refresh(None);
    assert!(tending.standing().serve_until > right);
    clock::pass(-24 * 365);
    super::eventually("the right end", || tending.standing().serve_until == right);
}
