//! The bytes of one connection on their way to and from hyper.

use std::{
    io::{self, IoSlice},
    pin::Pin,
    rc::Rc,
    task::{Context, Poll, ready},
};

use bytes::{Buf, Bytes};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::{
    refusal::Refusals,
    session::{Phase, Session},
};

/// A stream that tells its [`Session`] what passes, and puts our own words in the place of
/// hyper's bodyless refusals.
#[derive(Debug)]
pub(super) struct Wire<S> {
    stream: S,
    session: Rc<Session>,
    refusals: Rc<Refusals>,
    /// What is still to be sent of a refusal of ours.
    refusing: Option<Bytes>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Wire<S> {
    pub(super) fn new(stream: S, session: Rc<Session>, refusals: Rc<Refusals>) -> Self {
        Self {
            stream,
            session,
            refusals,
            refusing: None,
        }
    }

    /// hyper speaks by itself only about a head it cannot take.
    fn substitute(&mut self, bytes: &[u8]) {
        if self.refusing.is_none() && self.session.phase() == Phase::Head {
            self.refusing = self.refusals.instead_of(bytes);
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

    fn note<T>(&self, outcome: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        self.session.written(outcome.is_ready());
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
        let before = buf.filled().len();
        let outcome = ready!(Pin::new(&mut this.stream).poll_read(cx, buf));
        this.session
            .received(buf.filled().get(before..).unwrap_or_default());
        Poll::Ready(outcome)
    }
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
