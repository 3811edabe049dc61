//! A server whose handler does as the path says, and clients that write raw bytes.

mod balance;
mod caps;
mod drain;
mod forwarder;
mod intent;
mod names;
mod pieces;
mod proxied;
mod server;
pub(crate) mod tls;
mod unix;
pub(crate) mod upstream;

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    time::{Duration, Instant},
};

use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use multicode::{
    metrics::Metrics,
    server::{
        Config, Handler, Listener, Patience, Peer, Refusals, RequestBody, Rules, Running, Server,
    },
    tick::Timer,
    upstream::{Ask, Fleet, ResponseBody, SendError, UpstreamConfig, Upstreams, unrecorded},
};

/// Long enough for anything that is going to happen.
const SOON: Duration = Duration::from_secs(5);

struct TestServer {
    running: Running,
    address: SocketAddr,
    fleet: Fleet,
    metrics: Metrics,
}

fn config() -> Config {
    Config {
        listeners: vec![Listener::at(([127, 0, 0, 1], 0))],
        workers: 1,
        rules: Rules::up_to(100),
        patience: Patience {
            header: SOON,
            idle: SOON,
        },
        refusals: Refusals {
            malformed: refusal(400),
            ..Refusals::default()
        },
        fast_lane: crate::lane::asked_for().unwrap_or(true),
        clock: multicode::app::now,
    }
}

fn refusal(status: u16) -> bytes::Bytes {
    format!("HTTP/1.1 {status} No\r\ncontent-length: 4\r\nconnection: close\r\n\r\nours").into()
}

/// Asks who the gateway thinks this is.
const WHO: &str = "POST /peer HTTP/1.1\r\nHost: gateway\r\nContent-Length: 0\r\n\r\n";

impl TestServer {
    fn start(config: Config) -> Self {
        Self::with_upstreams(config, Vec::new())
    }

    fn with_upstreams(config: Config, upstreams: Vec<UpstreamConfig>) -> Self {
        let server = Server::bind(config).unwrap();
        // Nowhere, where it has a path.
        let nowhere = SocketAddr::from(([0, 0, 0, 0], 0));
        let address = server.addresses()[0].tcp().unwrap_or(nowhere);
        let (fleet, metrics) = (Fleet::default(), Metrics::default());
        fleet.prepare(&upstreams).unwrap();
        let backends = fleet.adopt(upstreams, &metrics);
        let factory = move |context: &multicode::server::WorkerContext| Obedient {
            timer: context.timer.clone(),
            upstreams: Upstreams::of(&backends, &context.timer),
        };
        Self {
            running: server.start(factory).unwrap(),
            address,
            fleet,
            metrics,
        }
    }

    fn client(&self) -> Client {
        Client::new(self.address)
    }
}

/// `/echo`, `/peer` (its address), `/sleep` (300 ms), `/nap` (50 ms), `/never`, `/refuse` (without reading the body), `/large`
/// (8 MiB), `/send…` (the rest to upstream 0, by the hash `x-sticky`; what became of it is the body of
/// a 502).
struct Obedient {
    timer: Timer,
    upstreams: Upstreams,
}

impl Handler for Obedient {
    async fn handle(&self, request: Request<RequestBody>, peer: &Peer) -> Response<ResponseBody> {
        let (head, body) = request.into_parts();
        match head.uri.path() {
            "/peer" => answer(200, peer.address.ip().to_string()),
            "/refuse" => answer(413, "too large"),
            "/large" => answer(200, vec![b'x'; 8 << 20]),
            "/nothing" => answer(200, ""),
            "/never" => std::future::pending().await,
            path if path.starts_with("/send") => {
                let target = path.strip_prefix("/send").filter(|rest| !rest.is_empty());
                let target = target.unwrap_or("/").parse().unwrap();
                let body = body.collect().await.unwrap().to_bytes();
                let mut request = Request::new(Full::new(body));
                *request.method_mut() = head.method;
                *request.uri_mut() = target;
                let sticky = head.headers.get("x-sticky");
                let ask = Ask {
                    sticky: sticky.map(|key| key.to_str().unwrap().parse().unwrap()),
                    ..Ask::from(request)
                };
                match self.upstreams.send(0, ask, unrecorded).await {
                    Ok(response) => response,
                    Err(error) => answer(502, outcome(&error)),
                }
            }
            path => {
                let pause = match path {
                    "/nap" => 50,
                    "/sleep" => 300,
                    _ => 0,
                };
                tokio::time::sleep(Duration::from_millis(pause)).await;
                let limit = Duration::from_millis(300);
                match self.timer.within(limit, body.collect()).await {
                    Ok(Ok(body)) => answer(200, body.to_bytes()),
                    Ok(Err(_)) => answer(400, "broken"),
                    Err(_) => answer(408, "late"),
                }
            }
        }
    }
}

fn outcome(error: &SendError) -> &'static str {
    match error {
        SendError::Busy => "busy",
        SendError::Invalid => "invalid",
        SendError::OutcomeUnknown { timed_out: false } => "unknown",
        SendError::OutcomeUnknown { timed_out: true } => "unknown, timed out",
        SendError::Unreachable => "unreachable",
        SendError::Withheld => "withheld",
    }
}

fn answer(status: u16, body: impl Into<ResponseBody>) -> Response<ResponseBody> {
    Response::builder()
        .status(status)
        .body(body.into())
        .unwrap()
}

/// A client that decides about every byte.
struct Client(TcpStream);

impl Client {
    fn new(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(SOON)).unwrap();
        stream.set_nodelay(true).unwrap();
        Self(stream)
    }

    fn write(&mut self, bytes: impl AsRef<[u8]>) {
        self.0.write_all(bytes.as_ref()).unwrap();
    }

    fn post(&mut self, path: &str, body: &str) -> (u16, String) {
        self.write(post(path, body));
        self.answer()
    }

    /// The next answer, by its `Content-Length` or its chunks.
    fn answer(&mut self) -> (u16, String) {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            self.0.read_exact(&mut byte).expect("an answer's head");
            head.push(byte[0]);
        }
        let head = String::from_utf8(head).unwrap().to_ascii_lowercase();
        let status = head.get(9..12).unwrap().parse().unwrap();
        let length = head
            .lines()
            .find_map(|line| line.strip_prefix("content-length: "));
        let mut body = vec![0; length.map_or(0, |length| length.parse().unwrap())];
        self.0.read_exact(&mut body).expect("an answer's body");
        (status, String::from_utf8(body).unwrap())
    }

    /// Everything until the server closes, and how long that took.
    fn rest(&mut self) -> (String, Duration) {
        let began = Instant::now();
        let mut rest = Vec::new();
        self.0
            .read_to_end(&mut rest)
            .expect("the end of the connection");
        (String::from_utf8(rest).unwrap(), began.elapsed())
    }
}

fn post(path: &str, body: &str) -> String {
    format!(
        "POST {path} HTTP/1.1\r\nHost: gateway\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
}
