//! Open to everybody who reaches the listener: whether it lives and serves, and its figures.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

use super::problem::Answer;
use super::{Desk, Operations, blocking};

/// Whether a gateway can serve.
#[derive(Clone, Debug, Serialize, ToSchema)]
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
    /// Why the audit trail is not as it should be; none if it is, or if there is none.
    pub audit: Option<AuditTrouble>,
}

/// The audit trail is not as it should be.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct AuditTrouble {
    /// Why.
    pub why: String,
}

/// A backend of which no endpoint is well.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct UpstreamTrouble {
    /// Its name.
    pub upstream: String,
    /// What is the matter with its endpoints.
    pub why: String,
}

/// What is sent cannot be recorded.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct StateTrouble {
    /// Why.
    pub why: String,
}

/// A platform that gave no word the last time.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct PlatformTrouble {
    /// The name of its introspection.
    pub introspection: String,
    /// Why.
    pub why: String,
}

/// An issuer whose keys or lists could not be had the last time.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct IssuerTrouble {
    /// Its id.
    pub issuer: String,
    /// The sum of it: `awaited`, `failing`, `stale`; of its lists alone, what its keys are.
    pub state: &'static str,
    /// Why.
    pub why: String,
}

/// The sum of a gateway's readiness.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
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
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ConfigState {
    /// When it was loaded, RFC 3339.
    pub since: String,
    /// Since when newer files are refused.
    pub stale_since: Option<String>,
    /// Why they are.
    pub why: Option<String>,
}

/// What this program is.
#[derive(Serialize, ToSchema)]
pub(super) struct Version {
    name: &'static str,
    version: &'static str,
}

/// Whether the process lives, and every worker of it.
#[utoipa::path(get, path = "/livez", tag = "open", security(()), responses(
    (status = 200, description = "It lives.", body = String, content_type = "text/plain"),
    (status = 503, description = "A worker hangs, and only another process will do its work.",
        body = String, content_type = "text/plain")))]
pub(super) async fn livez(State(operations): State<Arc<dyn Operations>>) -> (StatusCode, String) {
    match operations.silent_worker().await {
        None => (StatusCode::OK, "ok\n".to_owned()),
        Some(worker) => {
            let told = format!("worker {worker} does not answer\n");
            (StatusCode::SERVICE_UNAVAILABLE, told)
        }
    }
}

/// Whether it can serve, and what stands in the way.
#[utoipa::path(get, path = "/readyz", tag = "open", security(()), responses(
    (status = 200, description = "It serves, perhaps not all as it should be.", body = Readiness),
    (status = 503, description = "It stops.", body = Readiness)))]
pub(super) async fn readyz(State(operations): State<Arc<dyn Operations>>) -> Response {
    let readiness = operations.readiness();
    // A stale or incomplete configuration still serves: taking the gateway out of the balancer
    // would make things worse.
    let status = match readiness.status {
        Status::Draining => StatusCode::SERVICE_UNAVAILABLE,
        Status::Degraded | Status::Ready => StatusCode::OK,
    };
    (status, Json(readiness)).into_response()
}

/// The metrics, as OpenMetrics text or as what is accepted instead.
#[utoipa::path(get, path = "/metrics", tag = "open", security(()), responses(
    (status = 200, description = "The metrics.", body = String,
        content_type = "application/openmetrics-text; version=1.0.0; charset=utf-8")))]
pub(super) async fn metrics(State(desk): State<Desk>, headers: HeaderMap) -> Answer<Response> {
    let accept = headers.get(header::ACCEPT);
    let accept = accept.and_then(|accept| accept.to_str().ok());
    let accept = accept.unwrap_or_default().to_owned();
    let found = blocking(desk, move |it| it.exposition(&accept)).await?;
    Ok(([(header::CONTENT_TYPE, found.content_type)], found.body).into_response())
}

/// What this program is.
#[utoipa::path(get, path = "/version", tag = "open", security(()), responses(
    (status = 200, description = "Its name and version.", body = Version)))]
pub(super) async fn version() -> Json<Version> {
    Json(Version {
        name: env!("CARGO_PKG_NAME"),
        version: env!("CARGO_PKG_VERSION"),
    })
}
