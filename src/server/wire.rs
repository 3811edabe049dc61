//! The bytes of one connection on their way to and from hyper.

use std::{
    io::{self, IoSlice},
    pin::Pin,
    rc::Rc,
    task::{Context, Poll, Waker, ready},
};

use bytes::{Buf, Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::{
    frames::Frames,
    refusal::Refusals,
    session::{Phase, Protocol, Session},
    strict::{Fault, Reader, Step},
};

/// What hyper is given in the place of a head that was refused: no method begins like that, so it says,
/// behind all answers that are still owed, that it does not understand; and we say why.
const NO_HEAD: &[u8] = b"\0\r\n\r\n";

/// A stream that tells its [`Session`] what passes, lets only sound messages through, one at a time, and
/// puts our own words in the place of hyper's bodyless refusals.
#[derive(Debug)]
pub(super) struct Wire<S> {
    stream: S,
    session: Rc<Session>,
    refusals: Rc<Refusals>,
    inward: Inward,
    /// What is still to be sent of a refusal of ours.
    refusing: Option<Bytes>,
    /// Who waits for the next message while the answer to the last one is not taken.
    held_up: Option<Waker>,
}

/// Who looks at what comes in.
#[derive(Debug)]
enum Inward {
    /// HTTP/1: a reader of messages.
    Messages(Messages),
    /// HTTP/2: a counter of frames.
    Frames(Frames),
    /// Nobody: what still comes is thrown away.
    Waste,
}

/// Reads HTTP/1 ahead of hyper, never further than its own buffer.
#[derive(Debug)]
struct Messages {
    reader: Reader,
    /// What was received and not passed on: half a head, or what follows the message under way.
    held: BytesMut,
    /// How much of that may be passed on.
    cleared: usize,
    /// Whether hyper was given [`NO_HEAD`].
    refused: bool,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Wire<S> {
    /// `read` was received before, and is the first of the next message.
    pub(super) fn new(
        stream: S,
        read: BytesMut,
        session: Rc<Session>,
        refusals: Rc<Refusals>,
    ) -> Self {
        let inward = match session.protocol() {
            Protocol::Http1 => Inward::Messages(Messages {
                reader: Reader::new(),
                held: read,
                cleared: 0,
                refused: false,
            }),
            Protocol::Http2 => Inward::Frames(Frames::default()),
        };
        Self {
            stream,
            session,
            refusals,
            inward,
            refusing: None,
            held_up: None,
        }
    }

    /// From here on nobody reads what comes.
    pub(super) fn give_up_reading(&mut self) {
        self.inward = Inward::Waste;
    }

    /// hyper speaks by itself only about a head it cannot take.
    fn substitute(&mut self, bytes: &[u8]) {
        if self.refusing.is_none() && self.session.phase() == Phase::Head {
            let fault = self.session.fault();
            self.refusing = self.refusals.instead_of(bytes, fault);
        }
    }

    /// Passes on the next part of the message under way, or begins another if there is none.
    fn poll_message(
        &mut self,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let Inward::Messages(messages) = &mut self.inward else {
            return Poll::Ready(Ok(()));
        };
        // Answers pile up where the next request is read before the last one's answer is taken.
        if self.session.stalled() && messages.is_between() {
            self.held_up = Some(cx.waker().clone());
            return Poll::Pending;
        }
        loop {
            if let Some(outcome) = messages.pass_on(buf, &self.session) {
                return Poll::Ready(outcome);
            }
            let before = buf.filled().len();
            ready!(Pin::new(&mut self.stream).poll_read(cx, buf))?;
            let fresh = buf.filled().get(before..).unwrap_or_default();
            if fresh.is_empty() {
                // Half a head is no request, and nobody waits for an answer to it.
                self.session.ended_by_client();
                return Poll::Ready(Ok(()));
            }
            let kept = messages.look_at(fresh, &self.session);
            buf.set_filled(before + kept);
            if kept > 0 {
                return Poll::Ready(Ok(()));
            }
        }
    }

    fn poll_refusing(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while let Some(rest) = &mut self.refusing
            && rest.has_remaining()
        {
            let written = ready!(Pin::new(&mut self.stream).poll_write(cx, rest))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            rest.advance(written);
        }
        self.refusing = None;
        Poll::Ready(Ok(()))
    }

    fn note<T>(&mut self, outcome: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        self.session.written(outcome.is_ready());
        if outcome.is_ready()
            && let Some(waker) = self.held_up.take()
        {
            waker.wake();
        }
        outcome
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for Wire<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if matches!(this.inward, Inward::Messages(_)) {
            return this.poll_message(cx, buf);
        }
        let before = buf.filled().len();
        if let Inward::Frames(frames) = &mut this.inward
            && frames.protest(buf)
        {
            return Poll::Ready(Ok(()));
        }
        let outcome = ready!(Pin::new(&mut this.stream).poll_read(cx, buf));
        let fresh = buf.filled().get(before..).unwrap_or_default();
        if fresh.is_empty() {
            this.session.ended_by_client();
        }
        if let Inward::Frames(frames) = &mut this.inward {
            let kept = frames.look_at(fresh, this.session.now());
            buf.set_filled(before + kept);
            if kept == 0 {
                frames.protest(buf);
            }
        }
        Poll::Ready(outcome)
    }
}

impl Messages {
    /// Whether whatever comes next begins another message.
    const fn is_between(&self) -> bool {
        self.cleared == 0 && self.reader.awaits_head()
    }

    /// Judges what was just received, where it lies; gives how much of it may stay there. The rest is
    /// held back.
    fn look_at(&mut self, fresh: &[u8], session: &Session) -> usize {
        if !(self.held.is_empty() && is_empty_line(fresh)) {
            session.received();
        }
        // What is held is the beginning of the same head, and is judged with this.
        let passed = match self.held.is_empty().then(|| self.reader.step(fresh)) {
            Some(Step::Pass(passed)) => passed,
            _ => 0,
        };
        self.held
            .extend_from_slice(fresh.get(passed..).unwrap_or_default());
        passed
    }

    /// Gives hyper what was held back and is sound; nothing if more has to come first.
    fn pass_on(&mut self, buf: &mut ReadBuf<'_>, session: &Session) -> Option<io::Result<()>> {
        if self.held.is_empty() && !self.reader.has_refused() {
            return None;
        }
        if self.cleared == 0 {
            match self.reader.step(&self.held) {
                Step::More => {
                    // A head that began behind the last message.
                    if !is_empty_line(&self.held) {
                        session.received();
                    }
                    return None;
                }
                Step::Pass(passed) => self.cleared = passed,
                Step::RefuseBody(fault) => {
                    return Some(Err(io::Error::new(io::ErrorKind::InvalidData, fault)));
                }
                Step::RefuseHead(fault) => {
                    self.refuse(fault, buf, session);
                    return Some(Ok(()));
                }
            }
        }
        session.received();
        let now = self.cleared.min(buf.remaining());
        let now = now.min(self.held.len());
        buf.put_slice(&self.held.split_to(now));
        self.cleared -= now;
        if self.held.is_empty() {
            self.held = BytesMut::new();
        }
        Some(Ok(()))
    }

    /// Once in hyper's own way; after that, and for whoever speaks HTTP/2, the end.
    fn refuse(&mut self, fault: Fault, buf: &mut ReadBuf<'_>, session: &Session) {
        if self.refused || fault == Fault::Preface || buf.remaining() < NO_HEAD.len() {
            return;
        }
        self.refused = true;
        self.held = BytesMut::new();
        session.received();
        session.refuse(fault);
        buf.put_slice(NO_HEAD);
    }
}

/// An empty line may follow a message of some old client, and begins nothing.
pub(super) fn is_empty_line(bytes: &[u8]) -> bool {
    matches!(bytes, b"\r\n" | b"\r")
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Wire<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        this.substitute(bytes);
        let outcome = if this.refusing.is_some() {
            this.poll_refusing(cx).map_ok(|()| bytes.len())
        } else {
            Pin::new(&mut this.stream).poll_write(cx, bytes)
        };
        this.note(outcome)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if let [only] = slices {
            return self.poll_write(cx, only);
        }
        let this = self.get_mut();
        let outcome = Pin::new(&mut this.stream).poll_write_vectored(cx, slices);
        this.note(outcome)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(cx)
    }
}
