//! The scan lab: what would become of a text, what a picture holds, codes to try with.
//!
//! Nothing is used up, sent, asked or noted; what comes in goes back to whom it came from and
//! nowhere else. Bodies are read by hand, for a library's complaint may quote them.

use std::fmt;
use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use serde::Deserialize;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::sync::Semaphore;
use utoipa::ToSchema;

use super::config::Finding;
use super::problem::{Answer, Problem, Refusal};
use super::{Desk, Operations, blocking};
use crate::explain::Explanation;

/// Texts looked at, codes made and pictures read at the same time: each may take a core for a while.
const AT_ONCE: usize = 2;

/// Bounds the work of the lab; clones share it.
#[derive(Clone, Debug)]
pub struct Bench(Arc<Semaphore>);

impl Default for Bench {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(AT_ONCE)))
    }
}

impl Bench {
    /// Does work aside, unless enough is done already.
    async fn work<T: Send + 'static>(
        &self,
        desk: Desk,
        work: impl FnOnce(&dyn Operations) -> T + Send + 'static,
    ) -> Answer<T> {
        let place = Arc::clone(&self.0).try_acquire_owned();
        let place = place.map_err(|_| Refusal::busy("the lab is busy, come again in a moment"))?;
        let work = move |it: &dyn Operations| {
            let done = work(it);
            drop(place);
            done
        };
        blocking(desk, work).await
    }
}

/// What is asked of the lab.
#[derive(Clone, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Question {
    /// What the scanner read.
    pub text: String,
    /// The scene, by its name or an alias.
    pub scene: Option<String>,
    /// The terminal.
    pub terminal: Option<String>,
    /// The organisation it says it stands in.
    pub organisation: Option<String>,
    /// The region it says it stands in.
    pub region: Option<String>,
    /// The listener; else the first.
    pub listener: Option<String>,
    /// The symbology as AIM identifiers name it, `]Q1`; else what the text begins with.
    pub symbology: Option<String>,
    /// When: Unix seconds or RFC 3339; else now.
    pub at: Option<Moment>,
    /// A department's file to try, TOML.
    pub draft: Option<String>,
    /// The stem of the file it is to replace; else one more.
    pub draft_name: Option<String>,
    /// Everything is told in any case.
    pub detail: Option<bool>,
}

impl fmt::Debug for Question {
    /// Names nothing of it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Question")
    }
}

/// An instant as people and programs write it.
#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
#[serde(untagged)]
pub enum Moment {
    /// Unix seconds.
    Seconds(f64),
    /// RFC 3339, or Unix seconds as text.
    Text(String),
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Seconds(seconds) => write!(f, "{seconds}"),
            Self::Text(text) => f.write_str(text),
        }
    }
}

/// What would become of a scan.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct LabStory {
    /// In a sentence; none where a draft is so wrong that nothing can be said.
    pub verdict: Option<Verdict>,
    /// Stage by stage.
    pub timeline: Vec<StageStory>,
    /// All of it, as `multicode explain --format json` tells it.
    #[schema(value_type = Option<Explanation<'_>>)]
    pub explanation: Option<serde_json::Value>,
    /// The text as the gateway took it.
    pub text: TextStory,
    /// What is wrong with the draft.
    pub findings: Vec<Finding>,
    /// A command that sends the scan, with `$CODE` for its text.
    pub curl: String,
    /// The scan and what came of it as a `[[test]]` of a department's file.
    pub test_block: Option<String>,
}

/// The sum of it.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Verdict {
    /// `decision` or `rejection`.
    pub outcome: &'static str,
    /// Why it is refused.
    pub reason: Option<&'static str>,
    /// What that means, in Chinese.
    pub title_zh: String,
    /// The same in English.
    pub title_en: String,
    /// The verdict in a sentence, in Chinese.
    pub sentence_zh: String,
    /// The same in English.
    pub sentence_en: String,
    /// The stage that refuses it.
    pub stage: Option<&'static str>,
}

/// How far it came.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = LabStage)]
pub struct StageStory {
    /// The stage.
    pub stage: &'static str,
    /// `passed`, `refused` or `not-reached`.
    pub result: &'static str,
    /// What it found.
    pub note: String,
}

/// The text, without the text.
#[derive(Clone, Debug, Default, Serialize, ToSchema)]
pub struct TextStory {
    /// Its bytes after cleaning, which the places of the explanation count.
    pub length: usize,
    /// Its characters after cleaning.
    pub chars: usize,
    /// The bytes that were taken off in front: places in what was sent are so much further on.
    pub skipped: usize,
}

/// What a picture holds.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct PictureStory {
    /// Every code that could be read.
    pub codes: Vec<CodeStory>,
    /// Pixels across.
    pub width: usize,
    /// Pixels down.
    pub height: usize,
    /// How long it took, in microseconds.
    pub us: u64,
}

