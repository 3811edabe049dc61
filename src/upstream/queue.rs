//! Those who wait for a seat, in the order they came.
//!
//! The first in line looks for a seat when it comes to stand there and whenever one is given back;
//! the others wait for it to go. Nobody locks anything unless somebody waits.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Waker};

/// Those who wait, over all workers.
#[derive(Debug, Default)]
pub(super) struct Queue {
    length: AtomicU32,
    order: Mutex<Order>,
}

#[derive(Debug, Default)]
struct Order {
    /// The next ticket.
    next: u64,
    waiting: VecDeque<(u64, Option<Waker>)>,
}

/// A place in the line; dropping it leaves.
#[derive(Debug)]
pub(super) struct Place<'l> {
    queue: &'l Queue,
    ticket: u64,
}

impl Queue {
    /// How many wait.
    pub(super) fn length(&self) -> u32 {
        self.length.load(Ordering::SeqCst)
    }

    /// Joins at the end, unless `most` wait already.
    pub(super) fn join(&self, most: u32) -> Option<Place<'_>> {
        let more = |length: u32| (length < most).then(|| length + 1);
        let order = Ordering::SeqCst;
        self.length.fetch_update(order, order, more).ok()?;
        let mut order = self.order();
        let ticket = order.next;
        order.next += 1;
        order.waiting.push_back((ticket, None));
        Some(Place {
            queue: self,
            ticket,
        })
    }

    /// Tells the first in line to look for a seat.
    pub(super) fn call(&self) {
        if self.length() == 0 {
            return;
        }
        let first = self.order().waiting.front().and_then(|(_, it)| it.clone());
        if let Some(waker) = first {
            waker.wake();
        }
    }

    fn order(&self) -> MutexGuard<'_, Order> {
        self.order.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Place<'_> {
    /// Whether it is the first; if it is not, or finds no seat, it is called when it should look
    /// again.
    pub(super) fn is_first(&self, cx: &Context<'_>) -> bool {
        let mut order = self.queue.order();
        let place = order.waiting.iter_mut().find(|(it, _)| *it == self.ticket);
        if let Some((_, waker)) = place {
            *waker = Some(cx.waker().clone());
        }
        let first = order.waiting.front();
        first.is_some_and(|(ticket, _)| *ticket == self.ticket)
    }
}

impl Drop for Place<'_> {
    /// Whoever comes to be the first looks for a seat.
    fn drop(&mut self) {
        let was_first = {
            let mut order = self.queue.order();
            let place = order.waiting.iter().position(|(it, _)| *it == self.ticket);
            place.map(|place| order.waiting.remove(place));
            place == Some(0)
        };
        self.queue.length.fetch_sub(1, Ordering::SeqCst);
        if was_first {
            self.queue.call();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::task::Wake;

    use super::*;

    #[derive(Default)]
    struct Bell(AtomicU32);

    impl Wake for Bell {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }

    impl Bell {
        fn rung(&self) -> u32 {
            self.0.load(Ordering::SeqCst)
        }
    }

    #[test]
    fn the_line_is_as_long_as_it_may_be_and_whoever_leaves_makes_room() {
        let queue = Queue::default();
        let first = queue.join(2).unwrap();
        let _second = queue.join(2).unwrap();
        assert!(queue.join(2).is_none());
        drop(first);
        assert_eq!(queue.length(), 1);
        assert!(queue.join(2).is_some());
        assert!(queue.join(0).is_none());
    }

    #[test]
    fn the_first_is_called_and_then_whoever_comes_after() {
        let queue = Queue::default();
        let bells = [0; 3].map(|_| Arc::new(Bell::default()));
        let mut places: Vec<_> = bells
            .iter()
            .map(|bell| {
                let place = queue.join(9).unwrap();
                let waker = Waker::from(Arc::clone(bell));
                place.is_first(&Context::from_waker(&waker));
                place
            })
            .collect();
        queue.call();
        assert_eq!([1, 0, 0], [0, 1, 2].map(|it| bells[it].rung()));
        // One in the middle goes away: nobody has to look.
        drop(places.remove(1));
        assert_eq!([1, 0, 0], [0, 1, 2].map(|it| bells[it].rung()));
        drop(places.remove(0));
        assert_eq!([1, 0, 1], [0, 1, 2].map(|it| bells[it].rung()));
        let waker = Waker::noop();
        assert!(places[0].is_first(&Context::from_waker(waker)));
    }
}
