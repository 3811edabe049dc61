//! Reading pictures beside the workers: it takes milliseconds, and a worker has none to spare. They are read on
//! a few threads of their own, terminals' and operators' alike: each thread keeps some of the memory that its
//! last picture took.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use super::picture::{self, Contents, MEMORY_LIMIT, PictureError};
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
    readers: Sender<Job>,
    counts: Desks,
}

/// A picture that is read, and who waits for what is in it. Its places are free once it was read, whether or
/// not anybody waits still.
struct Job {
    bytes: Bytes,
    places: [OwnedSemaphorePermit; 2],
    told: oneshot::Sender<Result<Contents, PictureError>>,
}

/// Why a picture was not looked at, or shows nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unread {
    /// So many are being read that there is no place for another.
    Busy,
    /// Nobody is left who reads.
    Fault,
    /// What is wrong with it.
    Picture(PictureError),
}

impl Pictures {
    /// A desk whose work is counted there.
    pub fn counted(counts: Desks) -> Self {
        Self {
            places: Arc::new(Semaphore::new(AT_ONCE)),
            memory: Arc::new(Semaphore::new(MEMORY_LIMIT / PERMIT)),
            readers: readers(),
            counts,
        }
    }

    /// The text of the code in the picture; nobody waits in line.
    pub async fn read(&self, bytes: Bytes) -> Result<String, Refusal> {
        let began = Instant::now();
        let read = match self.begin(bytes) {
            Ok(told) => told.await.map_err(|_| Unread::Fault),
            Err(unread) => Err(unread),
        };
        let text = read.and_then(|contents| {
            let contents = contents.map_err(Unread::Picture)?;
            let only = contents.only().map_err(Unread::Picture)?;
            Ok(only.text.clone())
        });
        match text {
            Err(Unread::Busy) => self.counts.picture(Picture::Busy, Duration::ZERO),
            Err(Unread::Fault) => {}
            Err(Unread::Picture(error)) => self.counts.picture(outcome(error), began.elapsed()),
            Ok(_) => self.counts.picture(Picture::Read, began.elapsed()),
        }
        text.map_err(|unread| match unread {
            Unread::Busy => Reason::Overloaded.into(),
            Unread::Fault => Reason::Internal.into(),
            Unread::Picture(error) => Refusal::because(error.reason(), error.to_string()),
        })
    }

    /// All codes in the picture, for an operator whose thread may wait. It takes a place among those of terminals.
    pub fn read_all(&self, bytes: Bytes) -> Result<Contents, Unread> {
        let told = self.begin(bytes)?.blocking_recv();
        told.map_err(|_| Unread::Fault)?.map_err(Unread::Picture)
    }

    /// Has the picture read, if there is a place for it.
    fn begin(
        &self,
        bytes: Bytes,
    ) -> Result<oneshot::Receiver<Result<Contents, PictureError>>, Unread> {
        let weight = picture::weight(&bytes).map_err(Unread::Picture)?;
        let places = self.places(weight).ok_or(Unread::Busy)?;
        let (told, contents) = oneshot::channel();
        let job = Job {
            bytes,
            places,
            told,
        };
        self.readers.send(job).map_err(|_| Unread::Fault)?;
        Ok(contents)
    }

    /// Places for a picture that takes so many bytes, if there are.
    fn places(&self, weight: usize) -> Option<[OwnedSemaphorePermit; 2]> {
        let place = Arc::clone(&self.places).try_acquire_owned().ok()?;
        let permits = u32::try_from(weight / PERMIT).ok()?;
        let memory = Arc::clone(&self.memory).try_acquire_many_owned(permits);
        Some([place, memory.ok()?])
    }
}

/// As many threads as pictures are read at the same time; they end with the last desk.
fn readers() -> Sender<Job> {
    let (jobs, taken) = channel();
    let taken = Arc::new(Mutex::new(taken));
    for _ in 0..AT_ONCE {
        let taken = Arc::clone(&taken);
        let thread = thread::Builder::new().name("pictures".into());
        // Where there are no threads to be had, there are fewer; without any, sending fails.
        drop(thread.spawn(move || read_on(&taken)));
    }
    jobs
}

fn read_on(taken: &Mutex<Receiver<Job>>) {
    let next = || {
        let taken = taken.lock().unwrap_or_else(PoisonError::into_inner);
        taken.recv()
    };
    while let Ok(Job {
        bytes,
        places,
        told,
    }) = next()
    {
        let contents = picture::read_all(&bytes);
        drop((bytes, places));
        // Whoever asked may be gone.
        let _ = told.send(contents);
    }
}

const fn outcome(error: PictureError) -> Picture {
    match error {
        PictureError::NotAPicture
        | PictureError::TooHeavy { .. }
        | PictureError::TooLarge { .. } => Picture::Refused,
        _ => Picture::NoCode,
    }
}
