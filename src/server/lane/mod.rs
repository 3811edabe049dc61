//! The fast lane: usual HTTP/1.1 requests, from their bytes to their answers' bytes.
//!
//! Nearly all that terminals send is one small POST after the other. Such a request is judged by the same
//! reader that stands in front of hyper, becomes a request where it lies, is answered by the same
//! [`Handler`], and its answer goes out in one write. What is not usual goes to hyper, with all that was
//! read, and its connection for good: there is one meaning, told in two ways. Deliberately absent: chunks
//! from terminals, `Expect`, upgrades, HTTP/1.0, methods other than GET and POST.
//!
//! A connection that rests holds neither buffer nor future: those belong to a [`Desk`], which it has only
//! while something of a request is here.

mod answer;
mod desk;
mod request;

use std::{
    pin::pin,
    rc::Rc,
    task::{Context, Poll, ready},
};

use bytes::BytesMut;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite};

use self::{answer::Ending, desk::Desk, request::Way};
use super::{
    Handler, Peer,
    body::{Feed, RequestBody},
    connection::{End, IDLE_GRACE},
    session::{Session, Turn},
    strict::Announced,
    wire::is_empty_line,
    worker::Worker,
};

pub(super) use self::{desk::Desks, request::of_message};

/// The longest body the lane reads; a scan has some hundred bytes.
const BODY: u64 = 16 * 1024;

/// One connection, until it ends or hyper takes over.
pub(super) struct Lane<H: Handler, S> {
    pub(super) worker: Rc<Worker<H>>,
    pub(super) session: Rc<Session>,
    pub(super) peer: Rc<Peer>,
    pub(super) stream: S,
    /// There while something of a request is.
    desk: Option<Box<Desk>>,
    stay: Option<Stay>,
    was_hastened: bool,
}

/// What there is to know of the request under way.
struct Stay {
    turn: Turn,
    /// Whether its sender wants no other answer.
    is_last: bool,
    /// What is still to come of its body.
    feed: Option<Rc<Feed>>,
    is_answered: bool,
}

/// What becomes of a connection.
pub(super) enum Outcome {
    /// hyper takes over, with what was read.
    Declined(BytesMut),
    Ended(End),
}

/// What was found in a head's place.
enum Found {
    More,
    Request,
    Unusual,
}

/// What came of reading.
enum Received {
    Bytes,
    Nothing,
}

impl<H: Handler, S: AsyncRead + AsyncWrite + Unpin> Lane<H, S> {
    pub(super) fn new(worker: Rc<Worker<H>>, session: Rc<Session>, peer: Peer, stream: S) -> Self {
        Self {
            worker,
            session,
            peer: Rc::new(peer),
            stream,
            desk: None,
            stay: None,
            was_hastened: false,
        }
    }

