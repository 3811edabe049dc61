//! The gateway in bad times: the real program, real sockets, everything else played by the tests.
//! `docs/faults.md` says what each fault is, how often it was injected and what must hold.

mod activation;
mod bank;
mod clock;
mod crowd;
pub(crate) mod delivery;
mod department;
mod descriptors;
mod disk;
mod hangups;
mod kills;
mod paths;
mod process;
pub(crate) mod redis;
mod store;
mod street;
mod till;
mod upgrade;

use std::thread::sleep;
use std::time::{Duration, Instant};

/// Long enough for anything that is going to happen, on a machine that does other things, too.
const SOON: Duration = Duration::from_secs(30);

/// A health card that is good for ever; the first example of its family.
const HEALTH_CARD: &str = "7C11C05DFF7B9C8F9A4CBD787F6C813EBE559C854D6E2AAD4EBBD0C6D548D393:1";

/// Waits until it is so.
#[track_caller]
fn eventually(what: &str, mut is_so: impl FnMut() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < SOON, "never came about: {what}");
        sleep(Duration::from_millis(10));
    }
}
