//! The `Date` of answers, written once a second.

use std::{
    cell::{Cell, RefCell},
    time::Duration,
};

use jiff::fmt::rfc2822::DateTimePrinter;
use tokio::time::Instant;

use crate::tick::Timer;
use crate::time::Timestamp;

/// One worker's copy of the date (RFC 9110, section 6.6.1).
#[derive(Debug)]
pub(super) struct Date {
    clock: fn() -> Timestamp,
    timer: Timer,
    until: Cell<Option<Instant>>,
    text: RefCell<String>,
}

impl Date {
    pub(super) fn new(clock: fn() -> Timestamp, timer: Timer) -> Self {
        Self {
            clock,
            timer,
            until: Cell::new(None),
            text: RefCell::default(),
        }
    }

    /// Gives the date of this second.
    pub(super) fn with<T>(&self, give: impl FnOnce(&str) -> T) -> T {
        let now = self.timer.now();
        if self.until.get().is_none_or(|until| until <= now) {
            let wall = (self.clock)();
            let text = jiff::Timestamp::from_second(wall.seconds())
                .and_then(|second| DateTimePrinter::new().timestamp_to_rfc9110_string(&second));
            // Only a clock beyond the year 9999 has none.
            self.text.replace(text.unwrap_or_default());
            let into = wall.millis().rem_euclid(1_000);
            let left = Duration::from_millis(u64::try_from(1_000 - into).unwrap_or(1));
            self.until.set(now.checked_add(left));
        }
        give(&self.text.borrow())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_is_in_the_one_form_there_is() {
        let date = Date::new(|| Timestamp::from_millis(784_111_777_250), Timer::new());
        // RFC 9110, section 5.6.7.
        date.with(|date| assert_eq!(date, "Sun, 06 Nov 1994 08:49:37 GMT"));
    }

    #[test]
    fn the_clock_is_read_once_a_second() {
        thread_local!(static READ: Cell<u32> = const { Cell::new(0) });
        let date = Date::new(
            || {
                READ.set(READ.get() + 1);
                Timestamp::from_seconds(1)
            },
            Timer::new(),
        );
        for _ in 0..100 {
            date.with(|date| assert_eq!(date.len(), 29));
        }
        assert_eq!(READ.get(), 1);
    }
}
