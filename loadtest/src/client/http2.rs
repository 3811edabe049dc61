//! HTTP/2: several requests at the same time on one connection.

use std::fmt;
use std::rc::Rc;

use bytes::Bytes;
use h2::client::SendRequest;
use http::Request;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::Mutex;

use super::{Fault, MOST_ANSWER, Target, secured, tcp};
use crate::answer::Answer;

/// What the gateway may send of each answer before it is read: more than any answer of its own.
const WINDOW: u32 = 1024 * 1024;

/// A connection that several requests share; whoever finds it down opens it again.
#[derive(Clone, Default)]
pub struct Shared(Rc<Mutex<Option<SendRequest<Bytes>>>>);

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").finish_non_exhaustive()
    }
}

/// One request at a time of a shared connection.
pub(super) struct Http2 {
    sender: SendRequest<Bytes>,
    shared: Shared,
    status: u16,
    reason: Option<Vec<u8>>,
    repeated: bool,
    body: Vec<u8>,
}

impl fmt::Debug for Http2 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Http2").finish_non_exhaustive()
    }
}

impl Http2 {
    pub(super) async fn open(shared: &Shared, target: &Target) -> Result<Self, Fault> {
        let mut slot = shared.0.lock().await;
        let sender = if let Some(sender) = &*slot {
            sender.clone()
        } else {
            let stream = tcp(target).await?;
            let sender = match &target.tls {
                None => handshake(stream).await?,
                Some(trust) => handshake(secured(trust, stream).await?).await?,
            };
            *slot = Some(sender.clone());
            sender
        };
        drop(slot);
        Ok(Self {
            sender,
            shared: shared.clone(),
            status: 0,
            reason: None,
            repeated: false,
            body: Vec::new(),
        })
    }

    /// Whether another request may be sent.
    pub(super) async fn is_up(&mut self) -> bool {
        let ready = std::future::poll_fn(|context| self.sender.poll_ready(context)).await;
        if ready.is_err() {
            self.forget().await;
        }
        ready.is_ok()
    }

    /// What failed once is no connection any more.
    async fn forget(&self) {
        *self.shared.0.lock().await = None;
    }

    pub(super) async fn ask(&mut self, head: &Request<()>, body: &Bytes) -> Result<(), Fault> {
        let asked = self.exchange(head, body).await;
        if asked.is_err() {
            self.forget().await;
        }
        asked
    }

    async fn exchange(&mut self, head: &Request<()>, body: &Bytes) -> Result<(), Fault> {
        self.body.clear();
        let closed = |_| Fault::Closed;
        std::future::poll_fn(|context| self.sender.poll_ready(context))
            .await
            .map_err(closed)?;
        let mut request = Request::new(());
        *request.method_mut() = head.method().clone();
        *request.uri_mut() = head.uri().clone();
        *request.headers_mut() = head.headers().clone();
        let (answer, mut stream) = self.sender.send_request(request, false).map_err(closed)?;
        stream.send_data(body.clone(), true).map_err(closed)?;
        let (answer, mut incoming) = answer.await.map_err(closed)?.into_parts();
        self.status = answer.status.as_u16();
        let header = |name: &str| {
            answer
                .headers
                .get(name)
                .map(|value| value.as_bytes().to_vec())
        };
        self.reason = header("x-multicode-reason");
        self.repeated = header("idempotency-replayed").is_some_and(|value| value == b"true");
        while let Some(data) = incoming.data().await {
            let data = data.map_err(closed)?;
            let room = incoming.flow_control().release_capacity(data.len());
            room.map_err(closed)?;
            if self.body.len() + data.len() > MOST_ANSWER {
                return Err(Fault::Malformed);
            }
            self.body.extend_from_slice(&data);
        }
        Ok(())
    }

    pub(super) fn answer(&self) -> Answer<'_> {
        Answer {
            status: self.status,
            reason: self.reason.as_deref(),
            repeated: self.repeated,
            body: &self.body,
        }
    }
}

/// Opens a connection whose frames a task of this thread moves.
async fn handshake<S>(stream: S) -> Result<SendRequest<Bytes>, Fault>
where
    S: AsyncRead + AsyncWrite + Unpin + 'static,
{
    let mut builder = h2::client::Builder::new();
    builder.initial_window_size(WINDOW);
    builder.initial_connection_window_size(WINDOW * 16);
    let shaken = builder.handshake::<S, Bytes>(stream).await;
    let (sender, connection) = shaken.map_err(|_| Fault::Malformed)?;
    tokio::task::spawn_local(async move {
        // Why it ended is told to every request on it.
        let _ = connection.await;
    });
    Ok(sender)
}
