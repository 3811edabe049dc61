//! A new configuration for a running gateway: read, built, tried, and only then in force.
//!
//! Whatever is wrong with the new files, the old configuration goes on serving, and everything
//! says so: the log, the metrics, `/readyz`. Listeners stay as they were bound: their rules and
//! certificates are reloaded, their addresses and number, and whether they speak TLS, need a restart.

mod bound;
mod fixed;
mod history;
mod reading;

use std::collections::{BTreeSet, VecDeque};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arc_swap::ArcSwap;

use self::bound::as_bound;
pub use self::history::{By, Reload};
pub use self::reading::{Reading, Ready, Refused, Seen, read};
use crate::app;
use crate::config::{self, Admin, Diagnostics, Fingerprint, Secrets, Written};
use crate::metrics::Metrics;
use crate::proxy::Site;
use crate::time::Timestamp;
use crate::trial::{self, Outcome};
use crate::trust::Issuer;
use crate::trust::standing::chain;

/// Loads configurations into a running gateway.
pub struct Reloader {
    path: PathBuf,
    secrets: Box<dyn Secrets + Send + Sync>,
    sites: Arc<ArcSwap<Site>>,
    metrics: Metrics,
    standing: Mutex<Standing>,
    /// The files in force.
    written: ArcSwap<Written>,
    /// What the files' tests came to when they were last run for files in force.
    trials: Mutex<Option<Arc<[Outcome]>>>,
    history: Mutex<VecDeque<Reload>>,
    /// The files as they were last read, with or without success.
    seen: Mutex<Seen>,
    /// Held by the reload under way. Two at once might put their sites in force in another order
    /// than their keys.
    under_way: Mutex<()>,
    /// Who is told of every reload.
    witness: Option<Box<dyn Witness>>,
    /// Lets those operators in whom newer files name.
    admit: Option<Box<Admit>>,
}

/// Lets those operators in whom files name, and nobody else.
pub type Admit = dyn Fn(Option<&Admin>) + Send + Sync;

/// Is told when the files are read, and what came of it.
pub trait Witness: Send + Sync {
    /// They are being read.
    fn begins(&self);
    /// They are in force, or were refused.
    fn ended(&self, outcome: Result<(), &Stale>);
}

impl std::fmt::Debug for Reloader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reloader")
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}

/// The reloads that are remembered.
const REMEMBERED: usize = 100;

/// How the configuration in force stands to the files.
#[derive(Clone, Debug)]
pub struct Standing {
    /// When the configuration in force was loaded.
    pub since: Timestamp,
    /// When newer files were refused, and how many mistakes they have.
    pub stale: Option<Stale>,
}

/// What a process begins with.
#[derive(Debug)]
pub struct First {
    /// The files.
    pub written: Arc<Written>,
    /// When they were read.
    pub since: Timestamp,
    /// The same as they lay there; none: as they lie there now.
    pub seen: Option<Seen>,
    /// What their tests came to; none: they were not run.
    pub trials: Option<Vec<Outcome>>,
}

impl From<Timestamp> for First {
    /// Of files nobody is told of.
    fn from(since: Timestamp) -> Self {
        Self {
            written: Arc::default(),
            since,
            seen: None,
            trials: None,
        }
    }
}

/// Newer files that come into force.
struct New {
    site: Site,
    written: Arc<Written>,
    admin: Option<Admin>,
    trials: Vec<Outcome>,
}

/// Newer files that were refused.
#[derive(Clone, Debug)]
pub struct Stale {
    /// When.
    pub since: Timestamp,
    /// Why, in the words of `check`.
    pub why: Arc<str>,
}

impl Reloader {
    /// Will load `path` again, over what is in `sites`, which was made of `first`.
    pub fn new(
        path: PathBuf,
        secrets: Box<dyn Secrets + Send + Sync>,
        sites: Arc<ArcSwap<Site>>,
        metrics: Metrics,
        first: impl Into<First>,
    ) -> Self {
        let First {
            written,
            since,
            seen,
            trials,
        } = first.into();
        let seen = seen.unwrap_or_else(|| Seen {
            fingerprint: Some(Fingerprint::of(&path, &written.named)),
            named: written.named.clone(),
        });
        let start = Reload {
            at: since,
            why: None,
            by: By::Start,
        };
        Self {
            path,
            secrets,
            sites,
            metrics,
            standing: Mutex::new(Standing { since, stale: None }),
            written: ArcSwap::new(written),
            trials: Mutex::new(trials.map(Into::into)),
            history: Mutex::new([start].into()),
            seen: Mutex::new(seen),
            under_way: Mutex::new(()),
            witness: None,
            admit: None,
        }
    }

    /// The same, and has those let in whom newer files name.
    #[must_use]
    pub fn admitting(mut self, admit: Box<Admit>) -> Self {
        self.admit = Some(admit);
        self
    }

    /// The same, and tells this one of every reload.
    #[must_use]
    pub fn witnessed_by(mut self, witness: Box<dyn Witness>) -> Self {
        self.witness = Some(witness);
        self
    }

    /// The files in force, as operators may see them.
    pub fn written(&self) -> Arc<Written> {
        self.written.load_full()
    }

    /// The main file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Where secrets are.
    pub fn secrets(&self) -> &dyn Secrets {
        &*self.secrets
    }

    /// The last readings of the files, the newest first.
    pub fn history(&self) -> Vec<Reload> {
        lock(&self.history).iter().cloned().collect()
    }

