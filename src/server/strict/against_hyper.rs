//! Every message that passes ends for hyper where it ends here.

use std::{cell::RefCell, convert::Infallible, io, rc::Rc};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Empty};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use proptest::{collection::vec, prelude::*, sample::select, strategy::ValueTree as _};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::*;

/// What this reader takes of a connection: the messages to their ends, and whether it refused the rest.
fn passed(bytes: &[u8], step: usize) -> (Vec<usize>, usize, bool) {
    let (mut reader, mut ends) = (Reader::new(), Vec::new());
    let (mut at, mut here) = (0, 0);
    loop {
        match reader.step(&bytes[at..here]) {
            Step::More if here == bytes.len() => return (ends, at, false),
            Step::More => here = bytes.len().min(here + step),
            Step::Pass(passed) => {
                at += passed;
                if reader.awaits_head() {
                    ends.push(at);
                }
            }
            Step::RefuseBody(_) | Step::RefuseHead(_) => return (ends, at, true),
        }
    }
}

/// Requests as hyper takes them, each with its target and its body, until the connection ends.
fn taken_by_hyper(bytes: &[u8]) -> Vec<(String, Option<Bytes>)> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    runtime.block_on(async {
        let (near, mut far) = tokio::io::duplex(1 << 20);
        far.write_all(bytes).await.unwrap();
        far.shutdown().await.unwrap();
        let seen = Rc::new(RefCell::new(Vec::new()));
        let log = Rc::clone(&seen);
        let service = service_fn(move |request: Request<Incoming>| {
            let log = Rc::clone(&log);
            async move {
                let target = request.uri().to_string();
                let body = request.into_body().collect().await.ok();
                log.borrow_mut()
                    .push((target, body.map(http_body_util::Collected::to_bytes)));
                Ok::<_, Infallible>(Response::new(Empty::<Bytes>::new()))
            }
        });
        let served = http1::Builder::new()
            .half_close(true)
            .max_buf_size(16 * 1024)
            .max_header_size(HEAD)
            .serve_connection(TokioIo::new(near), service);
        let _: Result<(), hyper::Error> = served.await;
        let mut answers = Vec::new();
        let _: io::Result<usize> = far.read_to_end(&mut answers).await;
        seen.take()
    })
}

/// Pieces of messages that go together in every way, sound and broken.
const PIECES: [&str; 40] = [
    "GET / HTTP/1.1\r\n",
    "POST /a HTTP/1.1\r\n",
    "POST /b HTTP/1.0\r\n",
    "GET http://g/ HTTP/1.1\r\n",
    "Host: g\r\n",
    "Host: g\r\n",
    "host:g\r\n",
    "Content-Length: 5\r\n",
    "Content-Length: 0\r\n",
    "content-length:10\r\n",
    "Content-Length: 5, 5\r\n",
    "Content-Length : 5\r\n",
    "Transfer-Encoding: chunked\r\n",
    "transfer-encoding:chunked\r\n",
    "Transfer-Encoding: gzip\r\n",
    "Transfer-Encoding:\tchunked \r\n",
    "Connection: close\r\n",
    "Connection: keep-alive\r\n",
    "Expect: 100-continue\r\n",
    "X: y\r\n",
    " folded\r\n",
    "X: \r\n",
    "\r\n",
    "\r\n",
    "\r\n",
    "\n",
    "\r",
    "\0",
    "5\r\nhello\r\n",
    "0\r\n",
    "0\r\n\r\n",
    "A\r\n0123456789\r\n",
    "1;x=y\r\nz\r\n",
    "T: v\r\n",
    "5\nhello\n",
    "hello",
    "0123456789",
    "1 \r\n",
    "\u{e9}",
    "GET /s HTTP/1.1\r\nHost: g\r\n\r\n",
];

/// What most connections look like, so that many of them get somewhere.
fn request() -> impl Strategy<Value = Vec<u8>> {
    let line = select(vec![
        "GET / HTTP/1.1\r\n",
        "POST /a HTTP/1.1\r\n",
        "POST /b HTTP/1.0\r\n",
    ]);
    let extra = vec(select(PIECES[7..22].to_vec()), 0..3);
    let end = select(vec![
        "\r\n",
        "Content-Length: 5\r\n\r\nhello",
        "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
        "Transfer-Encoding: chunked\r\n\r\n1;x=y\r\nz\r\n0\r\nT: v\r\n\r\n",
    ]);
    (line, extra, end).prop_map(|(line, extra, end)| {
        format!("{line}Host: g\r\n{}{end}", extra.concat()).into_bytes()
    })
}

fn connection() -> impl Strategy<Value = Vec<u8>> {
    let loose = vec(select(PIECES.to_vec()), 1..12).prop_map(|it| it.concat().into_bytes());
    let part = prop_oneof![4 => request(), 1 => loose];
    let spoiled = (
        vec(part, 1..4),
        vec((any::<prop::sample::Index>(), any::<u8>(), 0..3_u8), 0..3),
    );
    spoiled.prop_map(|(parts, spoils)| {
        let mut bytes = parts.concat();
        for (at, byte, how) in spoils {
            let at = at.index(bytes.len());
            match how {
                0 => bytes[at] = byte,
                1 => bytes.insert(at, byte),
                _ => drop(bytes.remove(at)),
            }
            if bytes.is_empty() {
                bytes.push(byte);
            }
        }
        bytes
    })
}

/// Nothing is compared where nothing passes.
#[test]
fn most_connections_bring_a_message() {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let cases = (0..400).filter(|_| {
        let bytes = connection().new_tree(&mut runner).unwrap().current();
        !passed(&bytes, bytes.len()).0.is_empty()
    });
    let passing = cases.count();
    assert!(passing > 60, "{passing} of 400");
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// Of every message that passes here hyper, given nothing else, sees the same end.
    #[test]
    fn hyper_sees_the_messages_this_reader_sees(bytes in connection(), step in 1_usize..40) {
        let (ends, _, _) = passed(&bytes, step);
        prop_assert_eq!(&passed(&bytes, bytes.len()).0, &ends);
        let whole = taken_by_hyper(&bytes[..ends.last().copied().unwrap_or(0)]);
        // Where a request asks to close, or its target is none to hyper, it takes no more than that.
        prop_assert!(whole.len() <= ends.len());
        let mut begin = 0;
        for (number, end) in ends.iter().enumerate() {
            let alone = taken_by_hyper(&bytes[begin..*end]);
            prop_assert!(alone.len() <= 1, "several in one: {}", bytes[begin..*end].escape_ascii());
            if let Some((_, body)) = alone.first() {
                prop_assert!(body.is_some(), "hyper waits for more: {}", bytes[begin..*end].escape_ascii());
            }
            if number < whole.len() {
                prop_assert_eq!(alone.first(), whole.get(number));
            }
            // One byte less is no message to hyper either.
            let short = taken_by_hyper(&bytes[begin..*end - 1]);
            let complete = short.first().is_some_and(|(_, body)| body.is_some());
            prop_assert!(!complete, "hyper is done before the end: {}", bytes[begin..*end].escape_ascii());
            begin = *end;
        }
    }
}
