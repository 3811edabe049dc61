//! The store that gateways share, on real servers that are killed, frozen, filled, misconfigured
//! and failed over. `docs/faults.md` says how often each was done and what must hold.

mod failover;
mod figures;
mod outages;
mod races;
pub(crate) mod server;
mod unfit;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use multicode::state::{
    About, Answer, Claim, Content, Entry, Keep, Name, Outcome, Redis, RedisSetting, Reserved,
    Seals, Store, Ticket,
};
use multicode::time::Moment;

use self::server::Server;

/// Within which every call must be answered, on a machine that does other things, too.
const PROMPT: Duration = Duration::from_secs(3);

/// Now, as the program has it.
pub(crate) fn now() -> Moment {
    static BEGINNING: OnceLock<Instant> = OnceLock::new();
    Moment {
        wall: multicode::app::now(),
        steady: BEGINNING.get_or_init(Instant::now).elapsed(),
    }
}

/// What all gateways of a test share.
pub(crate) fn seals() -> Arc<Seals> {
    Arc::new(Seals::new(&[7; 32]).unwrap())
}

/// One gateway's store.
struct Gateway {
    redis: Redis,
    store: Store,
}

/// A gateway on these servers, with more patience than by default where a fault is not about time.
fn gateway(servers: &[&Server]) -> Gateway {
    with(servers, |_| {})
}

fn with(servers: &[&Server], change: impl FnOnce(&mut RedisSetting)) -> Gateway {
    static SEED: AtomicU64 = AtomicU64::new(1);
    let urls = servers.iter().map(|server| server.url()).collect();
    let seed = SEED.fetch_add(1, Ordering::Relaxed);
    let mut setting = RedisSetting::new(urls, now, seed);
    setting.budget = Duration::from_secs(2);
    change(&mut setting);
    let redis = Redis::start(&setting, seals()).unwrap();
    let store = Store::Shared(Arc::new(redis.clone()));
    Gateway { redis, store }
}

impl Gateway {
    /// Waits until it can use its server.
    async fn comes(&self) {
        self.wait("the store is reached", |it| it.reach().trouble.is_none())
            .await;
    }

    /// Waits until it knows that it cannot.
    async fn goes(&self) {
        self.wait("the store is given up", |it| it.reach().trouble.is_some())
            .await;
    }

    async fn wait(&self, what: &str, is_so: impl Fn(&Redis) -> bool) {
        let began = Instant::now();
        while !is_so(&self.redis) {
            assert!(began.elapsed() < Duration::from_secs(30), "never: {what}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    async fn reserve(&self, entry: &Entry) -> Option<Reserved> {
        let began = Instant::now();
        let answer = self.store.reserve(entry, now()).await.ok();
        assert!(began.elapsed() < PROMPT, "{:?}", began.elapsed());
        answer
    }

    #[track_caller]
    fn begin(&self, entry: &Entry) -> impl Future<Output = Ticket> {
        let reserving = self.reserve(entry);
        async move {
            match reserving.await {
                Some(Reserved::Begun(ticket)) => ticket,
                other => panic!("not begun: {other:?}"),
            }
        }
    }

    /// A request from its beginning to its end.
    async fn serve(&self, entry: &Entry) {
        let mut ticket = self.begin(entry).await;
        ticket.intend(now()).await.unwrap();
        ticket.settle(done(), now()).await;
    }
}

fn name(what: &str) -> Name {
    seals().name("fault", [what.as_bytes()])
}

/// A settlement with this key.
fn keyed(key: &str) -> Entry {
    Entry {
        name: name(key),
        keyed: true,
        fingerprint: name("the same request"),
        keep: Keep::Durably,
        read: None,
        claim: None,
        about: About {
            request_id: key.into(),
            since: now().wall,
            ..About::default()
        },
        lease: Duration::from_secs(60),
        replicas: 0,
    }
}

/// A request that only uses up a code.
fn bare(key: &str, claim: Claim) -> Entry {
    Entry {
        keyed: false,
        keep: Keep::Briefly,
        claim: Some(claim),
        ..keyed(key)
    }
}

/// A code made just now, good for a minute.
fn code(nonce: &str) -> Claim {
    let now = now().wall;
    Claim {
        name: name(nonce),
        until: now.after(Duration::from_mins(1)),
        made: Some(now),
        lifetime: Some(Duration::from_mins(1)),
    }
}

fn done() -> Outcome {
    Outcome::Done(Answer {
        status: 200,
        headers: Vec::new(),
        content: Content::Whole(bytes::Bytes::from_static(b"paid")),
    })
}

/// After a fence nothing made at its very instant is accepted.
async fn a_moment() {
    tokio::time::sleep(Duration::from_millis(20)).await;
}
