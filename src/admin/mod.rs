//! The operators' side: what there is to see of a running gateway, and the little there is to do.
//!
//! What the gateway can tell comes through [`Operations`], which the command line implements; this
//! module knows no configuration and no workers. Whatever may take longer than a moment is done
//! aside: operators share a thread with each other and with the process's signals.

pub mod config;
mod console;
pub mod events;
mod gate;
pub mod health;
pub mod keys;
pub mod lab;
pub mod openapi;
pub mod overview;
mod problem;
mod reserve;
pub mod tokens;
pub mod topology;

use std::io;
use std::net::TcpListener;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, FromRef};
use axum::http::header;
use axum::routing::{get, post};
use axum::{Router, middleware};
use tokio::sync::Semaphore;
use tokio::time::timeout;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::set_header::SetResponseHeaderLayer;

pub use self::gate::Access;
pub use self::health::{
    AuditTrouble, ConfigState, IssuerTrouble, PlatformTrouble, Readiness, StateTrouble, Status,
    UpstreamTrouble,
};
pub use self::keys::{IssuerStory, Standings, StateAway, UnknownOutcome};
pub use self::problem::Refusal;
pub use self::tokens::{Role, TokenTexts, Tokens};
use crate::metrics::Exposition;
use crate::proxy::pictures::MAX_PICTURE_BYTES;

/// Where pictures are taken.
pub(crate) const DECODE: &str = "/admin/decode";

/// The longest question: a text, and a department's file several times over.
const MAX_QUESTION_BYTES: usize = 64 * 1024;

/// What the gateway does at the same time for operators and whoever reads its metrics: enough for a
/// few consoles, and few of the threads that look at scanned pictures and write the ledger.
const ASKED_AT_ONCE: usize = 8;

/// How long a request waits for those in front of it, for a console asks several things at once.
const PATIENCE: Duration = Duration::from_millis(500);

/// What operators may ask of a gateway. All of it may block, unless it says otherwise.
pub trait Operations: Send + Sync + 'static {
    /// Whether it can serve, and what stands in the way. At once.
    fn readiness(&self) -> Readiness;
    /// The worker that gives no sign of life, counted from 0; waits a few seconds for one.
    fn silent_worker(&self) -> Pin<Box<dyn Future<Output = Option<usize>> + Send>>;
    /// The metrics in the format that this `Accept` header prefers.
    fn exposition(&self, accept: &str) -> Exposition;
    /// Which process it is. At once.
    fn identity(&self) -> overview::Identity;
    /// Whether it stops. At once.
    fn is_draining(&self) -> bool;
    /// What came after the event of that number and is meant, at most so many. At once.
    fn events(&self, after: u64, filter: &events::Filter, most: usize) -> events::Batch;
    /// How it goes.
    fn overview(&self) -> overview::Overview;
    /// Why scans were refused.
    fn refusals(&self) -> events::Refusals;
    /// How the audit trail stands, if there is one.
    fn audit(&self) -> Option<overview::AuditStory>;
    /// The issuers and their keys, by their ids.
    fn issuers(&self) -> Vec<IssuerStory>;
    /// Asks for the keys of one issuer, or of all, and waits for the outcome.
    fn refresh_keys(&self, issuer: Option<&str>);
    /// The requests of which nobody knows what became, the oldest first.
    fn unknown_outcomes(&self) -> Result<Vec<UnknownOutcome>, StateAway>;
    /// The routes and everything around them.
    fn routes(&self) -> topology::RoutesStory;
    /// The code families.
    fn families(&self) -> topology::FamiliesStory;
    /// The scenes.
    fn scenes(&self) -> topology::ScenesStory;
    /// The departments' backends.
    fn upstreams(&self) -> topology::UpstreamsStory;
    /// The configuration in force.
    fn config(&self) -> config::ConfigStory;
    /// How the files on disk differ from it.
    fn config_diff(&self) -> config::ConfigDiff;
    /// The last reloads, the newest first.
    fn reloads(&self) -> Vec<config::ReloadEntry>;
    /// Reads the files again.
    fn reload(&self) -> config::ReloadStory;
    /// Has the end begin; whether that is possible. At once.
    fn drain(&self) -> bool;
    /// What would become of a scan.
    fn explain(&self, question: &lab::Question) -> Result<lab::LabStory, Refusal>;
    /// The codes in a picture.
    fn decode(&self, picture: Bytes) -> Result<lab::PictureStory, Refusal>;
    /// A code to try with.
    fn mint(&self, order: &lab::MintOrder) -> Result<lab::Minted, Refusal>;
}

/// Where a gateway is asked what may take a while; clones share its places.
#[derive(Clone)]
struct Desk {
    operations: Arc<dyn Operations>,
    places: Arc<Semaphore>,
}

/// What handlers may ask for.
#[derive(Clone)]
struct Office {
    desk: Desk,
    bench: lab::Bench,
    watchers: events::Watchers,
}

impl FromRef<Office> for Arc<dyn Operations> {
    fn from_ref(office: &Office) -> Self {
        Self::clone(&office.desk.operations)
    }
}

