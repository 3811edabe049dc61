//! Who is inside, and how many there may be.

use std::{net::SocketAddr, rc::Rc, sync::atomic::Ordering};

use super::{
    crowd::Guest,
    worker::{Door, Worker},
};

/// A connection's place among those allowed.
pub(super) struct Seat<H> {
    pub(super) worker: Rc<Worker<H>>,
    pub(super) door: Rc<Door>,
}

/// A client has as many connections as it may have.
pub(super) struct TooMany;

impl<H> Seat<H> {
    pub(super) fn take(worker: &Rc<Worker<H>>, door: &Rc<Door>, most: usize) -> Option<Self> {
        let taken = worker.connections.fetch_add(1, Ordering::Relaxed);
        worker.open.set(worker.open.get() + 1);
        door.counts.opened();
        let seat = Self {
            worker: Rc::clone(worker),
            door: Rc::clone(door),
        };
        (taken < most.min(worker.allowed)).then_some(seat)
    }

    /// Counts it among those of its client, if that is asked for and it has an address.
    pub(super) fn count(
        &self,
        address: Option<SocketAddr>,
        most: usize,
    ) -> Result<Option<Guest>, TooMany> {
        match address {
            Some(address) if most > 0 => {
                let guest = self.worker.crowd.enter(address.ip(), most);
                guest.map(Some).ok_or(TooMany)
            }
            _ => Ok(None),
        }
    }
}

impl<H> Drop for Seat<H> {
    fn drop(&mut self) {
        let worker = &self.worker;
        worker.connections.fetch_sub(1, Ordering::Relaxed);
        worker.open.set(worker.open.get().saturating_sub(1));
        self.door.counts.closed();
    }
}
