//! Scans as they happen, and those of the last moments.

mod feed;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Json;
use axum::body::Body;
use axum::extract::{Query, State};
use axum::http::header::{self, HeaderValue};
use axum::http::{Response as HttpResponse, StatusCode};
use axum::response::Response;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use self::feed::Feed;
use super::problem::{Answer, Problem, Refusal};
use super::{Desk, Operations, blocking};

/// Those who may watch at the same time.
pub const MOST_WATCHERS: usize = 16;

/// The events that are kept.
const MOST_RECENT: usize = 1_000;

/// What became of one request; nothing of its text but what the family's mask shows.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Event {
    /// Its number; later events have greater ones.
    pub id: u64,
    /// When its head was read.
    pub at: String,
    /// Its id.
    pub request_id: String,
    /// The trace's id.
    pub trace_id: String,
    /// Where it came in.
    pub listener: String,
    /// The shape it came in.
    pub adapter: Option<String>,
    /// `json`, `text`, `form` or `picture`.
    pub medium: Option<&'static str>,
    /// The registered terminal, or a pseudonym behind `~`.
    pub terminal: Option<String>,
    /// What proved it, the first if several did: `certificate`, `api-key`, `signature` or `none`.
    pub proof: &'static str,
    /// Where that stands.
    pub organisation: Option<String>,
    /// The region that is in.
    pub region: Option<u32>,
    /// The scene.
    pub scene: Option<String>,
    /// The family.
    pub family: Option<String>,
    /// What the family is for.
    pub kind: Option<&'static str>,
    /// The issuer.
    pub issuer: Option<String>,
    /// `dynamic`, `static` or `unknown`.
    pub freshness: Option<&'static str>,
    /// How sure we are.
    pub assurance: Option<&'static str>,
    /// How the code's region lies to the terminal's.
    pub relation: Option<&'static str>,
    /// The family it was told from.
    pub rival: Option<String>,
    /// `decision`, `rejection` or `served`.
    pub outcome: &'static str,
    /// Why it was refused.
    pub reason: Option<&'static str>,
    /// The stage that refused it.
    pub stage: Option<&'static str>,
    /// The route.
    pub route: Option<String>,
    /// The backend.
    pub upstream: Option<String>,
    /// What the terminal was answered; 0: it had hung up.
    pub status: u16,
    /// What the department answered.
    pub upstream_status: Option<u16>,
    /// Whether the department was asked: `no`, `once` or `unknown`.
    pub sent: &'static str,
    /// Whether it was answered from the record of an earlier one.
    pub replayed: bool,
    /// Stands for the person, 16 hexadecimal digits.
    pub subject: Option<String>,
    /// What the family's mask shows of the text.
    pub shown: Option<String>,
    /// What was taken off the text.
    pub artefacts: Vec<&'static str>,
    /// What it spent where.
    pub stages: Vec<StageTime>,
    /// From the request's head to its answer's.
    pub total_us: u64,
    /// What of that the gateway took.
    pub overhead_us: u64,
    /// What of that the department took.
    pub upstream_us: u64,
}

/// What was spent in a stage.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct StageTime {
    /// The stage.
    pub stage: &'static str,
    /// From the request's head to when it was entered, in microseconds.
    pub start_us: u64,
    /// What was spent in it.
    pub us: u64,
}

/// Which events are meant; what is not named may be anything.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Filter {
    /// The family.
    pub family: Option<String>,
    /// The issuer.
    pub issuer: Option<String>,
    /// The route.
    pub route: Option<String>,
    /// The reason.
    pub reason: Option<String>,
    /// The terminal, as events name it.
    pub terminal: Option<String>,
    /// `decision`, `rejection` or `served`.
    pub outcome: Option<String>,
    /// Of `recent`: how many at most.
    pub limit: Option<usize>,
}

/// What came since somebody looked last.
#[derive(Clone, Debug, Default)]
pub struct Batch {
    /// The newest of those that are meant, as many as were asked for, the oldest of them first.
    pub events: Vec<Event>,
    /// How many were meant.
    pub seen: u64,
    /// What to look behind the next time.
    pub last: u64,
}

/// The last events.
#[derive(Serialize, ToSchema)]
pub(super) struct Recent {
    /// The newest first.
    events: Vec<Event>,
}

/// Refusals within the last fifteen minutes.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Refusals {
    /// How far they reach back.
    pub window_seconds: u32,
    /// Seconds from one value of a series to the next.
    pub step_seconds: u32,
    /// The Unix second the series end at.
    pub end: i64,
    /// The most frequent first.
    pub reasons: Vec<ReasonStory>,
}

/// How often a reason was given, where and to whom.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ReasonStory {
    /// The reason.
    pub reason: &'static str,
    /// The stage that gives it.
    pub stage: &'static str,
    /// What it is, in a few words.
    pub title: &'static str,
    /// How often.
    pub count: u64,
    /// When first.
    pub first_seen: String,
    /// When last.
    pub last_seen: String,
    /// How often, step by step.
    pub series: Vec<u32>,
    /// By issuer.
    pub by_issuer: Vec<IssuerCount>,
    /// By terminal.
    pub by_terminal: Vec<TerminalCount>,
    /// By family.
    pub by_family: Vec<RefusedFamily>,
    /// The last one.
    pub example: Option<Event>,
    /// What the terminal does, in Chinese.
    pub advice_zh: String,
    /// The same in English.
    pub advice_en: String,
    /// Where the manual speaks of it.
    pub doc: String,
}

