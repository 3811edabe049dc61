//! What the store costs: printed, not judged.

use std::time::{Duration, Instant};

use multicode::state::{Entry, Reserved};
use redis::Value;
use tokio::task::JoinSet;

use super::server::Server;
use super::{Gateway, a_moment, bare, code, done, gateway, keyed, now};

/// What is measured, and how it is asked for.
type Kind = (&'static str, fn(usize) -> Entry);

/// Requests under way at the same time.
const AT_ONCE: usize = 64;

/// Serves so many; says how many a second.
async fn rate(gateway: &Gateway, count: usize, entry: fn(usize) -> Entry) -> f64 {
    let began = Instant::now();
    let mut tasks = JoinSet::new();
    for task in 0..AT_ONCE {
        let store = gateway.store.clone();
        tasks.spawn(async move {
            for serial in (task..count).step_by(AT_ONCE) {
                let reserved = store.reserve(&entry(serial), now()).await.unwrap();
                let Reserved::Begun(mut ticket) = reserved else {
                    panic!("{reserved:?}");
                };
                ticket.intend(now()).await.unwrap();
                ticket.settle(done(), now()).await;
            }
        });
    }
    tasks.join_all().await;
    f64::from(u32::try_from(count).unwrap()) / began.elapsed().as_secs_f64()
}

fn memory(server: &Server) -> u64 {
    server.info("used_memory").unwrap().parse().unwrap()
}

/// Microseconds of the server's time that each command took.
fn spent(server: &Server) -> String {
    let stats = server.ask(&["INFO", "commandstats"]);
    let stats: String = redis::from_redis_value(stats).unwrap();
    let lines = stats.lines().filter(|line| {
        ["evalsha", "set:", "wait", "get:"]
            .iter()
            .any(|it| line.contains(it))
    });
    lines.collect::<Vec<_>>().join("\n")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "measures"]
#[expect(clippy::print_stdout, reason = "the figures are what it is for")]
async fn what_a_claim_and_a_record_cost() {
    let server = Server::start(&["--repl-backlog-size", "16kb"]);
    let replica = server.replica();
    let gateway = gateway(&[&server]);
    a_moment().await;
    let kinds: [Kind; 3] = [
        ("claim", |it| {
            bare(&format!("c{it}"), code(&format!("c{it}")))
        }),
        ("claim and record", |it| Entry {
            claim: Some(code(&format!("r{it}"))),
            ..keyed(&format!("r{it}"))
        }),
        ("claim and record, one replica", |it| Entry {
            claim: Some(code(&format!("w{it}"))),
            replicas: 1,
            ..keyed(&format!("w{it}"))
        }),
    ];
    for (kind, entry) in kinds {
        assert_eq!(server.ask(&["CONFIG", "RESETSTAT"]), Value::Okay);
        let before = memory(&server);
        let keys = server.count("*");
        let rate = rate(&gateway, 20_000, entry).await;
        let keys = server.count("*") - keys;
        let bytes = (memory(&server) - before) / 20_000;
        println!("{kind}: {rate:.0} a second, {bytes} bytes each, {keys} keys");
        println!("{}", spent(&server));
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    drop(replica);
}
