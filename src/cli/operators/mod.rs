//! What operators are told of a gateway of this process, and what they may do with it.

mod files;
mod lab;
mod readiness;
mod topology;
mod traffic;
mod workers;

pub(super) use self::files::differences;
pub(super) use self::workers::Watched;

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use arc_swap::ArcSwap;
use bytes::Bytes;
use data_encoding::HEXLOWER;
use tokio::runtime::Handle;
use tokio::sync::Notify;

use crate::admin::config::{ConfigDiff, ConfigStory, ReloadEntry, ReloadStory};
use crate::admin::events::{Batch, Filter, Refusals};
use crate::admin::lab::{LabStory, MintOrder, Minted, PictureStory, Question};
use crate::admin::overview::{AuditStory, Checkpoint, Identity, Overview, ShipStory};
use crate::admin::topology::{FamiliesStory, RoutesStory, ScenesStory, UpstreamsStory};
use crate::admin::{IssuerStory, Operations, Readiness, Refusal, StateAway, UnknownOutcome};
use crate::app;
use crate::audit;
use crate::metrics::{Exposition, Metrics, StateGauge};
use crate::proxy::Site;
use crate::proxy::guard::Books;
use crate::reload::Reloader;
use crate::sandbox::signer::Signers;
use crate::state::Away;
use crate::telemetry::{Live, Pulse};
use crate::time::Timestamp;

/// The unknown outcomes told at once; the rest is told when these are settled.
const MOST_UNKNOWN: usize = 1_000;

/// A gateway of this process.
#[derive(Debug)]
pub(super) struct Operators {
    /// The configuration in force.
    pub(super) sites: Arc<ArcSwap<Site>>,
    /// The counters.
    pub(super) metrics: Metrics,
    /// Reads the files again.
    pub(super) reloader: Arc<Reloader>,
    /// The scans of the last moments.
    pub(super) live: Live,
    /// The last quarter of an hour.
    pub(super) pulse: Pulse,
    /// Since when it runs.
    pub(super) started: Timestamp,
    /// The machine and the process.
    pub(super) instance: String,
    /// Whether it stops.
    pub(super) draining: Arc<AtomicBool>,
    /// Whose signs of life are asked for.
    pub(super) watched: Watched,
    /// What it is for.
    pub(super) purpose: Purpose,
}

/// What a gateway is for.
#[derive(Debug)]
pub(super) enum Purpose {
    /// To be looked at: it signs with what it was lent, and its files are not the ones in force.
    Show(Signers),
    /// To serve, until this is rung.
    Serve(Arc<Notify>),
}

/// The machine's name and the process's number.
pub(super) fn instance() -> String {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    format!("{}:{}", name.trim(), std::process::id())
}

/// How the audit trail stands.
fn trail(standing: audit::Standing) -> AuditStory {
    let (front, _) = standing.head.split_at(8);
    let head = HEXLOWER.encode(front);
    let ship = standing.ships.into_iter().map(|it| ShipStory {
        name: it.name.into(),
        behind: it.behind,
        last_error: it.trouble.map(Into::into),
    });
    AuditStory {
        enabled: true,
        records: standing.records,
        head: (standing.records > 0).then_some(head),
        checkpoint: standing.checkpoint.map(|(at, size)| Checkpoint {
            at: at.to_string(),
            size,
        }),
        lost: standing.lost,
        trouble: standing.trouble.map(Into::into),
        ship: ship.collect(),
    }
}

impl Operators {
    fn books(&self) -> Arc<Books> {
        Arc::clone(&self.sites.load().shared.books)
    }
}

impl Operations for Operators {
    fn readiness(&self) -> Readiness {
        self.stands()
    }

    fn silent_worker(&self) -> Pin<Box<dyn Future<Output = Option<usize>> + Send>> {
        let watched = self.watched.clone();
        Box::pin(async move { watched.silent().await })
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

    fn identity(&self) -> Identity {
        Identity {
            version: env!("CARGO_PKG_VERSION"),
            instance: self.instance.clone(),
            started: self.started.to_string(),
            now: app::now().to_string(),
        }
    }

    fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Relaxed)
    }

    fn events(&self, after: u64, filter: &Filter, most: usize) -> Batch {
        traffic::batch(&self.live, after, filter, most)
    }

    fn overview(&self) -> Overview {
        self.traffic()
    }

    fn refusals(&self) -> Refusals {
        traffic::refusals(&self.pulse, app::now().seconds())
    }

    fn audit(&self) -> Option<AuditStory> {
        let site = self.sites.load();
        site.shared
            .audit
            .as_ref()
            .map(|audit| trail(audit.standing()))
    }

    fn issuers(&self) -> Vec<IssuerStory> {
        let standings = self.sites.load().shared.keeper.standings();
        traffic::issuers(&self.pulse, standings, app::now().seconds())
    }

    fn refresh_keys(&self, issuer: Option<&str>) {
        self.sites.load().shared.keeper.refresh(issuer);
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

    fn routes(&self) -> RoutesStory {
        self.routes_story()
    }

    fn families(&self) -> FamiliesStory {
        self.families_story()
    }

    fn scenes(&self) -> ScenesStory {
        topology::scenes(&self.sites.load())
    }

    fn upstreams(&self) -> UpstreamsStory {
        topology::upstreams(&self.sites.load().shared.fleet, app::now())
    }

    fn config(&self) -> ConfigStory {
        files::config(&self.reloader)
    }

    fn config_diff(&self) -> ConfigDiff {
        files::diff(&self.reloader)
    }

    fn reloads(&self) -> Vec<ReloadEntry> {
        files::history(&self.reloader)
    }

    fn reload(&self) -> ReloadStory {
        match self.purpose {
            Purpose::Serve(_) => files::reload(&self.reloader),
            Purpose::Show(_) => files::not_reloaded(),
        }
    }

    fn drain(&self) -> bool {
        match &self.purpose {
            Purpose::Serve(end) => {
                end.notify_one();
                true
            }
            Purpose::Show(_) => false,
        }
    }

    fn explain(&self, question: &Question) -> Result<LabStory, Refusal> {
        lab::explain(self, question)
    }

    fn decode(&self, picture: Bytes) -> Result<PictureStory, Refusal> {
        lab::decode(&self.sites.load().shared.pictures, picture)
    }

    fn mint(&self, order: &MintOrder) -> Result<Minted, Refusal> {
        lab::mint(self, order)
    }
}
