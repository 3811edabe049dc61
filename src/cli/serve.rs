//! `multicode serve`.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use arc_swap::ArcSwap;
use clap::Args;
use tokio::signal::unix::{SignalKind, signal};

use super::options::Config;
use super::{Exit, Failure, Process, load};
use crate::admin::{
    self, ConfigState, IssuerTrouble, Operations, PlatformTrouble, Readiness, Status,
    UpstreamTrouble,
};
use crate::app::{self, App, Overrides, Started};
use crate::config::ProcessSecrets;
use crate::fetch::Keeper;
use crate::metrics::Metrics;
use crate::proxy::Site;
use crate::reload::Reloader;
use crate::trust::Standing;

#[derive(Args, Debug)]
pub(super) struct Options {
    #[command(flatten)]
    config: Config,
    /// Where the first listener listens, instead of where the file says.
    #[arg(long, value_name = "ADDR")]
    listen: Option<SocketAddr>,
    /// Where operators come in, instead of where the file says.
    #[arg(long, value_name = "ADDR")]
    admin: Option<SocketAddr>,
    /// Threads that serve terminals, instead of what the file says; 0: one a core.
    #[arg(long, value_name = "N")]
    workers: Option<usize>,
    /// What is logged: error, warn, info, debug or trace, also per module.
    #[arg(
        long,
        value_name = "LEVEL",
        env = "MULTICODE_LOG",
        default_value = "info"
    )]
    log: String,
}

pub(super) fn run(options: &Options, process: &mut Process<'_>) -> Result<Exit, Failure> {
    log_to_stderr(&options.log)?;
    let config = load::config(&options.config.config, process)?;
    let overrides = Overrides {
        listen: options.listen,
        admin: options.admin,
        workers: options.workers,
    };
    let app = App::build(config, overrides).map_err(Failure::io)?;
    for address in app.addresses() {
        tracing::info!(%address, "listening for scans");
    }
    if let Some(address) = app.admin_address() {
        tracing::info!(%address, "listening for operators");
    }
    let started = app.start().map_err(Failure::io)?;
    super::block_on(watch(started, options.config.config.clone()))?
}

/// Serves operators, reloads on SIGHUP, drains on SIGTERM or SIGINT.
async fn watch(started: Started, path: PathBuf) -> Result<Exit, Failure> {
    let secrets = Box::new(ProcessSecrets::beside(&path));
    let sites = Arc::clone(&started.sites);
    let keeper = sites.load().shared.keeper.clone();
    let asked = Arc::clone(&sites);
    let reloader = Arc::new(Reloader::new(
        path,
        secrets,
        sites,
        started.metrics.clone(),
        app::now(),
    ));
    let draining = Arc::new(AtomicBool::new(false));
    let gateway = RunningGateway {
        reloader: Arc::clone(&reloader),
        metrics: started.metrics,
        keeper,
        sites: asked,
        draining: Arc::clone(&draining),
    };
    let mut hangup = signal(SignalKind::hangup())?;
    if let Some(listener) = started.admin {
        tokio::spawn(admin::serve(listener, Arc::new(gateway)));
    }
    let mut ended = std::pin::pin!(super::interrupted());
    loop {
        tokio::select! {
            end = &mut ended => break end?,
            _ = hangup.recv() => {
                let reloader = Arc::clone(&reloader);
                // Reading files and compiling tables takes a while; operators are served meanwhile.
                tokio::task::spawn_blocking(move || reloader.reload(app::now()).is_ok());
            }
        }
    }
    draining.store(true, Ordering::Relaxed);
    tracing::info!(open = started.running.connections(), "draining");
    let (running, limit) = (started.running, started.drain);
    let cut_off = tokio::task::spawn_blocking(move || running.drain(limit))
        .await
        .map_err(Failure::io)?;
    tracing::info!(cut_off, "stopped");
    Ok(Exit::Success)
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
        let well = keys_unavailable.is_empty()
            && issuers.is_empty()
            && platforms.is_empty()
            && upstreams.is_empty();
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
        }
    }

    fn exposition(&self) -> String {
        self.sites.load().shared.fleet.note(&self.metrics);
        self.metrics.exposition()
    }

    fn keys(&self) -> Vec<Standing> {
        self.keeper.standings()
    }

    fn refresh_keys(&self, issuer: Option<&str>) {
        self.keeper.refresh(issuer);
    }
}

/// Logs as JSON, one event a line. A panic is logged with its place only: its message may quote
/// what was being read.
fn log_to_stderr(level: &str) -> Result<(), Failure> {
    let filter = tracing_subscriber::EnvFilter::try_new(level).map_err(Failure::usage)?;
    let logger = tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        .with_env_filter(filter);
    logger
        .with_writer(std::io::stderr)
        .try_init()
        .map_err(|error| Failure::usage(error.to_string()))?;
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string);
        tracing::error!(place, "a fault of the gateway");
    }));
    Ok(())
}
