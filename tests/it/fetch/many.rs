//! As many issuers as there are in the world.

use std::time::{Duration, Instant};

use multicode::fetch::{Keeper, Renewal};
use multicode::random::Random;
use multicode::trust::standing::KeyState;

use super::server::{KeyServer, Reply};
use super::{HOUR, at, feed, issuers, make_key, one_key, set, setting};

/// As the VCI directory of SMART Health Card issuers had at its end.
const ISSUERS: usize = 651;
const KEYS: usize = 961;

#[test]
fn six_hundred_and_fifty_one_issuers_load() {
    let key = make_key();
    // The first 310 have two keys; all use the same ids.
    let (one, two) = (set(&[("k0", &key)]), set(&[("k0", &key), ("k1", &key)]));
    let server = KeyServer::start(Reply::nothing());
    server.plays(move |asked| {
        let place: usize = asked.path.trim_start_matches("/i").parse().unwrap();
        Reply::json(if place < KEYS - ISSUERS { &two } else { &one })
    });
    let names: Vec<_> = (0..ISSUERS).map(|place| format!("i{place}")).collect();
    let names: Vec<_> = names.iter().map(String::as_str).collect();
    let feeds = names
        .iter()
        .map(|name| feed(name, at(server.remote(&format!("/{name}")))));
    let keeper = Keeper::start(setting()).unwrap();
    let keys = keeper.adopt(feeds.collect(), issuers(&names)).unwrap();
    super::eventually("all keys", || {
        let keys = keys.load();
        keys.issuers()
            .map(|issuer| issuer.keys.iter().count())
            .sum::<usize>()
            == KEYS
    });
    assert_eq!(server.count(), ISSUERS);
    let standings = keeper.standings();
    let active: usize = standings.iter().map(|it| it.count(KeyState::Active)).sum();
    assert_eq!((standings.len(), active), (ISSUERS, KEYS));
    // They are not asked together the next time.
    let next = standings.iter().filter_map(|it| it.next_refresh);
    let (first, last) = (next.clone().min().unwrap(), next.max().unwrap());
    assert!(last > first.after(HOUR / 10), "{first} {last}");
    let keys = keys.load();
    let mut random = Random::seeded(1);
    for _ in 0..1_000 {
        let place = random.below(ISSUERS);
        let issuer = keys.issuer(names[place]).unwrap();
        assert_eq!(issuer.keys.has("k1"), place < KEYS - ISSUERS);
    }
}

#[test]
fn dead_servers_do_not_hold_up_a_living_one() {
    let dead = KeyServer::start(Reply::nothing().after(Duration::from_secs(30)));
    let (server, _) = one_key();
    let mut names: Vec<_> = (0..96).map(|place| format!("a{place:02}")).collect();
    let feeds = names
        .iter()
        .map(|name| feed(name, at(dead.remote("/jwks.json"))));
    let mut feeds: Vec<_> = feeds.collect();
    feeds.push(feed("z", at(server.remote("/jwks.json"))));
    names.push("z".to_owned());
    let names: Vec<_> = names.iter().map(String::as_str).collect();
    let keeper = Keeper::start(setting()).unwrap();
    let keys = keeper.adopt(feeds, issuers(&names)).unwrap();
    // Whoever comes with one of its codes is not behind them.
    let began = Instant::now();
    let asked = super::now(keeper.renew("z", Some("k1")));
    assert_eq!(asked, Renewal::Asked);
    assert!(keys.load().issuer("z").unwrap().keys.has("k1"));
    assert!(began.elapsed() < Duration::from_secs(1));
}
