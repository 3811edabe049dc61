//! Who asks, how it goes, and how the audit trail stands.

use std::sync::Arc;

use axum::extract::State;
use axum::{Extension, Json};
use serde::Serialize;
use utoipa::ToSchema;

use super::health::Readiness;
use super::problem::{Answer, Problem};
use super::tokens::Role;
use super::{Desk, Operations, blocking};

/// Which process answers.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Identity {
    /// The program's version.
    pub version: &'static str,
    /// The machine's name and the process's number.
    pub instance: String,
    /// Since when it runs, RFC 3339.
    pub started: String,
    /// Now, by its clock.
    pub now: String,
}

/// Who asks whom.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Session {
    /// `viewer` or `operator`.
    pub role: &'static str,
    /// Which process answers.
    #[serde(flatten)]
    pub identity: Identity,
}

/// How it goes.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Overview {
    /// Now.
    pub now: String,
    /// Since when it runs.
    pub started: String,
    /// The program's version.
    pub version: &'static str,
    /// As `/readyz` tells it.
    pub readiness: Readiness,
    /// Requests under way.
    pub in_flight: u64,
    /// How far the series reach back.
    pub window_seconds: u32,
    /// A value a second.
    pub series: Series,
    /// The last sixty seconds.
    pub last_minute: LastMinute,
    /// The whole window.
    pub totals_15m: Totals,
    /// Why scans were refused, the most frequent first.
    pub reasons_15m: Vec<ReasonCount>,
    /// What was shown.
    pub families_15m: Vec<FamilyCount>,
    /// Where it went.
    pub routes_15m: Vec<RouteCount>,
    /// What is not as it should be.
    pub degraded: Vec<Degraded>,
}

/// One value a second, the oldest first.
#[derive(Clone, Debug, Default, Serialize, ToSchema)]
pub struct Series {
    /// The Unix second of the newest value.
    pub end: i64,
    /// Seconds from one value to the next.
    pub step_seconds: u32,
    /// Scans.
    pub scans: Vec<u32>,
    /// Those that were refused.
    pub refused: Vec<u32>,
    /// Those of which nobody knows what became.
    pub unknown: Vec<u32>,
    /// Half of them took less, in microseconds.
    pub p50_us: Vec<u32>,
    /// 95 of 100 took less.
    pub p95_us: Vec<u32>,
    /// 99 of 100 took less.
    pub p99_us: Vec<u32>,
    /// The same of the gateway's own part.
    pub overhead_p99_us: Vec<u32>,
}

/// The last sixty seconds.
#[derive(Clone, Debug, Default, Serialize, ToSchema)]
pub struct LastMinute {
    /// Scans a second.
    pub scans_per_second: f64,
    /// The share that was not refused.
    pub success_ratio: f64,
    /// Half of them took less, in microseconds.
    pub p50_us: u32,
    /// 95 of 100 took less.
    pub p95_us: u32,
    /// 99 of 100 took less.
    pub p99_us: u32,
    /// Half of the gateway's own part.
    pub overhead_p50_us: u32,
    /// 99 of 100 of it.
    pub overhead_p99_us: u32,
    /// Half of the departments' part.
    pub upstream_p50_us: u32,
}

/// Sums.
#[derive(Clone, Debug, Default, Serialize, ToSchema)]
pub struct Totals {
    /// Scans.
    pub scans: u64,
    /// Those that were refused.
    pub refused: u64,
}

/// How often a reason was given.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ReasonCount {
    /// The reason.
    pub reason: String,
    /// The stage that gives it.
    pub stage: String,
    /// How often.
    pub count: u64,
    /// When first within the window.
    pub first_seen: Option<String>,
}

/// How often codes of a family were shown.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct FamilyCount {
    /// The family.
    pub family: String,
    /// Its kind.
    pub kind: String,
    /// How often.
    pub count: u64,
    /// How many of them were refused.
    pub refused: u64,
}

