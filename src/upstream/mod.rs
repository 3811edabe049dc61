//! Requests to the departments' backends: each is delivered at most once, over connections that
//! every worker keeps for itself.
//!
//! A request goes to another connection or endpoint only while it is certain that the backend has
//! seen nothing of it: the connection could not be made, it was closed before anything was written, or
//! the backend itself says that it did not look at it (HTTP/2's `REFUSED_STREAM`, and streams above
//! a GOAWAY's last one). Otherwise its fate is the backend's to know, and the answer here is
//! [`SendError::OutcomeUnknown`], unless the route says that twice does no harm.

mod balance;
mod body;
mod breaker;
mod check;
mod checked;
mod choice;
mod connect;
mod deadline;
mod deliver;
mod fleet;
mod http1;
mod http2;
mod hypers;
mod intent;
mod line;
mod member;
mod moment;
mod policy;
mod pool;
mod queue;
mod resolve;
mod seats;
mod socket;
mod standing;

use std::{
    future::poll_fn,
    mem::{replace, take},
    rc::Rc,
    sync::Arc,
    task::Poll,
    time::Duration,
};

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode, header, uri::Scheme};
use http_body::Body;
use http_body_util::Full;
use tokio::time::Instant;

use self::balance::Places;
pub use self::balance::{Balance, By, MOST_ENDPOINTS};
pub use self::body::{BodyError, ResponseBody};
pub use self::breaker::{AllOut, Eject};
use self::choice::{Choice, Found};
use self::fleet::Crew;
pub use self::fleet::{Backends, Fleet, Trouble};
use self::http1::Buffers;
#[doc(hidden)]
pub use self::http1::fuzzing;
use self::intent::Intent;
pub use self::policy::{Check, Policy, Probe};
pub use self::pool::Protocol;
use self::pool::{Delivery, Pool};
pub use self::resolve::Names;
use self::seats::Seat;
pub use self::standing::{EndpointStanding, UpstreamStanding};
use crate::metrics::Metrics;
use crate::tick::Timer;

/// A backend in the same city answers a SYN in milliseconds; half a second is a lost packet sent
/// again.
pub const CONNECT_TIMEOUT: Duration = Duration::from_millis(500);

/// The terminal's user is waiting.
pub const TIMEOUT: Duration = Duration::from_secs(5);

/// Connections kept open to each endpoint by each worker.
pub const IDLE: usize = 32;

/// What is asked of a backend.
#[derive(Clone, Debug)]
pub struct Ask {
    /// Its target in origin form.
    pub request: Request<Full<Bytes>>,
    /// What a consistent hash goes by.
    pub sticky: Option<u64>,
    /// Whether the route says that sending it twice does no harm.
    pub idempotent: bool,
}

impl From<Request<Full<Bytes>>> for Ask {
    /// To be sent once, wherever its turn is.
    fn from(request: Request<Full<Bytes>>) -> Self {
        Self {
            request,
            sticky: None,
            idempotent: false,
        }
    }
}

/// The intent to send could not be recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Withheld;

/// The intent of a request that nobody keeps books about.
pub async fn unrecorded() -> Result<(), Withheld> {
    Ok(())
}

/// A backend and how to treat it.
#[derive(Clone, Debug)]
pub struct UpstreamConfig {
    /// What routes call it.
    pub name: String,
    /// At least one, and no more than [`MOST_ENDPOINTS`].
    pub endpoints: Vec<Endpoint>,
    /// For one endpoint's connection, the TLS handshake included.
    pub connect_timeout: Duration,
    /// From the request until the answer's end.
    pub timeout: Duration,
    /// From the request until the answer's head.
    pub first_byte_timeout: Duration,
    /// Between two parts of the answer's body.
    pub idle_timeout: Duration,
    /// Connections kept open to each endpoint while nobody uses them.
    pub idle: usize,
    /// What is spoken.
    pub protocol: Protocol,
    /// Whether HTTP/1.1 is spoken by our own hand instead of hyper's.
    pub fast_lane: bool,
    /// Whom to trust and who we are; endpoints over https cannot be reached without.
    pub tls: Option<Arc<rustls::ClientConfig>>,
    /// The name a certificate must be for, if it is not the endpoint's host.
    pub server_name: Option<String>,
    /// Where the addresses of endpoints' names are known.
    pub names: Arc<Names>,
    /// How its endpoints are chosen from, spared and watched.
    pub policy: Policy,
}

