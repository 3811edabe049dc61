//! Answers that come before the request was written to its end.

use std::{
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    thread::{self, JoinHandle},
    time::Duration,
};

use bytes::Bytes;
use http::{Method, Request};
use http_body_util::{BodyExt, Full};
use multicode::{
    tick::Timer,
    upstream::{SendError, UpstreamConfig, Upstreams, unrecorded},
};

use crate::engine::upstream::{towards, with_timer};

/// More than sockets hold.
const LENGTH: usize = 24 << 20;

const LONG: Duration = Duration::from_secs(20);

/// Serves one connection; gives the bytes of it that were read.
fn department(
    serve: impl FnOnce(&mut TcpStream) -> usize + Send + 'static,
) -> (u16, JoinHandle<usize>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let served = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut head = Vec::new();
        let mut byte = [0];
        while !head.ends_with(b"\r\n\r\n") {
            stream.read_exact(&mut byte).unwrap();
            head.push(byte[0]);
        }
        serve(&mut stream)
    });
    (port, served)
}

async fn ask(port: u16, timer: &Timer, fast_lane: bool) -> Result<(u16, Bytes), SendError> {
    let upstream = UpstreamConfig {
        timeout: LONG,
        first_byte_timeout: LONG,
        idle_timeout: LONG,
        fast_lane,
        ..towards(&[port])
    };
    let mut request = Request::new(Full::new(Bytes::from(vec![b'x'; LENGTH])));
    *request.method_mut() = Method::POST;
    let upstreams = Upstreams::new(&[upstream], timer);
    let answer = upstreams.send(0, request.into(), unrecorded).await?;
    let status = answer.status().as_u16();
    let body = answer.into_body().collect().await.unwrap();
    Ok((status, body.to_bytes()))
}

fn both(test: &impl AsyncFn(&Timer, bool)) {
    for fast_lane in [true, false] {
        with_timer(async |timer| test(timer, fast_lane).await);
    }
}

#[test]
fn who_refuses_a_request_half_way_is_heard() {
    both(&async |timer: &Timer, fast_lane| {
        let (port, served) = department(|stream| {
            stream
                .write_all(b"HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\n\r\nbig")
                .unwrap();
            // Until the caller gives up.
            let mut waste = vec![0; 1 << 20];
            let mut seen = 0;
            loop {
                match stream.read(&mut waste) {
                    Ok(0) | Err(_) => return seen,
                    Ok(length) => seen += length,
                }
                thread::sleep(Duration::from_millis(20));
            }
        });
        let told = ask(port, timer, fast_lane).await.unwrap();
        assert_eq!(told, (413, "big".into()));
        // The connection is given up with the rest of the request. hyper's task would have to run for
        // that, which it does not while somebody waits here.
        if fast_lane {
            assert!(served.join().unwrap() < LENGTH);
        }
    });
}

#[test]
fn a_request_is_written_on_while_its_answer_is_read() {
    both(&async |timer: &Timer, fast_lane| {
        let (port, served) = department(|stream| {
            stream
                .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nbe")
                .unwrap();
            let mut rest = vec![0; LENGTH];
            stream.read_exact(&mut rest).unwrap();
            stream.write_all(b"hold").unwrap();
            rest.len()
        });
        let told = ask(port, timer, fast_lane).await.unwrap();
        assert_eq!(told, (200, "behold".into()));
        assert_eq!(served.join().unwrap(), LENGTH);
    });
}

#[test]
fn who_takes_half_of_a_request_and_dies_leaves_its_outcome_unknown() {
    both(&async |timer: &Timer, fast_lane| {
        let (port, served) = department(|stream| {
            let mut some = vec![0; 1 << 20];
            stream.read_exact(&mut some).unwrap();
            some.len()
        });
        let told = ask(port, timer, fast_lane).await;
        assert!(
            matches!(told, Err(SendError::OutcomeUnknown { timed_out: false })),
            "{told:?}"
        );
        served.join().unwrap();
    });
}
