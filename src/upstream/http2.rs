//! One HTTP/2 connection and the requests that share it (RFC 9113).
//!
//! The `h2` crate is used itself, without hyper: what it says about a failed stream decides whether
//! the backend may have seen the request.

use std::{
    cell::Cell,
    convert::Infallible,
    future::{Future, poll_fn},
    io,
    pin::{Pin, pin},
    rc::Rc,
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use h2::{
    Ping, PingPong, Reason, RecvStream,
    client::{Builder, Connection, SendRequest},
};
use http::{HeaderName, Request, Response, Uri, Version, header, uri};
use http_body_util::{BodyExt as _, Full};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    sync::oneshot,
    time::Instant,
};

use super::{
    Endpoint,
    connect::{HEAD, Origin},
    socket::{Heard, Watch},
};
use crate::tick::{Alarm, Timer};

/// What a backend may send of one answer before we have read it.
const STREAM_WINDOW: u32 = 64 * 1024;

/// What it may send of all answers on a connection; one answer that nobody reads holds up no other.
const CONNECTION_WINDOW: u32 = 1024 * 1024;

/// How often a connection is asked whether it still stands: a firewall forgets one after a minute.
const PING_EVERY: Duration = Duration::from_secs(10);

/// An answer to that takes one way there and back, and a busy process some more.
const PING_TIMEOUT: Duration = Duration::from_secs(5);

/// A connection that requests share; gone with the last of them.
pub(super) struct Multiplexed {
    sender: SendRequest<Bytes>,
    streams: Cell<usize>,
    used: Cell<Instant>,
    watch: Watch,
    origin: Origin,
    /// Dropped after the sender, it lets the driver see that nobody is left.
    _gone: oneshot::Sender<Infallible>,
}

/// One request's place on a connection.
#[derive(Debug)]
pub(super) struct Stream(Rc<Multiplexed>);

/// What became of a request.
#[derive(Debug)]
pub(super) enum Failure {
    /// The backend says that it did not look at it, or it was never written.
    Refused,
    /// What came back is against the protocol.
    Invalid,
    /// It may have been looked at.
    Unknown,
}

impl std::fmt::Debug for Multiplexed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Multiplexed")
            .field("streams", &self.streams)
            .finish_non_exhaustive()
    }
}

/// Begins to speak HTTP/2, and waits for the first word of the server's: what is no HTTP/2 server
/// is found out before a request is sent to it.
pub(super) async fn speak<S>(
    stream: S,
    watch: Watch,
    origin: Origin,
    timer: &Timer,
) -> io::Result<Multiplexed>
where
    S: AsyncRead + AsyncWrite + Unpin + 'static,
{
    let handshake = Builder::new()
        .enable_push(false)
        .initial_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_header_list_size(u32::try_from(HEAD).unwrap_or(u32::MAX))
        // Section 3.4: its preface "consists of a potentially empty SETTINGS frame"; until that is
        // here, nothing may be sent.
        .initial_max_send_streams(0)
        .handshake(stream);
    let (sender, mut connection) = handshake.await.map_err(io::Error::other)?;
    poll_fn(|cx| {
        let polled = Pin::new(&mut connection).poll(cx);
        if connection.max_concurrent_send_streams() > 0 {
            return Poll::Ready(Ok(()));
        }
        polled.map(|ended| match ended {
            Ok(()) => Err(io::ErrorKind::UnexpectedEof.into()),
            Err(error) => Err(io::Error::other(error)),
        })
    })
    .await?;
    let (gone, over) = oneshot::channel();
    let pulse = connection.ping_pong().map(|pings| Pulse::new(pings, timer));
    drop(tokio::task::spawn_local(drive(connection, pulse, over)));
    Ok(Multiplexed {
        sender,
        streams: Cell::new(0),
        used: Cell::new(timer.now()),
        watch,
        origin,
        _gone: gone,
    })
}

/// Moves the frames until the connection ends; dropping it ends every stream on it.
async fn drive<S>(
    mut connection: Connection<S, Bytes>,
    mut pulse: Option<Pulse>,
    over: oneshot::Receiver<Infallible>,
) where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut over = pin!(over);
    let mut watched = true;
    let ended = poll_fn(|cx| {
        if watched && over.as_mut().poll(cx).is_ready() {
            watched = false;
        }
        if let Poll::Ready(ended) = Pin::new(&mut connection).poll(cx) {
            return Poll::Ready(ended.map_err(io::Error::other));
        }
        match pulse.as_mut().map(|pulse| pulse.poll(cx)) {
            Some(Poll::Ready(error)) => Poll::Ready(Err(error)),
            _ => Poll::Pending,
        }
    });
    if let Err(error) = ended.await {
        tracing::trace!(%error, "upstream connection ended");
    }
}

/// Whether the other side still answers.
struct Pulse {
    pings: PingPong,
    alarm: Alarm,
    asked: bool,
}

impl Pulse {
    fn new(pings: PingPong, timer: &Timer) -> Self {
        let alarm = timer.alarm();
        alarm.set(PING_EVERY);
        Self {
            pings,
            alarm,
            asked: false,
        }
    }

