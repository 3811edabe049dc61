//! What the connections of a thread share, and what they do with a request.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::Receiver;
use std::time::{Duration, Instant};

use tokio::time::timeout;

use super::count::Key;
use super::desk::{Desk, Job};
use super::maker::Shot;
use super::tally::Count;
use super::{DriveError, Made, Setup};
use crate::answer::Wish;
use crate::client::{Client, Fault};

/// How old a code may be that is shown again: it must be refused for that, not for its age.
const SHOWN_AGAIN_WITHIN: Duration = Duration::from_secs(30);

/// Codes that wait to be shown again.
const MOST_KEPT: usize = 1_024;

/// Codes and when they were answered, the oldest first.
pub(super) type Kept = VecDeque<(Instant, Box<str>)>;

/// What the connections of a thread share.
pub(super) struct Floor {
    pub(super) setup: Arc<Setup>,
    pub(super) stop: Arc<AtomicBool>,
    pub(super) begin: Instant,
    pub(super) made: Receiver<Made>,
    pub(super) desk: Desk,
    pub(super) count: RefCell<Count>,
    /// Why no more codes can be made.
    pub(super) failed: Cell<Option<DriveError>>,
    /// Codes that were answered as expected, by their case.
    pub(super) shown: RefCell<Vec<Kept>>,
}

impl Floor {
    pub(super) fn stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    /// Sends a request and counts what comes of it; gives it back if it is to be sent again.
    pub(super) async fn send(&self, client: &mut Client, mut job: Job) -> Option<Job> {
        self.show_again(&mut job.shot);
        if let Err(fault) = client.open().await {
            let now = Instant::now();
            let mut count = self.count.borrow_mut();
            count.sent(now);
            count.failed(fault, now);
            return None;
        }
        let written = Instant::now();
        self.sent(&job, written);
        let patience = self.setup.scenario.load.patience;
        let asked = timeout(patience, client.ask(&job.shot.wire)).await;
        let now = Instant::now();
        match asked {
            Ok(Ok(())) => self.answered(client, job, written, now),
            Ok(Err(fault)) => {
                self.count.borrow_mut().failed(fault, now);
                None
            }
            Err(_) => {
                client.hang_up();
                self.count.borrow_mut().failed(Fault::Timeout, now);
                None
            }
        }
    }

    fn sent(&self, job: &Job, written: Instant) {
        let mut count = self.count.borrow_mut();
        if job.was_free {
            count.late(written.saturating_duration_since(job.due));
        }
        count.sent(written);
    }

    fn answered(&self, client: &Client, job: Job, written: Instant, now: Instant) -> Option<Job> {
        let draft = job.shot.draft;
        let answer = client.answer();
        let decision = answer.decision();
        let again = job.time > 0;
        let wish = self.setup.workshop.wish(draft.case, draft.scene);
        let as_expected = if again {
            wish.is_some_and(|wish| Wish::repeated(wish).is(&answer, decision))
        } else {
            wish.is_some_and(|wish| wish.is(&answer, decision))
        };
        let key = Key {
            case: draft.case,
            scene: draft.scene,
            again,
            decision,
        };
        self.count
            .borrow_mut()
            .answered(key, (job.due, written, now), as_expected);
        if !as_expected {
            return None;
        }
        let Job { mut shot, time, .. } = job;
        if let Some(code) = shot.code.take() {
            self.keep(draft.case, code, now);
        }
        let case = self.setup.scenario.cases.get(draft.case)?;
        (time < case.repeat).then(|| Job {
            shot,
            due: now,
            was_free: false,
            time: time + 1,
        })
    }

    fn keep(&self, case: usize, code: Box<str>, now: Instant) {
        let mut shown = self.shown.borrow_mut();
        if let Some(kept) = shown.get_mut(case)
            && kept.len() < MOST_KEPT
        {
            kept.push_back((now, code));
        }
    }

    /// Puts a code into the request that was shown before, if it is to have one and one is at hand.
    fn show_again(&self, shot: &mut Shot) {
        let Some(replay) = shot.replay.take() else {
            return;
        };
        let mut shown = self.shown.borrow_mut();
        let Some(kept) = shown.get_mut(shot.draft.case) else {
            return;
        };
        while let Some((when, code)) = kept.pop_front() {
            if when.elapsed() < SHOWN_AGAIN_WITHIN
                && let Ok(wire) = self.setup.stationery.write(&replay, &code)
            {
                shot.draft = replay;
                shot.wire = wire;
                shot.code = None;
                return;
            }
        }
    }
}
