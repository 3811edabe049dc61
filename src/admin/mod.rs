//! The operators' side: health, readiness, metrics, keys. Changes nothing, but may have keys
//! fetched.
//!
//! What the gateway can tell comes through [`Operations`], which `app`'s layer implements; this
//! module knows no configuration and no workers.

mod reserve;

use std::io;
use std::net::TcpListener;
use std::sync::Arc;

use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::{Deserialize, Serialize};
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::set_header::SetResponseHeaderLayer;

use crate::metrics::Exposition;
use crate::trust::Standing;

/// What operators may ask of a gateway.
pub trait Operations: Send + Sync + 'static {
    /// Whether it can serve, and what stands in the way.
    fn readiness(&self) -> Readiness;
    /// The metrics in the format that this `Accept` header prefers.
    fn exposition(&self, accept: &str) -> Exposition;
    /// The issuers and their keys, by their ids.
    fn keys(&self) -> Vec<Standing>;
    /// Asks for the keys of one issuer, or of all, and waits for the outcome. Blocks.
    fn refresh_keys(&self, issuer: Option<&str>);
    /// The requests of which nobody knows what became, the oldest first. Blocks.
    fn unknown_outcomes(&self) -> Result<Vec<UnknownOutcome>, StateAway>;
}

/// A request of which nobody knows what became: ask its department by the request's id.
#[derive(Clone, Debug, Serialize)]
pub struct UnknownOutcome {
    /// The name of its record.
    pub name: String,
    /// Its id, which the department was told.
    pub request_id: String,
    /// The terminal, if it said which.
    pub terminal: Option<String>,
    /// The scene.
    pub scene: String,
    /// The route.
    pub route: String,
    /// When it came.
    pub since: String,
}

/// Where outcomes are kept cannot be reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StateAway;

/// Whether a gateway can serve.
#[derive(Clone, Debug, Serialize)]
pub struct Readiness {
    /// The sum of it.
    pub status: Status,
    /// The configuration.
    pub config: ConfigState,
    /// Keys whose secrets are not set, as `issuer/key`.
    pub keys_unavailable: Vec<String>,
    /// Issuers whose keys or lists could not be had the last time.
    pub issuers: Vec<IssuerTrouble>,
    /// Platforms of issuers that gave no word the last time they were asked about a code.
    pub platforms: Vec<PlatformTrouble>,
    /// Departments' backends of which no endpoint is well.
    pub upstreams: Vec<UpstreamTrouble>,
    /// Why what is sent cannot be recorded; none if it can.
    pub state: Option<StateTrouble>,
}

/// A backend of which no endpoint is well.
#[derive(Clone, Debug, Serialize)]
pub struct UpstreamTrouble {
    /// Its name.
    pub upstream: String,
    /// What is the matter with its endpoints.
    pub why: String,
}

/// What is sent cannot be recorded.
#[derive(Clone, Debug, Serialize)]
pub struct StateTrouble {
    /// Why.
    pub why: String,
}

/// A platform that gave no word the last time.
#[derive(Clone, Debug, Serialize)]
pub struct PlatformTrouble {
    /// The name of its introspection.
    pub introspection: String,
    /// Why.
    pub why: String,
}

/// An issuer whose keys or lists could not be had the last time.
#[derive(Clone, Debug, Serialize)]
pub struct IssuerTrouble {
    /// Its id.
    pub issuer: String,
    /// The sum of it: `awaited`, `failing`, `stale`; of its lists alone, what its keys are.
    pub state: &'static str,
    /// Why.
    pub why: String,
}

/// The sum of a gateway's readiness.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// It serves, but not all is as it should be.
    Degraded,
    /// It stops and takes no more requests.
    Draining,
    /// All is well.
    Ready,
}

/// How the configuration in force stands to the files.
#[derive(Clone, Debug, Serialize)]
pub struct ConfigState {
    /// When it was loaded, RFC 3339.
    pub since: String,
    /// Since when newer files are refused.
    pub stale_since: Option<String>,
    /// Why they are.
    pub why: Option<String>,
}

/// The issuers and their keys.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Standings {
    /// By their ids.
    pub issuers: Vec<Standing>,
}

