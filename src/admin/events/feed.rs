//! One watcher's stream of events (server-sent events, HTML Living Standard, section 9.2).
//!
//! A watcher looks at the list of the last events ten times a second and keeps nothing of its own:
//! who reads slowly looks more rarely and misses some, and who does not read at all is sent away.

use std::fmt::Write as _;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::Bytes;
use http_body::{Body, Frame};
use tokio::sync::mpsc::{self, Receiver, Sender};
use tokio::time::{Instant, interval, timeout};

use super::super::Operations;
use super::{Filter, Place};

/// Between two looks.
const LOOK: Duration = Duration::from_millis(100);

/// Events shown at one look; ten looks a second make fifty.
const AT_ONCE: usize = 5;

/// Between two signs of life, and the longest a watcher may leave what it was sent unread.
const PATIENCE: Duration = Duration::from_secs(10);

/// Between two notes that not all is shown.
const NOTE: Duration = Duration::from_secs(1);

/// Parts that lie ready for a watcher.
const AHEAD: usize = 4;

/// What a watcher is sent.
#[derive(Debug)]
pub(super) struct Feed(Receiver<Bytes>);

impl Feed {
    /// Begins with what comes from now on.
    pub(super) fn begin(operations: Arc<dyn Operations>, filter: Filter, place: Place) -> Self {
        let (sender, receiver) = mpsc::channel(AHEAD);
        tokio::spawn(async move {
            // The watcher is gone, or the gateway stops.
            let _ = tell(&*operations, &filter, &sender).await;
            drop(place);
        });
        Self(receiver)
    }
}

impl Body for Feed {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let next = self.0.poll_recv(cx);
        next.map(|part| part.map(|part| Ok(Frame::data(part))))
    }
}

async fn tell(operations: &dyn Operations, filter: &Filter, to: &Sender<Bytes>) -> Option<()> {
    let mut last = operations.events(u64::MAX, filter, 0).last;
    put(to, "event: hello\ndata: {\"sample\":1.0}\n\n".into()).await?;
    let (mut looks, mut spoke, mut noted) = (interval(LOOK), Instant::now(), Instant::now());
    let (mut seen, mut shown) = (0_u64, 0_u64);
    while !operations.is_draining() {
        looks.tick().await;
        let batch = operations.events(last, filter, AT_ONCE);
        last = batch.last;
        let mut out = String::new();
        for event in &batch.events {
            let json = serde_json::to_string(event).unwrap_or_default();
            // Writing to a string cannot fail.
            let _ = write!(out, "id: {}\nevent: scan\ndata: {json}\n\n", event.id);
        }
        seen += batch.seen;
        shown += u64::try_from(batch.events.len()).unwrap_or_default();
        if noted.elapsed() >= NOTE {
            if seen > shown {
                let data = format!("{{\"seen\":{seen},\"shown\":{shown}}}");
                let _ = write!(out, "event: sampled\ndata: {data}\n\n");
            }
            (seen, shown, noted) = (0, 0, Instant::now());
        }
        if out.is_empty() && spoke.elapsed() >= PATIENCE {
            out.push_str(": still here\n\n");
        }
        if !out.is_empty() {
            put(to, out).await?;
            spoke = Instant::now();
        }
        if to.is_closed() {
            return None;
        }
    }
    Some(())
}

/// Lays a part out for the watcher; none if it does not come for it.
async fn put(to: &Sender<Bytes>, part: String) -> Option<()> {
    timeout(PATIENCE, to.send(part.into())).await.ok()?.ok()
}
