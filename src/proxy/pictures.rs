//! Reading pictures beside the workers: it takes milliseconds, and a worker has none to spare.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::picture::{self, MEMORY_LIMIT, PictureError};
use super::respond::Refusal;
use crate::metrics::{Desks, Picture};
use crate::reason::Reason;

/// The longest picture taken; a telephone's photograph of a code, scaled down by any terminal.
pub const MAX_PICTURE_BYTES: usize = 4 << 20;

/// Pictures read at the same time, in the whole process: each may take a core for a third of a
/// second.
const AT_ONCE: usize = 4;

/// What one permit of memory stands for, so that all of it is counted in 32 bits.
const PERMIT: usize = 1 << 10;

/// The desk where pictures are read; clones share its limit.
#[derive(Clone, Debug)]
pub struct Pictures {
    places: Arc<Semaphore>,
    /// The memory that pictures may take together: four photographs, but one of those that take all.
    memory: Arc<Semaphore>,
    counts: Desks,
}

impl Pictures {
    /// A desk whose work is counted there.
    pub fn counted(counts: Desks) -> Self {
        Self {
            places: Arc::new(Semaphore::new(AT_ONCE)),
            memory: Arc::new(Semaphore::new(MEMORY_LIMIT / PERMIT)),
            counts,
        }
    }

    /// The text of the code in the picture; nobody waits in line.
    pub async fn read(&self, bytes: Bytes) -> Result<String, Refusal> {
        let began = Instant::now();
        let weight = picture::weight(&bytes).map_err(|error| {
            self.counts.picture(outcome(&Err(error)), began.elapsed());
            unreadable(&error)
        })?;
        let Some(place) = self.place(weight) else {
            self.counts.picture(Picture::Busy, Duration::ZERO);
            return Err(Reason::Overloaded.into());
        };
        let reading = tokio::task::spawn_blocking(move || {
            let text = picture::read(&bytes);
            drop(place);
            text
        });
        let read = reading.await.map_err(|_| Reason::Internal)?;
        self.counts.picture(outcome(&read), began.elapsed());
        read.map_err(|error| unreadable(&error))
    }

    /// A place for a picture that takes so many bytes, if there is one.
    fn place(&self, weight: usize) -> Option<[OwnedSemaphorePermit; 2]> {
        let place = Arc::clone(&self.places).try_acquire_owned().ok()?;
        let permits = u32::try_from(weight / PERMIT).ok()?;
        let memory = Arc::clone(&self.memory).try_acquire_many_owned(permits);
        Some([place, memory.ok()?])
    }
}

const fn outcome(read: &Result<String, PictureError>) -> Picture {
    match read {
        Ok(_) => Picture::Read,
        Err(
            PictureError::NotAPicture
            | PictureError::TooHeavy { .. }
            | PictureError::TooLarge { .. },
        ) => Picture::Refused,
        Err(_) => Picture::NoCode,
    }
}

fn unreadable(error: &PictureError) -> Refusal {
    Refusal::because(error.reason(), error.to_string())
}
