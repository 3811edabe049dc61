//! Issuers and their keys, and what nobody knows the outcome of.

use axum::Json;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::problem::{Answer, Problem, Refusal};
use super::{Desk, Operations, blocking};
use crate::trust::Standing;

/// The issuers and their keys.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Standings {
    /// By their ids.
    pub issuers: Vec<Standing>,
}

/// An issuer, its keys and what was seen of its codes.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct IssuerStory {
    /// How its keys stand.
    #[serde(flatten)]
    pub standing: Standing,
    /// Its codes within the last fifteen minutes.
    pub scans_15m: u64,
    /// Those of them that were refused.
    pub refused_15m: u64,
    /// How far its clock seems to run ahead of this one's.
    pub clock_offset_seconds: Option<f64>,
}

/// The issuers, by their ids.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct IssuersStory {
    /// By their ids.
    pub issuers: Vec<IssuerStory>,
}

/// A request of which nobody knows what became: ask its department by the request's id.
#[derive(Clone, Debug, Serialize, ToSchema)]
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

/// The requests of which nobody knows what became.
#[derive(Serialize, ToSchema)]
pub(super) struct Outcomes {
    /// The oldest first.
    unknown: Vec<UnknownOutcome>,
}

/// Which issuer is meant; all, if none is named.
#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Meant {
    /// The issuer's id.
    issuer: Option<String>,
}

/// The issuers and their keys.
#[utoipa::path(get, path = "/admin/keys", tag = "viewer", responses(
    (status = 200, description = "The issuers, by their ids.", body = IssuersStory),
    (status = "default", body = Problem, content_type = "application/problem+json", description = "Refused.")))]
pub(super) async fn keys(State(desk): State<Desk>) -> Answer<Json<IssuersStory>> {
    let issuers = blocking(desk, Operations::issuers).await?;
    Ok(Json(IssuersStory { issuers }))
}

/// Asks for the keys of one issuer, or of all, and waits for the outcome.
#[utoipa::path(post, path = "/admin/keys/refresh", tag = "operator", params(Meant), responses(
    (status = 200, description = "The issuers that were asked.", body = IssuersStory),
    (status = 404, body = Problem, content_type = "application/problem+json", description = "No such issuer."),
    (status = "default", body = Problem, content_type = "application/problem+json", description = "Refused.")))]
pub(super) async fn refresh(
    State(desk): State<Desk>,
    Query(Meant { issuer }): Query<Meant>,
) -> Answer<Json<IssuersStory>> {
    let work = move |operations: &dyn Operations| {
        let is_meant = |it: &IssuerStory| {
            let name = issuer.as_ref();
            name.is_none_or(|name| *it.standing.issuer == **name)
        };
        if issuer.is_some() && !operations.issuers().iter().any(is_meant) {
            return None;
        }
        operations.refresh_keys(issuer.as_deref());
        let mut issuers = operations.issuers();
        issuers.retain(is_meant);
        Some(IssuersStory { issuers })
    };
    let story = blocking(desk, work).await?;
    let status = StatusCode::NOT_FOUND;
    let unknown = || Refusal::new(status, "unknown-issuer", "no such issuer");
    story.map(Json).ok_or_else(unknown)
}

/// The requests of which nobody knows what became.
#[utoipa::path(get, path = "/admin/outcomes", tag = "viewer", responses(
    (status = 200, description = "The oldest first.", body = Outcomes),
    (status = 503, body = Problem, content_type = "application/problem+json", description = "The store is away."),
    (status = "default", body = Problem, content_type = "application/problem+json", description = "Refused.")))]
pub(super) async fn outcomes(State(desk): State<Desk>) -> Answer<Json<Outcomes>> {
    let unknown = blocking(desk, Operations::unknown_outcomes).await?;
    let unknown = unknown.map_err(|StateAway| {
        let status = StatusCode::SERVICE_UNAVAILABLE;
        let detail = "where outcomes are kept cannot be reached";
        Refusal::new(status, "store-unavailable", detail)
    })?;
    Ok(Json(Outcomes { unknown }))
}
