//! A server whose handler writes down what it was asked, and answers in every way a handler can.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Request, Response, header};
use http_body::SizeHint;
use http_body_util::BodyExt;
use multicode::server::{
    Config, Handler, Listener, Patience, Peer, Refusals, RequestBody, Rules, Running, Server,
    WorkerContext,
};
use multicode::upstream::{BodyError, ResponseBody};
use tokio::sync::mpsc;

use super::transcript::Door;
use crate::engine::tls::Identity;

/// What was asked, one line a request.
pub(super) type Log = Arc<Mutex<Vec<String>>>;

/// One server, with the fast lane or without.
pub(super) struct World {
    _running: Running,
    pub(super) door: Door,
    log: Log,
}

impl World {
    pub(super) fn start(fast_lane: bool) -> Self {
        Self::behind(config(fast_lane), Door::Plain)
    }

    /// The same over TLS, whose clients end with a farewell or without one.
    pub(super) fn secured(fast_lane: bool, identity: &Identity, farewell: bool) -> Self {
        let config = Config {
            listeners: vec![identity.listener(|_| {})],
            ..config(fast_lane)
        };
        Self::behind(config, |address| {
            Door::secure(address, &identity.authority(), farewell)
        })
    }

    fn behind(config: Config, door: impl FnOnce(SocketAddr) -> Door) -> Self {
        let log = Log::default();
        let its = Arc::clone(&log);
        let server = Server::bind(config).unwrap();
        let address = server.addresses()[0].tcp().unwrap();
        let factory = move |_: &WorkerContext| Mirror(Arc::clone(&its));
        Self {
            _running: server.start(factory).unwrap(),
            door: door(address),
            log,
        }
    }

    /// What was asked since the last call.
    pub(super) fn asked(&self) -> Vec<String> {
        std::mem::take(&mut self.log.lock().unwrap())
    }
}

pub(super) fn config(fast_lane: bool) -> Config {
    let long = Duration::from_secs(20);
    Config {
        listeners: vec![Listener::at(([127, 0, 0, 1], 0))],
        workers: 1,
        rules: Rules::up_to(20_000),
        patience: Patience {
            header: long,
            idle: long,
        },
        refusals: Refusals::default(),
        fast_lane,
        clock: multicode::app::now,
    }
}

struct Mirror(Log);

impl Handler for Mirror {
    async fn handle(&self, request: Request<RequestBody>, _: &Peer) -> Response<ResponseBody> {
        let (head, body) = request.into_parts();
        let path = head.uri.path().to_owned();
        if path == "/unread" {
            return Response::new("not read".into());
        }
        let body = body
            .collect()
            .await
            .map(http_body_util::Collected::to_bytes);
        let (method, uri, version) = (&head.method, &head.uri, head.version);
        let body = body.ok();
        self.0.lock().unwrap().push(format!(
            "{method} {uri} {version:?} {:?} {body:?}",
            head.headers
        ));
        let Some(body) = body else {
            let mut response = Response::new(ResponseBody::from("broken"));
            *response.status_mut() = http::StatusCode::BAD_REQUEST;
            return response;
        };
        answer(&path, body)
    }
}

fn answer(path: &str, body: Bytes) -> Response<ResponseBody> {
    let exact = |length| SizeHint::with_exact(length);
    let halves = |body: &Bytes| {
        let middle = body.len() / 2;
        [body.slice(..middle), body.slice(middle..)]
            .into_iter()
            .filter(|half| !half.is_empty())
            .map(Ok)
            .collect::<Vec<_>>()
    };
    let length = u64::try_from(body.len()).unwrap();
    let mut response = Response::new(match path {
        "/nothing" | "/same" => ResponseBody::empty(),
        "/chunks" => relayed(halves(&body), SizeHint::default()),
        "/drips" => dripping(body),
        "/sized" => relayed(halves(&body), exact(length)),
        "/break" => relayed(
            vec![Ok("half".into()), Err(BodyError::Stalled)],
            SizeHint::default(),
        ),
        "/break-sized" => relayed(vec![Ok("half".into()), Err(BodyError::Stalled)], exact(9)),
        "/short" => relayed(vec![Ok("half".into())], exact(9)),
        "/long" => relayed(vec![Ok("more than was said".into())], exact(9)),
        "/large" => vec![b'x'; 300_000].into(),
        "/large-chunks" => relayed(
            vec![Ok(vec![b'x'; 70_000].into()), Ok("end".into())],
            SizeHint::default(),
        ),
        _ => body.into(),
    });
    let status = match path {
        "/nothing" => 204,
        "/same" => 304,
        "/odd" => 299,
        "/teapot" => 418,
        _ => 200,
    };
    *response.status_mut() = status.try_into().unwrap();
    let headers = response.headers_mut();
    match path {
        "/close" => drop(headers.insert(header::CONNECTION, HeaderValue::from_static("close"))),
        "/headers" => {
            headers.insert(header::DATE, HeaderValue::from_static("once"));
            for cookie in ["a=1", "b=2", ""] {
                headers.append(header::SET_COOKIE, HeaderValue::from_static(cookie));
            }
            headers.insert("x-own", HeaderValue::from_bytes(b"\xE9 \t x").unwrap());
        }
        "/said" => drop(headers.insert(header::CONTENT_LENGTH, length.into())),
        _ => {}
    }
    response
}

/// One byte after the other, each when the last one is taken.
fn dripping(body: Bytes) -> ResponseBody {
    let (send, receive) = mpsc::channel(1);
    tokio::task::spawn_local(async move {
        let bytes = body.chunks(1).map(|byte| body.slice_ref(byte));
        for part in bytes.chain([Bytes::new()]) {
            // Whoever asked may be gone.
            let _ = send.send(Ok(part)).await;
            tokio::task::yield_now().await;
        }
    });
    ResponseBody::relayed(receive, SizeHint::default())
}

fn relayed(parts: Vec<Result<Bytes, BodyError>>, length: SizeHint) -> ResponseBody {
    let (send, receive) = mpsc::channel(parts.len() + 1);
    for part in parts.into_iter().chain([Ok(Bytes::new())]) {
        send.try_send(part).unwrap();
    }
    ResponseBody::relayed(receive, length)
}
