#![no_main]

use std::panic::set_hook;

#[path = "../bodies.rs"]
#[allow(dead_code)]
mod bodies;
#[path = "../timed.rs"]
mod timed;

libfuzzer_sys::fuzz_target!(
    init: {
        // The decoders' panics are contained, and not findings: only one that gets out ends the run.
        set_hook(Box::new(|_| {}));
    },
    |data: &[u8]| timed::run(bodies::picture_read, data)
);
