//! A request's body, read whole before anything is decided: bounded, on time, complete.

use std::cell::Cell;
use std::error::Error as _;
use std::future::poll_fn;
use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::header::{self, HeaderMap};
use http_body::Body;
use http_body_util::BodyExt;
use tokio::time::Instant;

use super::respond::Refusal;
use crate::reason::Reason;
use crate::server::{Fault, RequestBody, RequestError};
use crate::tick::{Alarm, Timer};

/// The most bytes of bodies held at the same time by the whole process: sixteen thousand scans of
/// the default limit.
const HELD_AT_ONCE: usize = 256 << 20;

/// Of these, the most that are taken while a body beyond [`LARGE`] grows: thirty usual pictures, or the
/// largest there may be and ten beside it. Beyond it they are refused, and scans go on.
const HELD_FOR_LARGE: usize = 6 << 20;

/// Bodies beyond this are large.
const LARGE: usize = 64 << 10;

/// The longest body that is thrown away for the sake of its connection: what the engine reads at
/// once.
const UNWANTED: u64 = 16 << 10;

/// How long a body may come as slowly as it likes: a terminal's network may have to wake up first.
const GRACE: Duration = Duration::from_secs(3);

/// How often is looked at how far a body has come, after that.
const LOOK: Duration = Duration::from_secs(1);

/// The bytes of bodies held at the moment; clones count together.
#[derive(Clone, Debug, Default)]
pub struct Held(Arc<AtomicUsize>);

/// One body's share of them, given back when it is dropped. It grows as bytes arrive: what is only
/// announced takes nothing from anybody.
#[derive(Debug)]
pub struct Share<'a> {
    held: &'a Held,
    bytes: usize,
}

impl Share<'_> {
    fn grow(&mut self, by: usize) -> Result<(), Refusal> {
        self.bytes += by;
        let most = if self.bytes > LARGE {
            HELD_FOR_LARGE
        } else {
            HELD_AT_ONCE
        };
        if self.held.0.fetch_add(by, Ordering::Relaxed) + by > most {
            Err(Reason::Overloaded.into())
        } else {
            Ok(())
        }
    }
}

impl Drop for Share<'_> {
    fn drop(&mut self) {
        self.held.0.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

/// How long and how large a body may be.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// The most bytes.
    pub limit: usize,
    /// The time until its end.
    pub time: Duration,
    /// The bytes that must have come for each second since its head; 0: as few as it likes.
    pub rate: usize,
}

/// Reads the body to its end. The share belongs with it for as long as it is kept.
pub async fn read<'a>(
    body: RequestBody,
    headers: &HeaderMap,
    bounds: Bounds,
    held: &'a Held,
    timer: &Timer,
) -> Result<(Bytes, Share<'a>), Refusal> {
    let Bounds { limit, time, rate } = bounds;
    let announced = length(headers).map(|length| usize::try_from(length).unwrap_or(usize::MAX));
    if announced.is_some_and(|length| length > limit) {
        return Err(too_large(limit));
    }
    let mut share = Share { held, bytes: 0 };
    let come = Cell::new(0);
    let collected = collect(body, limit, announced, &mut share, &come);
    let collected = keeping_pace(&come, rate, collected, timer);
    let body = timer
        .within(time, collected)
        .await
        .unwrap_or_else(|_| Err(Reason::TooSlow.into()))?;
    Ok((body, share))
}

/// Gives the body up once fewer bytes have come than so many a second. A body that is here at once
/// costs nothing.
async fn keeping_pace<T>(
    come: &Cell<usize>,
    rate: usize,
    body: impl Future<Output = Result<T, Refusal>>,
    timer: &Timer,
) -> Result<T, Refusal> {
    let mut body = pin!(body);
    let mut watch: Option<(Instant, Alarm)> = None;
    poll_fn(|cx| {
        if let Poll::Ready(outcome) = body.as_mut().poll(cx) {
            return Poll::Ready(outcome);
        }
        if rate == 0 {
            return Poll::Pending;
        }
        let (began, alarm) = watch.get_or_insert_with(|| {
            let alarm = timer.alarm();
            alarm.set(GRACE);
            (timer.now(), alarm)
        });
        while alarm.poll(cx).is_ready() {
            let seconds = timer.now().saturating_duration_since(*began).as_secs();
            let expected =
                usize::try_from(seconds).map_or(usize::MAX, |it| it.saturating_mul(rate));
            if come.get() < expected {
                return Poll::Ready(Err(Reason::TooSlow.into()));
            }
            alarm.set(LOOK);
        }
        Poll::Pending
    })
    .await
}

