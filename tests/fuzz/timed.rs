//! How long an input may take.

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// Of a processor, in a build that is slow because it watches every step.
const LONGEST: Duration = Duration::from_secs(2);

/// Runs a body; taking longer than an input may is a finding like any other. What takes long once is done
/// again: only the first input waits for what is loaded.
pub(crate) fn run(body: fn(&[u8]), data: &[u8]) {
    let took = || {
        let begun = now();
        body(data);
        now().saturating_sub(begun)
    };
    assert!(
        took() < LONGEST || took() < LONGEST,
        "found an input that takes longer than {LONGEST:?}"
    );
}

/// What this thread has had of its processor: a busy machine makes nothing slow.
fn now() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::try_from(time).expect("it counts from nothing on")
}