impl Default for UpstreamConfig {
    /// No endpoints, and the times the files' defaults give.
    fn default() -> Self {
        Self {
            name: String::new(),
            endpoints: Vec::new(),
            connect_timeout: CONNECT_TIMEOUT,
            timeout: TIMEOUT,
            first_byte_timeout: TIMEOUT,
            idle_timeout: TIMEOUT,
            idle: IDLE,
            protocol: Protocol::default(),
            fast_lane: true,
            tls: None,
            server_name: None,
            names: Names::of_the_system(),
            policy: Policy::default(),
        }
    }
}

/// One address of a backend.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// `http` or `https`.
    pub scheme: Scheme,
    /// A name or an IP address, the latter without brackets.
    pub host: String,
    /// Always spelled out.
    pub port: u16,
    /// The `Host` header it is addressed with.
    pub authority: HeaderValue,
    /// Its share beside the others of its upstream; at least 1.
    pub weight: u32,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    /// Every endpoint has as much to do as it may, and others wait already; nothing was sent.
    #[error("the upstream has too much to do")]
    Busy,
    /// The request arrived, but what came back is not an answer in HTTP.
    #[error("the upstream's answer is not HTTP")]
    Invalid,
    /// The request may have arrived and may have been acted on; it must not be sent again.
    #[error("the request may have reached the upstream, but no answer came back")]
    OutcomeUnknown {
        /// No answer in time; otherwise the connection broke.
        timed_out: bool,
    },
    /// No endpoint took the request; nothing of it was sent.
    #[error("no endpoint of the upstream could be reached")]
    Unreachable,
    /// The intent to send could not be recorded, so nothing was sent.
    #[error("what was to be sent could not be recorded")]
    Withheld,
}

/// The backends, as one worker sees them.
#[derive(Debug)]
pub struct Upstreams {
    all: Vec<Upstream>,
    timer: Timer,
    buffers: Buffers,
}

#[derive(Debug)]
struct Upstream {
    choice: Choice,
    pools: Vec<Rc<Pool>>,
    timeout: Duration,
}

impl Upstreams {
    /// Knows the backends by their place in `configs`, and shares nothing with other workers.
    pub fn new(configs: &[UpstreamConfig], timer: &Timer) -> Self {
        let backends = Fleet::default().adopt(configs.to_vec(), &Metrics::default());
        Self::of(&backends, timer)
    }

    /// The same, sharing with other workers what is known of the backends. Opens nothing yet;
    /// connections that have been idle too long are closed by a task on this thread for as long as
    /// the value lives.
    pub fn of(backends: &Backends, timer: &Timer) -> Self {
        let buffers = Buffers::default();
        let crews = backends.crews.iter();
        let upstreams: Vec<_> = crews
            .map(|crew| Upstream::new(crew, backends, timer, &buffers))
            .collect();
        let pools = upstreams
            .iter()
            .flat_map(|upstream| &upstream.pools)
            .map(Rc::downgrade);
        drop(tokio::task::spawn_local(pool::close_idle(pools.collect())));
        Self {
            all: upstreams,
            timer: timer.clone(),
            buffers,
        }
    }

    /// Sends the request to the next endpoint that takes it, and waits for the answer's head.
    ///
    /// `intent` runs once, when a connection stands ready and before the first byte is written; if
    /// it says no, nothing was sent.
    ///
    /// The target is in origin form. `Host` is the endpoint's, and the body is announced with
    /// `Content-Length` and nothing else, whatever the headers said: they may be a client's.
    pub async fn send<I>(
        &self,
        upstream: usize,
        ask: Ask,
        intent: I,
    ) -> Result<Response<ResponseBody>, SendError>
    where
        I: AsyncFnOnce() -> Result<(), Withheld>,
    {
        let upstream = self.all.get(upstream).ok_or(SendError::Unreachable)?;
        after_others().await;
        // Until something is written the whole search shares the time of one answer.
        let until = self.timer.now() + upstream.timeout;
        let mut intent = Intent::new(intent);
        let mut request = ask.request;
        reframe(&mut request, &self.buffers);
        let mut copy = ask.idempotent.then(|| request.clone());
        let mut failed = None;
        let mut tried = Places::default();
        let mut once_more = false;
        loop {
            let seat = upstream.seat(ask.sticky, &mut tried, take(&mut once_more), until);
            let mut seat = match seat.await {
                Ok(seat) => seat,
                Err(error) => return Err(failed.unwrap_or(error)),
            };
            let Some(pool) = upstream.pools.get(seat.place()) else {
                return Err(failed.unwrap_or(SendError::Unreachable));
            };
            let authority = pool.endpoint().authority.clone();
            request.headers_mut().insert(header::HOST, authority);
            match pool.deliver(&mut request, until, &mut intent).await {
                Ok(Delivery::Answered(response)) => {
                    let response = checked(response).inspect_err(|error| seat.failed(error))?;
                    seat.answered(response.status());
                    return Ok(response.map(|body| body.holding(seat)));
                }
                Ok(Delivery::Unsent(why)) => {
                    tracing::trace!(?why, "not sent");
                    seat.unsent(why);
                }
                Err(error) => {
                    seat.failed(&error);
                    let again = copy.take().filter(|_| may_follow(&error, pool.left(until)));
                    let Some(again) = again else {
                        return Err(failed.unwrap_or(error));
                    };
                    request = again;
                    failed = Some(error);
                    once_more = true;
                }
            }
        }
    }
}

