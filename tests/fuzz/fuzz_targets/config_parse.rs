#![no_main]

#[path = "../bodies.rs"]
#[allow(dead_code)]
mod bodies;
#[path = "../timed.rs"]
mod timed;

libfuzzer_sys::fuzz_target!(|data: &[u8]| timed::run(bodies::config_parse, data));
