//! A ledger closed and opened again, or left behind.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use multicode::state::{
    Claim, Entry, Keep, Ledger, LedgerError, LedgerSetting, Outcome, Reserved, Seals, Standing,
    Store,
};
use multicode::time::Moment;

use super::bench::{Bench, NOON, Passing, WINDOW, done, found, seals};

fn setting(folder: &Path) -> LedgerSetting {
    LedgerSetting {
        file: Some(folder.join("state/ledger")),
        patience: Duration::from_secs(5),
        ..LedgerSetting::in_memory(seals())
    }
}

fn open(folder: &Path, now: Moment) -> (Arc<Ledger>, Bench) {
    let ledger = Ledger::open(setting(folder), now).unwrap();
    let store = Store::Local(Arc::clone(&ledger));
    (ledger, Bench::new(store, now, Passing::Said))
}

/// The next process: another steady clock.
fn later(now: Moment) -> Moment {
    Moment {
        wall: now.wall.after(Duration::from_secs(10)),
        steady: Duration::from_secs(3),
    }
}

fn with_code(bench: &Bench, key: &str, nonce: &str) -> Entry {
    Entry {
        claim: Some(bench.code(nonce)),
        ..bench.keyed(key)
    }
}

#[tokio::test]
async fn outcomes_last_and_what_was_under_way_is_unknown() {
    let folder = tempfile::tempdir().unwrap();
    let (ledger, bench) = open(folder.path(), NOON);
    let [answered, lost, under_way, reserved, not_sent, kept] = [
        "answered",
        "lost",
        "under way",
        "reserved",
        "not sent",
        "kept",
    ]
    .map(|it| bench.keyed(it));
    bench.serve(&answered, done("paid")).await;
    bench.serve(&lost, Outcome::Unknown).await;
    bench.serve(&not_sent, Outcome::NotSent).await;
    let kept = Entry {
        keep: Keep::Kept,
        ..kept
    };
    bench.serve(&kept, done("kept")).await;
    let tickets = (bench.intend(&under_way).await, bench.begin(&reserved).await);
    ledger.close(bench.now()).await.unwrap();
    drop(tickets);

    let (ledger, bench) = open(folder.path(), later(NOON));
    assert_eq!(ledger.standing().unknown, 2);
    assert_eq!(bench.look(&answered).await, found("paid"));
    assert_eq!(bench.look(&kept).await, found("kept"));
    assert_eq!(bench.look(&lost).await, Some(Standing::Unknown));
    assert_eq!(bench.look(&under_way).await, Some(Standing::Unknown));
    assert_eq!(bench.look(&not_sent).await, None);
    assert_eq!(bench.unknown(10).await.len(), 2);
    let again = bench.reserve(&under_way).await;
    assert!(
        matches!(again, Reserved::Known(Standing::Unknown)),
        "{again:?}"
    );
    drop(bench.begin(&reserved).await);
}

#[tokio::test]
async fn a_key_that_joined_finds_the_outcome_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let (ledger, bench) = open(folder.path(), NOON);
    let mut first = bench.unkeyed();
    first.read = Some(bench.name("read"));
    let mut second = bench.keyed("a");
    second.read = first.read;
    let ticket = bench.intend(&first).await;
    assert!(matches!(bench.reserve(&second).await, Reserved::Joined(_)));
    ticket.settle(done("paid"), bench.now()).await;
    ledger.close(bench.now()).await.unwrap();
    let (_ledger, bench) = open(folder.path(), later(NOON));
    assert_eq!(bench.look(&second).await, found("paid"));
}