/// A code in a picture.
#[derive(Clone, Serialize, ToSchema)]
pub struct CodeStory {
    /// Its text.
    pub text: String,
    /// What it is drawn as.
    pub symbology: String,
    /// Where it is, in pixels.
    #[schema(value_type = Vec<Vec<i32>>)]
    pub corners: Vec<[i32; 2]>,
    /// Who read it.
    pub reader: String,
}

impl fmt::Debug for CodeStory {
    /// Names nothing of its text.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("CodeStory").field(&self.symbology).finish()
    }
}

/// A code to try with.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MintOrder {
    /// The family.
    pub family: String,
    /// The issuer; else any with a key.
    pub issuer: Option<String>,
    /// What is wrong with it: `none`, `expired`, `not-yet-valid`, `tampered` or `foreign`.
    pub flaw: Option<String>,
    /// How long it is good: seconds, or `2m`.
    pub valid_for: Option<Moment>,
    /// When it is made; else now.
    pub at: Option<Moment>,
    /// The scene it is for; a code of a kind it does not take is refused.
    pub scene: Option<String>,
}

/// A code that was made.
#[derive(Clone, Serialize, ToSchema)]
pub struct Minted {
    /// Its text.
    pub text: String,
    /// Its symbol.
    pub svg: String,
    /// The family.
    pub family: String,
    /// The issuer that was asked for.
    pub issuer: Option<String>,
    /// What is wrong with it.
    pub flaw: String,
}

impl fmt::Debug for Minted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Minted").field(&self.family).finish()
    }
}

/// Reads a body without quoting it.
fn read<T: DeserializeOwned>(body: &Bytes) -> Answer<T> {
    // Members without their names would be taken too.
    if body.trim_ascii_start().first() != Some(&b'{') {
        return Err(Refusal::malformed("the body is no JSON object"));
    }
    serde_json::from_slice(body).map_err(|error| {
        let (line, column) = (error.line(), error.column());
        let what = match error.classify() {
            serde_json::error::Category::Data => "is not what this path takes",
            _ => "is no JSON",
        };
        Refusal::malformed(format!("the body {what}: line {line}, column {column}"))
    })
}

/// What would become of a scan, and why.
#[utoipa::path(post, path = "/admin/explain", tag = "viewer", request_body = Question, responses(
    (status = 200, description = "The whole story.", body = LabStory),
    (status = 400, body = Problem, content_type = "application/problem+json", description = "Not a question."),
    (status = 413, body = Problem, content_type = "application/problem+json", description = "Longer than 64 KiB."),
    (status = 503, body = Problem, content_type = "application/problem+json", description = "The lab is busy."),
    (status = "default", body = Problem, content_type = "application/problem+json", description = "Refused.")))]
pub(super) async fn explain(
    State(desk): State<Desk>,
    State(bench): State<Bench>,
    body: Bytes,
) -> Answer<Json<LabStory>> {
    let question: Question = read(&body)?;
    let story = bench.work(desk, move |it| it.explain(&question));
    story.await?.map(Json)
}

/// The codes in a picture.
#[utoipa::path(post, path = "/admin/decode", tag = "viewer",
    request_body(content = Vec<u8>, content_type = "image/*"), responses(
    (status = 200, description = "What it holds.", body = PictureStory),
    (status = 413, body = Problem, content_type = "application/problem+json", description = "Larger than is read."),
    (status = 415, body = Problem, content_type = "application/problem+json", description = "No picture that is read."),
    (status = 422, body = Problem, content_type = "application/problem+json", description = "Damaged."),
    (status = 503, body = Problem, content_type = "application/problem+json", description = "The lab is busy."),
    (status = "default", body = Problem, content_type = "application/problem+json", description = "Refused.")))]
pub(super) async fn decode(
    State(desk): State<Desk>,
    State(bench): State<Bench>,
    body: Bytes,
) -> Answer<Json<PictureStory>> {
    let story = bench.work(desk, move |it| it.decode(body));
    story.await?.map(Json)
}

/// A code to try with, signed with demonstration keys only.
#[utoipa::path(post, path = "/admin/mint", tag = "viewer", request_body = MintOrder, responses(
    (status = 200, description = "The code.", body = Minted),
    (status = 400, body = Problem, content_type = "application/problem+json", description = "Not an order."),
    (status = 409, body = Problem, content_type = "application/problem+json", description = "No demonstration keys."),
    (status = 422, body = Problem, content_type = "application/problem+json", description = "Cannot be made."),
    (status = 503, body = Problem, content_type = "application/problem+json", description = "The lab is busy."),
    (status = "default", body = Problem, content_type = "application/problem+json", description = "Refused.")))]
pub(super) async fn mint(
    State(desk): State<Desk>,
    State(bench): State<Bench>,
    body: Bytes,
) -> Answer<Json<Minted>> {
    let order: MintOrder = read(&body)?;
    let minted = bench.work(desk, move |it| it.mint(&order));
    minted.await?.map(Json)
}
