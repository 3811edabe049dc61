//! A new connection to an endpoint: TCP, TLS where the endpoint wants it, HTTP/1.1.

use std::{io, sync::Arc, time::Duration};

use bytes::Bytes;
use http::uri::Scheme;
use http_body_util::Full;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use rustls_pki_types::ServerName;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
};
use tokio_rustls::TlsConnector;

use super::{Endpoint, UpstreamConfig};
use crate::tick::Timer;

/// What hyper may hold of an answer's head and of its body's next part.
const BUFFER: usize = 64 * 1024;

/// An answer's status line and headers.
const HEAD: usize = 16 * 1024;

/// How to reach one endpoint.
#[derive(Debug)]
pub(super) struct Connector {
    security: Security,
    timeout: Duration,
    timer: Timer,
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

impl Connector {
    pub(super) fn new(endpoint: &Endpoint, config: &UpstreamConfig, timer: &Timer) -> Self {
        let security = if endpoint.scheme == Scheme::HTTPS {
            let name = ServerName::try_from(endpoint.host.clone()).ok();
            let pair = config.tls.clone().zip(name);
            pair.map_or(Security::Impossible, |(tls, name)| Security::Tls(tls, name))
        } else {
            Security::Plain
        };
        Self {
            security,
            timeout: config.connect_timeout,
            timer: timer.clone(),
        }
    }

    /// Connects within the endpoint's own time and what is `left` of the request's.
    pub(super) async fn connect(
        &self,
        endpoint: &Endpoint,
        left: Duration,
    ) -> Result<SendRequest<Full<Bytes>>, Unconnected> {
        let limit = self.timeout.min(left);
        let outcome = self.timer.within(limit, self.open(endpoint)).await;
        let outcome = outcome.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()));
        outcome.map_err(|error| {
            tracing::debug!(host = endpoint.host, port = endpoint.port, %error, "cannot connect");
            Unconnected
        })
    }

    async fn open(&self, endpoint: &Endpoint) -> io::Result<SendRequest<Full<Bytes>>> {
        let stream = TcpStream::connect((endpoint.host.as_str(), endpoint.port)).await?;
        stream.set_nodelay(true)?;
        match &self.security {
            Security::Plain => speak(stream).await,
            Security::Tls(config, name) => {
                let connector = TlsConnector::from(Arc::clone(config));
                speak(connector.connect(name.clone(), stream).await?).await
            }
            Security::Impossible => Err(io::ErrorKind::Unsupported.into()),
        }
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