#[tokio::test]
async fn used_codes_are_carried_through_a_drain_and_only_once() {
    let folder = tempfile::tempdir().unwrap();
    let (ledger, bench) = open(folder.path(), NOON);
    let used = with_code(&bench, "a", "n");
    bench.serve(&used, done("paid")).await;
    let mut again = with_code(&bench, "b", "n");
    ledger.close(bench.now()).await.unwrap();

    // Ten seconds later: its window of three is over by the wall, but not one second was counted.
    let (ledger, bench) = open(folder.path(), later(NOON));
    assert_eq!(ledger.standing().claims, 1);
    assert!(matches!(bench.reserve(&again).await, Reserved::Replayed));
    let unused = with_code(&bench, "c", "m");
    bench.serve(&unused, done("paid")).await;
    // This one ends without a word: its claims are gone, and the snapshot was good once.
    drop((ledger, bench));

    let (ledger, bench) = open(folder.path(), later(later(NOON)));
    assert_eq!(ledger.standing().claims, 0);
    again.claim = used.claim;
    assert!(matches!(bench.reserve(&again).await, Reserved::Refresh));
    bench.serve(&with_code(&bench, "d", "o"), done("new")).await;
}

#[tokio::test]
async fn a_memory_that_began_anew_refuses_what_was_made_before() {
    let folder = tempfile::tempdir().unwrap();
    drop(open(folder.path(), NOON));
    let now = later(NOON);
    let (_ledger, bench) = open(folder.path(), now);
    let mut entry = with_code(&bench, "a", "n");
    let claim = entry.claim.as_mut().unwrap();
    claim.made = Some(now.wall);
    assert!(matches!(bench.reserve(&entry).await, Reserved::Refresh));
    let claim = entry.claim.as_mut().unwrap();
    (claim.made, claim.lifetime) = (None, None);
    assert!(matches!(bench.reserve(&entry).await, Reserved::Refresh));
    let lifetime = Duration::from_secs(120);
    entry.claim.as_mut().unwrap().lifetime = Some(lifetime);
    assert!(matches!(bench.reserve(&entry).await, Reserved::Refresh));
    bench.pass(lifetime).await;
    let mut entry = with_code(&bench, "a", "n");
    entry.claim.as_mut().unwrap().made = None;
    drop(bench.begin(&entry).await);
}

#[tokio::test]
async fn a_damaged_snapshot_is_none() {
    let folder = tempfile::tempdir().unwrap();
    let (ledger, bench) = open(folder.path(), NOON);
    let used = with_code(&bench, "a", "n");
    bench.serve(&used, done("paid")).await;
    ledger.close(bench.now()).await.unwrap();
    let path = folder.path().join("state/ledger.claims");
    let mut bytes = std::fs::read(&path).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    std::fs::write(&path, bytes).unwrap();
    let (_ledger, bench) = open(folder.path(), later(NOON));
    assert!(!path.exists());
    let again = Entry {
        claim: used.claim,
        ..bench.keyed("b")
    };
    assert!(matches!(bench.reserve(&again).await, Reserved::Refresh));
}

