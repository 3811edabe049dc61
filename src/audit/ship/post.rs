//! One connection to a place, kept while it answers.

use std::error::Error;
use std::io;
use std::sync::Arc;

use bytes::Bytes;
use http::{Request, header};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use rustls_pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::Sink;
use crate::fetch::authority;
use crate::trust::standing::chain;

/// An answer says yes or no; what is longer is not read.
const ANSWER: usize = 64 * 1024;

/// A connection, while there is one.
#[derive(Debug, Default)]
pub(super) struct Line(Option<SendRequest<Full<Bytes>>>);

impl Line {
    /// Sends a batch; gives the body of an answer that acknowledges it.
    pub(super) async fn post(&mut self, sink: &Sink, body: Bytes) -> Result<Vec<u8>, String> {
        let kept = self.0.take().filter(|sender| !sender.is_closed());
        let mut sender = match kept {
            Some(sender) => sender,
            None => connect(sink).await.map_err(|error| chain(&*error))?,
        };
        let request = request(sink, body).map_err(|error| chain(&error))?;
        let ready = sender.ready().await;
        ready.map_err(|error| chain(&error))?;
        let response = sender.send_request(request).await;
        let response = response.map_err(|error| chain(&error))?;
        let status = response.status();
        let body = Limited::new(response.into_body(), ANSWER).collect().await;
        if !status.is_success() {
            return Err(format!("it answers {}", status.as_u16()));
        }
        // The head was the acknowledgement.
        let Ok(body) = body else {
            return Ok(Vec::new());
        };
        self.0 = Some(sender);
        Ok(body.to_bytes().to_vec())
    }
}

async fn connect(sink: &Sink) -> Result<SendRequest<Full<Bytes>>, Box<dyn Error + Send + Sync>> {
    let stream = TcpStream::connect((&*sink.host, sink.port)).await?;
    stream.set_nodelay(true)?;
    let Some(tls) = &sink.tls else {
        return Ok(handshake(stream).await?);
    };
    let name = ServerName::try_from(sink.host.to_string());
    let name = name.map_err(|_| io::Error::from(io::ErrorKind::InvalidInput))?;
    let connector = TlsConnector::from(Arc::clone(tls));
    Ok(handshake(connector.connect(name, stream).await?).await?)
}

async fn handshake<S>(stream: S) -> Result<SendRequest<Full<Bytes>>, hyper::Error>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (sender, driver) = http1::handshake(TokioIo::new(stream)).await?;
    // It ends with the connection.
    drop(tokio::spawn(driver));
    Ok(sender)
}

fn request(sink: &Sink, body: Bytes) -> http::Result<Request<Full<Bytes>>> {
    let usual = if sink.tls.is_some() { 443 } else { 80 };
    let mut request = Request::post(&*sink.path)
        .header(header::HOST, authority(&sink.host, sink.port, usual))
        .header(header::CONTENT_TYPE, sink.form.media_type())
        .header(
            header::USER_AGENT,
            concat!("multicode/", env!("CARGO_PKG_VERSION")),
        );
    if let Some(token) = &sink.token {
        let mut value = http::HeaderValue::from_str(&token.value)?;
        value.set_sensitive(true);
        request = request.header(&*token.header, value);
    }
    request.body(Full::new(body))
}