impl FromRef<Office> for Desk {
    fn from_ref(office: &Office) -> Self {
        office.desk.clone()
    }
}

impl FromRef<Office> for lab::Bench {
    fn from_ref(office: &Office) -> Self {
        office.bench.clone()
    }
}

impl FromRef<Office> for events::Watchers {
    fn from_ref(office: &Office) -> Self {
        office.watchers.clone()
    }
}

/// Serves operators until the process ends.
pub async fn serve(
    listener: TcpListener,
    operations: Arc<dyn Operations>,
    access: impl Into<Arc<Access>>,
) -> io::Result<()> {
    serve_until(listener, operations, access, std::future::pending()).await
}

/// Serves operators; from `end` on accepts nobody, and returns when those who are there have their
/// answers.
pub async fn serve_until(
    listener: TcpListener,
    operations: Arc<dyn Operations>,
    access: impl Into<Arc<Access>>,
    end: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    let listener = tokio::net::TcpListener::from_std(listener)?;
    let door = reserve::Door::new(listener);
    let serving = axum::serve(door, router(operations, access.into()));
    serving.with_graceful_shutdown(end).await
}

/// The operators' paths.
pub fn router(operations: Arc<dyn Operations>, access: Arc<Access>) -> Router {
    let no_store = SetResponseHeaderLayer::if_not_present(
        header::CACHE_CONTROL,
        header::HeaderValue::from_static("no-store"),
    );
    let no_sniff = SetResponseHeaderLayer::if_not_present(
        header::X_CONTENT_TYPE_OPTIONS,
        header::HeaderValue::from_static("nosniff"),
    );
    let places = Arc::new(Semaphore::new(ASKED_AT_ONCE));
    let office = Office {
        desk: Desk { operations, places },
        bench: lab::Bench::default(),
        watchers: events::Watchers::default(),
    };
    open()
        .merge(looking())
        .merge(acting())
        .layer(CatchPanicLayer::new())
        .layer(middleware::from_fn_with_state(access, gate::keep))
        .layer(middleware::map_response(problem::tell))
        .layer(no_store)
        .layer(no_sniff)
        .with_state(office)
}

/// Whatever everybody may read who reaches the listener.
fn open() -> Router<Office> {
    Router::new()
        .route("/", get(console::root))
        .route("/livez", get(health::livez))
        .route("/readyz", get(health::readyz))
        .route("/metrics", get(health::metrics))
        .route("/version", get(health::version))
        .route("/openapi.json", get(openapi::document))
        .route("/console", get(console::root))
        .route("/console/", get(console::index))
        .route("/console/{*path}", get(console::file))
}

/// What viewers may do.
fn looking() -> Router<Office> {
    let pictures = DefaultBodyLimit::max(MAX_PICTURE_BYTES);
    Router::new()
        .route("/admin/session", get(overview::session))
        .route("/admin/overview", get(overview::overview))
        .route("/admin/audit", get(overview::audit))
        .route("/admin/events", get(events::events))
        .route("/admin/events/recent", get(events::recent))
        .route("/admin/refusals", get(events::refusals))
        .route("/admin/keys", get(keys::keys))
        .route("/admin/outcomes", get(keys::outcomes))
        .route("/admin/routes", get(topology::routes))
        .route("/admin/families", get(topology::families))
        .route("/admin/scenes", get(topology::scenes))
        .route("/admin/upstreams", get(topology::upstreams))
        .route("/admin/config", get(config::config))
        .route("/admin/config/diff", get(config::diff))
        .route("/admin/config/history", get(config::history))
        .route("/admin/explain", post(lab::explain))
        .route("/admin/mint", post(lab::mint))
        .layer(DefaultBodyLimit::max(MAX_QUESTION_BYTES))
        .merge(
            Router::new()
                .route(DECODE, post(lab::decode))
                .layer(pictures),
        )
}

/// What only operators may do.
fn acting() -> Router<Office> {
    Router::new()
        .route("/admin/keys/refresh", post(keys::refresh))
        .route("/admin/reload", post(config::reload))
        .route("/admin/drain", post(config::drain))
        .layer(DefaultBodyLimit::max(MAX_QUESTION_BYTES))
        .route_layer(middleware::from_fn(gate::operators_only))
}

/// Asks aside, for the answer may take a while, unless enough is asked already.
async fn blocking<T: Send + 'static>(
    desk: Desk,
    ask: impl FnOnce(&dyn Operations) -> T + Send + 'static,
) -> problem::Answer<T> {
    let Desk { operations, places } = desk;
    let place = timeout(PATIENCE, places.acquire_owned()).await;
    let Ok(Ok(place)) = place else {
        let detail = "too much is asked at the same time, come again in a moment";
        return Err(Refusal::busy(detail));
    };
    // Whoever asked may go: the place is taken until the work is done.
    let work = move || {
        let answer = ask(&*operations);
        drop(place);
        answer
    };
    let asked = tokio::task::spawn_blocking(work).await;
    asked.map_err(|_| Refusal::internal())
}