#[tokio::test]
async fn nothing_in_the_file_can_be_read() {
    let folder = tempfile::tempdir().unwrap();
    let (ledger, bench) = open(folder.path(), NOON);
    bench
        .serve(
            &with_code(&bench, "key-of-a-terminal", "n"),
            done("an-answer"),
        )
        .await;
    bench
        .serve(&bench.keyed("request-nobody-knows"), Outcome::Unknown)
        .await;
    ledger.close(bench.now()).await.unwrap();
    for name in ["ledger", "ledger.claims"] {
        let path = folder.path().join("state").join(name);
        let bytes = std::fs::read(&path).unwrap();
        for secret in [
            "key-of-a",
            "an-answer",
            "request-no",
            "W-0001",
            "settlement",
        ] {
            let found = bytes
                .windows(secret.len())
                .any(|it| it == secret.as_bytes());
            assert!(!found, "{secret} in {name}");
        }
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
    let mode = std::fs::metadata(folder.path().join("state")).unwrap();
    assert_eq!(mode.permissions().mode() & 0o777, 0o700);
}

#[tokio::test]
async fn a_file_of_another_key_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let (ledger, bench) = open(folder.path(), NOON);
    ledger.close(bench.now()).await.unwrap();
    let other = LedgerSetting {
        seals: Seals::new(&[8; 32]).unwrap().into(),
        ..setting(folder.path())
    };
    let refused = Ledger::open(other, NOON).unwrap_err();
    assert!(matches!(refused, LedgerError::OtherKey), "{refused}");
    open(folder.path(), NOON);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_successor_waits_for_the_file_but_not_for_ever() {
    let folder = tempfile::tempdir().unwrap();
    let (ledger, bench) = open(folder.path(), NOON);
    let impatient = LedgerSetting {
        patience: Duration::from_millis(100),
        ..setting(folder.path())
    };
    let refused = Ledger::open(impatient, NOON).unwrap_err();
    assert!(matches!(refused, LedgerError::Taken), "{refused}");
    let path = folder.path().to_owned();
    let successor = tokio::task::spawn_blocking(move || open(&path, NOON));
    tokio::time::sleep(Duration::from_millis(100)).await;
    ledger.close(bench.now()).await.unwrap();
    successor.await.unwrap();
}

#[tokio::test]
async fn a_ledger_that_is_closed_refuses_everything() {
    let folder = tempfile::tempdir().unwrap();
    let (ledger, bench) = open(folder.path(), NOON);
    let known = bench.keyed("a");
    bench.serve(&known, done("paid")).await;
    let mut ticket = bench.begin(&bench.keyed("b")).await;
    ledger.close(bench.now()).await.unwrap();
    let store = &bench.store;
    assert!(store.reserve(&bench.keyed("c"), bench.now()).await.is_err());
    assert!(ticket.intend(bench.now()).await.is_err());
    ticket.settle(done("late"), bench.now()).await;
    assert!(ledger.close(bench.now()).await.is_err());
}

/// A clock that is put forward must not make records old, nor one that is put back codes new.
#[tokio::test]
async fn setting_the_clock_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let (_ledger, bench) = open(folder.path(), NOON);
    let entry = with_code(&bench, "a", "n");
    bench.serve(&entry, done("paid")).await;
    let second = Entry {
        claim: entry.claim,
        ..bench.keyed("b")
    };
    let two_days = Duration::from_secs(2 * 24 * 60 * 60);
    for seconds in [1, 10, 100] {
        let steady = NOON.steady + Duration::from_secs(seconds);
        let wall = NOON.wall.after(Duration::from_secs(seconds));
        for wall in [wall, wall.after(two_days), wall.before(two_days)] {
            let now = Moment { wall, steady };
            let looked = bench.store.look(entry.name, Some(entry.fingerprint), now);
            assert_eq!(looked.await.unwrap(), found("paid"), "{now:?}");
            let reserved = bench.store.reserve(&second, now).await.unwrap();
            let refused = matches!(reserved, Reserved::Replayed | Reserved::Refresh);
            assert!(refused, "{now:?}: {reserved:?}");
        }
    }
}

/// A code's window is counted by the clock that nobody sets.
#[tokio::test]
async fn a_clock_that_jumps_two_hours_forgets_no_code_and_refuses_no_new_one() {
    let folder = tempfile::tempdir().unwrap();
    let (_ledger, bench) = open(folder.path(), NOON);
    let used = with_code(&bench, "a", "n");
    bench.serve(&used, done("paid")).await;
    let two_hours = Duration::from_secs(2 * 60 * 60);
    for turn in 1_u32..=5 {
        let passed = Duration::from_millis(100) * turn;
        let wall = NOON.wall.after(passed);
        let steady = NOON.steady + passed;
        for wall in [wall, wall.after(two_hours), wall.before(two_hours), wall] {
            let now = Moment { wall, steady };
            let unique = format!("{turn} {wall:?} {}", bench.unkeyed().about.request_id);
            let again = Entry {
                claim: used.claim,
                ..bench.keyed(&unique)
            };
            let reserved = bench.store.reserve(&again, now).await.unwrap();
            assert!(
                matches!(reserved, Reserved::Replayed),
                "{now:?}: {reserved:?}"
            );
            let fresh = Entry {
                claim: Some(Claim {
                    until: wall.after(WINDOW),
                    made: Some(wall),
                    ..bench.code(&unique)
                }),
                ..bench.keyed(&unique)
            };
            let reserved = bench.store.reserve(&fresh, now).await.unwrap();
            assert!(
                matches!(reserved, Reserved::Begun(_)),
                "{now:?}: {reserved:?}"
            );
        }
    }
}
