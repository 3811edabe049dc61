//! Whether every worker still does its work: each is asked, and answers from the thread that serves.

use tokio::sync::{
    mpsc::{Receiver, Sender, channel},
    oneshot,
};

/// What a worker is asked: to say so.
pub(super) type Question = oneshot::Sender<()>;

/// Asks the workers of one server. A worker whose thread hangs answers late or never; one that has
/// ended, never.
#[derive(Clone, Debug)]
pub struct Pulse {
    workers: Vec<Sender<Question>>,
}

/// A worker is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("worker {0} has ended")]
pub struct Ended(
    /// Counted from 0.
    pub usize,
);

impl Pulse {
    /// One for so many workers, and where each of them is asked.
    pub(super) fn of(workers: usize) -> (Self, Vec<Receiver<Question>>) {
        // One question at a time: who asks waits for the answer.
        let (workers, asked) = (0..workers).map(|_| channel(1)).unzip();
        (Self { workers }, asked)
    }

    /// How many there are.
    pub const fn workers(&self) -> usize {
        self.workers.len()
    }

    /// Waits until that worker has answered, however long it takes.
    pub async fn ask(&self, worker: usize) -> Result<(), Ended> {
        let ended = Ended(worker);
        let asked = self.workers.get(worker).ok_or(ended)?;
        let (answer, answered) = oneshot::channel();
        asked.send(answer).await.map_err(|_| ended)?;
        answered.await.map_err(|_| ended)
    }
}

/// Answers for a worker, on its thread.
pub(super) async fn answer(mut asked: Receiver<Question>) {
    while let Some(question) = asked.recv().await {
        // Whoever asked may not wait any more.
        let _ = question.send(());
    }
}
