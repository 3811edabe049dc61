//! One question to a server: HTTPS, bounded in time and size, to an address that was looked at.
//!
//! The name is resolved once and the connection made to what came of it, so that no second answer
//! of the name server can lead elsewhere. A redirect is followed on the same origin only.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{self, HeaderMap, HeaderValue};
use http::{Request, Response, StatusCode, Uri};
use http_body_util::{BodyExt as _, Empty};
use hyper::body::{Body as _, Incoming};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rustls_pki_types::ServerName;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::address::is_global;
use super::{Remote, Unfetched};

/// Redirects followed: one for the slash at the end, one for a moved path, one to spare.
const MOST_REDIRECTS: usize = 3;

/// An answer's status line and headers.
const HEAD: usize = 16 * 1024;

/// Addresses of one name that are tried; more do not help within the time there is.
const MOST_ADDRESSES: usize = 4;

/// For a connection to one address, with TLS, so that one that swallows everything leaves time for the next.
const ONE_ADDRESS: Duration = Duration::from_secs(2);

/// The longest mark of a version kept; longer ones are sent by nobody who means well.
const LONGEST_ETAG: usize = 256;

/// What a server says.
#[derive(Debug)]
pub(super) enum Reply {
    /// What it has.
    Content {
        /// As it came.
        body: Vec<u8>,
        /// Its mark for this version.
        etag: Option<Box<str>>,
    },
    /// Nothing new (RFC 9110, section 15.4.5).
    Unchanged,
}

/// Asks for a resource, unless it is still the version of that `etag`. The caller bounds the time.
pub(super) async fn get(
    remote: &Remote,
    etag: Option<&str>,
    limit: usize,
) -> Result<Reply, Unfetched> {
    let addresses = resolve(remote).await?;
    let mut path = remote.path.to_string();
    for _ in 0..=MOST_REDIRECTS {
        let response = ask(remote, &addresses, &path, etag).await?;
        match response.status() {
            StatusCode::OK => return read(response, limit).await,
            StatusCode::NOT_MODIFIED if etag.is_some() => return Ok(Reply::Unchanged),
            StatusCode::MOVED_PERMANENTLY
            | StatusCode::FOUND
            | StatusCode::SEE_OTHER
            | StatusCode::TEMPORARY_REDIRECT
            | StatusCode::PERMANENT_REDIRECT => path = target(remote, response.headers())?,
            status => return Err(Unfetched::Status(status.as_u16())),
        }
    }
    Err(Unfetched::Redirects)
}

/// Every address of the name must be one that may be asked: which one is taken is up to chance.
async fn resolve(remote: &Remote) -> Result<Vec<SocketAddr>, Unfetched> {
    let found = tokio::net::lookup_host((&*remote.host, remote.port)).await;
    let found: Vec<_> = found.map_err(Unfetched::Name)?.collect();
    let inside = found.iter().find(|address| !is_global(address.ip()));
    match inside {
        Some(inside) if !remote.private_addresses => Err(Unfetched::Inside(inside.ip())),
        _ if found.is_empty() => Err(Unfetched::Name(io::ErrorKind::NotFound.into())),
        _ => Ok(found),
    }
}

async fn ask(
    remote: &Remote,
    addresses: &[SocketAddr],
    path: &str,
    etag: Option<&str>,
) -> Result<Response<Incoming>, Unfetched> {
    let stream = connect(remote, addresses).await?;
    let mut builder = http1::Builder::new();
    builder.max_header_size(HEAD);
    let (mut sender, driver) = builder
        .handshake(TokioIo::new(stream))
        .await
        .map_err(Unfetched::Http)?;
    // It ends with the answer's body, or when the caller has had enough of it.
    drop(tokio::spawn(driver));
    let request = request(remote, path, etag)?;
    sender.send_request(request).await.map_err(Unfetched::Http)
}

async fn connect(
    remote: &Remote,
    addresses: &[SocketAddr],
) -> Result<TlsStream<TcpStream>, Unfetched> {
    let name = ServerName::try_from(String::from(&*remote.host));
    let name = name.map_err(|_| Unfetched::Name(io::ErrorKind::InvalidInput.into()))?;
    let mut failure = io::ErrorKind::NotFound.into();
    for address in addresses.iter().take(MOST_ADDRESSES) {
        match timeout(ONE_ADDRESS, connect_to(remote, &name, *address)).await {
            Ok(Err(Unfetched::Connect(error))) => failure = error,
            // Whoever answers is the server, good or bad.
            Ok(answered) => return answered,
            Err(_) => failure = io::ErrorKind::TimedOut.into(),
        }
    }
    Err(Unfetched::Connect(failure))
}