/// An issuer and how often.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct IssuerCount {
    /// The issuer.
    pub issuer: String,
    /// How often.
    pub count: u64,
}

/// A terminal and how often.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct TerminalCount {
    /// The terminal.
    pub terminal: String,
    /// How often.
    pub count: u64,
}

/// A family and how often.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct RefusedFamily {
    /// The family.
    pub family: String,
    /// How often.
    pub count: u64,
}

/// Those who watch; clones share the places.
#[derive(Clone, Debug, Default)]
pub struct Watchers(Arc<AtomicUsize>);

/// A place among them.
#[derive(Debug)]
struct Place(Arc<AtomicUsize>);

impl Watchers {
    fn enter(&self) -> Option<Place> {
        let order = Ordering::SeqCst;
        let more = |taken| (taken < MOST_WATCHERS).then_some(taken + 1);
        let entered = self.0.fetch_update(order, order, more);
        entered.ok().map(|_| Place(Arc::clone(&self.0)))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Scans as they happen: at most fifty a second, then a sample of them.
#[utoipa::path(get, path = "/admin/events", tag = "viewer", params(Filter), responses(
    (status = 200, description = "`hello`, then `scan` events and `sampled` where not all are shown.",
        body = Event, content_type = "text/event-stream"),
    (status = 503, body = Problem, content_type = "application/problem+json", description = "Too many watch, or the gateway stops."),
    (status = "default", body = Problem, content_type = "application/problem+json", description = "Refused.")))]
pub(super) async fn events(
    State(operations): State<Arc<dyn Operations>>,
    State(watchers): State<Watchers>,
    Query(filter): Query<Filter>,
) -> Answer<Response> {
    let status = StatusCode::SERVICE_UNAVAILABLE;
    if operations.is_draining() {
        return Err(Refusal::new(status, "draining", "the gateway stops"));
    }
    let Some(place) = watchers.enter() else {
        let detail = format!("{MOST_WATCHERS} watch already");
        return Err(Refusal::new(status, "too-many-watchers", detail));
    };
    let mut answer = HttpResponse::new(Body::new(Feed::begin(operations, filter, place)));
    let headers = answer.headers_mut();
    let kind = HeaderValue::from_static("text/event-stream");
    headers.insert(header::CONTENT_TYPE, kind);
    Ok(answer)
}

/// The last scans.
#[utoipa::path(get, path = "/admin/events/recent", tag = "viewer", params(Filter), responses(
    (status = 200, description = "The newest first.", body = Recent),
    (status = "default", body = Problem, content_type = "application/problem+json", description = "Refused.")))]
pub(super) async fn recent(
    State(desk): State<Desk>,
    Query(filter): Query<Filter>,
) -> Answer<Json<Recent>> {
    let most = filter.limit.unwrap_or(200).min(MOST_RECENT);
    let look = move |it: &dyn Operations| it.events(0, &filter, most);
    let mut events = blocking(desk, look).await?.events;
    events.reverse();
    Ok(Json(Recent { events }))
}

/// Why scans were refused within the last fifteen minutes, and what terminals do about it.
#[utoipa::path(get, path = "/admin/refusals", tag = "viewer", responses(
    (status = 200, description = "The most frequent reason first.", body = Refusals),
    (status = "default", body = Problem, content_type = "application/problem+json", description = "Refused.")))]
pub(super) async fn refusals(State(desk): State<Desk>) -> Answer<Json<Refusals>> {
    blocking(desk, Operations::refusals).await.map(Json)
}

/// What a terminal does about each reason, in Chinese and English, as the manual says it.
pub fn advice() -> &'static HashMap<&'static str, (&'static str, &'static str)> {
    static ADVICE: std::sync::OnceLock<HashMap<&str, (&str, &str)>> = std::sync::OnceLock::new();
    ADVICE.get_or_init(|| {
        let manual = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/reasons.md"));
        let (en, zh) = manual.split_once("\n## 中文\n").unwrap_or((manual, ""));
        let mut chinese: HashMap<_, _> = rows(zh).collect();
        rows(en)
            .map(|(slug, en)| (slug, (chinese.remove(slug).unwrap_or_default(), en)))
            .collect()
    })
}

/// First and last cell of the tables' rows.
fn rows(text: &'static str) -> impl Iterator<Item = (&'static str, &'static str)> {
    text.lines().filter_map(|line| {
        let cells = line.strip_prefix("| `")?.strip_suffix(" |")?;
        let (slug, rest) = cells.split_once('`')?;
        Some((slug, rest.rsplit_once(" | ")?.1))
    })
}

/// What happened, in Chinese, as the manual says it.
pub fn title_zh(slug: &str) -> Option<&'static str> {
    let manual = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/reasons.md"));
    let (_, zh) = manual.split_once("\n## 中文\n")?;
    let row = zh.lines().find(|line| {
        let rest = line.strip_prefix("| `");
        rest.is_some_and(|rest| rest.split('`').next() == Some(slug))
    })?;
    row.split(" | ").nth(3)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reason::Reason;

    #[test]
    fn the_manual_advises_on_every_reason_in_both_languages() {
        for reason in Reason::ALL {
            let (zh, en) = advice()[reason.slug()];
            assert!(!zh.is_empty() && !en.is_empty(), "{reason}");
            assert!(!zh.is_ascii(), "{zh}");
            assert!(en.is_ascii(), "{en}");
            assert!(title_zh(reason.slug()).is_some_and(|it| !it.is_empty()));
        }
    }
}
