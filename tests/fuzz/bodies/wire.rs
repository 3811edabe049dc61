//! What comes over a connection before anybody knows what is asked.

use std::cell::RefCell;
use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response};
use http_body_util::{BodyExt, Collected, Empty};
use hyper::body::Incoming;
use hyper::client::conn::http1 as client;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use multicode::server::fuzzing::{self, LONGEST_HEAD, Outcome};
use multicode::upstream::fuzzing::{answer, whole};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt, ReadBuf};
use tokio::runtime::{Builder, Runtime};

use super::choice;

/// Lengths of pieces: all one, all short, or all sorts.
fn pieces(which: usize) -> impl FnMut() -> usize {
    let most = [1, 4, 60, 3_000][which & 3];
    let mut state = which;
    move || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        1 + (state >> 33) % most
    }
}

/// A connection has the same messages in whatever pieces it comes, and hyper sees them as well.
pub(crate) fn http_wire(data: &[u8]) {
    let (which, bytes) = choice(data);
    let read = |piece: &mut dyn FnMut() -> usize| {
        fuzzing::messages(bytes, piece).expect("the reader holds no more than a head")
    };
    let whole = read(&mut || bytes.len());
    let cut = read(&mut pieces(which));
    assert_eq!((&cut.ends, cut.passed), (&whole.ends, whole.passed));
    match (cut.outcome, whole.outcome) {
        // A line that is not all there is not judged as a line; what is wrong with it may be something else.
        (Outcome::NoHead(_), Outcome::NoHead(_)) => {}
        (cut, whole) => assert_eq!(cut, whole),
    }
    hyper_sees(bytes, &whole.ends);
}

/// Of every message that passes here hyper, given nothing else, sees the same end.
fn hyper_sees(bytes: &[u8], ends: &[usize]) {
    /// Of a connection; more of them are more of the same.
    const MESSAGES: usize = 3;
    let ends = &ends[..ends.len().min(MESSAGES)];
    let together = taken_by_hyper(&bytes[..ends.last().copied().unwrap_or(0)]);
    // Where a request asks to close, or its target is none to hyper, it takes no more than that.
    assert!(together.len() <= ends.len());
    let mut begin = 0;
    for (number, end) in ends.iter().enumerate() {
        let alone = taken_by_hyper(&bytes[begin..*end]);
        assert!(alone.len() <= 1);
        assert!(alone.first().is_none_or(|(_, body)| body.is_some()));
        if let Some(request) = together.get(number) {
            assert_eq!(alone.first(), Some(request));
        }
        // What the lane takes without hyper is what hyper would have taken.
        if let Some(request) = fuzzing::lane_request(&Bytes::copy_from_slice(&bytes[begin..*end])) {
            assert_eq!(alone.first().map(|(seen, _)| seen), Some(&told(&request)));
        }
        // One byte less is no message to hyper either.
        let short = taken_by_hyper(&bytes[begin..*end - 1]);
        assert!(short.first().is_none_or(|(_, body)| body.is_none()));
        begin = *end;
    }
}

/// What a request's head says.
type Told = (Method, String, HeaderMap);

fn told<B>(request: &Request<B>) -> Told {
    let (method, target) = (request.method().clone(), request.uri().to_string());
    (method, target, request.headers().clone())
}

thread_local! {
    static RUNTIME: Runtime = Builder::new_current_thread().build().expect("a runtime");
}

/// Requests as hyper takes them, each with its body, until the connection ends.
fn taken_by_hyper(bytes: &[u8]) -> Vec<(Told, Option<Bytes>)> {
    let seen = Rc::new(RefCell::new(Vec::new()));
    let log = Rc::clone(&seen);
    let service = service_fn(move |request: Request<Incoming>| {
        let log = Rc::clone(&log);
        async move {
            let head = told(&request);
            let body = request.into_body().collect().await.ok();
            log.borrow_mut().push((head, body.map(Collected::to_bytes)));
            Ok::<_, Infallible>(Response::new(Empty::<Bytes>::new()))
        }
    });
    let talk = async {
        let (near, mut far) = tokio::io::duplex(1 << 20);
        far.write_all(bytes).await.expect("there is room");
        far.shutdown().await.expect("it is open");
        let served = http1::Builder::new()
            .half_close(true)
            .max_buf_size(2 * LONGEST_HEAD)
            .max_header_size(LONGEST_HEAD)
            .serve_connection(TokioIo::new(near), service);
        let _: Result<(), hyper::Error> = served.await;
        let mut answers = Vec::new();
        let _: io::Result<usize> = far.read_to_end(&mut answers).await;
    };
    RUNTIME.with(|runtime| runtime.block_on(talk));
    seen.take()
}

