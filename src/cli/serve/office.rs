//! The operators' side of a running gateway.

use std::net::TcpListener;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::admin::{
    self, ConfigState, IssuerTrouble, Operations, PlatformTrouble, Readiness, StateAway,
    StateTrouble, Status, UnknownOutcome, UpstreamTrouble,
};
use crate::app::{self, App};
use crate::config::ProcessSecrets;
use crate::fetch::Keeper;
use crate::metrics::{Exposition, Metrics, StateGauge};
use crate::proxy::Site;
use crate::proxy::guard::Books;
use crate::reload::Reloader;
use crate::state::Away;
use crate::trust::Standing;

/// The unknown outcomes told at once; the rest is told when these are settled.
const MOST_UNKNOWN: usize = 1_000;

/// How long operators' answers may take when the process ends.
const FAREWELL: Duration = Duration::from_secs(1);

/// Where operators come in, and what they may do there.
#[derive(Debug)]
pub(super) struct Office {
    reloader: Arc<Reloader>,
    draining: Arc<AtomicBool>,
    /// Dropped, it stops letting operators in.
    open: Option<oneshot::Sender<()>>,
    serving: Option<JoinHandle<()>>,
}

impl Office {
    /// Lets operators in.
    pub(super) fn open(app: &App, path: PathBuf, listener: Option<TcpListener>) -> Self {
        let secrets = Box::new(ProcessSecrets::beside(&path));
        let sites = Arc::clone(app.sites());
        let keeper = sites.load().shared.keeper.clone();
        let asked = Arc::clone(&sites);
        let metrics = app.metrics().clone();
        let reloader = Reloader::new(path, secrets, sites, metrics.clone(), app::now());
        let reloader = Arc::new(reloader);
        let draining = Arc::new(AtomicBool::new(false));
        let gateway = RunningGateway {
            reloader: Arc::clone(&reloader),
            metrics,
            keeper,
            sites: asked,
            draining: Arc::clone(&draining),
        };
        let (open, closed) = oneshot::channel::<()>();
        let serving = listener.map(|listener| {
            let closed = async {
                let _ = closed.await;
            };
            tokio::spawn(async {
                if let Err(error) = admin::serve_until(listener, Arc::new(gateway), closed).await {
                    tracing::error!(%error, "operators are not served");
                }
            })
        });
        Self {
            reloader,
            draining,
            open: Some(open),
            serving,
        }
    }

    /// Reads the files again. Reading and compiling them takes a while; operators are served
    /// meanwhile.
    pub(super) fn reload(&self) {
        let reloader = Arc::clone(&self.reloader);
        tokio::task::spawn_blocking(move || reloader.reload(app::now()).is_ok());
    }

    /// Tells operators from now on that the gateway goes.
    pub(super) fn announce_drain(&self) {
        self.draining.store(true, Ordering::Relaxed);
    }

    /// Lets nobody in any more: a successor does.
    pub(super) fn close(&mut self) {
        self.open = None;
    }

    /// Waits a moment for those who are still there.
    pub(super) async fn empty(mut self) {
        self.close();
        if let Some(serving) = self.serving.take() {
            let _ = timeout(FAREWELL, serving).await;
        }
    }
}

/// What operators are told about the gateway.
#[derive(Debug)]
struct RunningGateway {
    reloader: Arc<Reloader>,
    metrics: Metrics,
    keeper: Keeper,
    sites: Arc<ArcSwap<Site>>,
    draining: Arc<AtomicBool>,
}

impl RunningGateway {
    fn books(&self) -> Arc<Books> {
        Arc::clone(&self.sites.load().shared.books)
    }

    fn platforms_in_trouble(&self) -> Vec<PlatformTrouble> {
        let site = self.sites.load();
        let platforms = site.platforms.iter();
        let trouble = platforms.filter_map(|platform| {
            Some(PlatformTrouble {
                introspection: platform.name().to_owned(),
                why: platform.trouble()?.into(),
            })
        });
        trouble.collect()
    }

    fn upstreams_in_trouble(&self) -> Vec<UpstreamTrouble> {
        let trouble = self.sites.load().shared.fleet.in_trouble().into_iter();
        let trouble = trouble.map(|it| UpstreamTrouble {
            upstream: it.upstream,
            why: it.why,
        });
        trouble.collect()
    }

    fn issuers_in_trouble(&self) -> Vec<IssuerTrouble> {
        let standings = self.keeper.standings();
        let trouble = standings.iter().filter_map(|standing| {
            Some(IssuerTrouble {
                issuer: standing.issuer.to_string(),
                state: standing.state.name(),
                why: why(standing)?,
            })
        });
        trouble.collect()
    }
}

/// Why somebody should look at an issuer; whether it is the keys or a list must be told.
fn why(standing: &Standing) -> Option<String> {
    let trouble = standing.trouble()?;
    let mut lists = standing.lists.iter();
    let list = lists.find(|list| list.last_error.is_some());
    Some(match (&standing.last_error, list) {
        (None, Some(list)) => format!("revocation list {}: {trouble}", list.source),
        _ => trouble.to_owned(),
    })
}

impl Operations for RunningGateway {
    fn readiness(&self) -> Readiness {
        let standing = self.reloader.standing();
        let keys_unavailable = self.reloader.keys_unavailable();
        let issuers = self.issuers_in_trouble();
        let platforms = self.platforms_in_trouble();
        let upstreams = self.upstreams_in_trouble();
        let state = self.books().standing().trouble;
        let state = state.map(|why| StateTrouble { why: why.into() });
        let well = keys_unavailable.is_empty()
            && issuers.is_empty()
            && platforms.is_empty()
            && upstreams.is_empty()
            && state.is_none();
        let status = if self.draining.load(Ordering::Relaxed) {
            Status::Draining
        } else if standing.stale.is_some() || !well {
            Status::Degraded
        } else {
            Status::Ready
        };
        let config = ConfigState {
            since: standing.since.to_string(),
            stale_since: standing.stale.as_ref().map(|stale| stale.since.to_string()),
            why: standing.stale.map(|stale| stale.why.to_string()),
        };
        Readiness {
            status,
            config,
            keys_unavailable,
            issuers,
            platforms,
            upstreams,
            state,
        }
    }

    fn exposition(&self, accept: &str) -> Exposition {
        let shared = self.sites.load().shared.clone();
        shared.fleet.note(&self.metrics);
        let line = shared.verifiers.standing();
        self.metrics.desks().line_stands(line);
        let state = self.books().standing();
        self.metrics.state_stands(StateGauge {
            up: state.trouble.is_none(),
            claims: state.claims,
            unknown: state.unknown,
            unwritten: state.unwritten,
        });
        self.metrics.exposition(accept)
    }

    fn keys(&self) -> Vec<Standing> {
        self.keeper.standings()
    }

    fn refresh_keys(&self, issuer: Option<&str>) {
        self.keeper.refresh(issuer);
    }

    fn unknown_outcomes(&self) -> Result<Vec<UnknownOutcome>, StateAway> {
        let books = self.books();
        let asked = books.unknown(MOST_UNKNOWN, app::moment());
        let unknown = Handle::current()
            .block_on(asked)
            .map_err(|Away| StateAway)?;
        let told = unknown.into_iter().map(|(name, about)| UnknownOutcome {
            name: name.to_string(),
            request_id: about.request_id.into(),
            terminal: Some(about.terminal.into()).filter(|it: &String| !it.is_empty()),
            scene: about.scene.into(),
            route: about.route.into(),
            since: about.since.to_string(),
        });
        Ok(told.collect())
    }
}
