//! What is wrong although every line is right: families and routes looked at together.

mod families;
mod routes;

use super::Scrutiny;
use super::diagnostic::Collector;
use super::lower::Lowered;

/// Runs the lints.
pub(crate) fn run(lowered: &Lowered, scrutiny: Scrutiny, to: &Collector) {
    if scrutiny == Scrutiny::Overlaps {
        families::overlaps(&lowered.config.gateway.families, &lowered.families, to);
    }
    let routes = routes::Lint {
        parts: &lowered.config.gateway,
        places: &lowered.routes,
        to,
    };
    routes.run();
    if !to.has_errors() {
        routes.gaps_between(&lowered.scenes);
    }
}