impl Upstream {
    fn new(crew: &Arc<Crew>, backends: &Backends, timer: &Timer, buffers: &Buffers) -> Self {
        let config = &crew.config;
        let pools = config.endpoints.iter();
        let pool = |endpoint: &Endpoint| Pool::new(endpoint.clone(), config, timer, buffers);
        let pools = pools.map(|endpoint| Rc::new(pool(endpoint)));
        Self {
            pools: pools.collect(),
            choice: Choice::new(crew, backends, timer),
            timeout: config.timeout,
        }
    }

    /// A seat at an endpoint that was not tried yet; for a request that goes out `again`, one that
    /// was if there is no other.
    async fn seat(
        &self,
        sticky: Option<u64>,
        tried: &mut Places,
        again: bool,
        until: Instant,
    ) -> Result<Seat, SendError> {
        let mut found = self.choice.seat(sticky, *tried);
        if again && matches!(found, Found::Nobody) {
            *tried = Places::default();
            found = self.choice.seat(sticky, *tried);
        }
        let seat = match found {
            Found::Seat(seat) => seat,
            // Boxed: waiting is rare, and its state would be moved with every request.
            Found::Full => Box::pin(self.choice.wait(sticky, *tried, until)).await?,
            Found::Nobody => return Err(SendError::Unreachable),
        };
        tried.add(seat.place());
        Ok(seat)
    }
}

/// RFC 9110, section 9.2.2: a request is sent again only if "the request semantics are actually
/// idempotent", which the route says; then once, and only while somebody waits for it.
fn may_follow(error: &SendError, left: Duration) -> bool {
    matches!(error, SendError::OutcomeUnknown { .. }) && !left.is_zero()
}

/// Lets every task go first that is ready: when many requests come at once they are decided one after the
/// other, and then sent one after the other. A department that is awake by the first need not be woken for
/// the next, and each step finds in the caches what it needs.
async fn after_others() {
    let mut had_their_turn = false;
    poll_fn(|cx| {
        if replace(&mut had_their_turn, true) {
            Poll::Ready(())
        } else {
            cx.waker().wake_by_ref();
            Poll::Pending
        }
    })
    .await;
}

fn reframe(request: &mut Request<Full<Bytes>>, buffers: &Buffers) {
    let length = request.body().size_hint().exact().unwrap_or_default();
    let bodyless = length == 0 && matches!(*request.method(), Method::GET | Method::HEAD);
    let headers = request.headers_mut();
    headers.remove(header::TRANSFER_ENCODING);
    headers.remove(header::CONTENT_LENGTH);
    if !bodyless {
        headers.insert(header::CONTENT_LENGTH, buffers.number(length));
    }
}

fn checked(mut response: Response<ResponseBody>) -> Result<Response<ResponseBody>, SendError> {
    // Nobody asked for another protocol.
    if response.status() == StatusCode::SWITCHING_PROTOCOLS {
        return Err(SendError::Invalid);
    }
    // "A server MUST NOT send" both (RFC 9112, 6.3); hyper has read the body by the former.
    if response.headers().contains_key(header::TRANSFER_ENCODING) {
        response.headers_mut().remove(header::CONTENT_LENGTH);
    }
    Ok(response)
}
