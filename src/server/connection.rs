//! One connection from its first byte to its last, on its own task.

use std::{
    convert::Infallible,
    future::poll_fn,
    pin::{Pin, pin},
    rc::Rc,
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::{Bytes, BytesMut};
use http::{HeaderValue, Request, Response, Version, header};
use http_body::{Body, Frame, SizeHint};
use hyper::{
    body::Incoming,
    rt::Executor,
    server::conn::{http1, http2},
    service::{HttpService, service_fn},
};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadBuf};

use super::{
    Handler, Peer,
    body::RequestBody,
    lane::{Lane, Outcome},
    session::{Party, Phase, Protocol, Session, Turn},
    strict::HEAD,
    wire::Wire,
    worker::Worker,
};
use crate::upstream::{BodyError, ResponseBody};

/// How long bytes are still read, and thrown away, after the last one was written: a client that
/// is still sending would otherwise be reset before it read why it was refused.
const LINGER: Duration = Duration::from_secs(2);

/// How long a drain leaves an idle connection open. Its client may be sending the next request at
/// this moment: it is answered, with `Connection: close`, instead of being reset.
pub(super) const IDLE_GRACE: Duration = Duration::from_secs(1);

/// What hyper may hold of a head and of a body's next part.
const BUFFER: usize = 16 * 1024;

/// Streams one HTTP/2 client may have open: a hospital's gateway has one connection for all its
/// terminals.
const STREAMS: u32 = 128;

/// What HTTP/2 counts of one request's headers (RFC 9113, section 10.5.1): 32 bytes more a field than
/// [`HEAD`] does.
const HEADER_LIST: u32 = 16 * 1024;

/// Streams that were reset before they were looked at; more are an attack (CVE-2023-44487).
const UNSEEN_RESETS: usize = 20;

/// Streams that we had to reset for their client's mistakes; more are an attack (CVE-2025-8671).
const OUR_RESETS: usize = 256;

/// Serves the connection until it ends, is late, or must make place.
pub(super) fn serve<H, S>(
    worker: Rc<Worker<H>>,
    stream: S,
    peer: Peer,
    protocol: Protocol,
) -> impl Future<Output = ()>
where
    H: Handler,
    S: AsyncRead + AsyncWrite + Unpin + 'static,
{
    let session = Session::new(protocol, worker.patience, &worker.timer, &worker.busy);
    let is_fast = worker.fast_lane && protocol == Protocol::Http1;
    let mut lane = Lane::new(worker, Rc::new(session), peer, stream);
    // Whatever comes behind the lane is boxed, or every connection would be as large as few need to be.
    async move {
        let outcome = if is_fast {
            poll_fn(|cx| lane.poll(cx)).await
        } else {
            Outcome::Declined(BytesMut::new())
        };
        let (task, peer, stream) = Task::of(lane);
        match outcome {
            Outcome::Ended(end) => Box::pin(task.part(stream, end)).await,
            Outcome::Declined(read) => {
                let refusals = Rc::clone(&task.worker.refusals);
                let wire = Wire::new(stream, read, Rc::clone(&task.session), refusals);
                match protocol {
                    Protocol::Http1 => Box::pin(task.http1(wire, peer)).await,
                    Protocol::Http2 => Box::pin(task.http2(wire, peer)).await,
                }
            }
        }
    }
}

struct Task<H> {
    worker: Rc<Worker<H>>,
    session: Rc<Session>,
}

/// How a connection came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// All was said that there is to say.
    Finished {
        /// Whether it was asked to end.
        asked: bool,
    },
    /// Its time was up.
    Late(Phase),
}

impl<H: Handler> Task<H> {
    fn of<S>(lane: Lane<H, S>) -> (Self, Rc<Peer>, S) {
        let Lane {
            worker,
            session,
            peer,
            stream,
            ..
        } = lane;
        (Self { worker, session }, peer, stream)
    }

    async fn http1<S>(self, wire: Wire<S>, peer: Rc<Peer>)
    where
        S: AsyncRead + AsyncWrite + Unpin + 'static,
    {
        let mut connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(None)
            // A request that was taken on is seen through, even if its sender hangs up: half a
            // payment helps nobody.
            .half_close(true)
            .max_buf_size(BUFFER)
            .max_header_size(HEAD)
            .serve_connection(TokioIo::new(wire), self.service(peer));
        let end = self
            .drive(
                Pin::new(&mut connection),
                Protocol::Http1,
                http1::Connection::graceful_shutdown,
            )
            .await;
        let mut wire = connection.into_parts().io.into_inner();
        wire.give_up_reading();
        self.part(wire, end).await;
    }

    /// Leaves a connection in good manners.
    async fn part(self, mut stream: impl AsyncRead + AsyncWrite + Unpin, end: End) {
        match end {
            // Its reader learns at once that the rest will not come, and over TLS, where a farewell
            // would make it look whole, that it is not.
            End::Finished { .. } if self.session.broke_off() => return,
            End::Finished { .. } => {}
            End::Late(Phase::Head) if !self.session.stalled() => {
                let said = stream.write_all(&self.worker.refusals.too_slow);
                // A client that takes no answer either is not worth waiting for.
                let _ = self.worker.timer.within(LINGER, said).await;
            }
            End::Late(_) => return,
        }
        // Nobody owes an idle connection anything: a drain does not wait for its client's end. Over HTTP/2
        // those that are busy are asked as well, and the last answer may still be on its way.
        let dismissed = self.worker.draining.get()
            && end == (End::Finished { asked: true })
            && self.session.protocol() == Protocol::Http1;
        if dismissed {
            let said = stream.shutdown();
            let _ = self.worker.timer.within(LINGER, said).await;
        } else {
            let farewell = async {
                // Where hyper had nothing to say it left this to us, and so does the lane.
                let _ = stream.shutdown().await;
                if !self.session.ended() {
                    discard(&mut stream).await;
                }
            };
            let linger = if self.worker.draining.get() {
                LINGER.min(IDLE_GRACE)
            } else {
                LINGER
            };
            let _ = self.worker.timer.within(linger, farewell).await;
        }
    }

