//! A TCP connection that can be looked at while another owns its two directions.

use std::{
    cell::RefCell,
    io,
    mem::MaybeUninit,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll},
};

use socket2::SockRef;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
};

/// The half that HTTP or TLS is spoken over.
#[derive(Debug)]
pub(super) struct Socket(Rc<RefCell<TcpStream>>);

/// The half that stays with the pool.
#[derive(Debug)]
pub(super) struct Watch(Rc<RefCell<TcpStream>>);

/// What stands in the receive buffer of a connection that should be silent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Heard {
    /// Bytes that nobody has read yet.
    Bytes,
    /// The other side has closed or reset it.
    End,
    /// Nothing.
    Nothing,
}

/// Parts the two halves.
pub(super) fn watched(stream: TcpStream) -> (Socket, Watch) {
    let shared = Rc::new(RefCell::new(stream));
    (Socket(Rc::clone(&shared)), Watch(shared))
}

impl Watch {
    /// What stands in its receive buffer.
    pub(super) fn heard(&self) -> Heard {
        heard(&self.0.borrow())
    }
}

/// Asks the kernel, not the runtime: that may be busy with other tasks while a FIN waits. What
/// arrives between this answer and the first byte written cannot be known by anybody.
pub(super) fn heard(stream: &TcpStream) -> Heard {
    match SockRef::from(stream).peek(&mut [MaybeUninit::uninit()]) {
        Ok(0) => Heard::End,
        Ok(_) => Heard::Bytes,
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Heard::Nothing,
        Err(_) => Heard::End,
    }
}

impl AsyncRead for Socket {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.0.borrow_mut()).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Socket {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut *self.0.borrow_mut()).poll_write(cx, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.0.borrow_mut()).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.0.borrow_mut()).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut *self.0.borrow_mut()).poll_write_vectored(cx, parts)
    }

    fn is_write_vectored(&self) -> bool {
        self.0.borrow().is_write_vectored()
    }
}