/// An answer is the same in whatever pieces it comes, and hyper sees the same one.
pub(crate) fn lane_answer(data: &[u8]) {
    let (which, bytes) = choice(data);
    let of_head = which & 4 != 0;
    let all = answer(bytes, of_head, || bytes.len());
    let cut = answer(bytes, of_head, pieces(which));
    assert_eq!(all.is_some(), cut.is_some());
    let (Some(all), Some(cut)) = (all, cut) else {
        return;
    };
    assert_eq!((&cut.body, cut.is_whole), (&all.body, all.is_whole));
    assert_eq!(
        (cut.head.status(), cut.head.headers()),
        (all.head.status(), all.head.headers())
    );
    assert_eq!(cut.keeps_open, all.keeps_open);
    if all.is_whole {
        assert_eq!(cut.taken, all.taken);
    }
    if let Some((body, taken)) = whole(bytes, of_head) {
        assert!(all.is_whole);
        assert_eq!((&body[..], taken), (&all.body[..], all.taken));
    }
    // What comes in front of an answer is nobody's answer.
    if all.is_whole && !all.head.status().is_informational() {
        let (head, body) = answered_to_hyper(&bytes[..all.taken], of_head).expect("hyper takes it");
        assert_eq!(
            (head.status(), head.version()),
            (all.head.status(), all.head.version())
        );
        assert_eq!(head.headers(), all.head.headers());
        assert_eq!(body.as_deref(), Some(&all.body[..]));
    }
}

/// The answer as hyper takes it.
fn answered_to_hyper(bytes: &[u8], of_head: bool) -> Option<(Response<()>, Option<Bytes>)> {
    let talk = async {
        let (near, mut far) = tokio::io::duplex(1 << 20);
        let (mut sender, connection) = client::handshake(TokioIo::new(near)).await.ok()?;
        let driver = tokio::spawn(connection);
        let bytes = bytes.to_vec();
        let server = tokio::spawn(async move {
            let _: io::Result<usize> = far.read(&mut [0; 512]).await;
            let _: io::Result<()> = far.write_all(&bytes).await;
            let _: io::Result<()> = far.shutdown().await;
        });
        let mut request = Request::new(Empty::<Bytes>::new());
        if of_head {
            *request.method_mut() = Method::HEAD;
        }
        let answered = sender.send_request(request).await;
        let answered = match answered {
            Ok(response) => {
                let (head, body) = response.into_parts();
                let body = body.collect().await.ok().map(Collected::to_bytes);
                Some((Response::from_parts(head, ()), body))
            }
            Err(_) => None,
        };
        driver.abort();
        server.abort();
        answered
    };
    RUNTIME.with(|runtime| runtime.block_on(talk))
}

/// A stream that gives its bytes in pieces.
struct Pieces<'b, P> {
    left: &'b [u8],
    piece: P,
}

impl<P: FnMut() -> usize + Unpin> AsyncRead for Pieces<'_, P> {
    fn poll_read(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let much = (this.piece)().min(this.left.len()).min(buf.remaining());
        let (now, left) = this.left.split_at(much);
        buf.put_slice(now);
        this.left = left;
        Poll::Ready(Ok(()))
    }
}

/// A header of the PROXY protocol is read to its end and no further, in whatever pieces it comes.
pub(crate) fn proxy_header(data: &[u8]) {
    const FIXED: usize = 16;
    const LONGEST: usize = FIXED + 4096;
    let (which, bytes) = choice(data);
    let (whole, taken) = header(bytes, || usize::MAX);
    assert_eq!(header(bytes, pieces(which)), (whole.clone(), taken));
    assert!(taken <= LONGEST);
    let said = bytes.get(FIXED - 2..FIXED);
    let said = said.map_or(0, |length| {
        usize::from(u16::from_be_bytes([length[0], length[1]]))
    });
    assert!(taken <= FIXED + said);
    let Ok(client) = whole else { return };
    assert_eq!(taken, FIXED + said);
    let rest = &bytes[FIXED..taken];
    let address = |address: std::net::IpAddr, port: [u8; 2]| {
        Some(SocketAddr::new(address, u16::from_be_bytes(port)))
    };
    let expected = match (bytes[12], bytes[13]) {
        (0x21, 0x11) => {
            let octets: [u8; 4] = rest[..4].try_into().expect("four bytes");
            address(octets.into(), [rest[8], rest[9]])
        }
        (0x21, 0x21) => {
            let octets: [u8; 16] = rest[..16].try_into().expect("sixteen bytes");
            address(octets.into(), [rest[32], rest[33]])
        }
        _ => None,
    };
    assert_eq!(client, expected);
    // What follows makes no difference, and without its last byte it is none.
    assert_eq!(header(&bytes[..taken], || usize::MAX), (Ok(client), taken));
    assert!(header(&bytes[..taken - 1], || usize::MAX).0.is_err());
}

/// What is read, and of how many bytes.
fn header(
    bytes: &[u8],
    piece: impl FnMut() -> usize + Unpin,
) -> (Result<Option<SocketAddr>, String>, usize) {
    let mut stream = Pieces { left: bytes, piece };
    let read = {
        let read = pin!(fuzzing::proxy_header(&mut stream));
        match read.poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(read) => read.map_err(|fault| fault.to_string()),
            Poll::Pending => panic!("everything is there"),
        }
    };
    (read, bytes.len() - stream.left.len())
}