/// Serves operators until the process ends.
pub async fn serve(listener: TcpListener, operations: Arc<dyn Operations>) -> io::Result<()> {
    serve_until(listener, operations, std::future::pending()).await
}

/// Serves operators; from `end` on accepts nobody, and returns when those who are there have their
/// answers.
pub async fn serve_until(
    listener: TcpListener,
    operations: Arc<dyn Operations>,
    end: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    let listener = tokio::net::TcpListener::from_std(listener)?;
    let door = reserve::Door::new(listener);
    let serving = axum::serve(door, router(operations));
    serving.with_graceful_shutdown(end).await
}

/// The operators' paths.
pub fn router(operations: Arc<dyn Operations>) -> Router {
    let no_store = SetResponseHeaderLayer::overriding(
        header::CACHE_CONTROL,
        header::HeaderValue::from_static("no-store"),
    );
    Router::new()
        .route("/livez", get(async || "ok\n"))
        .route("/readyz", get(readyz))
        .route("/metrics", get(metrics))
        .route("/version", get(version))
        .route("/admin/keys", get(keys))
        .route("/admin/keys/refresh", post(refresh_keys))
        .route("/admin/outcomes", get(outcomes))
        .layer(no_store)
        .layer(CatchPanicLayer::new())
        .with_state(operations)
}

async fn readyz(State(operations): State<Arc<dyn Operations>>) -> Response {
    let readiness = operations.readiness();
    // A stale or incomplete configuration still serves: taking the gateway out of the balancer
    // would make things worse.
    let status = match readiness.status {
        Status::Draining => StatusCode::SERVICE_UNAVAILABLE,
        Status::Degraded | Status::Ready => StatusCode::OK,
    };
    (status, Json(readiness)).into_response()
}

async fn metrics(State(operations): State<Arc<dyn Operations>>, headers: HeaderMap) -> Response {
    let accept = headers.get(header::ACCEPT);
    let accept = accept.and_then(|accept| accept.to_str().ok());
    let found = operations.exposition(accept.unwrap_or_default());
    ([(header::CONTENT_TYPE, found.content_type)], found.body).into_response()
}

async fn keys(State(operations): State<Arc<dyn Operations>>) -> Json<Standings> {
    let issuers = operations.keys();
    Json(Standings { issuers })
}

/// Which issuer is meant; all, if none is named.
#[derive(Deserialize)]
struct Meant {
    issuer: Option<String>,
}

async fn refresh_keys(
    State(operations): State<Arc<dyn Operations>>,
    Query(Meant { issuer }): Query<Meant>,
) -> Response {
    let work = move || {
        let known = |name: &String| operations.keys().iter().any(|it| *it.issuer == **name);
        if !issuer.as_ref().is_none_or(known) {
            return None;
        }
        operations.refresh_keys(issuer.as_deref());
        let mut issuers = operations.keys();
        issuers.retain(|it| issuer.as_ref().is_none_or(|name| *it.issuer == **name));
        Some(Standings { issuers })
    };
    match tokio::task::spawn_blocking(work).await {
        Ok(Some(story)) => Json(story).into_response(),
        Ok(None) => (StatusCode::NOT_FOUND, "no such issuer\n").into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

/// The answer to `/admin/outcomes`.
#[derive(Serialize)]
struct Outcomes {
    unknown: Vec<UnknownOutcome>,
}

async fn outcomes(State(operations): State<Arc<dyn Operations>>) -> Response {
    match tokio::task::spawn_blocking(move || operations.unknown_outcomes()).await {
        Ok(Ok(unknown)) => Json(Outcomes { unknown }).into_response(),
        Ok(Err(StateAway)) => {
            let why = "where outcomes are kept cannot be reached\n";
            (StatusCode::SERVICE_UNAVAILABLE, why).into_response()
        }
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

async fn version() -> Json<Version> {
    Json(Version {
        name: env!("CARGO_PKG_NAME"),
        version: env!("CARGO_PKG_VERSION"),
    })
}

#[derive(Serialize)]
struct Version {
    name: &'static str,
    version: &'static str,
}