    /// Serves the connection, and watches its time.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Outcome> {
        if let Poll::Ready(outcome) = self.advance(cx) {
            return Poll::Ready(outcome);
        }
        if self.worker.draining.get() && !self.was_hastened {
            self.was_hastened = true;
            self.session.hasten(IDLE_GRACE);
        }
        ready!(self.session.poll_late(cx));
        Poll::Ready(Outcome::Ended(if self.session.idle() {
            End::Finished { asked: true }
        } else {
            End::Late(self.session.phase())
        }))
    }

    fn advance(&mut self, cx: &mut Context<'_>) -> Poll<Outcome> {
        loop {
            let mut desk = self.desk.take().unwrap_or_else(|| self.worker.desks.take());
            let outcome = match &self.stay {
                None => self.read_head(&mut desk, cx),
                Some(stay) if stay.is_answered => self.send(&mut desk, cx),
                Some(_) => self.ask(&mut desk, cx),
            };
            let has_ended = matches!(outcome, Poll::Ready(Some(_)));
            let rests = outcome.is_pending() && desk.input.is_empty();
            // Its clerk must not have a request: he would go on with it for somebody else.
            if self.stay.is_none() && (has_ended || rests) {
                self.worker.desks.give_back(desk);
            } else {
                self.desk = Some(desk);
            }
            if let Some(outcome) = ready!(outcome) {
                return Poll::Ready(outcome);
            }
        }
    }

    /// Reads until a head is here, and begins with its request.
    fn read_head(&mut self, desk: &mut Desk, cx: &mut Context<'_>) -> Poll<Option<Outcome>> {
        loop {
            match self.look_at(desk) {
                Found::Request => return Poll::Ready(None),
                Found::Unusual => {
                    let read = std::mem::take(&mut desk.input);
                    return Poll::Ready(Some(Outcome::Declined(read)));
                }
                Found::More => {}
            }
            desk.make_room();
            match ready!(self.poll_receive(&mut desk.input, cx)) {
                Received::Bytes => {}
                // Half a head is no request, and nobody waits for an answer to it.
                Received::Nothing => {
                    let end = End::Finished { asked: false };
                    return Poll::Ready(Some(Outcome::Ended(end)));
                }
            }
        }
    }

    /// Judges what is here.
    fn look_at(&mut self, desk: &mut Desk) -> Found {
        if desk.input.is_empty() {
            return Found::More;
        }
        if !is_empty_line(&desk.input) {
            self.session.received();
        }
        let (end, length) = match desk.head.read(&desk.input, &mut desk.parts) {
            Ok(Some((end, Announced::Length(length)))) if length <= BODY => (end, length),
            Ok(None) => return Found::More,
            _ => return Found::Unusual,
        };
        let usual = desk.parts.usual(&desk.input);
        match usual.filter(|_| desk.head.is_http11()) {
            Some(usual) if usual.method == Way::Post || length == 0 => {
                let length = usize::try_from(length).unwrap_or_default();
                self.begin(desk, (end, length), usual)
            }
            _ => Found::Unusual,
        }
    }

    /// Makes a request of what is here and gives it to the handler.
    fn begin(
        &mut self,
        desk: &mut Desk,
        (end, length): (usize, usize),
        usual: request::Usual,
    ) -> Found {
        let here = desk.input.len().min(end + length);
        let message = desk.input.split_to(here).freeze();
        let headers = std::mem::take(&mut desk.headers);
        let names = &self.worker.desks.names;
        let filled = (usual.method, headers);
        let Some(mut request) = desk.parts.request(&message, filled, names) else {
            let rest = std::mem::take(&mut desk.input);
            desk.input = BytesMut::from(message);
            desk.input.extend_from_slice(&rest);
            return Found::Unusual;
        };
        let begun = message.slice(end..);
        let feed = (here < end + length).then(|| Rc::new(Feed::of(length)));
        *request.body_mut() = match &feed {
            Some(feed) => {
                if !begun.is_empty() {
                    feed.push(begun);
                }
                RequestBody::arriving(Rc::clone(feed))
            }
            None => begun.into(),
        };
        desk.clear();
        self.stay = Some(Stay {
            turn: self.session.begin(),
            is_last: usual.is_last,
            feed,
            is_answered: false,
        });
        desk.clerk.give(request, Rc::clone(&self.peer));
        Found::Request
    }

    /// Has the handler answer, and reads the rest of the body as it asks for it.
    fn ask(&mut self, desk: &mut Desk, cx: &mut Context<'_>) -> Poll<Option<Outcome>> {
        let feed = self.stay.as_mut().and_then(|stay| stay.feed.take());
        let response = loop {
            if let Poll::Ready(response) = desk.clerk.poll_answer(cx) {
                break response;
            }
            let read = match &feed {
                Some(feed) if feed.is_wanted() => self.poll_feed(feed, desk, cx),
                _ => Poll::Pending,
            };
            if read.is_pending() {
                if let Some(stay) = &mut self.stay {
                    stay.feed = feed;
                }
                return Poll::Pending;
            }
        };
        let mut is_last = self.worker.draining.get();
        if let Some(feed) = feed.filter(|feed| feed.missing() > 0) {
            // Nobody wanted the rest. Where it is here already the connection can go on.
            let _ = self.poll_feed(&feed, desk, cx);
            // Who has closed his side need not be told.
            is_last |= feed.missing() > 0 && !feed.is_cut();
            feed.cut();
        }
        if let Some(stay) = &mut self.stay {
            stay.is_answered = true;
            is_last |= stay.is_last;
        }
        let date = &self.worker.desks.date;
        desk.headers = desk.answer.begin(response, is_last, date);
        // Whoever is ready goes first: answers that came together go out one after the other, as requests do.
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    fn poll_feed(&mut self, feed: &Feed, desk: &mut Desk, cx: &mut Context<'_>) -> Poll<()> {
        desk.make_room();
        match ready!(self.poll_receive(&mut desk.input, cx)) {
            Received::Bytes => {
                let its = feed.missing().min(desk.input.len());
                feed.push(desk.input.split_to(its).freeze());
            }
            Received::Nothing => feed.cut(),
        }
        Poll::Ready(())
    }

    /// Sends the answer to its end.
    fn send(&mut self, desk: &mut Desk, cx: &mut Context<'_>) -> Poll<Option<Outcome>> {
        let session = &self.session;
        let sent = desk
            .answer
            .poll_send(&mut self.stream, cx, |progress| session.written(progress));
        let ending = ready!(sent).unwrap_or(Ending::Said);
        if let Some(stay) = self.stay.take()
            && ending == Ending::BrokeOff
        {
            stay.turn.break_off();
        }
        let end = End::Finished { asked: false };
        Poll::Ready((ending != Ending::Kept).then_some(Outcome::Ended(end)))
    }

    fn poll_receive(&mut self, into: &mut BytesMut, cx: &mut Context<'_>) -> Poll<Received> {
        let read = pin!(self.stream.read_buf(into));
        Poll::Ready(match ready!(read.poll(cx)) {
            Ok(0) => {
                self.session.ended_by_client();
                Received::Nothing
            }
            Ok(_) => Received::Bytes,
            Err(_) => Received::Nothing,
        })
    }
}

#[cfg(test)]
mod tests {
    use http::{Request, Response};
    use tokio_rustls::server::TlsStream;

    use super::super::{connection::serve, session::Protocol, stream::Stream};
    use super::*;
    use crate::upstream::ResponseBody;

    struct Nobody;

    impl Handler for Nobody {
        async fn handle(&self, _: Request<RequestBody>, _: &Peer) -> Response<ResponseBody> {
            std::future::pending().await
        }
    }

    fn size<S, F>(_: impl FnOnce(Rc<Worker<Nobody>>, S, Peer, Protocol) -> F) -> usize {
        size_of::<F>()
    }

    #[test]
    fn a_connection_is_little_more_than_its_stream() {
        let plain = size(serve::<Nobody, Stream>);
        let secure = size(serve::<Nobody, TlsStream<Stream>>);
        let (least, of_tls) = (size_of::<Stream>(), size_of::<TlsStream<Stream>>());
        assert!(plain <= least + 200, "{plain}, of which {least}");
        assert!(secure <= of_tls + 200, "{secure}, of which {of_tls}");
    }
}
