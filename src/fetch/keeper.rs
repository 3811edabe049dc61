//! The handle by which everybody else knows the keeper.

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::sync::mpsc::{self as bells, RecvTimeoutError};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio::runtime::Builder;
use tokio::sync::{Semaphore, mpsc, oneshot};

use super::adoption::Adoption;
use super::report::Report;
use super::rounds::Rounds;
use super::tended::Bell;
use super::{Feed, Pace};
use crate::metrics::Metrics;
use crate::time::Timestamp;
use crate::trust::{Issuer, Keys, Standing};

/// Scans that wait for an unknown key at the same time; more are answered at once.
const MOST_WAITING: usize = 1_024;

/// Longer than any question takes: an operator who asks for a refresh waits for its end.
const REFRESH_PATIENCE: Duration = Duration::from_secs(60);

/// What a keeper is started with.
#[derive(Debug)]
pub struct Setting {
    /// Now.
    pub clock: fn() -> Timestamp,
    /// For the times that must not be foreseen.
    pub seed: u64,
    /// The folder where fetched keys are kept for the next start.
    pub snapshot: Option<PathBuf>,
    /// How often anybody is asked.
    pub pace: Pace,
    /// Where it is counted.
    pub metrics: Metrics,
}

impl Setting {
    /// For a look that is over when the first answers are there: nothing is kept or counted.
    pub fn once(clock: fn() -> Timestamp, seed: u64, patience: Duration) -> Self {
        Self {
            clock,
            seed,
            snapshot: None,
            pace: Pace {
                first_keys: patience,
                ..Pace::default()
            },
            metrics: Metrics::default(),
        }
    }
}

/// Whoever keeps the issuers' keys fresh; clones are handles to the same one, which ends with the
/// last of them.
#[derive(Clone, Debug)]
pub struct Keeper {
    orders: mpsc::Sender<Order>,
    waiting: Arc<Semaphore>,
    board: Arc<Board>,
    clock: fn() -> Timestamp,
    patience: Duration,
}

/// What came of asking for a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Renewal {
    /// The issuer was asked, just now or a moment ago: what it has is in force, and a key it does
    /// not have is unknown indeed.
    Asked,
    /// The issuer cannot be asked at the moment: nobody knows whether it has the key.
    Unanswered,
}

/// The keeper's thread has ended, which it does for nothing but a fault: keys would never change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the thread that keeps keys fresh is gone, expected it to run as long as the gateway")]
pub struct KeeperGone;

/// What the keeper is asked to do.
#[derive(Debug)]
pub(super) enum Order {
    Adopt(Adoption),
    Refresh {
        issuer: Option<Box<str>>,
        bell: Bell,
    },
    Renew {
        issuer: Box<str>,
        key: Option<Box<str>>,
        reply: oneshot::Sender<Renewal>,
    },
}

/// What operators read while the keeper works.
#[derive(Debug, Default)]
pub(super) struct Board(Mutex<Notes>);

/// The keys in force, and what is to be told of those that are fetched.
#[derive(Debug, Default)]
pub(super) struct Notes {
    pub(super) keys: Arc<ArcSwap<Keys>>,
    pub(super) fetched: BTreeMap<Box<str>, Report>,
}

impl Notes {
    /// How it stands with one issuer's keys.
    pub(super) fn standing(&self, issuer: &Issuer, now: Timestamp) -> Standing {
        let mut standing = Standing::of(issuer, now);
        if let Some(report) = self.fetched.get(&issuer.id) {
            report.fill(&mut standing, now);
        }
        standing
    }
}

impl Board {
    pub(super) fn lock(&self) -> MutexGuard<'_, Notes> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Keeper {
    /// Starts its thread.
    pub fn start(setting: Setting) -> io::Result<Self> {
        let (orders, obeyed) = mpsc::channel(MOST_WAITING);
        let board = Arc::<Board>::default();
        let keeper = Self {
            orders,
            waiting: Arc::new(Semaphore::new(MOST_WAITING)),
            board: Arc::clone(&board),
            clock: setting.clock,
            patience: setting.pace.first_keys,
        };
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let work = move || runtime.block_on(Rounds::new(setting, board).run(obeyed));
        thread::Builder::new()
            .name("multicode-keys".to_owned())
            .spawn(work)?;
        Ok(keeper)
    }

    /// Tends these feeds from now on, over the issuers of the configuration. Issuers whose origins
    /// stay keep what they have; for the others it waits a moment. The keys that were given out
    /// before are kept fresh as well, for as long as somebody holds them. Blocks.
    pub fn adopt(&self, feeds: Vec<Feed>, keys: Keys) -> Result<Arc<ArcSwap<Keys>>, KeeperGone> {
        let ((bell, rung), (reply, adopted)) = (bells::channel(), bells::channel());
        self.order(Order::Adopt(Adoption {
            feeds,
            keys,
            bell,
            reply,
        }));
        let adopted = adopted.recv().map_err(|_| KeeperGone)?;
        if let Err(RecvTimeoutError::Timeout) = rung.recv_timeout(self.patience) {
            tracing::warn!("not all keys could be fetched yet");
        }
        Ok(adopted)
    }

    /// Asks for the keys and lists of one issuer, or of all, and waits for the outcome, which the
    /// standings tell. Blocks.
    pub fn refresh(&self, issuer: Option<&str>) {
        let (bell, rung) = bells::channel();
        let issuer = issuer.map(Into::into);
        self.order(Order::Refresh { issuer, bell });
        let _ = rung.recv_timeout(REFRESH_PATIENCE);
    }

    /// Asks an issuer for a key that is not here, if it may be asked. The caller bounds the time.
    pub async fn renew(&self, issuer: &str, key: Option<&str>) -> Renewal {
        let Ok(_place) = self.waiting.try_acquire() else {
            return Renewal::Unanswered;
        };
        let (reply, renewal) = oneshot::channel();
        let order = Order::Renew {
            issuer: issuer.into(),
            key: key.map(Into::into),
            reply,
        };
        match self.orders.try_send(order) {
            Ok(()) => renewal.await.unwrap_or(Renewal::Unanswered),
            Err(_) => Renewal::Unanswered,
        }
    }

    /// How it stands with every issuer's keys, by their ids.
    pub fn standings(&self) -> Vec<Standing> {
        let now = (self.clock)();
        let notes = self.board.lock();
        let keys = notes.keys.load();
        let mut all: Vec<_> = keys
            .issuers()
            .map(|issuer| notes.standing(issuer, now))
            .collect();
        all.sort_by(|a, b| a.issuer.cmp(&b.issuer));
        all
    }

    /// A blocking send without a runtime: its callers may be on one.
    fn order(&self, mut order: Order) {
        while let Err(mpsc::error::TrySendError::Full(back)) = self.orders.try_send(order) {
            order = back;
            thread::sleep(Duration::from_millis(1));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_its_thread_nothing_is_adopted() {
        let (orders, _) = mpsc::channel(1);
        let keeper = Keeper {
            orders,
            waiting: Arc::new(Semaphore::new(1)),
            board: Arc::default(),
            clock: || Timestamp::from_seconds(0),
            patience: Duration::ZERO,
        };
        let adopted = keeper.adopt(Vec::new(), Keys::default());
        assert_eq!(adopted.err(), Some(KeeperGone));
    }
}
