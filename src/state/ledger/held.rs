//! The ticket of a request, as this ledger has it.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::timeout;

use super::Shared;
use crate::state::{Away, Name, Outcome, Unintended};
use crate::time::Moment;

/// A disk that takes longer than this over a few kilobytes is as good as away.
pub(super) const PATIENCE: Duration = Duration::from_secs(5);

/// A reservation in this ledger.
#[derive(Debug)]
pub(in crate::state) struct Held {
    shared: Arc<Shared>,
    name: Name,
    intended: bool,
    pub(super) over: bool,
}

impl Held {
    pub(super) const fn new(shared: Arc<Shared>, name: Name) -> Self {
        Self {
            shared,
            name,
            intended: false,
            over: false,
        }
    }

    pub(in crate::state) const fn name(&self) -> Name {
        self.name
    }

    pub(in crate::state) async fn intend(&mut self, now: Moment) -> Result<(), Unintended> {
        let (waiter, written) = oneshot::channel();
        let intended = self.shared.desk().intend(self.name, now, waiter);
        let recorded = match intended {
            Ok(true) => {
                self.shared.bell.urge();
                let written = timeout(PATIENCE, written).await;
                written.map_or(Err(Away), |told| told.unwrap_or(Err(Away)))
            }
            Ok(false) => Ok(()),
            Err(away) => Err(away),
        };
        if recorded.is_err() {
            self.over = true;
            self.shared.desk().free(self.name, None);
            return Err(Unintended::Away);
        }
        self.intended = true;
        Ok(())
    }

    pub(in crate::state) async fn settle(mut self, outcome: Outcome, now: Moment) {
        let (waiter, written) = oneshot::channel();
        self.over = true;
        let waits = self
            .shared
            .desk()
            .settle(self.name, outcome, now, Some(waiter));
        if waits {
            self.shared.bell.urge();
            // If it cannot be written now, the desk keeps it until it can.
            let _ = timeout(PATIENCE, written).await;
        }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        if self.over {
            return;
        }
        let mut desk = self.shared.desk();
        let now = desk.latest();
        let outcome = if self.intended {
            Outcome::Unknown
        } else {
            Outcome::NotSent
        };
        desk.settle(self.name, outcome, now, None);
    }
}
