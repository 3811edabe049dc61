//! What is sent, how often, and what should come of it.

mod file;
mod load_of;
mod lower;
mod pattern;

use std::path::{Path, PathBuf};
use std::time::Duration;

use multicode::config::source::{Place, Sources};
use multicode::config::{Diagnostic, Diagnostics};
use multicode::family::{Algorithm, Freshness, Region};
use multicode::sandbox::mint::Flaw;
use serde_json::{Map, Value};

use crate::report::threshold::Rule;

pub use self::file::{Arrivals, Form};
pub use self::pattern::{PatternError, names};

/// A scenario, understood.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// What reports call it.
    pub name: String,
    /// The configuration whose codes are made.
    pub config: PathBuf,
    /// Where the sequence of cases and arrivals begins.
    pub seed: u64,
    /// When requests are sent.
    pub load: Load,
    /// Who sends them.
    pub terminals: Terminals,
    /// What is sent.
    pub cases: Vec<Case>,
    /// What must hold.
    pub thresholds: Vec<Rule>,
}

/// When requests are sent.
#[derive(Clone, Debug)]
pub struct Load {
    /// Who decides that.
    pub model: Model,
    /// Connections, over all threads.
    pub connections: usize,
    /// Requests under way on one HTTP/2 connection.
    pub streams: usize,
    /// How long an answer may take.
    pub patience: Duration,
}

/// Who decides when a request is sent.
#[derive(Clone, Debug, PartialEq)]
pub enum Model {
    /// The clock: nobody who arrives waits for another one's answer.
    Open {
        /// How arrivals lie in time.
        arrivals: Arrivals,
        /// One after the other.
        phases: Vec<Phase>,
    },
    /// So many users, each of whom waits for his answer.
    Closed {
        /// How many; each has a connection.
        users: usize,
        /// What each waits after an answer.
        think: Duration,
        /// How long.
        time: Duration,
    },
}

/// A span in which the rate is or becomes something.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Phase {
    /// Arrivals a second at its begin.
    pub from: f64,
    /// And at its end.
    pub to: f64,
    /// How long it is.
    pub time: Duration,
}

/// Who sends.
#[derive(Clone, Debug, Default)]
pub struct Terminals {
    /// By name; none: the scans name no terminal.
    pub names: Vec<String>,
    /// The organisations they say they stand in; none: they say nothing.
    pub organisations: Vec<String>,
    /// What each shows: `authorization: Bearer …`, in the order of the names.
    pub keys: Vec<String>,
}

/// One kind of request.
#[derive(Clone, Debug)]
pub struct Case {
    /// What reports call it.
    pub name: String,
    /// How often, of all shares.
    pub share: f64,
    /// What is shown.
    pub shown: Shown,
    /// Where; none: the request names no scene.
    pub scenes: Vec<String>,
    /// How it is sent.
    pub form: Form,
    /// Whether every request has an `Idempotency-Key` of its own.
    pub idempotency: bool,
    /// How often it is sent again after its answer, with the same key.
    pub repeat: u32,
    /// More fields; `{n}` in a text is the request's number.
    pub fields: Map<String, Value>,
    /// What should come of it; none: what the configuration decides.
    pub expect: Option<Expect>,
    /// Where it is written.
    pub at: Place,
}

/// What a terminal scans.
#[derive(Clone, Debug)]
pub enum Shown {
    /// A code that is made for the request.
    Minted(Wanted),
    /// This text.
    Text(String),
    /// A code that a request of this case was answered for.
    Replayed(usize),
}

/// A code to be made.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// The family.
    pub family: String,
    /// The issuer; none: the first that can sign it.
    pub issuer: Option<String>,
    /// Its key.
    pub key: Option<String>,
    /// Its key's algorithm.
    pub algorithm: Option<Algorithm>,
    /// Where it is from.
    pub region: Option<Region>,
    /// Whether it is made for the moment.
    pub freshness: Option<Freshness>,
    /// From issue to end.
    pub valid_for: Duration,
    /// What is wrong with it.
    pub flaw: Flaw,
}

/// What should come of a request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Expect {
    /// `forward`, `respond`, `redirect`, `repeated`, or the slug of a reason.
    pub decision: String,
    /// The route, where the answer names it.
    pub route: Option<String>,
    /// The status; none: 2xx of whoever answers, 3xx where it leads elsewhere.
    pub status: Option<u16>,
    /// A text the answer must hold.
    pub contains: Option<String>,
}

/// A scenario, or what is wrong with it.
#[derive(Debug)]
pub struct Loaded {
    /// The scenario, unless something refuses it.
    pub scenario: Option<Scenario>,
    /// The file.
    pub sources: Sources,
    /// What was found.
    pub found: Vec<Diagnostic>,
}

impl Loaded {
    /// What was found, ready to be shown.
    pub fn diagnostics(self) -> Diagnostics {
        Diagnostics::of(self.sources, self.found)
    }
}

/// Reads a scenario.
pub fn load(path: &Path) -> Loaded {
    let mut sources = Sources::default();
    let id = match sources.read(path) {
        Ok(id) => id,
        Err(found) => {
            return Loaded {
                scenario: None,
                sources,
                found: vec![*found],
            };
        }
    };
    let text = sources.get(id).map_or("", |source| source.text());
    let (scenario, found) = match toml::from_str::<file::File>(text) {
        Ok(file) => lower::lower(file, path, id),
        Err(error) => {
            let span = error.span().unwrap_or(0..0);
            let at = Place::new(id, &span);
            (
                None,
                vec![Diagnostic::error("scenario", at, error.message())],
            )
        }
    };
    Loaded {
        scenario,
        sources,
        found,
    }
}
