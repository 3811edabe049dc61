//! The files: those in force, those on disk, what became of reloads; and the end of the process.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

use super::problem::{Answer, Problem, Refusal};
use super::{Desk, Operations, blocking};

/// The configuration in force.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ConfigStory {
    /// The files it was read from.
    pub files: Vec<FileStory>,
    /// Every value that counts, and where it stands.
    pub effective: Vec<Effective>,
    /// When it was loaded.
    pub since: String,
    /// Since when newer files are refused.
    pub stale_since: Option<String>,
    /// Why they are.
    pub why: Option<String>,
}

/// One file.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct FileStory {
    /// Its path.
    pub path: String,
    /// `main`, `department`, `family` or `terminals`.
    pub role: &'static str,
    /// Its text without secrets.
    pub text: String,
}

/// A value that counts.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Effective {
    /// Its key with everything above it.
    pub key: String,
    /// The value without secrets.
    pub value: String,
    /// Where it stands.
    pub origin: Origin,
}

/// Where a value stands.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(untagged)]
pub enum Origin {
    /// In a line of a file.
    Line(Line),
    /// Nowhere: `default`.
    Default(&'static str),
}

/// A line of a file.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Line {
    /// The file.
    pub file: String,
    /// The line, from 1.
    pub line: usize,
}

/// How the files on disk differ from those in force.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ConfigDiff {
    /// Whether they do.
    pub changed: bool,
    /// The files that differ.
    pub files: Vec<FileDiff>,
    /// What `check` says of the files on disk.
    pub findings: Vec<Finding>,
}

/// How one file differs.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct FileDiff {
    /// Its path.
    pub path: String,
    /// Its lines, changed ones and a few around them.
    pub diff: Vec<DiffLine>,
}

/// A line of one file or both.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct DiffLine {
    /// A blank: in both; `+`: on disk; `-`: in force.
    pub kind: &'static str,
    /// Its number in the file in force.
    pub line_old: Option<usize>,
    /// Its number in the file on disk.
    pub line_new: Option<usize>,
    /// The line without secrets.
    pub text: String,
}

/// Something `check` says.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Finding {
    /// `error`, `warning` or `note`.
    pub severity: String,
    /// The name of this sort of finding.
    pub code: String,
    /// What it is.
    pub message: String,
    /// The file.
    pub file: String,
    /// The line, unless the whole file is meant.
    pub line: Option<usize>,
    /// The column.
    pub column: Option<usize>,
    /// What to do about it.
    pub help: Option<String>,
}

/// The last reloads.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ReloadHistory {
    /// The newest first.
    pub reloads: Vec<ReloadEntry>,
}

/// One reload.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ReloadEntry {
    /// When.
    pub at: String,
    /// `success` or `failure`.
    pub result: &'static str,
    /// Why it failed.
    pub why: Option<String>,
    /// `start`, `signal`, `api` or `watch`.
    pub by: &'static str,
}

/// What became of a reload.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ReloadStory {
    /// `success` or `failure`.
    pub result: &'static str,
    /// Why it failed.
    pub why: Option<String>,
    /// What `check` says of the files.
    pub findings: Vec<Finding>,
}

/// The end has begun.
#[derive(Serialize, ToSchema)]
pub(super) struct Draining {
    draining: bool,
}

/// The configuration in force, without secrets.
#[utoipa::path(get, path = "/admin/config", tag = "viewer", responses(
    (status = 200, description = "Files and values.", body = ConfigStory),
    (status = "default", body = Problem, content_type = "application/problem+json", description = "Refused.")))]
pub(super) async fn config(State(desk): State<Desk>) -> Answer<Json<ConfigStory>> {
    blocking(desk, Operations::config).await.map(Json)
}

/// How the files on disk differ from those in force, and what `check` says of them.
#[utoipa::path(get, path = "/admin/config/diff", tag = "viewer", responses(
    (status = 200, description = "The difference.", body = ConfigDiff),
    (status = "default", body = Problem, content_type = "application/problem+json", description = "Refused.")))]
pub(super) async fn diff(State(desk): State<Desk>) -> Answer<Json<ConfigDiff>> {
    blocking(desk, Operations::config_diff).await.map(Json)
}

/// The last reloads.
#[utoipa::path(get, path = "/admin/config/history", tag = "viewer", responses(
    (status = 200, description = "The newest first.", body = ReloadHistory),
    (status = "default", body = Problem, content_type = "application/problem+json", description = "Refused.")))]
pub(super) async fn history(State(desk): State<Desk>) -> Answer<Json<ReloadHistory>> {
    let reloads = blocking(desk, Operations::reloads).await?;
    Ok(Json(ReloadHistory { reloads }))
}

/// Reads the files again and puts them in force, if nothing is wrong with them.
#[utoipa::path(post, path = "/admin/reload", tag = "operator", responses(
    (status = 200, description = "What became of it; the old files stay in force on failure.", body = ReloadStory),
    (status = "default", body = Problem, content_type = "application/problem+json", description = "Refused.")))]
pub(super) async fn reload(State(desk): State<Desk>) -> Answer<Json<ReloadStory>> {
    tracing::info!("an operator has the files read again");
    blocking(desk, Operations::reload).await.map(Json)
}

/// Ends the gateway as SIGTERM does: what is under way is finished first.
#[utoipa::path(post, path = "/admin/drain", tag = "operator", responses(
    (status = 202, description = "The end has begun.", body = Draining),
    (status = 409, body = Problem, content_type = "application/problem+json", description = "Cannot be ended this way."),
    (status = "default", body = Problem, content_type = "application/problem+json", description = "Refused.")))]
pub(super) async fn drain(State(operations): State<Arc<dyn Operations>>) -> Answer<Response> {
    if !operations.drain() {
        let detail = "a demonstration ends with Ctrl-C";
        return Err(Refusal::new(StatusCode::CONFLICT, "not-here", detail));
    }
    tracing::info!("an operator ends the gateway");
    Ok((StatusCode::ACCEPTED, Json(Draining { draining: true })).into_response())
}
