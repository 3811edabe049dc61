//! multicode: one access layer in front of many departments.
//!
//! Text in, decision out, bytes forwarded: a scan is recognised, believed, decided and forwarded,
//! in that order, and every stage hands the next a type that only it can make.

pub mod reason;
pub mod time;
