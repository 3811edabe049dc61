//! Terminals that scan without a pause and forgive nothing.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{JoinHandle, spawn};

use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http2::{SendRequest, handshake};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls_pki_types::ServerName;
use tokio_rustls::TlsConnector;

use super::{HEALTH_CARD, SOON};

/// How many of each kind there are.
const KEEPING: usize = 8;
const ONE_SHOT: usize = 3;
const STREAMS: usize = 4;

/// What came of all scans.
#[derive(Clone, Debug, Default)]
pub(super) struct Tally {
    pub(super) scans: usize,
    /// Connections that ended because the gateway said so.
    pub(super) goodbyes: usize,
    pub(super) failures: Vec<String>,
}

/// Terminals at work.
pub(super) struct Crowd {
    stop: Arc<AtomicBool>,
    scans: Arc<AtomicU64>,
    threads: Vec<JoinHandle<Tally>>,
}

/// One terminal's scans: each with a number nobody else uses.
#[derive(Clone)]
struct Scans {
    stop: Arc<AtomicBool>,
    count: Arc<AtomicU64>,
}

impl Scans {
    fn next(&self) -> Option<String> {
        if self.stop.load(Ordering::Relaxed) {
            return None;
        }
        let number = self.count.fetch_add(1, Ordering::Relaxed);
        Some(scan(number, number % 12))
    }
}

/// A scan that the department takes so many milliseconds for.
pub(super) fn scan(number: u64, pause: u64) -> String {
    format!("{{\"code\":\"{HEALTH_CARD}\",\"number\":{number},\"pause\":{pause}}}")
}

impl Crowd {
    /// Eight that keep their connections, three that open one for each scan.
    pub(super) fn at(address: SocketAddr) -> Self {
        let crowd = Self {
            stop: Arc::default(),
            scans: Arc::default(),
            threads: Vec::new(),
        };
        crowd
            .joined_by(KEEPING, move |scans| keeping(address, &scans))
            .joined_by(ONE_SHOT, move |scans| one_shot(address, &scans))
    }

    /// And one that has several scans under way over HTTP/2.
    pub(super) fn and_streams_at(self, address: SocketAddr, authority: &Path) -> Self {
        let authority = authority.to_owned();
        self.joined_by(1, move |scans| {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build();
            runtime
                .unwrap()
                .block_on(streams(address, &authority, &scans))
        })
    }

    fn joined_by(
        mut self,
        number: usize,
        terminal: impl Fn(Scans) -> Tally + Clone + Send + 'static,
    ) -> Self {
        for _ in 0..number {
            let terminal = terminal.clone();
            let scans = Scans {
                stop: Arc::clone(&self.stop),
                count: Arc::clone(&self.scans),
            };
            self.threads.push(spawn(move || terminal(scans)));
        }
        self
    }

    /// Waits until so many more have begun.
    pub(super) fn scan_on(&self, more: u64) {
        let enough = self.scans.load(Ordering::Relaxed) + more;
        super::eventually("scans go on", || {
            self.scans.load(Ordering::Relaxed) >= enough
        });
    }

    /// Sends everybody home.
    pub(super) fn disperse(self) -> Tally {
        self.stop.store(true, Ordering::Relaxed);
        let mut sum = Tally::default();
        for thread in self.threads {
            let tally = thread.join().unwrap();
            sum.scans += tally.scans;
            sum.goodbyes += tally.goodbyes;
            sum.failures.extend(tally.failures);
        }
        sum
    }
}

impl Tally {
    fn note(&mut self, outcome: io::Result<bool>, protocol: &str) -> bool {
        self.scans += 1;
        let goodbye = outcome.unwrap_or_else(|error| {
            self.failures.push(format!("{protocol}: {error}"));
            true
        });
        self.goodbyes += usize::from(goodbye);
        goodbye
    }
}

fn keeping(address: SocketAddr, scans: &Scans) -> Tally {
    let mut tally = Tally::default();
    let mut kept = None;
    while let Some(scan) = scans.next() {
        let outcome = match kept.take() {
            Some(stream) => Ok(stream),
            None => connect(address),
        };
        let outcome = outcome.and_then(|mut stream| {
            let goodbye = exchange(&mut stream, &scan, "")?;
            Ok((goodbye, stream))
        });
        let outcome = outcome.map(|(goodbye, stream)| {
            kept = (!goodbye).then_some(stream);
            goodbye
        });
        tally.note(outcome, "kept");
    }
    tally
}

fn one_shot(address: SocketAddr, scans: &Scans) -> Tally {
    let mut tally = Tally::default();
    while let Some(scan) = scans.next() {
        let outcome = connect(address);
        let close = "Connection: close\r\n";
        tally.note(
            outcome.and_then(|mut stream| exchange(&mut stream, &scan, close)),
            "one-shot",
        );
    }
    tally
}

/// A connection that gives up where nothing happens.
pub(super) fn connect(address: SocketAddr) -> io::Result<BufReader<TcpStream>> {
    let stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(SOON))?;
    stream.set_nodelay(true)?;
    Ok(BufReader::new(stream))
}

