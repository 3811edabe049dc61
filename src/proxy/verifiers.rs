//! Verifying heavy signatures beside the workers: a worker has other scans to serve meanwhile.

use std::sync::Arc;
use std::thread;

use tokio::sync::Semaphore;

use crate::trust::{Verdict, Verification};

/// Signatures waiting for each core, the one being verified included. At 350 µs for the slowest
/// (SM2 without tables) the last in line waits some 20 ms; more than that is better refused.
const IN_LINE_PER_CORE: usize = 64;

/// The desk where heavy signatures are verified; clones share its limit.
#[derive(Clone, Debug)]
pub struct Verifiers {
    line: Arc<Semaphore>,
    cores: Arc<Semaphore>,
}

impl Default for Verifiers {
    fn default() -> Self {
        let cores = thread::available_parallelism().map_or(1, usize::from);
        Self {
            line: Arc::new(Semaphore::new(cores * IN_LINE_PER_CORE)),
            cores: Arc::new(Semaphore::new(cores)),
        }
    }
}

impl Verifiers {
    /// The verdict; `None` if the line is too long.
    pub async fn verify(&self, verification: Arc<Verification>) -> Option<Verdict> {
        let _place = self.line.try_acquire().ok()?;
        let core = Arc::clone(&self.cores).acquire_owned().await.ok()?;
        let run = tokio::task::spawn_blocking(move || {
            let verdict = verification.run();
            drop(core);
            verdict
        });
        run.await.ok()
    }
}
