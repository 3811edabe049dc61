//! A server that comes late, dies, hangs, loads or is full.

use std::time::{Duration, Instant};

use multicode::state::{Reserved, Standing, Trouble};
use redis::Value;

use super::server::Server;
use super::{a_moment, bare, code, done, gateway, keyed, now, with};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gateway_starts_without_its_server_and_uses_it_when_it_comes() {
    let mut server = Server::prepare(&[]);
    let gateway = gateway(&[&server]);
    assert_eq!(gateway.redis.reach().trouble, Some(Trouble::Unreachable));
    assert!(gateway.reserve(&keyed("key")).await.is_none());
    server.restart();
    gateway.comes().await;
    gateway.serve(&keyed("key")).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_without_a_log_the_server_forgets_and_the_fence_remembers() {
    let mut server = Server::start(&[]);
    let gateway = gateway(&[&server]);
    a_moment().await;
    let (used, unused) = (code("used"), code("unused"));
    gateway.serve(&bare("first", used)).await;
    server.kill();
    gateway.goes().await;
    assert!(gateway.reserve(&bare("second", used)).await.is_none());
    server.restart();
    // The fault: the claim is gone.
    assert_eq!(server.count("*:c:*"), 0);
    gateway.comes().await;
    for claim in [used, unused] {
        for with_record in [false, true] {
            let mut entry = bare("third", claim);
            entry.keyed = with_record;
            let reserved = gateway.reserve(&entry).await;
            assert!(matches!(reserved, Some(Reserved::Refresh)), "{reserved:?}");
        }
    }
    a_moment().await;
    gateway.serve(&bare("fourth", code("new"))).await;
    // One that starts now knows the fence as well.
    let later = super::gateway(&[&server]);
    let reserved = later.reserve(&bare("fifth", used)).await;
    assert!(matches!(reserved, Some(Reserved::Refresh)), "{reserved:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_with_a_log_the_server_knows_claims_and_outcomes() {
    let mut server = Server::start(&["--appendonly", "yes", "--appendfsync", "always"]);
    let gateway = gateway(&[&server]);
    a_moment().await;
    let used = code("used");
    gateway.serve(&bare("first", used)).await;
    gateway.serve(&keyed("done")).await;
    let mut open = gateway.begin(&keyed("open")).await;
    open.intend(now()).await.unwrap();
    server.kill();
    gateway.goes().await;
    // The outcome cannot be written now; it is owed.
    open.settle(done(), now()).await;
    gateway.wait("it is owed", |it| it.reach().owed == 1).await;
    server.restart();
    gateway.comes().await;
    let reserved = gateway.reserve(&bare("second", used)).await;
    assert!(matches!(reserved, Some(Reserved::Replayed)), "{reserved:?}");
    gateway
        .wait("what was owed is written", |it| it.reach().owed == 0)
        .await;
    for key in ["done", "open"] {
        let again = gateway.reserve(&keyed(key)).await;
        let known = matches!(again, Some(Reserved::Known(Standing::Done(_))));
        assert!(known, "{key}: {again:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gateway_started_anew_lists_what_nobody_knows() {
    let server = Server::start(&[]);
    let short = |key| multicode::state::Entry {
        lease: Duration::from_millis(50),
        ..keyed(key)
    };
    let dying = gateway(&[&server]);
    let mut open = dying.begin(&short("open")).await;
    open.intend(now()).await.unwrap();
    // As if it had been killed: nothing is written any more.
    std::mem::forget(open);
    std::mem::forget(dying.begin(&short("reserved")).await);
    tokio::time::sleep(Duration::from_millis(100)).await;
    let next = gateway(&[&server]);
    let listed = next.store.unknown(10, now()).await.unwrap();
    let ids: Vec<_> = listed.iter().map(|(_, about)| &*about.request_id).collect();
    assert_eq!(ids, ["open"]);
    let again = next.reserve(&keyed("open")).await;
    let unknown = matches!(again, Some(Reserved::Known(Standing::Unknown)));
    assert!(unknown, "{again:?}");
    // Nothing of the other was sent: it begins.
    next.serve(&keyed("reserved")).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_frozen_server_holds_nobody_up_and_what_it_did_late_is_given_back() {
    let server = Server::start(&[]);
    let gateway = with(&[&server], |setting| {
        setting.budget = Duration::from_millis(200);
    });
    a_moment().await;
    gateway.serve(&keyed("before")).await;
    server.freeze();
    assert!(server_is_silent(&server));
    let claim = code("code");
    let began = Instant::now();
    assert!(gateway.reserve(&bare("a bare one", claim)).await.is_none());
    assert!(gateway.reserve(&keyed("during")).await.is_none());
    assert!(
        began.elapsed() < Duration::from_secs(2),
        "{:?}",
        began.elapsed()
    );
    gateway.goes().await;
    let began = Instant::now();
    for _ in 0..100 {
        assert!(gateway.reserve(&keyed("later")).await.is_none());
    }
    assert!(
        began.elapsed() < Duration::from_millis(500),
        "{:?}",
        began.elapsed()
    );
    server.thaw();
    gateway.comes().await;
    // What arrived while it was frozen and was carried out afterwards is undone.
    gateway
        .wait("what was owed is written", |it| it.reach().owed == 0)
        .await;
    assert_eq!(server.count("*:c:*"), 0);
    gateway.serve(&keyed("during")).await;
}

fn server_is_silent(server: &Server) -> bool {
    let client = redis::Client::open(&*server.url()).unwrap();
    client
        .get_connection_with_timeout(Duration::from_millis(300))
        .is_err()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_long_silence_sets_the_fence() {
    let server = Server::start(&[]);
    let gateway = gateway(&[&server]);
    a_moment().await;
    gateway.serve(&bare("before", code("before"))).await;
    let first = gateway.redis.reach().fence;
    let old = code("old");
    server.freeze();
    gateway.goes().await;
    tokio::time::sleep(Duration::from_secs(4)).await;
    server.thaw();
    gateway.comes().await;
    assert!(gateway.redis.reach().fence > first);
    let reserved = gateway.reserve(&bare("after", old)).await;
    assert!(matches!(reserved, Some(Reserved::Refresh)), "{reserved:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_still_loading_is_away_until_it_has_loaded() {
    let mut server = Server::start(&["--appendonly", "yes"]);
    let gateway = gateway(&[&server]);
    gateway.serve(&keyed("before")).await;
    let filling = "for i = 1, 40000 do redis.call('SET', 'k' .. i, 'v') end";
    server.ask(&["EVAL", filling, "0"]);
    server.kill();
    gateway.goes().await;
    server.restart_unawaited(&[
        "--key-load-delay",
        "50",
        "--loading-process-events-interval-bytes",
        "1024",
    ]);
    gateway
        .wait("it says that it is loading", |it| {
            it.reach().trouble == Some(Trouble::Loading)
        })
        .await;
    assert!(gateway.reserve(&keyed("before")).await.is_none());
    gateway.comes().await;
    let again = gateway.reserve(&keyed("before")).await;
    let known = matches!(again, Some(Reserved::Known(Standing::Done(_))));
    assert!(known, "{again:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_server_takes_nothing_new_and_finishes_what_was_begun() {
    let server = Server::start(&["--maxmemory-policy", "noeviction"]);
    let gateway = gateway(&[&server]);
    a_moment().await;
    let mut begun = gateway.begin(&keyed("begun")).await;
    server.ask(&["CONFIG", "SET", "maxmemory", "1mb"]);
    assert!(
        server.try_ask(&["SET", "x", "y"]).is_err(),
        "it is not full"
    );
    let claim = code("code");
    let full = gateway.reserve(&bare("bare", claim)).await;
    assert!(matches!(full, Some(Reserved::Full)), "{full:?}");
    assert!(gateway.reserve(&keyed("key")).await.is_none());
    begun.intend(now()).await.unwrap();
    begun.settle(done(), now()).await;
    let looked = gateway
        .store
        .look(keyed("begun").name, Some(keyed("begun").fingerprint), now());
    assert!(matches!(looked.await, Ok(Some(Standing::Done(_)))));
    server.ask(&["CONFIG", "SET", "maxmemory", "0"]);
    gateway.serve(&keyed("key")).await;
    gateway.serve(&bare("bare", claim)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn emptied_while_it_runs_the_server_grants_nothing_old() {
    let server = Server::start(&[]);
    let gateway = gateway(&[&server]);
    a_moment().await;
    for with_record in [false, true] {
        let used = code(&format!("used {with_record}"));
        let entry = |key: &str| multicode::state::Entry {
            keyed: with_record,
            ..bare(&format!("{key} {with_record}"), used)
        };
        gateway.serve(&entry("first")).await;
        assert_eq!(server.ask(&["FLUSHALL"]), Value::Okay);
        let reserved = gateway.reserve(&entry("second")).await;
        assert!(matches!(reserved, Some(Reserved::Refresh)), "{reserved:?}");
        a_moment().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn scripts_that_were_flushed_are_loaded_again() {
    let server = Server::start(&[]);
    let gateway = gateway(&[&server]);
    gateway.serve(&keyed("first")).await;
    assert_eq!(server.ask(&["SCRIPT", "FLUSH"]), Value::Okay);
    gateway.serve(&keyed("second")).await;
}
