//! One batch to the collector: HTTP/1.1 over hyper, with our own TLS, bounded in time and size.
//!
//! It is asked on the exporter's thread, which it holds up until there is an answer; nobody else waits.
//! Each batch has a connection of its own: there are few, and none is ever found dead.

use std::future::ready;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::header::{self, HeaderValue};
use http::uri::Authority;
use http::{Request, Response, Uri};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use opentelemetry_http::{HttpClient, HttpError};
use rustls::ClientConfig;
use rustls_pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::runtime::{Builder, Runtime};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

/// An answer's body: the specification knows an empty one and a sentence about what was rejected.
const ANSWER: usize = 64 * 1024;

/// Why a batch did not arrive. Nothing the collector says is repeated.
#[derive(Debug, thiserror::Error)]
pub(super) enum Trouble {
    #[error("its name leads nowhere")]
    Name(#[source] io::Error),
    #[error("it cannot be reached")]
    Connect(#[source] io::Error),
    #[error("TLS with it fails")]
    Handshake(#[source] io::Error),
    #[error("it breaks off")]
    Http(#[source] hyper::Error),
    #[error("its answer is too long or breaks off")]
    Answer,
    #[error("it takes longer than it may")]
    Late,
    #[error("it answers {0}")]
    Status(u16),
}

/// Asks one collector.
#[derive(Debug)]
pub(super) struct Client {
    runtime: Option<Runtime>,
    tls: Option<Arc<ClientConfig>>,
    patience: Duration,
    trouble: Mutex<Option<Trouble>>,
}

impl Client {
    /// With whom to trust, and how long one attempt may take.
    pub(super) fn new(tls: Option<Arc<ClientConfig>>, patience: Duration) -> io::Result<Self> {
        Ok(Self {
            runtime: Some(Builder::new_current_thread().enable_all().build()?),
            tls,
            patience,
            trouble: Mutex::default(),
        })
    }

    /// Why the last attempt came to nothing.
    pub(super) fn trouble(&self) -> Option<Trouble> {
        let mut trouble = self.trouble.lock().unwrap_or_else(PoisonError::into_inner);
        trouble.take()
    }

    fn note(&self, trouble: Trouble) {
        let mut last = self.trouble.lock().unwrap_or_else(PoisonError::into_inner);
        *last = Some(trouble);
    }

    fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, Trouble> {
        let runtime = self.runtime.as_ref().ok_or(Trouble::Late)?;
        // A timer needs the runtime around it.
        let asked = runtime.block_on(async { timeout(self.patience, self.ask(request)).await });
        asked.unwrap_or(Err(Trouble::Late))
    }

    async fn ask(&self, request: Request<Bytes>) -> Result<Response<Bytes>, Trouble> {
        let host = host(request.uri());
        let stream = connect(&host, port(request.uri())).await?;
        match &self.tls {
            Some(tls) if request.uri().scheme_str() == Some("https") => {
                let name = ServerName::try_from(host);
                let name = name.map_err(|error| Trouble::Name(io::Error::other(error)))?;
                let connector = TlsConnector::from(Arc::clone(tls));
                let secured = connector.connect(name, stream).await;
                exchange(secured.map_err(Trouble::Handshake)?, request).await
            }
            _ => exchange(stream, request).await,
        }
    }
}

/// Nobody waits for a name server that does not answer.
impl Drop for Client {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// As the trait's own attribute writes it, without its crate.
impl HttpClient for Client {
    fn send_bytes<'c, 'f>(
        &'c self,
        request: Request<Bytes>,
    ) -> Pin<Box<dyn Future<Output = Result<Response<Bytes>, HttpError>> + Send + 'f>>
    where
        'c: 'f,
        Self: 'f,
    {
        let answer = self.send(request);
        match &answer {
            Ok(response) if response.status().is_success() => {}
            Ok(response) => self.note(Trouble::Status(response.status().as_u16())),
            Err(_) => {}
        }
        Box::pin(ready(answer.map_err(|trouble| {
            self.note(trouble);
            HttpError::from("no answer")
        })))
    }
}

/// The name without the brackets of an IPv6 address.
fn host(uri: &Uri) -> String {
    let host = uri.host().unwrap_or_default();
    host.trim_matches(['[', ']']).to_owned()
}

fn port(uri: &Uri) -> u16 {
    let usual = if uri.scheme_str() == Some("https") {
        443
    } else {
        80
    };
    uri.port_u16().unwrap_or(usual)
}

/// The first of its addresses that takes a connection.
async fn connect(host: &str, port: u16) -> Result<TcpStream, Trouble> {
    let found: Vec<SocketAddr> = if let Ok(address) = host.parse::<IpAddr>() {
        vec![(address, port).into()]
    } else {
        let found = tokio::net::lookup_host((host, port)).await;
        found.map_err(Trouble::Name)?.collect()
    };
    TcpStream::connect(&*found).await.map_err(Trouble::Connect)
}

async fn exchange<S>(stream: S, request: Request<Bytes>) -> Result<Response<Bytes>, Trouble>
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let begun = http1::handshake(TokioIo::new(stream)).await;
    let (mut sender, connection) = begun.map_err(Trouble::Http)?;
    let running = tokio::spawn(connection);
    let answer = sender.send_request(in_origin_form(request)).await;
    let (head, body) = answer.map_err(Trouble::Http)?.into_parts();
    let body = Limited::new(body, ANSWER).collect().await;
    running.abort();
    let body = body.map_err(|_| Trouble::Answer)?.to_bytes();
    Ok(Response::from_parts(head, body))
}

/// RFC 9112, section 3.2.1: a server is sent the path, and in `Host` who is meant.
fn in_origin_form(request: Request<Bytes>) -> Request<Full<Bytes>> {
    let (mut head, body) = request.into_parts();
    let authority = head.uri.authority().map(Authority::as_str);
    let host = authority.and_then(|it| HeaderValue::from_str(it).ok());
    if let Some(host) = host {
        head.headers.insert(header::HOST, host);
    }
    let path = head.uri.path_and_query().cloned();
    head.uri = path.map_or_else(|| Uri::from_static("/"), Uri::from);
    let close = HeaderValue::from_static("close");
    head.headers.insert(header::CONNECTION, close);
    Request::from_parts(head, Full::new(body))
}
