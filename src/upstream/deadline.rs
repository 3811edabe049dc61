//! How long a backend may take, and what is left of it.

use std::{
    cell::RefCell,
    task::{Context, Poll},
    time::Duration,
};

use http::{HeaderName, HeaderValue};
use tokio::time::Instant;

use super::UpstreamConfig;
use crate::tick::{Alarm, Timer};

/// Tells a backend for how many more milliseconds somebody waits for its answer's end.
pub(super) const BUDGET: HeaderName = HeaderName::from_static("x-multicode-timeout-ms");

/// How long parts of an answer may take.
#[derive(Clone, Copy, Debug)]
pub(super) struct Patience {
    /// From the request until the answer's head.
    pub(super) first_byte: Duration,
    /// Between two parts of its body.
    pub(super) idle: Duration,
}

impl Patience {
    pub(super) fn new(config: &UpstreamConfig) -> Self {
        Self {
            first_byte: config.first_byte_timeout,
            idle: config.idle_timeout,
        }
    }
}

/// The budget as last written: nearly always the whole of it, and then nothing is allocated.
#[derive(Debug)]
pub(super) struct Budget(RefCell<(u64, HeaderValue)>);

impl Budget {
    pub(super) fn new() -> Self {
        Self(RefCell::new((0, HeaderValue::from_static("0"))))
    }

    /// What is left, in whole milliseconds.
    pub(super) fn value(&self, left: Duration) -> HeaderValue {
        let left = u64::try_from(left.as_millis()).unwrap_or(u64::MAX);
        let mut last = self.0.borrow_mut();
        if last.0 != left {
            *last = (left, HeaderValue::from(left));
        }
        last.1.clone()
    }
}

/// Watches over an answer's body while it comes in.
#[derive(Debug)]
pub(super) struct Vigil {
    timer: Timer,
    idle: Duration,
    until: Instant,
    /// Set while the backend is waited for.
    alarm: Option<Alarm>,
}

impl Vigil {
    pub(super) fn new(timer: &Timer, idle: Duration, until: Instant) -> Self {
        Self {
            timer: timer.clone(),
            idle,
            until,
            alarm: None,
        }
    }

    /// Something came in; whether it came before the end of all time there is.
    pub(super) fn heard(&mut self) -> bool {
        self.alarm = None;
        self.timer.now() < self.until
    }

    /// Nothing came in; ready when that has lasted too long.
    pub(super) fn silence(&mut self, cx: &Context<'_>) -> Poll<()> {
        let alarm = self.alarm.get_or_insert_with(|| {
            let left = self.until.saturating_duration_since(self.timer.now());
            let alarm = self.timer.alarm();
            alarm.set(self.idle.min(left));
            alarm
        });
        alarm.poll(cx)
    }
}
