//! The shipped gateway, bytes in and bytes out, with mock departments behind it.

mod accounts;
mod admin;
mod admin_access;
mod admin_api;
mod admin_config;
mod admin_events;
mod admin_lab;
mod admin_stories;
mod answers;
mod backend;
mod canaries;
mod client;
mod config_diff;
mod doors;
mod faults;
mod files;
mod forms;
mod framing;
mod gateway;
mod guard;
mod guard_doors;
mod headers;
mod in_force;
mod introspection;
mod key_command;
mod limits;
mod metrics;
mod notify;
mod pages;
mod platforms;
mod program;
mod proofs;
mod proofs_signed;
mod proofs_tls;
mod rates;
mod reload;
mod reload_storm;
mod rivals;
mod rotation;
mod secrecy;
mod shedding;
mod signatures;
mod telling;
mod tls;
mod tls_authority;
mod tls_certs;
mod tls_clients;
mod tls_names;
mod tls_reload;
mod tls_sslyze;
mod traces;
mod upstreams;
mod watching;

use std::thread::sleep;
use std::time::{Duration, Instant};

pub(crate) use self::backend::Backend;
pub(crate) use self::client::{Answer, Client, json, post};
pub(crate) use self::files::{Files, KEYS, OneSecret, SECRET, keep};
pub(crate) use self::gateway::Mocks;
pub(crate) use self::gateway::TestGateway;
pub(crate) use self::program::Program;

/// Long enough for anything that is going to happen.
const SOON: Duration = Duration::from_secs(10);

/// The deadline of tests about deadlines.
const SHORT: Duration = Duration::from_millis(300);

/// A department's file, and a test of its that fails.
pub(crate) const FAILING_TEST: &str = r#"
owner = "edge"
[[test]]
name   = "wrong"
code   = "6901234567892"
at     = "2026-11-22T09:00:00+08:00"
expect = { kind = "payment" }
"#;

/// A health card that is good for ever; the first example of its family.
pub(crate) const HEALTH_CARD: &str =
    "7C11C05DFF7B9C8F9A4CBD787F6C813EBE559C854D6E2AAD4EBBD0C6D548D393:1";

/// A medicine's EAN-13, which the shipped routes answer themselves.
const EAN: &str = "6901234567892";

/// Waits until it is so.
#[track_caller]
fn eventually(what: &str, mut is_so: impl FnMut() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < SOON, "never came about: {what}");
        sleep(Duration::from_millis(10));
    }
}
