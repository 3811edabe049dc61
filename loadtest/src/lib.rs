//! The load tester: scans at a rate that does not wait for the gateway, and each answer held against the
//! decision it should be.
//!
//! [`scenario`] is what is sent and how often, [`workshop`] makes the codes and knows what should come of them,
//! [`schedule`] says when each request is due and [`plan`] which one it is. [`letter`] writes requests down,
//! [`client`] sends them and reads the [`answer`], [`drive`] runs all that on threads of its own and counts.
//! [`search`] looks for the highest rate that holds a rule, [`report`] is what was measured, [`cli`] the program.

pub mod answer;
pub mod cli;
pub mod client;
pub mod drive;
pub mod letter;
pub mod numbers;
pub mod plan;
pub mod report;
pub mod scenario;
pub mod schedule;
pub mod search;
pub mod workshop;
