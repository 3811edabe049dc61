//! Whether the workers of a gateway still work.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::timeout;

use crate::server::Pulse;

/// A worker that is busy answers in milliseconds. Whoever asks waits longer than this: probes of
/// Kubernetes wait 5 seconds in the chart.
const PATIENCE: Duration = Duration::from_secs(3);

/// Whose signs of life are asked for: nobody's while the workers end because they shall.
#[derive(Clone, Debug, Default)]
pub(in crate::cli) struct Watched(Arc<Mutex<Option<Pulse>>>);

impl Watched {
    /// These workers serve from now on.
    pub(in crate::cli) fn work(&self, pulse: &Pulse) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(pulse.clone());
    }

    /// The workers are told to end; how long they may take is limited elsewhere.
    pub(in crate::cli) fn rest(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    pub(in crate::cli) fn pulse(&self) -> Option<Pulse> {
        let pulse = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        pulse.clone()
    }

    /// The first worker that does not answer in time, if any shall.
    pub(in crate::cli) async fn silent(&self) -> Option<usize> {
        let pulse = self.pulse()?;
        let mut asked = 0;
        let all = async {
            while asked < pulse.workers() && pulse.ask(asked).await.is_ok() {
                asked += 1;
            }
        };
        let _ = timeout(PATIENCE, all).await;
        let is_silent = asked < pulse.workers();
        // They may have been told to end meanwhile.
        (is_silent && self.pulse().is_some()).then_some(asked)
    }
}
