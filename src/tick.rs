//! One coarse clock and one list of deadlines per worker, moved on by a single tick.
//!
//! A timer of the runtime's own costs two thousand instructions a request and, on a quiet
//! single-threaded runtime, a system call to wake the driver. Here a deadline is a number in a
//! slab that the tick looks over; it is met up to two ticks late and never early.

use std::{
    cell::{Cell, RefCell},
    pin::pin,
    rc::Rc,
    task::{Context, Poll, Waker},
    time::Duration,
};

use slab::Slab;
use tokio::time::{Instant, MissedTickBehavior, interval};

/// How often the clock moves and deadlines are looked at.
pub const TICK: Duration = Duration::from_millis(10);

/// A worker's clock and its deadlines; clones share both.
#[derive(Clone, Debug)]
pub struct Timer(Rc<Inner>);

#[derive(Debug)]
struct Inner {
    now: Cell<Instant>,
    slots: RefCell<Slab<Slot>>,
}

#[derive(Debug, Default)]
struct Slot {
    due: Option<Instant>,
    waker: Option<Waker>,
}

/// The time was up before the future was ready; the future has been dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("time is up")]
pub struct Elapsed;

thread_local! {
    static TURN: Cell<u64> = const { Cell::new(0) };
}

/// The runtime of this thread is about to look at its sockets.
pub fn end_turn() {
    TURN.set(TURN.get().wrapping_add(1));
}

/// The turn under way: all that is known of sockets was heard before it began.
pub fn turn() -> u64 {
    TURN.get()
}

impl Timer {
    /// A clock that stands still until [`run`](Self::run) is polled.
    pub fn new() -> Self {
        let now = Cell::new(Instant::now());
        Self(Rc::new(Inner {
            now,
            slots: RefCell::default(),
        }))
    }

    /// The time of the last tick.
    pub fn now(&self) -> Instant {
        self.0.now.get()
    }

    /// A deadline that can be moved as often as its owner likes; not set at first.
    pub fn alarm(&self) -> Alarm {
        let key = self.0.slots.borrow_mut().insert(Slot::default());
        Alarm {
            timer: self.clone(),
            key,
        }
    }

    /// Gives `future` that much time. A future that is ready at once costs nothing here.
    pub async fn within<F: Future>(
        &self,
        limit: Duration,
        future: F,
    ) -> Result<F::Output, Elapsed> {
        let mut future = pin!(future);
        let mut alarm = None;
        std::future::poll_fn(|cx| {
            if let Poll::Ready(output) = future.as_mut().poll(cx) {
                return Poll::Ready(Ok(output));
            }
            let alarm = alarm.get_or_insert_with(|| {
                let alarm = self.alarm();
                alarm.set(limit);
                alarm
            });
            alarm.poll(cx).map(|()| Err(Elapsed))
        })
        .await
    }

    /// Ticks for ever; a worker runs this once.
    pub async fn run(&self) {
        let mut ticks = interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
        let mut due = Vec::new();
        loop {
            self.0.now.set(ticks.tick().await.max(Instant::now()));
            self.wake_into(&mut due, |slot, now| slot.due.is_some_and(|at| at <= now));
        }
    }

    /// Wakes everyone who waits on an alarm, due or not, to look at the world again.
    pub fn wake_all(&self) {
        self.wake_into(&mut Vec::new(), |_, _| true);
    }

    /// The slab is released before anyone is woken: a waker may run foreign code.
    fn wake_into(&self, woken: &mut Vec<Waker>, mut which: impl FnMut(&Slot, Instant) -> bool) {
        let now = self.now();
        for (_, slot) in self.0.slots.borrow_mut().iter_mut() {
            if which(slot, now) {
                woken.extend(slot.waker.take());
            }
        }
        woken.drain(..).for_each(Waker::wake);
    }
}

impl Default for Timer {
    fn default() -> Self {
        Self::new()
    }
}

/// One deadline of a [`Timer`]; dropping it forgets it.
#[derive(Debug)]
pub struct Alarm {
    timer: Timer,
    key: usize,
}

impl Alarm {
    /// Due that long after the last tick and one tick more, so that it is never early.
    pub fn set(&self, after: Duration) {
        let due = self.timer.now().checked_add(after.saturating_add(TICK));
        self.with(|slot| slot.due = due);
    }

    /// Not due until it is set again.
    pub fn clear(&self) {
        self.with(|slot| slot.due = None);
    }

    /// Ready when due; otherwise the task is woken when it is, or by [`Timer::wake_all`].
    pub fn poll(&self, cx: &Context<'_>) -> Poll<()> {
        let now = self.timer.now();
        let due = self.with(|slot| {
            if !slot
                .waker
                .as_ref()
                .is_some_and(|waker| waker.will_wake(cx.waker()))
            {
                slot.waker = Some(cx.waker().clone());
            }
            slot.due.is_some_and(|at| at <= now)
        });
        if due { Poll::Ready(()) } else { Poll::Pending }
    }

    fn with<T: Default>(&self, change: impl FnOnce(&mut Slot) -> T) -> T {
        self.timer
            .0
            .slots
            .borrow_mut()
            .get_mut(self.key)
            .map(change)
            .unwrap_or_default()
    }
}

impl Drop for Alarm {
    fn drop(&mut self) {
        let slot = self.timer.0.slots.borrow_mut().try_remove(self.key);
        drop(slot);
    }
}

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};

    use super::*;

    async fn ticking<T>(test: impl AsyncFnOnce(&Timer) -> T) -> T {
        let timer = Timer::new();
        tokio::select! {
            biased;
            output = test(&timer) => output,
            () = timer.run() => panic!("the timer stopped"),
        }
    }

    #[tokio::test]
    async fn a_future_that_never_ends_is_given_up_on_time() {
        let began = Instant::now();
        let limit = Duration::from_millis(60);
        let outcome = ticking(async |timer| timer.within(limit, pending::<()>()).await).await;
        assert_eq!(outcome, Err(Elapsed));
        assert!(began.elapsed() >= limit, "early: {:?}", began.elapsed());
        assert!(
            began.elapsed() <= limit + 30 * TICK,
            "late: {:?}",
            began.elapsed()
        );
    }

    #[tokio::test]
    async fn a_ready_future_takes_no_slot() {
        let timer = Timer::new();
        assert_eq!(timer.within(Duration::ZERO, ready(7)).await, Ok(7));
        assert_eq!(timer.0.slots.borrow().capacity(), 0);
    }

    #[tokio::test]
    async fn an_alarm_can_be_moved_and_its_slot_is_given_back() {
        ticking(async |timer| {
            let alarm = timer.alarm();
            alarm.set(Duration::from_millis(20));
            alarm.set(Duration::from_secs(5));
            let waited = timer.within(
                Duration::from_millis(80),
                std::future::poll_fn(|cx| alarm.poll(cx)),
            );
            assert_eq!(waited.await, Err(Elapsed));
            drop(alarm);
            assert!(timer.0.slots.borrow().is_empty());
        })
        .await;
    }
}
