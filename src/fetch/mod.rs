//! What is fetched from issuers, and kept: their keys, and what they took back.

pub mod source;

pub use self::source::{Feed, Origin, Remote, WhenStale};
