//! What is configured: routes, families, scenes, backends, with what was seen of them.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use super::problem::{Answer, Problem};
use super::{Desk, Operations, blocking};

/// The routes and everything around them.
#[derive(Clone, Debug, Default, Serialize, ToSchema)]
pub struct RoutesStory {
    /// In the order written.
    pub routes: Vec<RouteStory>,
    /// By file.
    pub departments: Vec<DepartmentStory>,
    /// What went where within the last fifteen minutes.
    pub flow: Vec<Flow>,
    /// The requests terminals send already.
    pub adapters: Vec<AdapterStory>,
    /// The pages behind the code on the wall.
    pub landings: Vec<LandingStory>,
}

/// One route.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = ConfiguredRoute)]
pub struct RouteStory {
    /// Its name.
    pub name: String,
    /// The file it stands in.
    pub file: Option<String>,
    /// The line.
    pub line: Option<usize>,
    /// The file's stem.
    pub department: String,
    /// The families it names, or that are of the kinds it names.
    pub families: Vec<String>,
    /// The scenes it names; empty: any.
    pub scenes: Vec<String>,
    /// Everything it asks for.
    pub conditions: Vec<Condition>,
    /// `forward`, `respond` or `redirect`.
    pub action: &'static str,
    /// The backend that is asked.
    pub upstream: Option<String>,
    /// The request it gets.
    pub contract: Option<ContractStory>,
    /// Its place among all.
    pub index: usize,
    /// How many things it asks for; the most win.
    pub weight: usize,
    /// How often it was taken within the last fifteen minutes.
    pub scans_15m: u64,
    /// How often since the start.
    pub scans_total: u64,
    /// When last.
    pub last_matched: Option<String>,
    /// What the files' tests say of it.
    pub tests: TestCount,
}

/// One thing a route asks for.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Condition {
    /// Of what: `kind`, `family`, …
    pub what: &'static str,
    /// What it must be; one of several with commas between them.
    pub is: String,
}

/// The request a backend gets.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ContractStory {
    /// The method; none: the terminal's own.
    pub method: Option<String>,
    /// The path as written.
    pub path: Option<String>,
    /// The kind of account it shows.
    pub account: Option<&'static str>,
}

/// How tests came out.
#[derive(Clone, Copy, Debug, Default, Serialize, ToSchema)]
pub struct TestCount {
    /// As expected.
    pub passed: usize,
    /// Otherwise.
    pub failed: usize,
}

/// One department's file.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct DepartmentStory {
    /// The file's stem.
    pub name: String,
    /// The file.
    pub file: String,
    /// Its routes.
    pub routes: Vec<String>,
    /// Its backends.
    pub upstreams: Vec<String>,
    /// The families its routes take.
    pub families: Vec<String>,
}

/// What went where.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Flow {
    /// The family.
    pub family: String,
    /// The route.
    pub route: String,
    /// The backend, if one was asked.
    pub upstream: Option<String>,
    /// How often within the last fifteen minutes.
    pub count_15m: u64,
}

/// A request terminals send already.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct AdapterStory {
    /// Its name.
    pub name: String,
    /// The path it answers on.
    pub path: String,
    /// `json` or `form`; none: as its media type says.
    pub format: Option<String>,
    /// The stem of the file it stands in; none: it is the gateway's own.
    pub department: Option<String>,
    /// That file.
    pub file: Option<String>,
    /// The line.
    pub line: Option<usize>,
}

/// Where a page leads an application.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Leads {
    /// The application.
    pub app: String,
    /// Its page.
    pub location: String,
}

/// A page behind the code on the wall.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct LandingStory {
    /// Its name.
    pub name: String,
    /// The path it answers on.
    pub path: String,
    /// Where everybody else is led.
    pub default: Option<String>,
    /// Where applications are led.
    pub to: Vec<Leads>,
    /// The stem of the file it stands in.
    pub department: Option<String>,
    /// That file.
    pub file: Option<String>,
    /// The line.
    pub line: Option<usize>,
}

/// The families.
#[derive(Clone, Debug, Default, Serialize, ToSchema)]
pub struct FamiliesStory {
    /// In the order of their files.
    pub families: Vec<FamilyStory>,
}

/// A name in both languages.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct TwoNames {
    /// Chinese.
    pub zh: String,
    /// English.
    pub en: String,
}

/// One code family.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct FamilyStory {
    /// Its id.
    pub id: String,
    /// Its kind.
    pub kind: &'static str,
    /// Its names.
    pub names: TwoNames,
    /// The file it is described in.
    pub source: Option<String>,
    /// The expressions of its texts.
    pub shapes: Vec<String>,
    /// Whether its codes are signed.
    pub signed: bool,
    /// `signature`, `introspection` or `structure`.
    pub trust: &'static str,
    /// The bounds on the time of issue.
    pub validity: ValidityStory,
    /// How much of a text is shown.
    pub mask: String,
    /// Its codes within the last fifteen minutes.
    pub scans_15m: u64,
}

