//! What the fast lane costs: allocations for a request, memory for a connection at rest.

use std::io::{Read, Write};
use std::net::TcpStream;

use http::{Request, Response};
use http_body_util::BodyExt;
use multicode::server::{Handler, Peer, RequestBody, Server, WorkerContext};
use multicode::upstream::ResponseBody;

use super::mirror::config;
use crate::allocations::least;
use crate::edge::{Client, Files, HEALTH_CARD, Program};

/// Allocates nothing itself; even the headers of its answer are its request's.
struct Frugal;

impl Handler for Frugal {
    async fn handle(&self, request: Request<RequestBody>, _: &Peer) -> Response<ResponseBody> {
        let (mut head, mut body) = request.into_parts();
        assert!(head.headers.len() > 3);
        let data = match body.frame().await {
            Some(frame) => frame.unwrap().into_data().unwrap(),
            None => bytes::Bytes::new(),
        };
        head.headers.clear();
        let mut response = Response::new(ResponseBody::from(data));
        *response.headers_mut() = head.headers;
        response
    }
}

#[test]
fn a_request_on_the_fast_lane_allocates_nothing() {
    let server = Server::bind(config(true)).unwrap();
    let address = server.addresses()[0].tcp().unwrap();
    let _running = server.start(|_: &WorkerContext| Frugal).unwrap();
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_nodelay(true).unwrap();
    let request = format!(
        "POST /v1/scan HTTP/1.1\r\nHost: gateway\r\nX-Terminal: W-0001\r\nIdempotency-Key: \"a\"\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{HEALTH_CARD}",
        HEALTH_CARD.len()
    );
    let mut answer = [0; 1024];
    let mut ask = || {
        stream.write_all(request.as_bytes()).unwrap();
        let length = stream.read(&mut answer).unwrap();
        assert!(answer[..length].ends_with(HEALTH_CARD.as_bytes()));
    };
    for _ in 0..100 {
        ask();
    }
    assert_eq!(least(ask), (0, 0), "allocations and bytes");
}

/// Kilobytes of a process that are nobody else's.
fn private(pid: u32) -> u64 {
    let text = std::fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).unwrap();
    let lines = text.lines().filter(|line| line.starts_with("Private_"));
    let sizes = lines.map(|line| {
        line.split_whitespace()
            .nth(1)
            .unwrap()
            .parse::<u64>()
            .unwrap()
    });
    sizes.sum()
}

#[test]
fn a_connection_at_rest_holds_little() {
    let files = Files::shipped();
    let program = Program::serve(&files, "info");
    let ask = |client: &mut Client| {
        let scan = crate::edge::json(&serde_json::json!({ "code": "no code at all" }));
        assert_eq!(client.exchange(scan).status, 422);
    };
    // What every process has after its first thousands of scans, whoever made them: the latest are kept.
    let mut first = Client::new(program.scan_address());
    for _ in 0..5_000 {
        ask(&mut first);
    }
    let before = private(program.process());
    let held: Vec<_> = (0..1_000)
        .map(|_| {
            let mut client = Client::new(program.scan_address());
            ask(&mut client);
            client
        })
        .collect();
    let grown = private(program.process()).saturating_sub(before);
    drop(held);
    assert!(grown <= 4 * 1024, "{grown} KiB for 1,000 connections");
}