/// How often a route was taken.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct RouteCount {
    /// The route.
    pub route: String,
    /// How often.
    pub count: u64,
}

/// Something that is not as it should be.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Degraded {
    /// What sort of thing: `config`, `key`, `issuer`, `platform`, `upstream`, `state`,
    /// `audit`.
    pub what: &'static str,
    /// Which.
    pub name: String,
    /// Why.
    pub why: String,
}

/// How the audit trail stands.
#[derive(Clone, Debug, Default, Serialize, ToSchema)]
pub struct AuditStory {
    /// Whether there is one.
    pub enabled: bool,
    /// How many records it holds.
    pub records: u64,
    /// The newest record's hash, 16 hexadecimal digits.
    pub head: Option<String>,
    /// What was signed last.
    pub checkpoint: Option<Checkpoint>,
    /// Records that could not be kept.
    pub lost: u64,
    /// What stands in the way of writing.
    pub trouble: Option<String>,
    /// Where it is shipped to.
    pub ship: Vec<ShipStory>,
}

/// A signed place of the audit trail.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Checkpoint {
    /// When it was signed.
    pub at: String,
    /// How many records stood then.
    pub size: u64,
}

/// Somewhere the audit trail is shipped to.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ShipStory {
    /// Its name.
    pub name: String,
    /// Records it does not have yet.
    pub behind: u64,
    /// Why the last try failed.
    pub last_error: Option<String>,
}

impl Readiness {
    /// The same as a list.
    pub fn degraded(&self) -> Vec<Degraded> {
        let one = |what, name: &str, why: &str| Degraded {
            what,
            name: name.to_owned(),
            why: why.to_owned(),
        };
        let config = self
            .config
            .why
            .iter()
            .map(|why| one("config", "files", why));
        let keys = self.keys_unavailable.iter();
        let keys = keys.map(|key| one("key", key, "its secret is not set"));
        let issuers = self.issuers.iter();
        let issuers = issuers.map(|it| one("issuer", &it.issuer, &it.why));
        let platforms = self.platforms.iter();
        let platforms = platforms.map(|it| one("platform", &it.introspection, &it.why));
        let upstreams = self.upstreams.iter();
        let upstreams = upstreams.map(|it| one("upstream", &it.upstream, &it.why));
        let state = self.state.iter().map(|it| one("state", "store", &it.why));
        let audit = self.audit.iter().map(|it| one("audit", "trail", &it.why));
        let all = config.chain(keys).chain(issuers).chain(platforms);
        all.chain(upstreams).chain(state).chain(audit).collect()
    }
}

/// Whose token was shown, and who answers.
#[utoipa::path(get, path = "/admin/session", tag = "viewer", responses(
    (status = 200, description = "The role and the process.", body = Session),
    (status = "default", body = Problem, content_type = "application/problem+json", description = "Refused.")))]
pub(super) async fn session(
    State(operations): State<Arc<dyn Operations>>,
    Extension(role): Extension<Role>,
) -> Json<Session> {
    let identity = operations.identity();
    let role = role.name();
    Json(Session { role, identity })
}

/// Rates, times and refusals of the last fifteen minutes.
#[utoipa::path(get, path = "/admin/overview", tag = "viewer", responses(
    (status = 200, description = "How it goes.", body = Overview),
    (status = "default", body = Problem, content_type = "application/problem+json", description = "Refused.")))]
pub(super) async fn overview(State(desk): State<Desk>) -> Answer<Json<Overview>> {
    blocking(desk, Operations::overview).await.map(Json)
}

/// How the audit trail stands.
#[utoipa::path(get, path = "/admin/audit", tag = "viewer", responses(
    (status = 200, description = "How it stands; not enabled where there is none.", body = AuditStory),
    (status = "default", body = Problem, content_type = "application/problem+json", description = "Refused.")))]
pub(super) async fn audit(State(desk): State<Desk>) -> Answer<Json<AuditStory>> {
    let story = blocking(desk, Operations::audit).await?;
    Ok(Json(story.unwrap_or_default()))
}