async fn connect_to(
    remote: &Remote,
    name: &ServerName<'static>,
    address: SocketAddr,
) -> Result<TlsStream<TcpStream>, Unfetched> {
    let stream = TcpStream::connect(address).await;
    let stream = stream.map_err(Unfetched::Connect)?;
    let connector = TlsConnector::from(Arc::clone(&remote.authority.config));
    let secured = connector.connect(name.clone(), stream).await;
    secured.map_err(Unfetched::handshake)
}

fn request(
    remote: &Remote,
    path: &str,
    etag: Option<&str>,
) -> Result<Request<Empty<Bytes>>, Unfetched> {
    let mut request = Request::get(path)
        .header(header::HOST, authority(&remote.host, remote.port, 443))
        .header(header::ACCEPT_ENCODING, "identity")
        .header(
            header::USER_AGENT,
            concat!("multicode/", env!("CARGO_PKG_VERSION")),
        );
    if let Some(etag) = etag {
        request = request.header(header::IF_NONE_MATCH, etag);
    }
    request.body(Empty::new()).map_err(|_| Unfetched::Target)
}

/// What `Host` says (RFC 9110, section 7.2); the default port of the scheme is left out, as everybody
/// does.
pub(crate) fn authority(host: &str, port: u16, usual: u16) -> String {
    let host = match host.parse() {
        Ok(IpAddr::V6(address)) => format!("[{address}]"),
        _ => host.to_owned(),
    };
    if port == usual {
        host
    } else {
        format!("{host}:{port}")
    }
}

/// The path a redirect leads to (RFC 9110, section 10.2.2), on the same origin (RFC 6454).
fn target(remote: &Remote, headers: &HeaderMap) -> Result<String, Unfetched> {
    let location = headers.get(header::LOCATION).map(HeaderValue::as_bytes);
    let location = location.ok_or(Unfetched::Target)?;
    let uri = if location.starts_with(b"//") {
        Uri::try_from([b"https:", location].concat())
    } else {
        Uri::try_from(location)
    };
    let uri = uri.map_err(|_| Unfetched::Target)?;
    if let Some(authority) = uri.authority() {
        // A bare name reads as a host, and is none.
        uri.scheme().ok_or(Unfetched::Target)?;
        let host = authority.host().trim_matches(['[', ']']);
        let same = uri.scheme_str() == Some("https")
            && host.eq_ignore_ascii_case(&remote.host)
            && authority.port_u16().unwrap_or(443) == remote.port
            && !authority.as_str().contains('@');
        if !same {
            return Err(Unfetched::off_origin(&uri));
        }
    }
    let path = uri.path_and_query().map(ToString::to_string);
    path.filter(|path| path.starts_with('/'))
        .ok_or(Unfetched::Target)
}

/// Reads the body up to the limit; what its head promises beyond is not even begun.
async fn read(response: Response<Incoming>, limit: usize) -> Result<Reply, Unfetched> {
    let (head, mut body) = response.into_parts();
    if head
        .headers
        .get(header::CONTENT_ENCODING)
        .is_some_and(|coding| !coding.as_bytes().eq_ignore_ascii_case(b"identity"))
    {
        return Err(Unfetched::Encoded);
    }
    let promised = usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX);
    if promised > limit {
        return Err(Unfetched::TooLong { limit });
    }
    let mut content = Vec::with_capacity(promised);
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(Unfetched::Http)?;
        let Ok(data) = frame.into_data() else {
            continue;
        };
        if content.len().saturating_add(data.len()) > limit {
            return Err(Unfetched::TooLong { limit });
        }
        content.extend_from_slice(&data);
    }
    let etag = head
        .headers
        .get(header::ETAG)
        .and_then(|it| it.to_str().ok());
    let etag = etag.filter(|it| it.len() <= LONGEST_ETAG);
    Ok(Reply::Content {
        body: content,
        etag: etag.map(Into::into),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tls::Authority;

    #[test]
    fn an_address_that_says_nothing_is_followed_by_the_next() {
        let folder = tempfile::tempdir().unwrap();
        let made = rcgen::generate_simple_self_signed(vec!["localhost".into()]).unwrap();
        let ca = folder.path().join("ca.pem");
        std::fs::write(&ca, made.cert.pem()).unwrap();
        let remote = Remote {
            host: "localhost".into(),
            port: 443,
            path: "/".into(),
            authority: Authority::read(&ca).unwrap(),
            private_addresses: true,
        };
        let listen = || std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let (silent, gone) = (listen(), listen());
        let addresses = [silent.local_addr().unwrap(), gone.local_addr().unwrap()];
        drop(gone);
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = runtime.enable_all().build().unwrap();
        let error = runtime.block_on(connect(&remote, &addresses)).unwrap_err();
        let refused = io::ErrorKind::ConnectionRefused;
        assert!(matches!(error, Unfetched::Connect(error) if error.kind() == refused));
    }
}
