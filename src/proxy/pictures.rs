//! Reading pictures beside the workers: it takes milliseconds, and a worker has none to spare.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::sync::Semaphore;

use super::picture::{self, PictureError};
use super::respond::Refusal;
use crate::metrics::{Desks, Picture};
use crate::reason::Reason;

/// The longest picture taken; a telephone's photograph of a code, scaled down by any terminal.
pub const MAX_PICTURE_BYTES: usize = 4 << 20;

/// Pictures read at the same time, in the whole process: each may take a core for a third of a
/// second and some tens of megabytes.
const AT_ONCE: usize = 4;

/// The desk where pictures are read; clones share its limit.
#[derive(Clone, Debug)]
pub struct Pictures {
    places: Arc<Semaphore>,
    counts: Desks,
}

impl Pictures {
    /// A desk whose work is counted there.
    pub fn counted(counts: Desks) -> Self {
        Self {
            places: Arc::new(Semaphore::new(AT_ONCE)),
            counts,
        }
    }

    /// The text of the code in the picture; nobody waits in line.
    pub async fn read(&self, bytes: Bytes) -> Result<String, Refusal> {
        let Ok(place) = Arc::clone(&self.places).try_acquire_owned() else {
            self.counts.picture(Picture::Busy, Duration::ZERO);
            return Err(Reason::Overloaded.into());
        };
        let began = Instant::now();
        let reading = tokio::task::spawn_blocking(move || {
            let text = picture::read(&bytes);
            drop(place);
            text
        });
        let read = reading.await.map_err(|_| Reason::Internal)?;
        self.counts.picture(outcome(&read), began.elapsed());
        read.map_err(|error| unreadable(&error))
    }
}

const fn outcome(read: &Result<String, PictureError>) -> Picture {
    match read {
        Ok(_) => Picture::Read,
        Err(PictureError::NotAPicture | PictureError::TooLarge { .. }) => Picture::Refused,
        Err(_) => Picture::NoCode,
    }
}

fn unreadable(error: &PictureError) -> Refusal {
    Refusal::because(error.reason(), error.to_string())
}
