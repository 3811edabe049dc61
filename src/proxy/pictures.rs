//! Reading pictures beside the workers: it takes milliseconds, and a worker has none to spare.

use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::Semaphore;

use super::picture::{self, PictureError};
use super::respond::Refusal;
use crate::reason::Reason;

/// The longest picture taken; a telephone's photograph of a code, scaled down by any terminal.
pub const MAX_PICTURE_BYTES: usize = 4 << 20;

/// Pictures read at the same time, in the whole process: each may take a core for a third of a
/// second and some tens of megabytes.
const AT_ONCE: usize = 4;

/// The desk where pictures are read; clones share its limit.
#[derive(Clone, Debug)]
pub struct Pictures(Arc<Semaphore>);

impl Default for Pictures {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(AT_ONCE)))
    }
}

impl Pictures {
    /// The text of the code in the picture; nobody waits in line.
    pub async fn read(&self, bytes: Bytes) -> Result<String, Refusal> {
        let place = Arc::clone(&self.0)
            .try_acquire_owned()
            .map_err(|_| Reason::Overloaded)?;
        let reading = tokio::task::spawn_blocking(move || {
            let text = picture::read(&bytes);
            drop(place);
            text
        });
        reading
            .await
            .map_err(|_| Reason::Internal)?
            .map_err(|error| unreadable(&error))
    }
}

fn unreadable(error: &PictureError) -> Refusal {
    Refusal::because(error.reason(), error.to_string())
}
