//! A new connection to an endpoint: its address, TCP, TLS where the endpoint wants it, HTTP.

use std::{
    cell::Cell,
    io,
    net::{IpAddr, SocketAddr},
    rc::Rc,
    sync::Arc,
    time::Duration,
};

use bytes::Bytes;
use http::{Request, StatusCode, uri::Scheme};
use http_body_util::Full;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use rustls_pki_types::ServerName;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
};
use tokio_rustls::{TlsConnector, client::TlsStream};

use super::{
    Endpoint, Protocol, UpstreamConfig,
    http2::{self, Multiplexed},
    resolve::Name,
    socket::{Heard, Socket, Watch, watched},
};
use crate::tick::Timer;

/// What hyper may hold of an answer's head and of its body's next part.
const BUFFER: usize = 64 * 1024;

/// An answer's status line and headers.
pub(super) const HEAD: usize = 16 * 1024;

/// Addresses of one name that are tried for one connection; more do not help within its time.
const MOST_ADDRESSES: usize = 4;

/// How to reach one endpoint.
#[derive(Debug)]
pub(super) struct Connector {
    pub(super) protocol: Protocol,
    host: Host,
    port: u16,
    security: Security,
    timeout: Duration,
    timer: Timer,
    /// Which of the name's addresses comes first next time.
    first: Cell<usize>,
}

#[derive(Debug)]
enum Host {
    /// Written as such; nobody is asked about it.
    Address(IpAddr),
    Name(Arc<Name>),
}

#[derive(Debug)]
enum Security {
    Plain,
    Tls(Arc<rustls::ClientConfig>, ServerName<'static>),
    /// The endpoint wants TLS, but there is nobody to trust or no name to check.
    Impossible,
}

/// There is no connection, and so nothing was sent.
#[derive(Debug)]
pub(super) struct Unconnected;

/// A connection that speaks HTTP/1.1, one request after the other.
#[derive(Debug)]
pub(super) struct Line {
    pub(super) sender: SendRequest<Full<Bytes>>,
    watch: Watch,
    origin: Origin,
    encrypted: bool,
}

/// Where a connection leads, and since when that is right.
#[derive(Debug)]
pub(super) struct Origin {
    address: IpAddr,
    version: Cell<u64>,
}

impl Connector {
    pub(super) fn new(endpoint: &Endpoint, config: &UpstreamConfig, timer: &Timer) -> Self {
        let security = if endpoint.scheme == Scheme::HTTPS {
            let name = config.server_name.as_ref().unwrap_or(&endpoint.host);
            let name = ServerName::try_from(name.clone()).ok();
            let pair = config.tls.clone().zip(name);
            pair.map_or(Security::Impossible, |(tls, name)| Security::Tls(tls, name))
        } else {
            Security::Plain
        };
        let host = endpoint.host.parse().map_or_else(
            |_| Host::Name(config.names.name(&endpoint.host)),
            Host::Address,
        );
        Self {
            protocol: config.protocol,
            host,
            port: endpoint.port,
            security,
            timeout: config.connect_timeout,
            timer: timer.clone(),
            first: Cell::new(0),
        }
    }

    /// A connection that speaks HTTP/1.1, within the endpoint's own time and what is `left` of the
    /// request's.
    pub(super) async fn line(&self, left: Duration) -> Result<Line, Unconnected> {
        self.within(left, async |stream, origin| {
            let (socket, watch) = watched(stream);
            let sender = match &self.security {
                Security::Plain => Box::pin(speak(socket)).await?,
                Security::Tls(..) | Security::Impossible => {
                    let stream = Box::pin(self.secured(socket)).await?;
                    Box::pin(speak(stream)).await?
                }
            };
            Ok(Line {
                sender,
                watch,
                origin,
                encrypted: !matches!(self.security, Security::Plain),
            })
        })
        .await
    }

    /// A connection that speaks HTTP/2, likewise.
    pub(super) async fn multiplexed(&self, left: Duration) -> Result<Multiplexed, Unconnected> {
        self.within(left, async |stream, origin| {
            let (socket, watch) = watched(stream);
            if matches!(self.security, Security::Plain) {
                // Boxed, here and below: a handshake is rare, and its state is large.
                return Box::pin(http2::speak(socket, watch, origin, &self.timer)).await;
            }
            let stream = Box::pin(self.secured(socket)).await?;
            // RFC 9113, section 3.2: over TLS, HTTP/2 is what ALPN has agreed upon.
            if stream.get_ref().1.alpn_protocol() != Some(Protocol::Http2.alpn()) {
                let what = "the server does not speak HTTP/2 over TLS (ALPN)";
                return Err(io::Error::new(io::ErrorKind::Unsupported, what));
            }
            Box::pin(http2::speak(stream, watch, origin, &self.timer)).await
        })
        .await
    }

    /// Whether somebody takes connections there.
    pub(super) async fn reaches(&self, left: Duration) -> bool {
        let reached = self.within(left, async |_stream, _origin| Ok(()));
        reached.await.is_ok()
    }