    /// Ready when it does not.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<io::Error> {
        loop {
            if self.asked {
                match self.pings.poll_pong(cx) {
                    Poll::Ready(Ok(_)) => {
                        self.asked = false;
                        self.alarm.set(PING_EVERY);
                    }
                    Poll::Ready(Err(error)) => return Poll::Ready(io::Error::other(error)),
                    Poll::Pending => {}
                }
            }
            if self.alarm.poll(cx).is_pending() {
                return Poll::Pending;
            }
            if self.asked {
                return Poll::Ready(io::ErrorKind::TimedOut.into());
            }
            if let Err(error) = self.pings.send_ping(Ping::opaque()) {
                return Poll::Ready(io::Error::other(error));
            }
            self.asked = true;
            self.alarm.set(PING_TIMEOUT);
        }
    }
}

impl Multiplexed {
    pub(super) fn origin(&self) -> &Origin {
        &self.origin
    }

    /// Whether another request may be sent over it (section 5.1.2).
    pub(super) fn has_room(&self) -> bool {
        self.streams.get() < self.sender.current_max_send_streams()
    }

    /// Since when nobody has used it.
    pub(super) fn idle_since(&self) -> Option<Instant> {
        (self.streams.get() == 0).then(|| self.used.get())
    }

    /// Takes a place for one request.
    pub(super) fn stream(self: &Rc<Self>, now: Instant) -> Stream {
        self.streams.set(self.streams.get() + 1);
        self.used.set(now);
        Stream(Rc::clone(self))
    }

    /// Whether it takes requests, as far as can be known: neither closed nor going away.
    pub(super) async fn is_open(&self) -> bool {
        // What has arrived may be a GOAWAY: once the driver has read it, we know. The runtime looks
        // at its sockets before it comes back to a task that has yielded.
        match self.watch.heard() {
            Heard::End => return false,
            Heard::Bytes => tokio::task::yield_now().await,
            Heard::Nothing => {}
        }
        self.takes_requests()
    }

    /// The same, without looking at what has arrived.
    pub(super) fn takes_requests(&self) -> bool {
        let mut sender = self.sender.clone();
        let mut cx = Context::from_waker(std::task::Waker::noop());
        matches!(sender.poll_ready(&mut cx), Poll::Ready(Ok(())))
    }
}

/// What HTTP/2 has no place for (RFC 9113, section 8.2.2).
const CONNECTION_HEADERS: [HeaderName; 5] = [
    header::CONNECTION,
    header::HOST,
    header::TE,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
];

/// A copy of the request in HTTP/2's form: the backend may refuse it unread, and it is sent again
/// then.
pub(super) async fn split(
    endpoint: &Endpoint,
    request: &Request<Full<Bytes>>,
) -> Option<(Request<()>, Bytes)> {
    let mut head = Request::new(());
    *head.method_mut() = request.method().clone();
    *head.uri_mut() = target(endpoint, request.uri()).ok()?;
    *head.version_mut() = Version::HTTP_2;
    *head.headers_mut() = request.headers().clone();
    for name in CONNECTION_HEADERS {
        head.headers_mut().remove(name);
    }
    let body = request.body().clone().collect().await;
    body.ok().map(|body| (head, body.to_bytes()))
}

/// The target with all its parts (section 8.3.1).
fn target(endpoint: &Endpoint, origin_form: &Uri) -> Result<Uri, http::Error> {
    let authority = uri::Authority::try_from(endpoint.authority.as_bytes())?;
    let path = origin_form.path_and_query().cloned();
    let path = path.unwrap_or_else(|| uri::PathAndQuery::from_static("/"));
    let parts = Uri::builder().scheme(endpoint.scheme.clone());
    parts.authority(authority).path_and_query(path).build()
}

impl Stream {
    /// Sends the request and waits for the answer's head; dropped, it cancels the stream.
    pub(super) async fn exchange(
        &self,
        head: Request<()>,
        body: Bytes,
    ) -> Result<Response<RecvStream>, Failure> {
        let mut sender = self.0.sender.clone();
        // A connection that has ended or goes away opens no stream (section 6.8).
        let ready = poll_fn(|cx| sender.poll_ready(cx)).await;
        ready.map_err(|_| Failure::Refused)?;
        let sent = sender.send_request(head, body.is_empty());
        let (answer, mut upload) = sent.map_err(|_| Failure::Refused)?;
        if !body.is_empty() && upload.send_data(body, true).is_err() {
            // The answer says why.
            tracing::trace!("a stream ended before its body");
        }
        answer.await.map_err(|error| Failure::of(&error))
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        let left = self.0.streams.get().saturating_sub(1);
        self.0.streams.set(left);
    }
}

impl Failure {
    fn of(error: &h2::Error) -> Self {
        // Section 8.7: "Requests that have not been processed" are those on a stream above a
        // GOAWAY's last one, and those whose stream was reset with REFUSED_STREAM. Streams below
        // hear of a GOAWAY only by the end of their connection.
        let refused = error.is_go_away()
            || (error.is_reset() && error.reason() == Some(Reason::REFUSED_STREAM));
        if error.is_remote() && refused {
            Self::Refused
        } else if error.is_library() && error.is_reset() {
            Self::Invalid
        } else {
            Self::Unknown
        }
    }
}