    /// What the tests of the files in force came to. If they were not run, as for a demonstration, those
    /// that lie there now are when somebody asks.
    pub fn trials(&self) -> Arc<[Outcome]> {
        if let Some(trials) = &*lock(&self.trials) {
            return Arc::clone(trials);
        }
        let run = trial::run(&self.path, &*self.secrets).unwrap_or_default();
        let run: Arc<[Outcome]> = run.into();
        Arc::clone(lock(&self.trials).get_or_insert(run))
    }

    /// What `check` says of the files as they are on disk, but for overlaps, and the files.
    pub fn look(&self, now: Timestamp) -> (Diagnostics, Arc<Written>) {
        let loaded = config::load(&self.path, &*self.secrets);
        let mut diagnostics = loaded.diagnostics;
        if let Some(config) = &loaded.config {
            for found in config::certificates(&config.listeners, now) {
                diagnostics.push(found);
            }
        }
        for trial in trial::run(&self.path, &*self.secrets).unwrap_or_default() {
            for failure in &trial.failures {
                diagnostics.push(trial.finding(failure));
            }
        }
        (diagnostics, loaded.written)
    }

    /// How the configuration in force stands to the files.
    pub fn standing(&self) -> Standing {
        lock(&self.standing).clone()
    }

    /// The keys whose secrets are not set, as `issuer/key`.
    pub fn keys_unavailable(&self) -> Vec<String> {
        let keys = self.sites.load().keys.load_full();
        let issuers = keys.issuers();
        let of = |issuer: &Issuer| {
            let unset = issuer.keys.iter().filter(|key| key.verifier.is_none());
            unset
                .map(|key| format!("{}/{}", issuer.id, key.label()))
                .collect::<Vec<_>>()
        };
        let mut keys: Vec<_> = issuers.flat_map(of).collect();
        keys.sort_unstable();
        keys
    }

    /// Reads the files and, if nothing is wrong with them, puts them in force. Waits for a reload
    /// that is under way.
    pub fn reload(&self, now: Timestamp) -> Result<(), Stale> {
        self.reload_for(By::Signal, now)
    }

    /// The same for whoever asked.
    pub fn reload_for(&self, by: By, now: Timestamp) -> Result<(), Stale> {
        let _alone = lock(&self.under_way);
        self.reload_told(by, now)
    }

    /// The same for whoever saw that the files come to this now, unless somebody else had them read
    /// meanwhile.
    pub fn reload_seen(&self, now_there: Fingerprint, now: Timestamp) {
        let _alone = lock(&self.under_way);
        if self.seen() != Some(now_there) {
            // It is in the log, in the metrics and in /readyz.
            let _ = self.reload_told(By::Watch, now);
        }
    }

    /// What the files come to now.
    pub fn fingerprint(&self) -> Fingerprint {
        Fingerprint::of(&self.path, &self.named())
    }

    /// What they came to when they were last read, with or without success; none: they must be read
    /// once more.
    pub fn seen(&self) -> Option<Fingerprint> {
        lock(&self.seen).fingerprint
    }

    /// The files that are named in those in force and in those that were last read.
    pub fn named(&self) -> BTreeSet<PathBuf> {
        lock(&self.seen).named.clone()
    }

    fn reload_told(&self, by: By, now: Timestamp) -> Result<(), Stale> {
        if let Some(witness) = &self.witness {
            witness.begins();
        }
        let outcome = self.reload_alone(by, now);
        if let Some(witness) = &self.witness {
            witness.ended(outcome.as_ref().copied());
        }
        outcome
    }

    fn reload_alone(&self, by: By, now: Timestamp) -> Result<(), Stale> {
        let outcome = self.load();
        let mut standing = lock(&self.standing);
        self.metrics.reloaded(outcome.is_ok(), now);
        self.remember(Reload {
            at: now,
            why: outcome.as_ref().err().map(|why| why.as_str().into()),
            by,
        });
        match outcome {
            Ok(new) => {
                self.sites.store(Arc::new(new.site));
                self.written.store(new.written);
                if let Some(admit) = &self.admit {
                    admit(new.admin.as_ref());
                }
                *lock(&self.trials) = Some(new.trials.into());
                *standing = Standing {
                    since: now,
                    stale: None,
                };
                tracing::info!("configuration reloaded");
                Ok(())
            }
            Err(why) => {
                let stale = Stale {
                    since: now,
                    why: why.into(),
                };
                standing.stale = Some(stale.clone());
                tracing::error!(
                    why = &*stale.why,
                    "configuration refused, the old one stays in force"
                );
                Err(stale)
            }
        }
    }

    fn remember(&self, reload: Reload) {
        let mut history = lock(&self.history);
        history.truncate(REMEMBERED - 1);
        history.push_front(reload);
    }

    fn load(&self) -> Result<New, String> {
        let in_force = self.written.load();
        let reading = read(&self.path, &*self.secrets, self.named(), &in_force);
        *lock(&self.seen) = reading.seen;
        let Ready {
            config,
            material,
            trials,
        } = reading.outcome.map_err(Refused::why)?;
        let site = self.sites.load_full();
        let config = as_bound(config, &material, &in_force, &site)?;
        let (written, admin) = (Arc::clone(&config.written), config.admin.clone());
        let site = app::site(config, material, &self.metrics, site.shared.clone());
        let site = site.map_err(|error| chain(&error))?;
        Ok(New {
            site,
            written,
            admin,
            trials,
        })
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