    /// Asks one question over a connection of its own; the caller bounds the time of the answer.
    pub(super) async fn ask(
        &self,
        endpoint: &Endpoint,
        request: Request<Full<Bytes>>,
        left: Duration,
    ) -> Option<StatusCode> {
        match self.protocol {
            Protocol::Http1 => {
                let mut line = self.line(left).await.ok()?;
                let answer = line.sender.send_request(request).await.ok()?;
                Some(answer.status())
            }
            Protocol::Http2 => {
                let shared = Rc::new(self.multiplexed(left).await.ok()?);
                let (head, body) = http2::split(endpoint, &request).await?;
                let stream = shared.stream(self.timer.now());
                Some(stream.exchange(head, body).await.ok()?.status())
            }
        }
    }

    /// Whether the connection leads where a new one would.
    pub(super) fn leads_to(&self, origin: &Origin) -> bool {
        let Host::Name(name) = &self.host else {
            return true;
        };
        let version = name.version();
        let right = version == origin.version.get() || name.has(origin.address);
        if right {
            origin.version.set(version);
        }
        right
    }

    async fn within<C>(
        &self,
        left: Duration,
        speak: impl AsyncFn(TcpStream, Origin) -> io::Result<C>,
    ) -> Result<C, Unconnected> {
        let limit = self.timeout.min(left);
        let outcome = self.timer.within(limit, self.open(limit, speak)).await;
        let outcome = outcome.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()));
        outcome.map_err(|error| {
            let (host, port) = (&self.host, self.port);
            tracing::debug!(?host, port, %error, "cannot connect");
            Unconnected
        })
    }

    /// Tries the addresses one after the other, each with its share of the time.
    async fn open<C>(
        &self,
        limit: Duration,
        speak: impl AsyncFn(TcpStream, Origin) -> io::Result<C>,
    ) -> io::Result<C> {
        let name = match &self.host {
            Host::Address(address) => return self.attempt(*address, 0, &speak).await,
            Host::Name(name) => name,
        };
        let version = name.version();
        let began = self.timer.now();
        let addresses = name.addresses().await;
        let addresses = addresses.map_err(|_| io::Error::from(io::ErrorKind::NotFound))?;
        let first = self.first.get() % addresses.len().max(1);
        self.first.set(first + 1);
        let tried = addresses.len().min(MOST_ADDRESSES);
        let in_turn = addresses.iter().cycle().skip(first).take(tried);
        let mut failure = io::ErrorKind::NotFound.into();
        for (address, share) in in_turn.zip((1..=tried).rev()) {
            let passed = self.timer.now().saturating_duration_since(began);
            let share = limit.saturating_sub(passed) / u32::try_from(share).unwrap_or(1);
            let attempt = self.attempt(*address, version, &speak);
            match self.timer.within(share, attempt).await {
                Ok(Ok(connection)) => return Ok(connection),
                Ok(Err(error)) => failure = error,
                Err(_) => failure = io::ErrorKind::TimedOut.into(),
            }
        }
        Err(failure)
    }

    async fn attempt<C>(
        &self,
        address: IpAddr,
        version: u64,
        speak: &impl AsyncFn(TcpStream, Origin) -> io::Result<C>,
    ) -> io::Result<C> {
        let stream = TcpStream::connect(SocketAddr::new(address, self.port)).await?;
        stream.set_nodelay(true)?;
        let version = Cell::new(version);
        speak(stream, Origin { address, version }).await
    }

    async fn secured(&self, socket: Socket) -> io::Result<TlsStream<Socket>> {
        match &self.security {
            Security::Tls(config, name) => {
                let connector = TlsConnector::from(Arc::clone(config));
                connector.connect(name.clone(), socket).await
            }
            Security::Plain | Security::Impossible => Err(io::ErrorKind::Unsupported.into()),
        }
    }
}

impl Line {
    /// Whether nobody has closed it or said something out of turn, as far as can be known.
    pub(super) async fn is_quiet(&self) -> bool {
        match self.watch.heard() {
            Heard::Nothing => !self.sender.is_closed(),
            // A session ticket, or the end: once the driver has read it, we know. The runtime
            // looks at its sockets before it comes back to a task that has yielded.
            Heard::Bytes if self.encrypted => {
                tokio::task::yield_now().await;
                self.watch.heard() == Heard::Nothing && !self.sender.is_closed()
            }
            // RFC 9112, section 9.2: an answer nobody asked for "must not be … valid".
            Heard::Bytes | Heard::End => false,
        }
    }

    pub(super) fn origin(&self) -> &Origin {
        &self.origin
    }
}

/// The connection is driven by a task of its own, which ends when the sender is dropped.
async fn speak<S>(stream: S) -> io::Result<SendRequest<Full<Bytes>>>
where
    S: AsyncRead + AsyncWrite + Unpin + 'static,
{
    let mut builder = http1::Builder::new();
    builder.max_buf_size(BUFFER).max_header_size(HEAD);
    let handshake = builder.handshake(TokioIo::new(stream)).await;
    let (sender, driver) = handshake.map_err(io::Error::other)?;
    drop(tokio::task::spawn_local(async move {
        if let Err(error) = driver.await {
            tracing::trace!(%error, "upstream connection ended");
        }
    }));
    Ok(sender)
}
