//! A new configuration for a running gateway: read, built, tried, and only then in force.
//!
//! Whatever is wrong with the new files, the old configuration goes on serving, and everything
//! says so: the log, the metrics, `/readyz`. Listeners stay as they were bound: their rules and
//! certificates are reloaded, their addresses and number, and whether they speak TLS, need a restart.

mod fixed;
mod reading;

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arc_swap::ArcSwap;

use self::reading::Seen;
use crate::app;
use crate::config::{self, Config, Diagnostics, Fingerprint, Secrets, Style, Written};
use crate::metrics::Metrics;
use crate::proxy::{Entrance, Site};
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
}

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

/// Who asked for the files to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// An operator, by a request.
    Api,
    /// Whoever sent a signal.
    Signal,
    /// The start of the process.
    Start,
    /// Whoever changed them: they are watched.
    Watch,
}

impl By {
    /// The word for it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Api => "api",
            Self::Signal => "signal",
            Self::Start => "start",
            Self::Watch => "watch",
        }
    }
}

/// One reading of the files.
#[derive(Clone, Debug)]
pub struct Reload {
    /// When.
    pub at: Timestamp,
    /// Why they were refused; none: they were put in force.
    pub why: Option<Arc<str>>,
    /// Who asked.
    pub by: By,
}

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
    /// What they came to then; none: what they come to now.
    pub seen: Option<Fingerprint>,
}

impl From<Timestamp> for First {
    /// Of files nobody is told of.
    fn from(since: Timestamp) -> Self {
        Self {
            written: Arc::default(),
            since,
            seen: None,
        }
    }
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
        } = first.into();
        let seen = Seen {
            fingerprint: seen.unwrap_or_else(|| Fingerprint::of(&path, &written.named)),
            named: written.named.clone(),
        };
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
            trials: Mutex::default(),
            history: Mutex::new([start].into()),
            seen: Mutex::new(seen),
            under_way: Mutex::new(()),
            witness: None,
        }
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

    /// What the tests of the files in force came to. Those of the first files are run when somebody
    /// asks; if the files were changed since, the changed ones are.
    pub fn trials(&self) -> Arc<[Outcome]> {
        if let Some(trials) = &*lock(&self.trials) {
            return Arc::clone(trials);
        }
        let run: Arc<[Outcome]> = trial::run(&self.path, &*self.secrets).into();
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
        for trial in trial::run(&self.path, &*self.secrets) {
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
            Ok((site, written, trials)) => {
                self.sites.store(Arc::new(site));
                self.written.store(written);
                *lock(&self.trials) = Some(trials.into());
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

    fn load(&self) -> Result<(Site, Arc<Written>, Vec<Outcome>), String> {
        let (loaded, trials) = self.read()?;
        let Some(config) = loaded.config else {
            return Err(loaded.diagnostics.errors().render(Style::Plain));
        };
        if let Some((trial, failure)) = trials
            .iter()
            .find_map(|trial| Some((trial, trial.failures.first()?)))
        {
            return Err(format!("test \"{}\": {failure}", trial.name));
        }
        let (config, shared) = (self.as_bound(config)?, self.sites.load().shared.clone());
        let written = Arc::clone(&config.written);
        let site = app::site(config, &self.metrics, shared);
        let site = site.map_err(|error| chain(&error))?;
        Ok((site, written, trials))
    }

    /// The listeners in the order they are bound.
    fn as_bound(&self, mut config: Config) -> Result<Config, String> {
        if let Some(changed) = fixed::changed(&self.written.load(), &config.written) {
            return Err(changed);
        }
        let site = self.sites.load();
        if site.shared.books.written != app::written(&config.state) {
            return Err("[state] was changed, which needs a restart".to_owned());
        }
        if site.shared.audit_written != app::audit_written(config.audit.as_ref()) {
            return Err("[audit] was changed, which needs a restart".to_owned());
        }
        let place = |entrance: &Entrance| {
            config
                .listeners
                .iter()
                .position(|listener| listener.name == entrance.name)
        };
        let places: Option<Vec<_>> = site.entrances.iter().map(place).collect();
        let moved = config.listeners.iter().find(|listener| {
            let entrance = site
                .entrances
                .iter()
                .find(|entrance| entrance.name == listener.name);
            entrance.is_some_and(|entrance| entrance.written != listener.address)
        });
        if let Some(moved) = moved {
            return Err(format!(
                "listener \"{}\" has another address, which needs a restart",
                moved.name
            ));
        }
        as_secured(&site, &config)?;
        match places {
            Some(places) if places.len() == config.listeners.len() => {
                config.listeners = places
                    .iter()
                    .filter_map(|&place| config.listeners.get(place).cloned())
                    .collect();
                Ok(config)
            }
            _ => Err("listeners were added or removed, which needs a restart".to_owned()),
        }
    }
}

/// Whether each listener that stays speaks TLS as before: connections that are being made must not be
/// taken for something else.
fn as_secured(site: &Site, config: &Config) -> Result<(), String> {
    let fronts = site.entrances.iter().zip(&*site.shared.fronts);
    for (Entrance { name, .. }, front) in fronts {
        let listener = config.listeners.iter().find(|it| it.name == *name);
        let changed = match (listener.map(|it| it.tls.is_some()), front) {
            (Some(true), None) => "was given",
            (Some(false), Some(_)) => "has lost",
            _ => continue,
        };
        return Err(format!(
            "listener \"{name}\" {changed} its \"tls\", which needs a restart"
        ));
    }
    Ok(())
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
