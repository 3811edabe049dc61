//! The bytes' way: plain TCP, or TLS over it.

use std::{
    io::{self, IoSlice},
    pin::Pin,
    task::{Context, Poll},
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
};
use tokio_rustls::client::TlsStream;

/// A connection's bytes.
#[derive(Debug)]
pub(in crate::upstream) enum Stream {
    /// As they are.
    Plain(TcpStream),
    /// Encrypted; boxed, as its state is large.
    Tls(Box<TlsStream<TcpStream>>),
}

impl Stream {
    pub(super) fn tcp(&self) -> &TcpStream {
        match self {
            Self::Plain(tcp) => tcp,
            Self::Tls(tls) => tls.get_ref().0,
        }
    }

    pub(super) const fn is_encrypted(&self) -> bool {
        matches!(self, Self::Tls(_))
    }

    /// Whether nothing has come in, as far as the runtime knows, and no end either. Asks the kernel
    /// nothing unless the runtime has heard something. What TLS says for itself, such as a session
    /// ticket, is read on the way.
    pub(super) fn is_silent(&mut self, cx: &mut Context<'_>) -> bool {
        let mut byte = [0];
        match self {
            Self::Plain(tcp) => {
                let read = tcp.try_read(&mut byte);
                read.is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock)
            }
            Self::Tls(tls) => {
                let mut byte = ReadBuf::new(&mut byte);
                Pin::new(tls).poll_read(cx, &mut byte).is_pending()
            }
        }
    }

    /// Writes both parts, as far as it goes. For one alone the kernel has a shorter way.
    pub(super) fn poll_write(
        &mut self,
        cx: &mut Context<'_>,
        parts: [&[u8]; 2],
    ) -> Poll<io::Result<usize>> {
        let both = parts.map(IoSlice::new);
        match (self, parts) {
            (Self::Plain(tcp), [one, []] | [[], one]) => Pin::new(tcp).poll_write(cx, one),
            (Self::Tls(tls), [one, []] | [[], one]) => Pin::new(tls).poll_write(cx, one),
            (Self::Plain(tcp), _) => Pin::new(tcp).poll_write_vectored(cx, &both),
            (Self::Tls(tls), _) => Pin::new(tls).poll_write_vectored(cx, &both),
        }
    }

    pub(super) fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Plain(_) => Poll::Ready(Ok(())),
            Self::Tls(tls) => Pin::new(tls).poll_flush(cx),
        }
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(tcp) => Pin::new(tcp).poll_read(cx, buffer),
            Self::Tls(tls) => Pin::new(tls).poll_read(cx, buffer),
        }
    }
}

impl Drop for Stream {
    /// RFC 8446, section 6.1: who closes says so first, if that is possible at once.
    fn drop(&mut self) {
        if let Self::Tls(tls) = self {
            let mut cx = Context::from_waker(std::task::Waker::noop());
            if let Poll::Ready(Err(error)) = Pin::new(tls).poll_shutdown(&mut cx) {
                tracing::trace!(%error, "no farewell in TLS");
            }
        }
    }
}