/// Bounds on the time of issue.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ValidityStory {
    /// How long after its issue a code is good.
    pub max_age_seconds: Option<u64>,
    /// How far ahead of this clock an issuer's may run.
    pub max_future_seconds: u64,
    /// Whether a code is good for one use.
    pub one_time: bool,
}

/// The scenes.
#[derive(Clone, Debug, Default, Serialize, ToSchema)]
pub struct ScenesStory {
    /// In the order of the files.
    pub scenes: Vec<SceneStory>,
}

/// One scene.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct SceneStory {
    /// Its name.
    pub name: String,
    /// What people call it.
    pub names: TwoNames,
    /// The other words for it.
    pub aliases: Vec<String>,
    /// The kinds it takes.
    pub accepts: Vec<&'static str>,
    /// What it asks of a code and of a request.
    pub requires: Requirements,
    /// Whether money moves behind it.
    pub settlement: bool,
}

/// What a scene asks for.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Requirements {
    /// `any`, `dynamic` or `static`.
    pub freshness: &'static str,
    /// The least assurance.
    pub assurance: &'static str,
    /// How old a code may be.
    pub max_age_seconds: Option<u64>,
    /// `required` or `optional`: the idempotency key.
    pub idempotency: &'static str,
    /// Whether one-time codes may be shown without being used up.
    pub reuse: bool,
    /// `closed` or `local`: what is done while the store is away.
    pub when_store_away: &'static str,
    /// Replicas of the store that must have a record first.
    pub replicas: u8,
    /// The regions it serves; empty: all.
    pub regions: Vec<String>,
}

/// The backends.
#[derive(Clone, Debug, Default, Serialize, ToSchema)]
pub struct UpstreamsStory {
    /// In the order of the files.
    pub upstreams: Vec<UpstreamStory>,
}

/// One backend.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct UpstreamStory {
    /// Its name.
    pub name: String,
    /// What is spoken.
    pub protocol: String,
    /// How endpoints are chosen from.
    pub balance: String,
    /// Requests that wait.
    pub queued: u32,
    /// Its endpoints.
    pub endpoints: Vec<EndpointStory>,
}

/// One endpoint.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct EndpointStory {
    /// Its host and port.
    pub endpoint: String,
    /// Whether it is used as usual.
    pub up: bool,
    /// Why it is not.
    pub why: Option<String>,
    /// `closed`, `half-open` or `open`.
    pub breaker: &'static str,
    /// Until when it gets nothing.
    pub ejected_until: Option<String>,
    /// Requests under way.
    pub in_flight: u32,
    /// Requests that may be.
    pub limit: Option<u32>,
    /// Its weight.
    pub weight: u32,
    /// What became of requests since the start.
    pub requests: BTreeMap<&'static str, u64>,
    /// Half of its answers came sooner, in microseconds.
    pub p50_us: Option<u64>,
    /// 95 of 100 came sooner.
    pub p95_us: Option<u64>,
    /// 99 of 100 came sooner.
    pub p99_us: Option<u64>,
    /// When its certificate ends.
    pub tls_not_after: Option<String>,
}

/// The routes, departments, and what went where.
#[utoipa::path(get, path = "/admin/routes", tag = "viewer", responses(
    (status = 200, description = "The routes.", body = RoutesStory),
    (status = "default", body = Problem, content_type = "application/problem+json", description = "Refused.")))]
pub(super) async fn routes(State(desk): State<Desk>) -> Answer<Json<RoutesStory>> {
    blocking(desk, Operations::routes).await.map(Json)
}

/// The code families.
#[utoipa::path(get, path = "/admin/families", tag = "viewer", responses(
    (status = 200, description = "The families.", body = FamiliesStory),
    (status = "default", body = Problem, content_type = "application/problem+json", description = "Refused.")))]
pub(super) async fn families(State(desk): State<Desk>) -> Answer<Json<FamiliesStory>> {
    blocking(desk, Operations::families).await.map(Json)
}

/// The scenes.
#[utoipa::path(get, path = "/admin/scenes", tag = "viewer", responses(
    (status = 200, description = "The scenes.", body = ScenesStory),
    (status = "default", body = Problem, content_type = "application/problem+json", description = "Refused.")))]
pub(super) async fn scenes(State(desk): State<Desk>) -> Answer<Json<ScenesStory>> {
    blocking(desk, Operations::scenes).await.map(Json)
}

/// The departments' backends.
#[utoipa::path(get, path = "/admin/upstreams", tag = "viewer", responses(
    (status = 200, description = "The backends.", body = UpstreamsStory),
    (status = "default", body = Problem, content_type = "application/problem+json", description = "Refused.")))]
pub(super) async fn upstreams(State(desk): State<Desk>) -> Answer<Json<UpstreamsStory>> {
    blocking(desk, Operations::upstreams).await.map(Json)
}