/// Whether the rest of a body that nobody wants is here already; what is here is thrown away, and
/// nothing is waited for.
pub async fn is_here(mut body: RequestBody, headers: &HeaderMap) -> bool {
    if body.is_end_stream() {
        return true;
    }
    let length = length(headers).unwrap_or(u64::MAX);
    // Asking for the body of a client that waits to be asked would make it send it.
    if length > UNWANTED || headers.contains_key(header::EXPECT) {
        return false;
    }
    // The engine reads when it is asked, and gives on its next turn.
    let mut turns = 0..2;
    poll_fn(|cx| {
        loop {
            match Pin::new(&mut body).poll_frame(cx) {
                Poll::Ready(Some(Ok(_))) if !body.is_end_stream() => {}
                Poll::Ready(Some(Ok(_)) | None) => return Poll::Ready(true),
                Poll::Ready(Some(Err(_))) => return Poll::Ready(false),
                Poll::Pending if turns.next().is_none() => return Poll::Ready(false),
                Poll::Pending => {
                    cx.waker().wake_by_ref();
                    return Poll::Pending;
                }
            }
        }
    })
    .await
}

fn length(headers: &HeaderMap) -> Option<u64> {
    let announced = headers.get(header::CONTENT_LENGTH)?;
    announced.to_str().ok()?.parse().ok()
}

/// Keeps the first frame as it came: most bodies are one frame, and then nothing is copied. Others are copied
/// once, into room for what was announced, which takes memory only as it is filled; what comes unannounced
/// counts with the room that is made for it.
async fn collect(
    mut body: RequestBody,
    limit: usize,
    announced: Option<usize>,
    share: &mut Share<'_>,
    come: &Cell<usize>,
) -> Result<Bytes, Refusal> {
    let mut first = Bytes::new();
    let mut whole = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| broken(&error))?;
        // Trailers carry nothing a scan needs.
        let Ok(data) = frame.into_data() else {
            continue;
        };
        if come.get() + data.len() > limit {
            return Err(too_large(limit));
        }
        come.set(come.get() + data.len());
        if come.get() == data.len() {
            share.grow(data.len())?;
            first = data;
        } else {
            let room = whole.capacity();
            if room == 0 {
                whole.reserve(announced.unwrap_or(first.len() + data.len()));
                whole.extend_from_slice(&std::mem::take(&mut first));
            }
            whole.extend_from_slice(&data);
            match announced {
                Some(_) => share.grow(data.len())?,
                None => share.grow(whole.capacity().saturating_sub(room))?,
            }
        }
        if body.is_end_stream() {
            break;
        }
    }
    if whole.is_empty() {
        Ok(first)
    } else {
        Ok(whole.freeze())
    }
}

fn broken(error: &RequestError) -> Refusal {
    let RequestError::Broken(error) = error else {
        return Refusal::from(Reason::Truncated);
    };
    let below = error.source().and_then(|it| it.downcast_ref::<io::Error>());
    let fault = below.and_then(|error| error.get_ref()?.downcast_ref::<Fault>());
    if let Some(fault) = fault {
        return Refusal::because(Reason::MalformedRequest, fault.to_string());
    }
    if error.is_parse() || error.is_user() || is_misframed(error) {
        return Refusal::because(
            Reason::MalformedRequest,
            "found a broken body, expected what its framing announced",
        );
    }
    Refusal::from(Reason::Truncated)
}

/// Whether the chunks were none. hyper tells that from a connection that broke by the kind of the
/// error below: its own `InvalidInput` and `InvalidData` come from its decoder, not from a socket.
fn is_misframed(error: &hyper::Error) -> bool {
    let source = error
        .source()
        .and_then(|source| source.downcast_ref::<io::Error>());
    source.is_some_and(|error| {
        matches!(
            error.kind(),
            io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData
        )
    })
}

fn too_large(limit: usize) -> Refusal {
    Refusal::because(Reason::TooLarge, format!("expected at most {limit} bytes"))
}
