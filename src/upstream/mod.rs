//! Requests to the departments' backends: each is delivered at most once, over connections that
//! every worker keeps for itself.
//!
//! A request goes to another connection or endpoint only while it is certain that the backend has
//! seen nothing of it: the connection could not be made, hyper hands the request back unwritten, or
//! the backend itself says that it did not look at it (HTTP/2's `REFUSED_STREAM`, and streams above
//! a GOAWAY's last one). Otherwise its fate is the backend's to know, and the answer here is
//! [`SendError::OutcomeUnknown`], unless the route says that twice does no harm.

mod body;
mod connect;
mod deadline;
mod deliver;
mod http2;
mod intent;
mod pool;
mod resolve;
mod seats;
mod socket;

use std::{cell::Cell, rc::Rc, sync::Arc, time::Duration};

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode, header, uri::Scheme};
use http_body::Body;
use http_body_util::Full;

pub use self::body::{BodyError, ResponseBody};
use self::intent::Intent;
pub use self::pool::Protocol;
use self::pool::{Delivery, Pool};
pub use self::resolve::Names;
use self::seats::Seat;
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
    /// Asked in turn; at least one.
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
    /// Whom to trust and who we are; endpoints over https cannot be reached without.
    pub tls: Option<Arc<rustls::ClientConfig>>,
    /// The name a certificate must be for, if it is not the endpoint's host.
    pub server_name: Option<String>,
    /// Where the addresses of endpoints' names are known.
    pub names: Arc<Names>,
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
            tls: None,
            server_name: None,
            names: Names::of_the_system(),
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
    upstreams: Vec<Upstream>,
    timer: Timer,
}

#[derive(Debug)]
struct Upstream {
    pools: Vec<Rc<Pool>>,
    next: Cell<usize>,
    timeout: Duration,
}

impl Upstreams {
    /// Knows the backends by their place in `configs`. Opens nothing yet; connections that have
    /// been idle too long are closed by a task on this thread for as long as the value lives.
    pub fn new(configs: &[UpstreamConfig], timer: &Timer) -> Self {
        let upstreams: Vec<_> = configs
            .iter()
            .map(|config| Upstream::new(config, timer))
            .collect();
        let pools = upstreams
            .iter()
            .flat_map(|upstream| &upstream.pools)
            .map(Rc::downgrade);
        drop(tokio::task::spawn_local(pool::close_idle(pools.collect())));
        Self {
            upstreams,
            timer: timer.clone(),
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
        let upstream = self.upstreams.get(upstream).ok_or(SendError::Unreachable)?;
        // Until something is written the whole search shares the time of one answer.
        let until = self.timer.now() + upstream.timeout;
        let mut intent = Intent::new(intent);
        let mut request = reframed(ask.request);
        let mut copy = ask.idempotent.then(|| request.clone());
        let mut failed = None;
        let endpoints = upstream.pools.len();
        for (turn, pool) in upstream.in_turn().enumerate() {
            if turn >= endpoints && failed.is_none() {
                break;
            }
            let authority = pool.endpoint().authority.clone();
            request.headers_mut().insert(header::HOST, authority);
            match pool.deliver(request, until, &mut intent).await {
                Ok(Delivery::Answered(response)) => {
                    return checked(response.map(|body| body.holding(Seat)));
                }
                Ok(Delivery::Unsent { request: kept, why }) => {
                    tracing::trace!(?why, "not sent");
                    request = kept;
                }
                Err(error @ SendError::OutcomeUnknown { .. }) => {
                    // RFC 9110, section 9.2.2: sent again only if "the request semantics are
                    // actually idempotent", which the route says, and then once.
                    let Some(again) = copy.take().filter(|_| !pool.left(until).is_zero()) else {
                        return Err(error);
                    };
                    request = again;
                    failed = Some(error);
                }
                Err(error) => return Err(error),
            }
        }
        Err(failed.unwrap_or(SendError::Unreachable))
    }
}

impl Upstream {
    fn new(config: &UpstreamConfig, timer: &Timer) -> Self {
        let pools = config.endpoints.iter();
        let pools = pools.map(|endpoint| Rc::new(Pool::new(endpoint.clone(), config, timer)));
        Self {
            pools: pools.collect(),
            next: Cell::new(0),
            timeout: config.timeout,
        }
    }

    /// Every endpoint once, beginning with the next in turn, and the first of them again.
    fn in_turn(&self) -> impl Iterator<Item = &Rc<Pool>> {
        let first = self.next.get();
        self.next.set(if first + 1 < self.pools.len() {
            first + 1
        } else {
            0
        });
        let turns = self.pools.len() + 1;
        self.pools.iter().cycle().skip(first).take(turns)
    }
}

fn reframed(mut request: Request<Full<Bytes>>) -> Request<Full<Bytes>> {
    let length = request.body().size_hint().exact().unwrap_or_default();
    let bodyless = length == 0 && matches!(*request.method(), Method::GET | Method::HEAD);
    let headers = request.headers_mut();
    headers.remove(header::TRANSFER_ENCODING);
    headers.remove(header::CONTENT_LENGTH);
    if !bodyless {
        headers.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    }
    request
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