    async fn http2<S>(self, mut wire: Wire<S>, peer: Rc<Peer>)
    where
        S: AsyncRead + AsyncWrite + Unpin + 'static,
    {
        let connection = http2::Builder::new(OnThisThread)
            .timer(TokioTimer::new())
            .max_concurrent_streams(STREAMS)
            .max_header_list_size(HEADER_LIST)
            .max_pending_accept_reset_streams(UNSEEN_RESETS)
            .max_local_error_reset_streams(OUR_RESETS)
            .max_send_buf_size(64 * 1024)
            .initial_stream_window_size(64 * 1024)
            .initial_connection_window_size(1024 * 1024)
            .keep_alive_interval(Duration::from_secs(20))
            .keep_alive_timeout(Duration::from_secs(10))
            .serve_connection(TokioIo::new(&mut wire), self.service(peer));
        let ask_to_end = http2::Connection::graceful_shutdown;
        let end = self
            .drive(pin!(connection), Protocol::Http2, ask_to_end)
            .await;
        wire.give_up_reading();
        self.part(wire, end).await;
    }

    fn service(
        &self,
        peer: Rc<Peer>,
    ) -> impl HttpService<
        Incoming,
        ResBody = Answer,
        Error = Infallible,
        Future: Future<Output = Result<Response<Answer>, Infallible>> + 'static,
    > + use<H> {
        let worker = Rc::clone(&self.worker);
        let session = Rc::clone(&self.session);
        service_fn(move |request: Request<Incoming>| {
            let turn = session.begin();
            let worker = Rc::clone(&worker);
            let peer = Rc::clone(&peer);
            let version = request.version();
            async move {
                let response = worker
                    .handler
                    .handle(request.map(RequestBody::from), &peer)
                    .await;
                turn.is_up_to(Party::Client);
                let mut response = response.map(|body| Answer { body, turn });
                if worker.draining.get() && version < Version::HTTP_2 {
                    say_goodbye(&mut response, version);
                }
                Ok(response)
            }
        })
    }

    /// Polls the connection and its deadline. An idle connection is first asked to end in good
    /// manners, and so is one that can be told to send nothing more, when the worker drains.
    async fn drive<C>(
        &self,
        mut connection: Pin<&mut C>,
        protocol: Protocol,
        ask_to_end: fn(Pin<&mut C>),
    ) -> End
    where
        C: Future<Output = hyper::Result<()>>,
    {
        let (mut asked, mut hastened) = (false, false);
        poll_fn(|cx: &mut Context<'_>| {
            loop {
                if let Poll::Ready(outcome) = connection.as_mut().poll(cx) {
                    if let Err(error) = outcome {
                        tracing::trace!(%error, "connection ended");
                    }
                    return Poll::Ready(End::Finished { asked });
                }
                if self.worker.draining.get() && !hastened {
                    hastened = true;
                    self.session.hasten(IDLE_GRACE);
                    if protocol == Protocol::Http2 {
                        // GOAWAY comes in two steps: nothing that is on its way is lost.
                        asked = true;
                        ask_to_end(connection.as_mut());
                        continue;
                    }
                }
                let late = self.session.poll_late(cx).is_ready();
                if !late {
                    return Poll::Pending;
                }
                if asked || !self.session.idle() {
                    return Poll::Ready(End::Late(self.session.phase()));
                }
                asked = true;
                ask_to_end(connection.as_mut());
                self.session.grace(LINGER);
            }
        })
        .await
    }
}

/// Tells an HTTP/1 client that the connection ends with this answer.
fn say_goodbye(response: &mut Response<Answer>, asked_in: Version) {
    // Version 1.0 has another default, which hyper would put in the place of our word.
    if asked_in == Version::HTTP_10 {
        *response.version_mut() = Version::HTTP_10;
    }
    let close = HeaderValue::from_static("close");
    response.headers_mut().insert(header::CONNECTION, close);
}

/// Reads to the end; the buffer is only there while it is filled, not in every connection's task.
async fn discard(wire: &mut (impl AsyncRead + Unpin)) {
    poll_fn(|cx| {
        let mut waste = [0; 4096];
        loop {
            let mut buffer = ReadBuf::new(&mut waste);
            match ready!(Pin::new(&mut *wire).poll_read(cx, &mut buffer)) {
                Ok(()) if !buffer.filled().is_empty() => {}
                _ => return Poll::Ready(()),
            }
        }
    })
    .await;
}

/// A response's body, which ends its request's turn when hyper is done with it.
struct Answer {
    body: ResponseBody,
    turn: Turn,
}

impl Body for Answer {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let this = self.get_mut();
        let frame = Pin::new(&mut this.body).poll_frame(cx);
        this.turn.is_up_to(if frame.is_pending() {
            Party::Department
        } else {
            Party::Client
        });
        let frame = ready!(frame);
        if let Some(Err(_)) = frame {
            this.turn.break_off();
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// Runs HTTP/2 streams on the thread of their connection.
#[derive(Clone, Copy)]
struct OnThisThread;

impl<F: Future + 'static> Executor<F> for OnThisThread {
    fn execute(&self, future: F) {
        drop(tokio::task::spawn_local(async move {
            future.await;
        }));
    }
}
