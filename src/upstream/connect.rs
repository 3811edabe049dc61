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
use rustls_pki_types::ServerName;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
};
use tokio_rustls::{TlsConnector, client::TlsStream};

use super::{
    Endpoint, Protocol, UpstreamConfig,
    http1::{self, Buffers},
    http2::{self, Multiplexed},
    hypers,
    line::{Line, Way},
    resolve::Name,
    socket::watched,
};
use crate::tick::Timer;

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
    /// Whether HTTP/1.1 is spoken by our own hand.
    fast_lane: bool,
    buffers: Buffers,
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

/// Where a connection leads, and since when that is right.
#[derive(Debug)]
pub(super) struct Origin {
    address: IpAddr,
    version: Cell<u64>,
}

impl Connector {
    pub(super) fn new(
        endpoint: &Endpoint,
        config: &UpstreamConfig,
        timer: &Timer,
        buffers: &Buffers,
    ) -> Self {
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
            fast_lane: config.fast_lane,
            buffers: buffers.clone(),
            first: Cell::new(0),
        }
    }

    /// A connection that speaks HTTP/1.1, within the endpoint's own time and what is `left` of the
    /// request's.
    pub(super) async fn line(&self, left: Duration) -> Result<Line, Unconnected> {
        self.within(left, async |stream, origin| {
            let way = if self.fast_lane {
                Way::Own(self.own(stream).await?)
            } else {
                Way::Hyper(self.hypers(stream).await?)
            };
            Ok(Line::new(way, origin))
        })
        .await
    }

    async fn own(&self, stream: TcpStream) -> io::Result<Box<http1::Connection>> {
        let stream = match &self.security {
            Security::Plain => http1::Stream::Plain(stream),
            Security::Tls(..) | Security::Impossible => {
                // Boxed, here and below: a handshake is rare, and its state is large.
                let secured = Box::pin(self.secured(stream)).await?;
                http1::Stream::Tls(Box::new(secured))
            }
        };
        Ok(http1::Connection::new(stream, self.buffers.clone()))
    }

    async fn hypers(&self, stream: TcpStream) -> io::Result<hypers::Connection> {
        let (socket, watch) = watched(stream);
        match &self.security {
            Security::Plain => Box::pin(hypers::speak(socket, watch, false)).await,
            Security::Tls(..) | Security::Impossible => {
                let stream = Box::pin(self.secured(socket)).await?;
                Box::pin(hypers::speak(stream, watch, true)).await
            }
        }
    }

    /// A connection that speaks HTTP/2, likewise.
    pub(super) async fn multiplexed(&self, left: Duration) -> Result<Multiplexed, Unconnected> {
        self.within(left, async |stream, origin| {
            let (socket, watch) = watched(stream);
            if matches!(self.security, Security::Plain) {
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
        mut request: Request<Full<Bytes>>,
        left: Duration,
    ) -> Option<StatusCode> {
        match self.protocol {
            Protocol::Http1 => {
                let line = self.line(left).await.ok()?;
                Some(line.exchange(&mut request).await.ok()?.status())
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

    async fn secured<S>(&self, socket: S) -> io::Result<TlsStream<S>>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        match &self.security {
            Security::Tls(config, name) => {
                let connector = TlsConnector::from(Arc::clone(config));
                connector.connect(name.clone(), socket).await
            }
            Security::Plain | Security::Impossible => Err(io::ErrorKind::Unsupported.into()),
        }
    }
}
