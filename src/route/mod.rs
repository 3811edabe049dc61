//! Where a believed and admitted code goes.

pub mod contract;
pub mod matcher;
pub mod redirect;

use http::header::{HeaderName, HeaderValue};

use self::contract::Contract;
use self::redirect::Redirect;

pub use self::matcher::{Conditions, Occasion, Routes};

/// One route.
#[derive(Debug)]
pub struct Route {
    /// Its name in files, answers and metrics.
    pub name: Box<str>,
    /// The department that owns it; empty in the main file.
    pub owner: Box<str>,
    /// When it applies.
    pub conditions: Conditions,
    /// What it does.
    pub action: Action,
    /// Its place among all routes, which [`Routes::new`] sets.
    pub index: usize,
}

/// What becomes of a scan on a route.
#[derive(Debug)]
pub enum Action {
    /// A department's backend is asked, its answer goes back.
    Forward(Box<Forward>),
    /// The terminal is sent elsewhere.
    Redirect(Redirect),
    /// The decision itself is the answer.
    Respond,
}

/// Which backend is asked, and how.
#[derive(Debug)]
pub struct Forward {
    /// The backend's place in the list of upstreams.
    pub upstream: usize,
    /// The backend's name.
    pub upstream_name: Box<str>,
    /// The request it understands.
    pub contract: Contract,
    /// Header names of this route's own, and what they tell.
    pub headers: Box<[(HeaderName, Told)]>,
    /// Whether the backend may be asked twice where the first outcome is unknown.
    pub idempotent: bool,
}

/// What a route's own header tells the backend.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Told {
    /// The assurance.
    Assurance,
    /// The family's id.
    Family,
    /// The issuer's id.
    Issuer,
    /// The kind.
    Kind,
    /// These very words.
    Literal(HeaderValue),
    /// The route's name.
    Route,
    /// The scene's name.
    Scene,
}

impl Action {
    /// The name of the backend, if one is asked.
    pub fn upstream_name(&self) -> Option<&str> {
        match self {
            Self::Forward(forward) => Some(&forward.upstream_name),
            Self::Redirect(_) | Self::Respond => None,
        }
    }
}
