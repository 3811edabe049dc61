//! The operators' side: health, readiness, metrics. Reads only.
//!
//! What the gateway can tell comes through [`Operations`], which `app`'s layer implements; this
//! module knows no configuration and no workers.

use std::io;
use std::net::TcpListener;
use std::sync::Arc;

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use serde::Serialize;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::set_header::SetResponseHeaderLayer;

/// What operators may ask of a gateway.
pub trait Operations: Send + Sync + 'static {
    /// Whether it can serve, and what stands in the way.
    fn readiness(&self) -> Readiness;
    /// The metrics in the OpenMetrics text format.
    fn exposition(&self) -> String;
}

/// Whether a gateway can serve.
#[derive(Clone, Debug, Serialize)]
pub struct Readiness {
    /// The sum of it.
    pub status: Status,
    /// The configuration.
    pub config: ConfigState,
    /// Keys whose secrets are not set, as `issuer/key`.
    pub keys_unavailable: Vec<String>,
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

/// Serves operators until the process ends.
pub async fn serve(listener: TcpListener, operations: Arc<dyn Operations>) -> io::Result<()> {
    let listener = tokio::net::TcpListener::from_std(listener)?;
    axum::serve(listener, router(operations)).await
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

async fn metrics(State(operations): State<Arc<dyn Operations>>) -> Response {
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    ([(header::CONTENT_TYPE, kind)], operations.exposition()).into_response()
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
