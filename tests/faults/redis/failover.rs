//! The primary is lost, and with it what its replica did not have.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use multicode::state::{Claim, Entry, Reserved, Standing};
use tokio::task::JoinSet;

use super::server::Server;
use super::{Gateway, a_moment, bare, code, done, gateway, keyed, now};

/// Serves requests until told to stop; says which were acknowledged.
async fn writer(gateway: Gateway, id: usize, replicas: u8, stop: Arc<AtomicBool>) -> Vec<Entry> {
    let mut acknowledged = Vec::new();
    for serial in 0.. {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        let entry = Entry {
            replicas,
            ..keyed(&format!("{id} {serial}"))
        };
        let reserved = gateway.store.reserve(&entry, now()).await;
        if let Ok(Reserved::Begun(mut ticket)) = reserved {
            if ticket.intend(now()).await.is_ok() {
                acknowledged.push(entry);
                ticket.settle(done(), now()).await;
            }
        } else {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
    acknowledged
}

/// The replica takes over while the primary still answers, then the primary dies: how many
/// intents were acknowledged, and how many of them nobody knows any more.
async fn fail_over(replicas: u8) -> (usize, usize) {
    let mut primary = Server::start(&[]);
    let replica = primary.replica();
    let stop = Arc::new(AtomicBool::new(false));
    let mut writers = JoinSet::new();
    for id in 0..8 {
        let gateway = gateway(&[&primary, &replica]);
        gateway.comes().await;
        writers.spawn(writer(gateway, id, replicas, Arc::clone(&stop)));
    }
    tokio::time::sleep(Duration::from_millis(500)).await;
    replica.ask(&["REPLICAOF", "NO", "ONE"]);
    tokio::time::sleep(Duration::from_millis(300)).await;
    primary.kill();
    tokio::time::sleep(Duration::from_millis(700)).await;
    stop.store(true, Ordering::Relaxed);
    let acknowledged: Vec<_> = writers.join_all().await.into_iter().flatten().collect();
    let after = gateway(&[&replica]);
    after.comes().await;
    let mut lost = 0;
    for entry in &acknowledged {
        let looked = after
            .store
            .look(entry.name, Some(entry.fingerprint), now())
            .await;
        lost += usize::from(looked.unwrap().is_none());
    }
    (acknowledged.len(), lost)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_replicas_confirmed_survives_a_failover() {
    let (acknowledged, lost) = fail_over(1).await;
    assert!(acknowledged > 20, "{acknowledged}");
    assert_eq!(lost, 0, "of {acknowledged}");
    // The fault: the same without replicas loses some.
    let (acknowledged, lost) = fail_over(0).await;
    assert!(
        lost > 0,
        "of {acknowledged} none was lost: nothing was tried"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_failover_no_code_is_accepted_that_may_have_been_used() {
    let mut primary = Server::start(&[]);
    let replica = primary.replica();
    let gateways = [
        gateway(&[&primary, &replica]),
        gateway(&[&primary, &replica]),
    ];
    a_moment().await;
    let fences = [0, 1].map(|at: usize| gateways[at].redis.reach().fence);
    let kept = code("kept");
    gateways[0].serve(&bare("kept", kept)).await;
    super::server::until("the replica has it", || replica.count("*:c:*") == 1);
    replica.ask(&["REPLICAOF", "NO", "ONE"]);
    let lost: Vec<Claim> = (0..64).map(|it| code(&format!("lost {it}"))).collect();
    for (claim, at) in lost.iter().zip(0_usize..) {
        let gateway = &gateways[at % 2];
        gateway.serve(&bare(&format!("lost {at}"), *claim)).await;
    }
    primary.kill();
    // The fault: the new primary knows one of 65.
    assert_eq!(replica.count("*:c:*"), 1);
    for (gateway, fence) in gateways.iter().zip(fences) {
        gateway
            .wait("it has found the new primary", |it| {
                it.reach().fence > fence
            })
            .await;
        gateway.comes().await;
        for claim in &lost {
            for with_record in [false, true] {
                let mut entry = bare("again", *claim);
                entry.keyed = with_record;
                let reserved = gateway.reserve(&entry).await;
                assert!(matches!(reserved, Some(Reserved::Refresh)), "{reserved:?}");
            }
        }
        let reserved = gateway.reserve(&bare("again", kept)).await;
        assert!(matches!(reserved, Some(Reserved::Replayed)), "{reserved:?}");
    }
    a_moment().await;
    gateways[1].serve(&bare("new", code("new"))).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_the_replicas_asked_for_nothing_is_sent_and_all_is_free_again() {
    let primary = Server::start(&[]);
    let replica = primary.replica();
    let gateway = gateway(&[&primary]);
    a_moment().await;
    let claim = code("code");
    let entry = Entry {
        replicas: 1,
        claim: Some(claim),
        ..keyed("key")
    };
    replica.freeze();
    let mut ticket = gateway.begin(&entry).await;
    // The fault: the replica does not answer.
    assert!(ticket.intend(now()).await.is_err());
    drop(ticket);
    gateway
        .wait("it is given back", |_| primary.count("*:c:*") == 0)
        .await;
    let looked = gateway
        .store
        .look(entry.name, Some(entry.fingerprint), now())
        .await;
    assert_eq!(looked, Ok(None::<Standing>));
    replica.thaw();
    gateway
        .wait("the replica is back", |_| {
            primary.info("connected_slaves").as_deref() == Some("1")
        })
        .await;
    gateway.serve(&entry).await;
}
