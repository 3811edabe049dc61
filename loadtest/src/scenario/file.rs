//! A scenario as it is written.

use std::path::PathBuf;

use serde::Deserialize;
use toml::{Spanned, Table};

/// The whole file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct File {
    pub(super) name: String,
    pub(super) config: PathBuf,
    #[serde(default)]
    pub(super) seed: u64,
    pub(super) load: Spanned<Load>,
    #[serde(default)]
    pub(super) terminals: Terminals,
    #[serde(default)]
    pub(super) thresholds: Vec<Spanned<String>>,
    #[serde(rename = "case")]
    pub(super) cases: Vec<Spanned<Case>>,
}

/// `[load]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Load {
    #[serde(default)]
    pub(super) model: Model,
    #[serde(default)]
    pub(super) arrivals: Arrivals,
    pub(super) connections: Option<Spanned<u64>>,
    pub(super) streams: Option<Spanned<u64>>,
    pub(super) patience: Option<Spanned<String>>,
    pub(super) phases: Option<Vec<Spanned<Phase>>>,
    pub(super) day: Option<Spanned<Vec<f64>>>,
    pub(super) peak: Option<Spanned<f64>>,
    pub(super) users: Option<Spanned<u64>>,
    pub(super) think: Option<Spanned<String>>,
    #[serde(rename = "for")]
    pub(super) time: Option<Spanned<String>>,
}

/// Who decides when a request is sent.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Model {
    #[default]
    Open,
    Closed,
}

/// How arrivals lie in time.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub enum Arrivals {
    /// At even distances.
    #[default]
    Constant,
    /// As strangers come: independently of each other.
    Poisson,
}

/// A span of the load.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Phase {
    pub(super) rate: Option<Spanned<f64>>,
    pub(super) to: Option<Spanned<f64>>,
    #[serde(rename = "for")]
    pub(super) time: Spanned<String>,
}

/// `[terminals]`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Terminals {
    #[serde(default)]
    pub(super) names: Vec<Spanned<String>>,
    #[serde(default)]
    pub(super) organisations: Vec<Spanned<String>>,
    pub(super) api_keys: Option<Spanned<PathBuf>>,
}

/// `[[case]]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Case {
    pub(super) name: String,
    pub(super) share: Spanned<f64>,
    pub(super) family: Option<Spanned<String>>,
    pub(super) code: Option<Spanned<String>>,
    pub(super) replay: Option<Spanned<String>>,
    #[serde(default)]
    pub(super) scenes: Vec<Spanned<String>>,
    pub(super) issuer: Option<String>,
    pub(super) key: Option<String>,
    pub(super) algorithm: Option<Spanned<String>>,
    pub(super) region: Option<Spanned<String>>,
    pub(super) freshness: Option<Spanned<String>>,
    pub(super) valid_for: Option<Spanned<String>>,
    pub(super) flaw: Option<Spanned<String>>,
    #[serde(default)]
    pub(super) form: Form,
    #[serde(default)]
    pub(super) idempotency: bool,
    pub(super) repeat: Option<Spanned<u64>>,
    pub(super) fields: Option<Spanned<Table>>,
    pub(super) expect: Option<Spanned<Expect>>,
}

/// How a scan is sent.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub enum Form {
    /// A JSON object.
    #[default]
    Json,
    /// The code alone, the rest in the query.
    Text,
    /// A PNG of its symbol, the rest in the query.
    Picture,
}

/// What should come of it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Expect {
    pub(super) decision: Option<Spanned<String>>,
    pub(super) reason: Option<Spanned<String>>,
    pub(super) route: Option<String>,
    pub(super) status: Option<u16>,
    pub(super) contains: Option<String>,
}
