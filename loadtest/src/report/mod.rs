//! What a run has measured, and how people and machines read it.
//!
//! A [`Report`] is one JSON document of version [`VERSION`], described by [`SCHEMA`]. It is written after a run
//! and read back to be shown or compared. Everything else here is a view of it:
//!
//! - [`threshold`]: rules such as `p99<50ms`, which decide the exit code;
//! - [`text`]: the tables of a terminal;
//! - [`html`]: one page with pictures that needs nothing beside itself;
//! - [`compare`]: what has become better and worse between two reports.
//!
//! Times are whole microseconds and end in `_us`. Shares are numbers from 0 to 1.

pub mod compare;
pub mod html;
mod json;
mod latency;
mod number;
mod rows;
mod table;
pub mod text;
pub mod threshold;
mod types;

#[cfg(test)]
mod sample;

pub use json::{ReadError, SCHEMA, WriteError};
pub use latency::{Latency, Point};
pub use types::{
    Driver, Fault, FindMax, Held, Probe, Rate, Refusal, Report, Scenario, Second, Series, Setting,
    Target, Tool, Totals, Unit, VERSION,
};
