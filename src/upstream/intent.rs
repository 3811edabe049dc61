//! What is to be recorded before the first byte of a request is written, once.

use std::{
    future::poll_fn,
    pin::{Pin, pin},
    task::Poll,
};

use super::{SendError, Withheld};

/// The recording of one request's intent: due until it was done.
pub(super) struct Intent<I>(Option<I>);

/// Whether the world had time to change meanwhile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Meanwhile {
    /// It was recorded at once, or before.
    Nothing,
    /// It took its time.
    TimePassed,
}

impl<I> Intent<I>
where
    I: AsyncFnOnce() -> Result<(), Withheld>,
{
    /// An intent that is due.
    pub(super) fn new(intent: I) -> Self {
        Self(Some(intent))
    }

    /// Records it, unless it was before.
    pub(super) async fn record(&mut self) -> Result<Meanwhile, SendError> {
        let Some(intent) = self.0.take() else {
            return Ok(Meanwhile::Nothing);
        };
        let mut recording = pin!(intent());
        let mut meanwhile = Meanwhile::Nothing;
        let recorded = poll_fn(|cx| {
            let polled: Poll<_> = Pin::as_mut(&mut recording).poll(cx);
            if polled.is_pending() {
                meanwhile = Meanwhile::TimePassed;
            }
            polled
        });
        match recorded.await {
            Ok(()) => Ok(meanwhile),
            Err(Withheld) => Err(SendError::Withheld),
        }
    }
}
