//! The gateway against departments that fail in every way, on real sockets.
//!
//! Every fault counts how often it was injected: one that was not is a failure of the test.

mod crossing;
mod frames;
mod ledger;
mod oracle;
mod plain;
mod stalls;

use crate::edge::{Answer, Files, HEALTH_CARD, TestGateway, post};

/// Leaves a number where whoever runs the test looks for it.
#[expect(clippy::print_stderr, reason = "what a proof counted is worth reading")]
pub(crate) fn report(numbers: std::fmt::Arguments<'_>) {
    eprintln!("{numbers}");
}

/// A gateway that hands health cards of the scene `other` to a department with these keys.
fn gateway(upstream: &str) -> TestGateway {
    gateway_with(upstream, |_| {})
}

/// The same with these changes.
fn gateway_with(upstream: &str, change: impl FnOnce(&Files)) -> TestGateway {
    TestGateway::with(|files| {
        files.pass_through_with(upstream);
        change(files);
    })
}

/// A scan that tells the department who it is and what is to be done to it.
fn scan(id: usize, fault: &str) -> Vec<u8> {
    let body = format!(
        "{{\"code\":\"{HEALTH_CARD}\",\"scene\":\"other\",\"id\":\"<{id}>\",\"fault\":\"[{fault}]\"}}"
    );
    post("/v1/scan", "Content-Type: application/json\r\n", body)
}

/// What [`scan`] told.
fn told(body: &str) -> Option<(usize, &str)> {
    let between = |open, close| Some(body.split_once(open)?.1.split_once(close)?.0);
    Some((between("\"<", ">\"")?.parse().ok()?, between("\"[", "]\"")?))
}

/// What a terminal was told, in one word: the reason, or the department's own status.
fn verdict(answer: &Answer) -> String {
    let status = answer.status.to_string();
    answer.reason().map_or(status, ToOwned::to_owned)
}
