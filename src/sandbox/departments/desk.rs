//! One department's socket: accept, note, wait, fail or answer.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use bytes::Bytes;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderValue};
use http::{Request, Response, StatusCode};
use http_body::{Frame, SizeHint};
use http_body_util::{BodyExt, Collected, Limited};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use thiserror::Error;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{AbortHandle, JoinSet};
use tower::ServiceExt as _;

use super::Department;
use super::behaviour::{Behaviour, Fault};
use super::received::{Log, Received};
use crate::random::Random;

/// Bytes of a request body; the gateway's own largest is far below.
const BODY_LIMIT: usize = 1 << 20;

/// How long a half answer lets its first half travel before it breaks off.
const BREAK_OFF_AFTER: Duration = Duration::from_millis(30);

/// A department behind its socket; it closes when this is dropped.
#[derive(Debug)]
pub(super) struct Desk {
    address: SocketAddr,
    shared: Arc<Shared>,
    accepting: AbortHandle,
}

#[derive(Debug)]
struct Shared {
    department: Department,
    behaviour: Mutex<Behaviour>,
    random: Mutex<Random>,
    log: Mutex<Log>,
    router: Router,
}

/// Why a connection ends without a whole answer; hyper closes it on any error.
#[derive(Debug, Error)]
enum Broken {
    #[error("closed on purpose")]
    OnPurpose,
    #[error("the request's body did not arrive")]
    Body,
}

impl Desk {
    pub(super) async fn open(
        department: Department,
        address: SocketAddr,
        behaviour: Behaviour,
        seed: u64,
    ) -> io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared {
            department,
            behaviour: Mutex::new(behaviour),
            random: Mutex::new(Random::seeded(seed)),
            log: Mutex::default(),
            router: department.router(),
        });
        let accepting = tokio::spawn(accept(listener, Arc::clone(&shared))).abort_handle();
        Ok(Self {
            address,
            shared,
            accepting,
        })
    }

    pub(super) const fn address(&self) -> SocketAddr {
        self.address
    }

    pub(super) fn received(&self) -> Vec<Received> {
        lock(&self.shared.log).list()
    }

    pub(super) fn forget(&self) {
        *lock(&self.shared.log) = Log::default();
    }

    pub(super) fn behave(&self, behaviour: Behaviour) {
        *lock(&self.shared.behaviour) = behaviour;
    }
}

impl Drop for Desk {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

/// Accepts until aborted; the connections live in a set that ends with this future.
async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    connections.spawn(serve(stream, Arc::clone(&shared)));
                }
                // Out of descriptors, most likely: wait for some connection to end.
                Err(_) => tokio::time::sleep(BREAK_OFF_AFTER).await,
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn serve(stream: TcpStream, shared: Arc<Shared>) {
    // Without it a small answer may wait for the peer's delayed acknowledgement.
    let _ = stream.set_nodelay(true);
    let service = service_fn(move |request| answer(request, Arc::clone(&shared)));
    // A peer that breaks off, or a fault of our own making, ends the connection and nothing else.
    let _ = http1::Builder::new()
        .serve_connection(TokioIo::new(stream), service)
        .await;
}

async fn answer(request: Request<Incoming>, shared: Arc<Shared>) -> Result<Response<Body>, Broken> {
    let (parts, body) = request.into_parts();
    let body = Limited::new(body, BODY_LIMIT).collect().await;
    let body = body.map_err(|_| Broken::Body)?.to_bytes();
    match parts.uri.path() {
        "/_mock/health" => return Ok(shared.health()),
        "/_mock/received" => return Ok(shared.received()),
        _ => lock(&shared.log).push(Received::of(&parts, &body)),
    }
    let (delay, fault) = shared.draw();
    if !delay.is_zero() {
        tokio::time::sleep(delay).await;
    }
    let request = Request::from_parts(parts, Body::from(body));
    match fault {
        None => Ok(shared.ask(request).await),
        Some(Fault::Close) => Err(Broken::OnPurpose),
        Some(Fault::Half) => Ok(Half::of(shared.ask(request).await).await),
        Some(Fault::Hang) => std::future::pending().await,
        Some(Fault::Status) => Ok(plain_500()),
    }
}

impl Shared {
    fn draw(&self) -> (Duration, Option<Fault>) {
        let behaviour = *lock(&self.behaviour);
        behaviour.draw(&mut lock(&self.random))
    }

    async fn ask(&self, request: Request<Body>) -> Response<Body> {
        let answered: Result<_, Infallible> = self.router.clone().oneshot(request).await;
        match answered {
            Ok(response) => response,
            Err(never) => match never {},
        }
    }

    fn health(&self) -> Response<Body> {
        let department = self.department.name();
        json(&serde_json::json!({ "department": department, "status": "up" }))
    }

    fn received(&self) -> Response<Body> {
        json(&*lock(&self.log))
    }
}

fn json(value: &impl serde::Serialize) -> Response<Body> {
    let text = serde_json::to_string(value).unwrap_or_default();
    let mut response = Response::new(Body::from(text));
    let json = HeaderValue::from_static("application/json");
    response.headers_mut().insert(CONTENT_TYPE, json);
    response
}

fn plain_500() -> Response<Body> {
    let mut response = Response::new(Body::from("internal error\n"));
    *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
    response
}

/// The state behind a lock; a panic elsewhere left it whole.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The first half of a body, then a break.
struct Half {
    first: Option<Bytes>,
    pause: Pin<Box<tokio::time::Sleep>>,
}

impl Half {
    /// Announces the whole length and sends half of it.
    async fn of(response: Response<Body>) -> Response<Body> {
        let (mut parts, body) = response.into_parts();
        let whole = body.collect().await.map(Collected::to_bytes);
        let whole = whole.unwrap_or_default();
        let length = HeaderValue::from(whole.len());
        parts.headers.insert(CONTENT_LENGTH, length);
        let half = Self {
            first: Some(whole.slice(..whole.len() / 2)),
            pause: Box::pin(tokio::time::sleep(BREAK_OFF_AFTER)),
        };
        Response::from_parts(parts, Body::new(half))
    }
}

impl http_body::Body for Half {
    type Data = Bytes;
    type Error = Broken;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Broken>>> {
        if let Some(first) = self.first.take() {
            return Poll::Ready(Some(Ok(Frame::data(first))));
        }
        // The pause lets hyper flush the first half; an error at once would swallow it.
        let pause = self.pause.as_mut();
        pause.poll(context).map(|()| Some(Err(Broken::OnPurpose)))
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::default()
    }
}
