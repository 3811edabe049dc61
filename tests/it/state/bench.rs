//! A store and its time.

use std::any::Any;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use multicode::state::{
    About, Answer, Claim, Content, Entry, Keep, Name, Outcome, Reserved, Seals, Standing, Store,
    Ticket,
};
use multicode::time::{Moment, Timestamp};

/// How long stores under test keep outcomes.
pub(super) const KEEP: Duration = Duration::from_millis(1_500);
/// How long after the first read a second one joins it.
pub(super) const DOUBLE_READ: Duration = Duration::from_millis(300);
/// How long the codes of these tests are good.
pub(super) const WINDOW: Duration = Duration::from_secs(3);
/// Stores may round a code's end up by so much.
pub(super) const GRACE: Duration = Duration::from_millis(1_100);

/// A day in November.
pub(super) const NOON: Moment = Moment {
    wall: Timestamp::from_seconds(1_795_312_800),
    steady: Duration::from_secs(1_000),
};

/// What names are made with.
pub(super) fn seals() -> Arc<Seals> {
    Arc::new(Seals::new(&[7; 32]).unwrap())
}

/// A store, what it takes for now, and whether that is so.
pub(super) struct Bench {
    pub(super) store: Store,
    now: Mutex<Moment>,
    passing: Passing,
    serial: AtomicU64,
    _ground: Option<Box<dyn Any + Send + Sync>>,
}

/// How time passes on a bench.
#[derive(Clone, Copy)]
pub(super) enum Passing {
    /// It is said so.
    Said,
    /// It is waited for, by this clock: the store has one of its own.
    Waited(fn() -> Moment),
}

impl Bench {
    /// A bench on a store that was opened at `now`. A moment later it is used.
    pub(super) fn new(store: Store, now: Moment, passing: Passing) -> Self {
        let bench = Self {
            store,
            now: Mutex::new(now),
            passing,
            serial: AtomicU64::new(0),
            _ground: None,
        };
        bench.say(Duration::from_millis(10));
        bench
    }

    /// What the store stands on lives as long as the bench.
    pub(super) fn on(self, ground: impl Any + Send + Sync) -> Self {
        Self {
            _ground: Some(Box::new(ground)),
            ..self
        }
    }

    pub(super) fn now(&self) -> Moment {
        match self.passing {
            Passing::Said => *self.now.lock().unwrap(),
            Passing::Waited(clock) => clock(),
        }
    }

    /// Lets time pass.
    pub(super) async fn pass(&self, span: Duration) {
        if let Passing::Waited(_) = self.passing {
            tokio::time::sleep(span).await;
        }
        self.say(span);
    }

    fn say(&self, span: Duration) {
        let mut now = self.now.lock().unwrap();
        now.wall = now.wall.after(span);
        now.steady += span;
    }

    /// A name for this thing of this test.
    pub(super) fn name(&self, what: &str) -> Name {
        self.store.seals().name("test", [what.as_bytes()])
    }

    /// A request with this key.
    pub(super) fn keyed(&self, key: &str) -> Entry {
        Entry {
            name: self.name(key),
            keyed: true,
            fingerprint: self.name("the same request"),
            keep: Keep::Durably,
            read: None,
            claim: None,
            about: About {
                request_id: key.into(),
                terminal: "W-0001".into(),
                scene: "settlement".into(),
                route: "pharmacy".into(),
                since: self.now().wall,
            },
            lease: Duration::from_secs(60),
            replicas: 0,
        }
    }

    /// A request without a key.
    pub(super) fn unkeyed(&self) -> Entry {
        let serial = self.serial.fetch_add(1, Ordering::Relaxed);
        Entry {
            keyed: false,
            keep: Keep::Briefly,
            ..self.keyed(&format!("request {serial}"))
        }
    }

    /// A request that is named so, but whose terminal gave no key.
    pub(super) fn unkeyed_like(&self, name: &str) -> Entry {
        Entry {
            keyed: false,
            ..self.keyed(name)
        }
    }

    /// A code made just now.
    pub(super) fn code(&self, nonce: &str) -> Claim {
        let now = self.now().wall;
        Claim {
            name: self.name(nonce),
            until: now.after(WINDOW),
            made: Some(now.after(Duration::from_millis(5))),
            lifetime: Some(WINDOW),
        }
    }

    pub(super) async fn reserve(&self, entry: &Entry) -> Reserved {
        self.store.reserve(entry, self.now()).await.unwrap()
    }

    /// A reservation that must begin.
    #[track_caller]
    pub(super) fn begin(&self, entry: &Entry) -> impl Future<Output = Ticket> {
        let entry = entry.clone();
        async move {
            match self.store.reserve(&entry, self.now()).await.unwrap() {
                Reserved::Begun(ticket) => ticket,
                other => panic!("not begun: {other:?}"),
            }
        }
    }

    /// The same, and its intent.
    pub(super) async fn intend(&self, entry: &Entry) -> Ticket {
        let mut ticket = self.begin(entry).await;
        ticket.intend(self.now()).await.unwrap();
        ticket
    }

    /// A request from its beginning to its end.
    pub(super) async fn serve(&self, entry: &Entry, outcome: Outcome) {
        let ticket = self.intend(entry).await;
        ticket.settle(outcome, self.now()).await;
    }

    pub(super) async fn look(&self, entry: &Entry) -> Option<Standing> {
        let looked = self
            .store
            .look(entry.name, Some(entry.fingerprint), self.now());
        looked.await.unwrap()
    }

    /// Who is listed as unknown, by their request ids.
    pub(super) async fn unknown(&self, most: usize) -> Vec<String> {
        let listed = self.store.unknown(most, self.now()).await.unwrap();
        let ids = listed.iter().map(|(_, about)| about.request_id.to_string());
        ids.collect()
    }
}

/// An answer with that content.
pub(super) fn answer(content: &'static str) -> Answer {
    Answer {
        status: 200,
        headers: vec![("content-type".into(), b"application/json"[..].into())],
        content: Content::Whole(Bytes::from_static(content.as_bytes())),
    }
}

/// That answer, as what became of a request.
pub(super) fn done(content: &'static str) -> Outcome {
    Outcome::Done(answer(content))
}

/// Short for what a look finds then.
#[expect(clippy::unnecessary_wraps, reason = "as a look has it")]
pub(super) fn found(content: &'static str) -> Option<Standing> {
    Some(Standing::Done(answer(content)))
}
