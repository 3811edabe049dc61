//! A key nobody knows: asked for at once, once, and not again too soon.

use std::thread;
use std::time::{Duration, Instant};

use multicode::fetch::{Pace, Renewal};

use super::server::{KeyServer, Reply};
use super::{Setting, Tending, at, eventually, feed, make_key, one_key, set, setting};

#[test]
fn a_new_key_is_there_when_its_first_code_comes() {
    let (server, first) = one_key();
    let tending = Tending::of(&server);
    let second = make_key();
    server.says(Reply::json(set(&[("k1", &first), ("k2", &second)])));
    assert!(!tending.has("k2"));
    assert_eq!(tending.ask("k2"), Renewal::Asked);
    assert!(tending.has("k2") && tending.has("k1"));
    assert_eq!(server.count(), 2);
}

#[test]
fn a_thousand_unknown_keys_are_one_question() {
    let (server, _) = one_key();
    let tending = Tending::of(&server);
    let slow = set(&[("k1", &make_key())]);
    server.says(Reply::json(slow).after(Duration::from_millis(200)));
    let asked: Vec<_> = (0..1_000)
        .map(|kid| {
            let keeper = tending.keeper.clone();
            async move { keeper.renew("a", Some(&format!("x{kid}"))).await }
        })
        .collect();
    let answers = super::now(async {
        let all = asked.into_iter().map(tokio::spawn).collect::<Vec<_>>();
        // Whoever knows the key waits for nobody.
        assert!(tending.has("k1"));
        let mut answers = Vec::new();
        for one in all {
            answers.push(one.await.unwrap());
        }
        answers
    });
    assert!(answers.iter().all(|it| *it == Renewal::Asked));
    assert_eq!(server.count(), 2);
    // Nor do those that come behind it ask again.
    for kid in 0..100 {
        assert_eq!(tending.ask(&format!("y{kid}")), Renewal::Asked);
    }
    assert_eq!(server.count(), 2);
}

#[test]
fn a_dead_server_cannot_be_asked_and_says_so_at_once() {
    let (server, _) = one_key();
    let tending = Tending::of(&server);
    server.dies();
    assert_eq!(tending.ask("k2"), Renewal::Unanswered);
    let (asked, began) = (server.count(), Instant::now());
    for kid in 0..100 {
        assert_eq!(tending.ask(&format!("x{kid}")), Renewal::Unanswered);
    }
    assert!(began.elapsed() < Duration::from_secs(1));
    // The failure consumed the window; what is asked now is asked by the regular rounds.
    assert!(server.count() <= asked + 3, "{}", server.count());
    assert!(tending.has("k1"));
}

#[test]
fn nobody_waits_for_a_server_that_is_dead() {
    let (server, _) = one_key();
    let tending = Tending::of(&server);
    server.says(Reply::nothing().after(Duration::from_millis(700)));
    for _ in 0..2 {
        tending.keeper.refresh(None);
    }
    let began = Instant::now();
    assert_eq!(tending.ask("k2"), Renewal::Unanswered);
    assert!(began.elapsed() < Duration::from_millis(100));
    // It was asked all the same.
    eventually("a question", || server.count() >= 4);
}

#[test]
fn a_key_that_comes_later_is_found_after_the_window() {
    let (server, first) = one_key();
    let pace = Pace {
        debounce: Duration::from_millis(300),
        ..setting().pace
    };
    let setting = Setting { pace, ..setting() };
    let tending = Tending::start(setting, feed("a", at(server.remote("/jwks.json"))));
    assert_eq!(tending.ask("k2"), Renewal::Asked);
    assert!(!tending.has("k2"));
    server.says(Reply::json(set(&[("k1", &first), ("k2", &make_key())])));
    assert_eq!((tending.ask("k2"), server.count()), (Renewal::Asked, 2));
    thread::sleep(Duration::from_millis(310));
    assert_eq!((tending.ask("k2"), server.count()), (Renewal::Asked, 3));
    assert!(tending.has("k2"));
}

#[test]
fn a_question_that_was_under_way_already_is_asked_again() {
    let (server, first) = one_key();
    let tending = Tending::of(&server);
    let old = set(&[("k1", &first)]);
    server.says(Reply::json(old).after(Duration::from_millis(400)));
    let keeper = tending.keeper.clone();
    let refresh = thread::spawn(move || keeper.refresh(Some("a")));
    eventually("a question under way", || server.count() == 2);
    server.says(Reply::json(set(&[("k1", &first), ("k2", &make_key())])));
    // All who came meanwhile are told by the same second question.
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                assert_eq!(tending.ask("k2"), Renewal::Asked);
                assert!(tending.has("k2"));
            });
        }
    });
    assert_eq!(server.count(), 3);
    refresh.join().unwrap();
}

#[test]
fn an_issuer_whose_keys_stand_in_the_files_is_not_asked() {
    let server = KeyServer::start(Reply::nothing());
    let tending = Tending::start(setting(), feed("a", None));
    assert_eq!(tending.ask("k2"), Renewal::Asked);
    assert_eq!(
        super::now(tending.keeper.renew("nobody", None)),
        Renewal::Asked
    );
    assert_eq!(server.count(), 0);
}

#[test]
fn a_server_that_is_back_is_noticed_by_the_next_unknown_key() {
    let (server, first) = one_key();
    let hour = Duration::from_secs(3_600);
    let pace = Pace {
        debounce: Duration::from_millis(300),
        first_pause: hour,
        longest_pause: hour,
        ..setting().pace
    };
    let setting = Setting { pace, ..setting() };
    let tending = Tending::start(setting, feed("a", at(server.remote("/jwks.json"))));
    server.dies();
    // Whoever shows the new key again and again does not make it unknown for longer.
    for _ in 0..100 {
        assert_eq!(tending.ask("k2"), Renewal::Unanswered);
        thread::sleep(Duration::from_millis(20));
    }
    server.says(Reply::json(set(&[("k1", &first), ("k2", &make_key())])));
    let back = Instant::now();
    eventually("the key", || {
        let _ = tending.ask("k2");
        tending.has("k2")
    });
    assert!(
        back.elapsed() < Duration::from_millis(800),
        "{:?}",
        back.elapsed()
    );
}

#[test]
fn a_key_named_before_it_is_published_is_known_within_its_longest_wait() {
    let (server, first) = one_key();
    let pace = Pace {
        debounce: Duration::from_millis(100),
        unknown_for: Duration::from_millis(600),
        ..setting().pace
    };
    let setting = Setting { pace, ..setting() };
    let tending = Tending::start(setting, feed("a", at(server.remote("/jwks.json"))));
    let began = Instant::now();
    while began.elapsed() < Duration::from_secs(2) {
        let _ = tending.ask("k2");
        thread::sleep(Duration::from_millis(20));
    }
    server.says(Reply::json(set(&[("k1", &first), ("k2", &make_key())])));
    let published = Instant::now();
    eventually("the key", || {
        let _ = tending.ask("k2");
        tending.has("k2")
    });
    assert!(published.elapsed() < Duration::from_millis(900));
}
