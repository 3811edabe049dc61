//! Where used codes and outcomes are kept: opened last, closed first.

use std::error::Error;
use std::path::PathBuf;
use std::sync::{Arc, LazyLock};
use std::thread;
use std::time::Duration;

use arc_swap::ArcSwapOption;
use tokio::runtime::Builder;
use tokio::time::Instant;
use zeroize::Zeroizing;

use super::exclusive::Exclusive;
use super::{Material, StartError, now, seed};
use crate::config::{Secret, State, StatePlace};
use crate::metrics::StateCounts;
use crate::proxy::guard::Books;
use crate::state::{Away, Ledger, LedgerSetting, Redis, RedisSetting, Seals, Store};
use crate::time::Moment;

/// How long a predecessor may take to let go of its ledger; it takes its work back if its successor
/// is not there after 20 seconds.
const PATIENCE: Duration = Duration::from_secs(15);

/// What the steady clock of this process counts from.
static BEGAN: LazyLock<Instant> = LazyLock::new(Instant::now);

/// Now, by both clocks of the machine.
pub fn moment() -> Moment {
    Moment {
        wall: now(),
        steady: Instant::now().saturating_duration_since(*BEGAN),
    }
}

/// Opens all that several processes may hold at once.
pub(super) fn open(
    state: &State,
    material: &Material,
    most_replicas: u8,
    counts: StateCounts,
) -> Result<Books, StartError> {
    let key = state.key.as_ref().map(Secret::expose);
    let seals = key.map_or_else(Seals::of_this_process, Seals::new);
    let seals = Arc::new(seals.map_err(|_| StartError::Randomness)?);
    let memory = Ledger::open(setting(state, &seals, None), moment());
    let mut books = Books {
        store: ArcSwapOption::empty(),
        memory: Arc::new(Store::Local(memory.map_err(StartError::Ledger)?)),
        lasting: key.is_some() && !matches!(state.place, StatePlace::Memory),
        double_read: state.double_read,
        answer_limit: state.answer_limit,
        seals,
        began: *BEGAN,
        trouble: (key.is_none() && !matches!(state.place, StatePlace::Memory))
            .then_some("the key of [state] is not set"),
        written: material.state.clone(),
        counts,
    };
    let store = match &state.place {
        StatePlace::Redis {
            addresses,
            username,
            password,
            prefix,
            ..
        } if books.lasting => {
            let setting = RedisSetting {
                username: username.clone(),
                password: password.as_ref().map(text).transpose()?,
                ca: material.redis.clone(),
                prefix: prefix.clone(),
                keep: state.keep,
                double_read: state.double_read,
                replicas: most_replicas,
                ..RedisSetting::new(addresses.clone(), moment, seed()?)
            };
            let redis = Redis::start(&setting, Arc::clone(&books.seals));
            let redis = Arc::new(redis.map_err(StartError::Redis)?);
            Some(Arc::new(Store::Shared(redis)))
        }
        // Names made with another key mean nothing to the other gateways.
        StatePlace::Redis { .. } => None,
        StatePlace::File(_) if books.lasting => None,
        StatePlace::File(_) | StatePlace::Memory => Some(Arc::clone(&books.memory)),
    };
    books.store = ArcSwapOption::from(store);
    Ok(books)
}

fn text(password: &Secret) -> Result<Zeroizing<String>, StartError> {
    let text = password.expose_text().map_err(StartError::Password)?;
    Ok(Zeroizing::new(text.to_owned()))
}

fn setting(state: &State, seals: &Arc<Seals>, file: Option<PathBuf>) -> LedgerSetting {
    LedgerSetting {
        file,
        seals: Arc::clone(seals),
        keep: state.keep,
        double_read: state.double_read,
        claims: state.claims,
        patience: PATIENCE,
        records: LedgerSetting::RECORDS,
        bytes: LedgerSetting::BYTES,
    }
}

/// The ledger's file, which one process at a time may hold.
#[derive(Debug)]
pub(super) struct LedgerFile {
    state: State,
    books: Arc<Books>,
    open: Option<Arc<Ledger>>,
}

impl LedgerFile {
    /// The file of these books, if they are kept in one.
    pub(super) fn of(state: State, books: &Arc<Books>) -> Option<Box<dyn Exclusive>> {
        let file_is_kept = books.lasting && matches!(state.place, StatePlace::File(_));
        let file = Self {
            state,
            books: Arc::clone(books),
            open: None,
        };
        let file: Box<dyn Exclusive> = Box::new(file);
        file_is_kept.then_some(file)
    }
}

impl Exclusive for LedgerFile {
    fn name(&self) -> &'static str {
        "the ledger of [state]"
    }

    fn acquire(&mut self) -> Result<(), Box<dyn Error + Send + Sync>> {
        let StatePlace::File(file) = &self.state.place else {
            return Ok(());
        };
        let setting = setting(&self.state, &self.books.seals, Some(file.clone()));
        let ledger = Ledger::open(setting, moment())?;
        let unknown = ledger.standing().unknown;
        if unknown > 0 {
            tracing::warn!(unknown, "requests of which nobody knows what became");
        }
        let store = Store::Local(Arc::clone(&ledger));
        self.books.store.store(Some(Arc::new(store)));
        self.open = Some(ledger);
        Ok(())
    }

    fn release(&mut self) {
        self.books.store.store(None);
        if let Some(ledger) = self.open.take() {
            close(&ledger);
        }
    }
}

/// Closes a ledger from wherever that is asked for: on a thread of its own, as the caller's may be one
/// that must not wait.
fn close(ledger: &Ledger) {
    let wait = || {
        let runtime = Builder::new_current_thread().build().map_err(|_| Away)?;
        runtime.block_on(ledger.close(moment()))
    };
    let closed = thread::scope(|scope| scope.spawn(wait).join());
    if !matches!(closed, Ok(Ok(()))) {
        tracing::error!("the ledger could not be closed; one-time codes made before are refused");
    }
}
