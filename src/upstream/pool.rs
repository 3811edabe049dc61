//! The connections of one worker to one endpoint.

use std::{
    cell::RefCell,
    rc::{Rc, Weak},
    time::Duration,
};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use hyper::client::conn::http1::SendRequest;
use tokio::time::{Instant, sleep};

use super::{
    Endpoint, ResponseBody, SendError, UpstreamConfig, Withheld,
    connect::{Connector, Unconnected},
    intent::Intent,
};
use crate::tick::Timer;

/// A connection older than that is likelier to be dead than useful.
const IDLE_AGE: Duration = Duration::from_secs(30);

/// How often connections beyond that age are looked for.
const SWEEP: Duration = Duration::from_secs(5);

/// Idle connections, the one used last on top, so that the surplus grows old at the bottom.
#[derive(Debug)]
pub(super) struct Pool {
    endpoint: Endpoint,
    connector: Connector,
    idle: RefCell<Vec<Idle>>,
    keep: usize,
    /// Between two parts of an answer's body.
    patience: Duration,
    timer: Timer,
}

#[derive(Debug)]
struct Idle {
    sender: SendRequest<Full<Bytes>>,
    since: Instant,
}

/// What became of a request that did not fail half way.
pub(super) enum Delivery {
    /// The answer's head is here.
    Answered(Response<ResponseBody>),
    /// The backend has seen nothing of it.
    Unsent {
        /// As it was.
        request: Request<Full<Bytes>>,
        /// What kept it.
        why: Unsent,
    },
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
}

impl Pool {
    pub(super) fn new(endpoint: Endpoint, config: &UpstreamConfig, timer: &Timer) -> Self {
        let connector = Connector::new(&endpoint, config, timer);
        let idle = RefCell::default();
        let timer = timer.clone();
        Self {
            endpoint,
            connector,
            idle,
            keep: config.idle,
            patience: config.timeout,
            timer,
        }
    }

    pub(super) fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// Sends the request over a kept connection, or over a new one when none is left.
    pub(super) async fn deliver<I>(
        self: &Rc<Self>,
        mut request: Request<Full<Bytes>>,
        until: Instant,
        intent: &mut Intent<I>,
    ) -> Result<Delivery, SendError>
    where
        I: AsyncFnOnce() -> Result<(), Withheld>,
    {
        loop {
            let (sender, fresh) = match self.take() {
                Some(kept) => (kept, false),
                // Boxed: connecting is rare, and its state would be moved with every request.
                None => {
                    match Box::pin(self.connector.connect(&self.endpoint, self.left(until))).await {
                        Ok(new) => (new, true),
                        Err(Unconnected) => {
                            let why = Unsent::Connect;
                            return Ok(Delivery::Unsent { request, why });
                        }
                    }
                }
            };
            intent.record().await?;
            match self.exchange(sender, request, until).await? {
                Delivery::Unsent {
                    request: returned,
                    why: Unsent::Closed,
                } if !fresh => request = returned,
                delivery => return Ok(delivery),
            }
        }
    }

    async fn exchange(
        self: &Rc<Self>,
        mut sender: SendRequest<Full<Bytes>>,
        request: Request<Full<Bytes>>,
        until: Instant,
    ) -> Result<Delivery, SendError> {
        let left = self.left(until);
        if left.is_zero() {
            let why = Unsent::Late;
            return Ok(Delivery::Unsent { request, why });
        }
        let answer = self.timer.within(left, sender.try_send_request(request));
        match answer.await {
            Ok(Ok(response)) => Ok(Delivery::Answered(response.map(|body| {
                ResponseBody::pooled(
                    body,
                    sender,
                    Rc::clone(self),
                    self.timer.clone(),
                    self.patience,
                )
            }))),
            Ok(Err(mut error)) => match error.take_message() {
                Some(request) => Ok(Delivery::Unsent {
                    request,
                    why: Unsent::Closed,
                }),
                None if error.error().is_parse() => Err(SendError::Invalid),
                None => Err(SendError::OutcomeUnknown { timed_out: false }),
            },
            Err(_elapsed) => Err(SendError::OutcomeUnknown { timed_out: true }),
        }
    }

    fn left(&self, until: Instant) -> Duration {
        until.saturating_duration_since(self.timer.now())
    }

    /// The connection used last that is still open: its driver sees a close before we use it.
    fn take(&self) -> Option<SendRequest<Full<Bytes>>> {
        let now = self.timer.now();
        let mut idle = self.idle.borrow_mut();
        while let Some(top) = idle.pop() {
            if usable(&top, now) {
                return Some(top.sender);
            }
        }
        None
    }

    /// Keeps a connection whose last answer was read to its end.
    pub(super) fn give_back(&self, sender: SendRequest<Full<Bytes>>) {
        let mut idle = self.idle.borrow_mut();
        if idle.len() < self.keep && !sender.is_closed() {
            idle.push(Idle {
                sender,
                since: self.timer.now(),
            });
        }
    }
}

fn usable(idle: &Idle, now: Instant) -> bool {
    idle.sender.is_ready() && now.saturating_duration_since(idle.since) < IDLE_AGE
}

/// Closes what has been idle for too long, until the pools are gone.
pub(super) async fn close_idle(pools: Vec<Weak<Pool>>) {
    while pools.iter().any(|pool| pool.strong_count() > 0) {
        sleep(SWEEP).await;
        for pool in pools.iter().filter_map(Weak::upgrade) {
            let now = pool.timer.now();
            pool.idle.borrow_mut().retain(|idle| usable(idle, now));
        }
    }
}