/// Scans, and says whether the gateway ends the connection with its answer, which must be the scan.
pub(super) fn exchange(
    stream: &mut BufReader<TcpStream>,
    scan: &str,
    headers: &str,
) -> io::Result<bool> {
    let head = format!(
        "POST /v1/scan HTTP/1.1\r\nHost: gateway\r\nContent-Type: application/json\r\n{headers}Content-Length: {}\r\n\r\n",
        scan.len()
    );
    stream
        .get_mut()
        .write_all(&[head.as_bytes(), scan.as_bytes()].concat())?;
    let (mut status, mut length, mut goodbye) = (String::new(), 0, false);
    if stream.read_line(&mut status)? == 0 {
        return Err(io::Error::other("closed without an answer"));
    }
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line)? == 0 {
            return Err(io::Error::other("closed in the head"));
        }
        let lower = line.to_ascii_lowercase();
        if let Some(said) = lower.strip_prefix("content-length: ") {
            length = said.trim().parse().unwrap();
        }
        goodbye |= lower.starts_with("connection: close");
        if line == "\r\n" {
            break;
        }
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body)?;
    check(&status, &body, scan)?;
    Ok(goodbye)
}

fn check(status: &str, body: &[u8], scan: &str) -> io::Result<()> {
    if status.contains("200") && body == scan.as_bytes() {
        return Ok(());
    }
    let body = String::from_utf8_lossy(body);
    Err(io::Error::other(format!(
        "{} {body} to {scan}",
        status.trim()
    )))
}

async fn streams(address: SocketAddr, authority: &Path, scans: &Scans) -> Tally {
    let local = tokio::task::LocalSet::new();
    local
        .run_until(async {
            let mut tally = Tally::default();
            let mut kept: Option<SendRequest<Full<Bytes>>> = None;
            loop {
                let some: Vec<_> = (0..STREAMS).map_while(|_| scans.next()).collect();
                if some.is_empty() {
                    return tally;
                }
                let mut waiting = some;
                // What was certainly never taken is sent again, as HTTP/2 says.
                while !waiting.is_empty() {
                    let sender = match kept.take().filter(|sender| !sender.is_closed()) {
                        Some(sender) => sender,
                        None => secure(address, authority).await.unwrap(),
                    };
                    let all = waiting.drain(..).map(|scan| stream(sender.clone(), scan));
                    let outcomes = join(all).await;
                    let mut unsent = Vec::new();
                    for outcome in outcomes {
                        match outcome {
                            Ok(None) => drop(tally.note(Ok(false), "http/2")),
                            Ok(Some(scan)) => unsent.push(scan),
                            Err(error) => drop(tally.note(Err(error), "http/2")),
                        }
                    }
                    tally.goodbyes += usize::from(!unsent.is_empty());
                    kept = unsent.is_empty().then_some(sender);
                    waiting = unsent;
                }
            }
        })
        .await
}

/// All of them at the same time.
async fn join<F: Future + 'static>(all: impl Iterator<Item = F>) -> Vec<F::Output> {
    let tasks: Vec<_> = all.map(tokio::task::spawn_local).collect();
    let mut outputs = Vec::new();
    for task in tasks {
        outputs.push(task.await.unwrap());
    }
    outputs
}

/// A connection over HTTP/2 and TLS.
pub(super) async fn secure(
    address: SocketAddr,
    authority: &Path,
) -> io::Result<SendRequest<Full<Bytes>>> {
    let config = multicode::tls::client_config(authority).map_err(io::Error::other)?;
    let mut config = Arc::unwrap_or_clone(config);
    config.alpn_protocols = vec![b"h2".to_vec()];
    let stream = tokio::net::TcpStream::connect(address).await?;
    let name = ServerName::try_from("localhost").unwrap();
    let stream = TlsConnector::from(Arc::new(config))
        .connect(name, stream)
        .await?;
    let pair = handshake(TokioExecutor::new(), TokioIo::new(stream)).await;
    let (sender, driver) = pair.map_err(io::Error::other)?;
    tokio::spawn(driver);
    Ok(sender)
}

/// The scan itself, if it was not sent.
async fn stream(mut sender: SendRequest<Full<Bytes>>, scan: String) -> io::Result<Option<String>> {
    let request =
        Request::post("https://localhost/v1/scan").header("content-type", "application/json");
    let request = request.body(Full::new(Bytes::from(scan.clone()))).unwrap();
    if sender.ready().await.is_err() {
        return Ok(Some(scan));
    }
    let response = match sender.try_send_request(request).await {
        Ok(response) => response,
        Err(mut error) => {
            return match error.take_message() {
                Some(_) => Ok(Some(scan)),
                None => Err(io::Error::other(format!("{:?}", error.into_error()))),
            };
        }
    };
    let status = response.status().to_string();
    let body = response
        .collect()
        .await
        .map_err(io::Error::other)?
        .to_bytes();
    check(&status, &body, &scan).map(|()| None)
}
