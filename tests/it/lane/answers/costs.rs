//! What an exchange with a department allocates: the number, not the hope.

use std::{
    io::{Read, Write},
    net::TcpListener,
    thread,
};

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response};
use http_body_util::{BodyExt, Full};
use multicode::upstream::{ResponseBody, UpstreamConfig, Upstreams, unrecorded};
use stats_alloc::Region;

use super::with_timer;
use crate::{ALLOCATOR, engine::upstream::towards};

const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\nServer: department\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\n\
    Content-Type: application/json\r\nX-Department-Trace: 0123456789\r\nContent-Length: 16\r\n\r\n{\"state\":\"paid\"}";

/// Of many exchanges in a row: now and then a worker's room begins anew.
const WINDOWS: usize = 400;

/// A department that allocates nothing itself.
fn department() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut request = [0; 4096];
        while stream.read(&mut request).is_ok_and(|length| length > 0) {
            stream.write_all(ANSWER).unwrap();
        }
    });
    port
}

fn request() -> Request<Full<Bytes>> {
    let mut request = Request::new(Full::new(Bytes::from_static(
        b"{\"code\":\"6901234567892\"}",
    )));
    *request.method_mut() = Method::POST;
    *request.uri_mut() = "/pay".parse().unwrap();
    let headers = request.headers_mut();
    // Room for what is added on the way.
    headers.reserve(12);
    headers.insert("content-type", HeaderValue::from_static("application/json"));
    headers.insert("x-request-id", HeaderValue::from_static("0123456789"));
    request
}

async fn exchange(
    upstreams: &Upstreams,
    request: Request<Full<Bytes>>,
) -> (Response<ResponseBody>, usize) {
    let region = Region::new(ALLOCATOR);
    let mut answer = upstreams.send(0, request.into(), unrecorded).await.unwrap();
    let body = answer
        .body_mut()
        .frame()
        .await
        .unwrap()
        .unwrap()
        .into_data()
        .unwrap();
    let change = region.change();
    assert_eq!(body, "{\"state\":\"paid\"}");
    (answer, change.allocations + change.reallocations)
}

/// Allocations of each of the exchanges, the fewest first.
fn costs(fast_lane: bool) -> Vec<usize> {
    let mut costs = Vec::with_capacity(WINDOWS);
    with_timer(async |timer| {
        let upstream = UpstreamConfig {
            fast_lane,
            ..towards(&[department()])
        };
        let upstreams = Upstreams::new(&[upstream], timer);
        for _ in 0..20 {
            drop(exchange(&upstreams, request()).await);
        }
        for _ in 0..WINDOWS {
            let (answer, cost) = exchange(&upstreams, request()).await;
            drop(answer);
            costs.push(cost);
        }
    });
    costs.sort_unstable();
    costs
}

/// But for the worker's room, which begins anew now and then.
#[test]
fn an_exchange_allocates_nothing() {
    let (own, hypers) = (costs(true), costs(false));
    let all: usize = own.iter().sum();
    assert_eq!(own[WINDOWS * 9 / 10], 0, "{own:?}");
    assert!(all <= WINDOWS / 10, "{all}: {own:?}");
    assert!(hypers[0] > 0, "{hypers:?}");
}
