//! Traces that leave the program, as a collector reads them, and what becomes of scans without one.
//!
//! The environment is everybody's, so the program itself is started with it.

#[cfg(feature = "otel")]
mod collector;
#[cfg(feature = "otel")]
mod exported;

use super::{Files, Program};

/// Where nobody listens.
const NOWHERE: &str = "http://127.0.0.1:9";

#[test]
fn nobody_is_told_of_traces_unless_the_environment_asks() {
    let program = Program::serve(&Files::shipped(), "info");
    assert!(!program.said().contains("traces"), "{}", program.said());
}

#[test]
fn an_exporter_that_is_not_there_is_missed_once() {
    let place = ("OTEL_EXPORTER_OTLP_ENDPOINT", NOWHERE);
    let program = Program::serve_with(&Files::shipped(), "info", &[place]);
    let said = program.said();
    let missed = usize::from(!cfg!(feature = "otel"));
    assert_eq!(said.matches("has no exporter").count(), missed, "{said}");
    let exported = usize::from(cfg!(feature = "otel"));
    assert_eq!(said.matches("traces are exported").count(), exported);
}
