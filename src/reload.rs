//! A new configuration for a running gateway: read, built, tried, and only then in force.
//!
//! Whatever is wrong with the new files, the old configuration goes on serving, and everything
//! says so: the log, the metrics, `/readyz`. Listeners stay as they were bound: their rules are
//! reloaded, their addresses, certificates and number need a restart.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;

use crate::app;
use crate::config::{self, Config, Secrets, Style};
use crate::metrics::Metrics;
use crate::proxy::{Entrance, Site};
use crate::time::Timestamp;
use crate::trial;
use crate::trust::Issuer;
use crate::trust::standing::chain;

/// Loads configurations into a running gateway.
pub struct Reloader {
    path: PathBuf,
    secrets: Box<dyn Secrets + Send + Sync>,
    sites: Arc<ArcSwap<Site>>,
    metrics: Metrics,
    standing: Mutex<Standing>,
    /// Held by the reload under way. Two at once might put their sites in force in another order
    /// than their keys.
    under_way: Mutex<()>,
}

impl std::fmt::Debug for Reloader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reloader")
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}

/// How the configuration in force stands to the files.
#[derive(Clone, Debug)]
pub struct Standing {
    /// When the configuration in force was loaded.
    pub since: Timestamp,
    /// When newer files were refused, and how many mistakes they have.
    pub stale: Option<Stale>,
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
    /// Will load `path` again, over what is in `sites` since `since`.
    pub fn new(
        path: PathBuf,
        secrets: Box<dyn Secrets + Send + Sync>,
        sites: Arc<ArcSwap<Site>>,
        metrics: Metrics,
        since: Timestamp,
    ) -> Self {
        Self {
            path,
            secrets,
            sites,
            metrics,
            standing: Mutex::new(Standing { since, stale: None }),
            under_way: Mutex::new(()),
        }
    }

    /// How the configuration in force stands to the files.
    pub fn standing(&self) -> Standing {
        self.standing
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
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
        let _alone = self
            .under_way
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let outcome = self.load();
        let mut standing = self.standing.lock().unwrap_or_else(PoisonError::into_inner);
        self.metrics.reloaded(outcome.is_ok(), now);
        match outcome {
            Ok(site) => {
                self.sites.store(Arc::new(site));
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

    fn load(&self) -> Result<Site, String> {
        let loaded = config::load(&self.path, &*self.secrets);
        let Some(config) = loaded.config else {
            return Err(loaded.diagnostics.errors().render(Style::Plain));
        };
        let trials = trial::run(&self.path, &*self.secrets);
        if let Some((trial, failure)) = trials
            .iter()
            .find_map(|trial| Some((trial, trial.failures.first()?)))
        {
            return Err(format!("test \"{}\": {failure}", trial.name));
        }
        let (config, shared) = (self.as_bound(config)?, self.sites.load().shared.clone());
        app::site(config, &self.metrics, shared).map_err(|error| chain(&error))
    }

    /// The listeners in the order they are bound.
    fn as_bound(&self, mut config: Config) -> Result<Config, String> {
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
