//! A pass-through gateway for the benchmark, run by hand:
//! `cargo test --release --test it -- --ignored --exact engine::forwarder::forward_for_the_benchmark`

use std::{thread::park, time::Duration};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, Request, Response, header};
use http_body_util::{BodyExt, Full};
use multicode::{
    server::{Config, Handler, Listener, Peer, RequestBody, Rules, Server, WorkerContext},
    tick::Timer,
    upstream::{ResponseBody, Upstreams, unrecorded},
};

use super::{SOON, answer, config, outcome, upstream::towards};

/// Reads the body, drops hop-by-hop headers, forwards; no question asked.
struct Forwarder {
    timer: Timer,
    upstreams: Upstreams,
}

impl Handler for Forwarder {
    async fn handle(&self, request: Request<RequestBody>, _peer: &Peer) -> Response<ResponseBody> {
        let (head, body) = request.into_parts();
        let Ok(Some(body)) = self.timer.within(SOON, whole(body)).await else {
            return answer(400, "");
        };
        let mut forward = Request::new(Full::new(body));
        *forward.method_mut() = head.method;
        *forward.uri_mut() = head.uri;
        *forward.headers_mut() = end_to_end(head.headers);
        match self.upstreams.send(0, forward.into(), unrecorded).await {
            Ok(response) => {
                let (mut head, body) = response.into_parts();
                head.headers = end_to_end(head.headers);
                Response::from_parts(head, body)
            }
            Err(error) => answer(502, outcome(&error)),
        }
    }
}

async fn whole(mut body: RequestBody) -> Option<Bytes> {
    let first = match body.frame().await {
        None => return Some(Bytes::new()),
        Some(frame) => frame.ok()?.into_data().ok()?,
    };
    if hyper::body::Body::is_end_stream(&body) {
        return Some(first);
    }
    let mut all = Vec::from(first);
    while let Some(frame) = body.frame().await {
        all.extend_from_slice(&frame.ok()?.into_data().ok()?);
    }
    Some(all.into())
}

fn end_to_end(headers: HeaderMap) -> HeaderMap {
    const HOP: [HeaderName; 4] = [
        header::CONNECTION,
        header::TRANSFER_ENCODING,
        header::UPGRADE,
        header::TE,
    ];
    if HOP.iter().any(|name| headers.contains_key(name)) {
        return headers
            .iter()
            .filter(|(name, _)| !HOP.contains(name))
            .map(|(n, v)| (n.clone(), v.clone()))
            .collect();
    }
    headers
}

#[test]
#[ignore = "serves until it is killed"]
fn forward_for_the_benchmark() {
    let listeners = vec![Listener::at(([127, 0, 0, 1], 28080))];
    let server = Server::bind(Config {
        listeners,
        rules: Rules::up_to(10_000),
        ..config()
    })
    .unwrap();
    let mut upstream = towards(&[29101, 29102, 29103]);
    upstream.idle = 64;
    upstream.timeout = Duration::from_secs(5);
    let running = server.start(move |context: &WorkerContext| Forwarder {
        timer: context.timer.clone(),
        upstreams: Upstreams::new(&[upstream.clone()], &context.timer),
    });
    let _running = running.unwrap();
    loop {
        park();
    }
}
