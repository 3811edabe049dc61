//! The connections of one worker to one endpoint.

use std::{
    cell::{Cell, RefCell},
    rc::{Rc, Weak},
    time::Duration,
};

use http::Response;
use tokio::{
    sync::Semaphore,
    time::{Instant, sleep},
};

use super::{
    Endpoint, ResponseBody, UpstreamConfig,
    connect::{Connector, Unconnected},
    deadline::{Budget, Patience},
    http1::Buffers,
    http2::Multiplexed,
    line::Line,
};
use crate::tick::{Timer, turn};

/// A connection older than that is likelier to be dead than useful.
const IDLE_AGE: Duration = Duration::from_secs(30);

/// For how long after its last answer a connection is believed without asking the kernel: no server is
/// known that closes an idle one sooner, and the runtime hears of every end when it looks at its sockets.
const FRESH: Duration = Duration::from_secs(1);

/// How often connections beyond that age are looked for.
const SWEEP: Duration = Duration::from_secs(5);

/// How requests go over connections.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Protocol {
    /// One after the other (RFC 9112).
    #[default]
    Http1,
    /// Many at once (RFC 9113).
    Http2,
}

impl Protocol {
    /// The word for it in files.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Http1 => "http1",
            Self::Http2 => "http2",
        }
    }

    /// Its name in TLS (RFC 7301).
    pub const fn alpn(self) -> &'static [u8] {
        match self {
            Self::Http1 => b"http/1.1",
            Self::Http2 => b"h2",
        }
    }
}

/// What one worker has open to one endpoint.
#[derive(Debug)]
pub(super) struct Pool {
    endpoint: Endpoint,
    pub(super) connector: Connector,
    pub(super) patience: Patience,
    pub(super) budget: Budget,
    pub(super) timer: Timer,
    keep: usize,
    /// The one used last on top, so that the surplus grows old at the bottom.
    idle: RefCell<Vec<Idle>>,
    pub(super) shared: RefCell<Vec<Rc<Multiplexed>>>,
    /// Whoever wants another shared connection waits for the one that is being made.
    pub(super) connecting: Semaphore,
    pub(super) failures: Cell<u64>,
}

#[derive(Debug)]
struct Idle {
    line: Line,
    since: Instant,
    /// The turn it was given back in.
    turn: u64,
}

/// What became of a request that did not fail half way.
pub(super) enum Delivery {
    /// The answer's head is here.
    Answered(Response<ResponseBody>),
    /// The backend has seen nothing of it, or says that it did not look at it. The request is as it was.
    Unsent(Unsent),
}

/// Why a backend has seen nothing of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unsent {
    /// The connection was closed before anything was written to it.
    Closed,
    /// No connection could be made.
    Connect,
    /// There was no time left.
    Late,
    /// The backend said that it will not look at it: `REFUSED_STREAM`, or above a GOAWAY's last.
    Refused,
}

impl Pool {
    pub(super) fn new(
        endpoint: Endpoint,
        config: &UpstreamConfig,
        timer: &Timer,
        buffers: &Buffers,
    ) -> Self {
        Self {
            connector: Connector::new(&endpoint, config, timer, buffers),
            patience: Patience::new(config),
            budget: Budget::new(),
            timer: timer.clone(),
            keep: config.idle,
            idle: RefCell::default(),
            shared: RefCell::default(),
            connecting: Semaphore::new(1),
            failures: Cell::new(0),
            endpoint,
        }
    }

    pub(super) fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    pub(super) fn left(&self, until: Instant) -> Duration {
        until.saturating_duration_since(self.timer.now())
    }

    /// A kept connection that nobody has closed.
    pub(super) async fn take(&self) -> Option<Line> {
        let now = self.timer.now();
        loop {
            let mut idle = self.pop()?;
            if !self.is_usable(&idle, now) {
                continue;
            }
            // A server that closes what nobody uses waits longer than that, and one that closes behind
            // its answer has done so by the time the runtime looks at its sockets again.
            let is_fresh = now.saturating_duration_since(idle.since) < FRESH;
            let quiet = if is_fresh && idle.turn != turn() {
                idle.line.is_still_quiet().await
            } else {
                idle.line.is_quiet().await
            };
            if quiet {
                return Some(idle.line);
            }
        }
    }

    /// The one used last, if there is one of those that the runtime has looked at since.
    fn pop(&self) -> Option<Idle> {
        let mut idle = self.idle.borrow_mut();
        let looked_at = idle.iter().rposition(|one| one.turn != turn());
        let place = looked_at.or_else(|| idle.len().checked_sub(1))?;
        Some(idle.remove(place))
    }

    /// Keeps a connection whose last answer was read to its end.
    pub(super) fn give_back(&self, line: Line) {
        let mut idle = self.idle.borrow_mut();
        if idle.len() < self.keep && !line.is_closed() {
            idle.push(Idle {
                line,
                since: self.timer.now(),
                turn: turn(),
            });
        }
    }

    fn is_usable(&self, idle: &Idle, now: Instant) -> bool {
        idle.line.is_ready()
            && now.saturating_duration_since(idle.since) < IDLE_AGE
            && self.connector.leads_to(idle.line.origin())
    }

    /// A shared connection with room for another request; made if there is none.
    pub(super) async fn share(&self, until: Instant) -> Result<Rc<Multiplexed>, Unconnected> {
        let failures = self.failures.get();
        let mut turn = None;
        loop {
            if let Some(open) = self.find_shared().await {
                return Ok(open);
            }
            if turn.is_none() {
                let waited = self
                    .timer
                    .within(self.left(until), self.connecting.acquire());
                turn = Some(waited.await.map_err(|_| Unconnected)?);
                continue;
            }
            if self.failures.get() != failures {
                // Somebody tried while we waited.
                return Err(Unconnected);
            }
            // Boxed: connecting is rare, and its state would be moved with every request.
            let made = Box::pin(self.connector.multiplexed(self.left(until))).await;
            if made.is_err() {
                self.failures.set(failures.wrapping_add(1));
            }
            let made = Rc::new(made?);
            self.shared.borrow_mut().push(Rc::clone(&made));
        }
    }

    /// One that has room; what is closed or goes away is forgotten on the way.
    async fn find_shared(&self) -> Option<Rc<Multiplexed>> {
        loop {
            let found = {
                let mut shared = self.shared.borrow_mut();
                shared.retain(|one| one.takes_requests() && self.connector.leads_to(one.origin()));
                shared.iter().find(|one| one.has_room()).cloned()?
            };
            if !found.is_open().await {
                let mut shared = self.shared.borrow_mut();
                shared.retain(|one| !Rc::ptr_eq(one, &found));
            } else if found.has_room() {
                return Some(found);
            }
        }
    }

    fn sweep(&self) {
        let now = self.timer.now();
        let mut idle = self.idle.borrow_mut();
        idle.retain_mut(|idle| self.is_usable(idle, now) && idle.line.lies_silent());
        self.shared.borrow_mut().retain(|one| {
            let idle = one.idle_since();
            let old = idle.is_some_and(|since| now.saturating_duration_since(since) >= IDLE_AGE);
            !old && one.takes_requests() && self.connector.leads_to(one.origin())
        });
    }
}

/// Closes what has been idle for too long, until the pools are gone.
pub(super) async fn close_idle(pools: Vec<Weak<Pool>>) {
    while pools.iter().any(|pool| pool.strong_count() > 0) {
        sleep(SWEEP).await;
        for pool in pools.iter().filter_map(Weak::upgrade) {
            pool.sweep();
        }
    }
}
