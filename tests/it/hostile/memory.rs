//! How much memory a process has, as the kernel tells it.

use std::fs;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{self, sleep};
use std::time::Duration;

/// How often a process is looked at while something is done to it.
const EVERY: Duration = Duration::from_millis(2);

/// The resident memory of a process in KiB: now, and the most there ever was.
pub(super) fn resident(process: u32) -> (usize, usize) {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let of = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        let kibibytes = line.and_then(|line| line.split_ascii_whitespace().next());
        kibibytes.unwrap().parse().unwrap()
    };
    (of("VmRSS:"), of("VmHWM:"))
}

/// The most resident memory of a process, in KiB, that was seen while `work` was done.
pub(super) fn most_while(process: u32, work: impl FnOnce()) -> usize {
    let (over, most) = (AtomicBool::new(false), AtomicUsize::new(0));
    thread::scope(|scope| {
        scope.spawn(|| {
            while !over.load(Ordering::Acquire) {
                most.fetch_max(resident(process).0, Ordering::Relaxed);
                sleep(EVERY);
            }
        });
        let done = std::panic::catch_unwind(std::panic::AssertUnwindSafe(work));
        over.store(true, Ordering::Release);
        if let Err(panic) = done {
            std::panic::resume_unwind(panic);
        }
    });
    most.into_inner()
}
