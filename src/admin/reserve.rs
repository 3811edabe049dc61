//! Operators come in even when the process may open no more files.

use std::fs::File;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::serve::Listener;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::sleep;

/// Operators who can come in at the same time when there is nothing left.
const SPARES: usize = 4;

/// Nothing left for operators either: looking again at once would only burn the core.
const PAUSE: Duration = Duration::from_millis(50);

/// Descriptors that are open for nothing, so that they can be given up for somebody.
#[derive(Debug, Default)]
struct Spares(Mutex<Vec<File>>);

impl Spares {
    fn refill(&self) {
        let mut spares = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        while spares.len() < SPARES {
            match File::open("/dev/null") {
                Ok(spare) => spares.push(spare),
                Err(_) => return,
            }
        }
    }

    /// Closes one, if there is one.
    fn spend(&self) -> bool {
        let mut spares = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        spares.pop().is_some()
    }
}

/// The operators' listener.
#[derive(Debug)]
pub(super) struct Door {
    listener: TcpListener,
    spares: Arc<Spares>,
}

/// An operator's connection; when it ends, its descriptor is kept for the next one.
#[derive(Debug)]
pub(super) struct Visit {
    stream: Option<TcpStream>,
    spares: Arc<Spares>,
}

impl Door {
    pub(super) fn new(listener: TcpListener) -> Self {
        let spares = Arc::<Spares>::default();
        spares.refill();
        Self { listener, spares }
    }
}

impl Listener for Door {
    type Io = Visit;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Visit, SocketAddr) {
        loop {
            match self.listener.accept().await {
                Ok((stream, address)) => {
                    let spares = Arc::clone(&self.spares);
                    let stream = Some(stream);
                    return (Visit { stream, spares }, address);
                }
                Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
                Err(_) if self.spares.spend() => {}
                Err(_) => sleep(PAUSE).await,
            }
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

impl Drop for Visit {
    fn drop(&mut self) {
        drop(self.stream.take());
        self.spares.refill();
    }
}

impl Visit {
    fn stream(self: Pin<&mut Self>) -> io::Result<Pin<&mut TcpStream>> {
        let stream = self.get_mut().stream.as_mut();
        stream
            .map(Pin::new)
            .ok_or_else(|| io::ErrorKind::NotConnected.into())
    }
}

impl AsyncRead for Visit {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.stream()?.poll_read(cx, buf)
    }
}

impl AsyncWrite for Visit {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.stream()?.poll_write(cx, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream()?.poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream()?.poll_shutdown(cx)
    }
}
