//! What is told of each scan, once: to the log, the live list, the last quarter of an hour, traces
//! and the audit trail.
//!
//! A worker lays one [`ScanEvent`] into its tray and goes on; the [`Clerk`], a thread of its own,
//! empties the trays some fifty times a second and hands what was in them to every [`Sink`]. Nobody
//! waits for a sink: a tray that is full loses what comes next, and counts it.
//!
//! Deliberately absent: the scanned text. An event names only what the configuration names, numbers,
//! reasons, what the family's mask shows and a pseudonym.

mod clerk;
mod event;
pub mod live;
pub mod log;
mod names;
#[cfg(feature = "otel")]
pub mod otlp;
mod pseudonym;
pub mod pulse;
pub mod story;
mod trace;
pub mod traces;
mod tray;

pub use self::clerk::{Clerk, Sink};
pub use self::event::{Asked, Lap, Laps, Outcome, ScanEvent, Sent, Verification};
pub use self::live::Live;
pub use self::log::Log;
pub use self::names::{EventNames, Issuers};
pub use self::pseudonym::{Pseudonym, PseudonymKey, Pseudonyms};
pub use self::pulse::Pulse;
pub use self::trace::{Sampling, TraceContext};
pub use self::traces::Traces;
pub use self::tray::{Tray, Trays};
