//! What is told, as it is printed.

use std::borrow::Cow;
use std::fmt;

use serde::Serialize;
use utoipa::ToSchema;

use super::preview::RequestStory;
use crate::time::Timestamp;

/// The story of one decision.
#[derive(Debug, Default, Serialize, ToSchema)]
pub struct Explanation<'a> {
    /// `decision` or `rejection`.
    pub outcome: &'static str,
    /// Why it was rejected.
    pub reason: Option<&'static str>,
    /// The stage that rejected it.
    pub stage: Option<&'static str>,
    /// What was expected where in a text that could not be read; or what stood in the way, where no
    /// part of the code did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// The family.
    pub family: Option<&'a str>,
    /// The kind.
    pub kind: Option<&'static str>,
    /// The issuer.
    pub issuer: Option<Cow<'a, str>>,
    /// Dynamic, static or unknown.
    pub freshness: Option<&'static str>,
    /// How sure we are.
    pub assurance: Option<&'static str>,
    /// Signature and time.
    pub trust: TrustStory<'a>,
    /// The scene.
    pub scene: Option<&'a str>,
    /// The code's region.
    pub region: Option<String>,
    /// How it lies to the terminal's.
    pub relation: Option<&'static str>,
    /// The route.
    pub route: Option<&'a str>,
    /// The backend.
    pub upstream: Option<&'a str>,
    /// The family it was told from, or could not be.
    pub rival: Option<&'a str>,
    /// What may be shown of the text.
    pub shown: String,
    /// Scanner artefacts taken off.
    pub artefacts: Vec<&'static str>,
    /// The parts of the text and where they stand, in bytes.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<FieldStory>,
    /// What became of every family.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tried: Vec<TriedStory<'a>>,
    /// The routes that were considered, best first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub routes: Vec<RouteStory<'a>>,
    /// The request the backend would be sent, masked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request: Option<RequestStory>,
}

/// What was found out about signature and time.
#[derive(Debug, Default, Serialize, ToSchema)]
pub struct TrustStory<'a> {
    /// `valid`, `invalid`, `unknown-key` or `none`.
    pub signature: Option<&'static str>,
    /// The key's id.
    pub key: Option<&'a str>,
    /// Unix seconds from which the code is good.
    pub not_before: Option<UnixSeconds>,
    /// Unix seconds at which it ends.
    pub not_after: Option<UnixSeconds>,
    /// `ok`, `expired` or `not-yet`.
    pub time: Option<&'static str>,
    /// What the issuer's platform says: `active`, `inactive`, `unavailable`, or `not-asked`, which is
    /// told as `active` would be; none if its word is not needed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub introspection: Option<&'static str>,
    /// What may be shown of the holder's index there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub index: Option<String>,
    /// Whether its issuer took the code or its key back.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub revoked: bool,
    /// What would have to be otherwise for the code to be believed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub near_misses: Vec<NearMissStory>,
}

/// One thing that would have to be otherwise.
#[derive(Debug, Serialize, ToSchema)]
pub struct NearMissStory {
    /// The word for it.
    pub slug: &'static str,
    /// The same for people.
    pub what: String,
}

/// Seconds since the epoch, with a fraction only where there is one.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
pub enum UnixSeconds {
    /// A whole number.
    Whole(i64),
    /// With milliseconds.
    Fraction(f64),
}

/// A part of the text.
#[derive(Debug, Serialize, ToSchema)]
pub struct FieldStory {
    /// What it is called.
    pub name: String,
    /// Its first byte.
    pub start: usize,
    /// The byte behind its last.
    pub end: usize,
}

/// What became of one family.
#[derive(Debug, Serialize, ToSchema)]
pub struct TriedStory<'a> {
    /// The family.
    pub family: &'a str,
    /// `claimed`, `bad-checksum`, `malformed` or `no-match`.
    pub outcome: &'static str,
    /// Why.
    pub why: String,
    /// The byte it failed at, where there is one to point at.
    pub at: Option<usize>,
}

/// What became of one route.
#[derive(Debug, Serialize, ToSchema)]
pub struct RouteStory<'a> {
    /// The route.
    pub route: &'a str,
    /// Whether it was taken.
    pub taken: bool,
    /// Whether its conditions hold.
    pub matches: bool,
    /// The first of them that does not.
    pub failed: Option<&'static str>,
}

impl fmt::Display for UnixSeconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Whole(seconds) => write!(f, "{seconds}"),
            Self::Fraction(seconds) => write!(f, "{seconds:.3}"),
        }
    }
}

impl From<Timestamp> for UnixSeconds {
    fn from(instant: Timestamp) -> Self {
        if instant.millis() % 1_000 == 0 {
            return Self::Whole(instant.seconds());
        }
        let fraction = u32::try_from(instant.millis().rem_euclid(1_000)).unwrap_or_default();
        match i32::try_from(instant.seconds()) {
            Ok(seconds) => Self::Fraction(f64::from(seconds) + f64::from(fraction) / 1_000.0),
            Err(_) => Self::Whole(instant.seconds()),
        }
    }
}
