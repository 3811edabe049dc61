//! Connections to the gateway: made by hand, so that a request costs the driver as little as it can.

mod http1;
mod http2;
mod tls;

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use self::http1::Http1;
use self::http2::Http2;
pub use self::http2::Shared;
pub use self::tls::{TlsError, Trust};
use crate::answer::Answer;
use crate::letter::{Protocol, Wire};

/// How long a connection may take to be there.
const CONNECT: Duration = Duration::from_secs(5);

/// Bytes of an answer that are taken; the gateway's own are below a kilobyte.
const MOST_ANSWER: usize = 16 * 1024 * 1024;

/// Who is asked.
#[derive(Clone)]
pub struct Target {
    /// Where.
    pub address: SocketAddr,
    /// Which version of HTTP.
    pub protocol: Protocol,
    /// TLS, and by what name.
    pub tls: Option<Arc<Trust>>,
}

impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.address, self.protocol.name())
    }
}

/// Why a request has no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Fault {
    /// No connection.
    Connect,
    /// No TLS on it.
    Tls,
    /// Too late.
    Timeout,
    /// The connection ended.
    Closed,
    /// What came is no answer.
    Malformed,
    /// The run was over.
    Unfinished,
}

impl Fault {
    /// Its word in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Connect => "connect",
            Self::Tls => "tls",
            Self::Timeout => "timeout",
            Self::Closed => "closed",
            Self::Malformed => "malformed",
            Self::Unfinished => "unfinished",
        }
    }
}

/// One request's way to the gateway and back.
#[derive(Debug)]
pub struct Client {
    target: Target,
    shared: Option<Shared>,
    line: Line,
}

#[derive(Debug)]
enum Line {
    Down,
    Plain(Http1<TcpStream>),
    Tls(Box<Http1<TlsStream<TcpStream>>>),
    Two(Http2),
}

impl Client {
    /// A way that is not open yet. Over HTTP/2 it is one of several on the same connection.
    pub const fn new(target: Target, shared: Option<Shared>) -> Self {
        Self {
            target,
            shared,
            line: Line::Down,
        }
    }

    /// Opens it if it is down, or was closed from the other side.
    pub async fn open(&mut self) -> Result<(), Fault> {
        let up = match &mut self.line {
            Line::Down => false,
            Line::Plain(line) => line.is_up(),
            Line::Tls(line) => line.is_up(),
            Line::Two(line) => line.is_up().await,
        };
        if up {
            return Ok(());
        }
        let opened = tokio::time::timeout(CONNECT, self.connect()).await;
        self.line = opened.map_err(|_| Fault::Connect)??;
        Ok(())
    }

    async fn connect(&self) -> Result<Line, Fault> {
        if let Some(shared) = &self.shared {
            return Ok(Line::Two(Http2::open(shared, &self.target).await?));
        }
        let stream = tcp(&self.target).await?;
        Ok(match &self.target.tls {
            None => Line::Plain(Http1::over(stream)),
            Some(trust) => Line::Tls(Box::new(Http1::over(secured(trust, stream).await?))),
        })
    }

    /// Sends a request and takes its answer in.
    pub async fn ask(&mut self, wire: &Wire) -> Result<(), Fault> {
        let asked = match (&mut self.line, wire) {
            (Line::Plain(line), Wire::One(bytes)) => line.ask(bytes).await,
            (Line::Tls(line), Wire::One(bytes)) => line.ask(bytes).await,
            (Line::Two(line), Wire::Two(head, body)) => line.ask(head, body).await,
            _ => Err(Fault::Closed),
        };
        if asked.is_err() {
            self.line = Line::Down;
        }
        asked
    }

    /// Ends it: what was asked is not worth waiting for.
    pub fn hang_up(&mut self) {
        self.line = Line::Down;
    }

    /// The answer that was taken in last.
    pub fn answer(&self) -> Answer<'_> {
        match &self.line {
            Line::Plain(line) => line.answer(),
            Line::Tls(line) => line.answer(),
            Line::Two(line) => line.answer(),
            Line::Down => Answer {
                status: 0,
                reason: None,
                repeated: false,
                body: b"",
            },
        }
    }
}

async fn tcp(target: &Target) -> Result<TcpStream, Fault> {
    let stream = TcpStream::connect(target.address).await;
    let stream = stream.map_err(|_| Fault::Connect)?;
    stream.set_nodelay(true).map_err(|_| Fault::Connect)?;
    Ok(stream)
}

async fn secured(trust: &Trust, stream: TcpStream) -> Result<TlsStream<TcpStream>, Fault> {
    let connector = TlsConnector::from(Arc::clone(&trust.config));
    let connected = connector.connect(trust.name.clone(), stream).await;
    connected.map_err(|_| Fault::Tls)
}
