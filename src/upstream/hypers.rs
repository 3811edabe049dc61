//! A connection that hyper speaks HTTP/1.1 over: a task of its own drives each, and ends when its
//! sender is dropped.

use std::{
    io,
    mem::take,
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use http::{Request, Response};
use http_body::{Body as _, Frame};
use http_body_util::Full;
use hyper::{
    body,
    client::conn::http1::{Builder, SendRequest},
};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};

use super::{
    connect::HEAD,
    line::Failure,
    socket::{Heard, Watch},
};

/// What hyper may hold of an answer's head and of its body's next part.
const BUFFER: usize = 64 * 1024;

/// One connection, between requests.
#[derive(Debug)]
pub(super) struct Connection {
    sender: SendRequest<Full<Bytes>>,
    watch: Watch,
    encrypted: bool,
}

/// An answer's body, and the connection it comes from.
pub(super) struct Incoming {
    pub(super) body: body::Incoming,
    connection: Connection,
    ended: bool,
}

/// Begins to speak.
pub(super) async fn speak<S>(stream: S, watch: Watch, encrypted: bool) -> io::Result<Connection>
where
    S: AsyncRead + AsyncWrite + Unpin + 'static,
{
    let mut builder = Builder::new();
    builder.max_buf_size(BUFFER).max_header_size(HEAD);
    let handshake = builder.handshake(TokioIo::new(stream)).await;
    let (sender, driver) = handshake.map_err(io::Error::other)?;
    drop(tokio::task::spawn_local(async move {
        if let Err(error) = driver.await {
            tracing::trace!(%error, "upstream connection ended");
        }
    }));
    Ok(Connection {
        sender,
        watch,
        encrypted,
    })
}

impl Connection {
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

    pub(super) fn is_closed(&self) -> bool {
        self.sender.is_closed()
    }

    pub(super) fn is_ready(&self) -> bool {
        self.sender.is_ready()
    }

    /// Sends the request and waits for the answer's head; dropped, it closes the connection. The request is
    /// left as it was if nothing of it was written.
    pub(super) async fn exchange(
        mut self,
        request: &mut Request<Full<Bytes>>,
    ) -> Result<Response<Incoming>, Failure> {
        match self.sender.try_send_request(take(request)).await {
            Ok(answer) => Ok(answer.map(|body| Incoming {
                body,
                connection: self,
                ended: false,
            })),
            Err(mut error) => Err(match error.take_message() {
                Some(unwritten) => {
                    *request = unwritten;
                    Failure::Unwritten
                }
                None if error.error().is_parse() => Failure::Invalid,
                None => Failure::Unknown,
            }),
        }
    }
}

impl Incoming {
    pub(super) fn poll_frame(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        let frame = Pin::new(&mut self.body).poll_frame(cx);
        self.ended |= matches!(frame, Poll::Ready(None));
        frame.map_err(io::Error::other)
    }

    /// A body that was not read to its end takes its connection with it (RFC 9112, section 9.3.1).
    pub(super) fn into_connection(self) -> Option<Connection> {
        (self.ended || self.body.is_end_stream()).then_some(self.connection)
    }
}
