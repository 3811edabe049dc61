//! What is wrong although every line is right: families, issuers and routes looked at together.

pub(super) mod certificates;
mod families;
mod introspections;
mod issuers;
mod proofs;
mod routes;
mod scenes;

use super::Scrutiny;
use super::diagnostic::Collector;
use super::lower::Lowered;

/// Runs the lints.
pub(crate) fn run(lowered: &Lowered, scrutiny: Scrutiny, to: &Collector) {
    if scrutiny == Scrutiny::Overlaps {
        families::overlaps(&lowered.config.gateway.families, &lowered.families, to);
    }
    // What an unreadable family would name is not known.
    if !to.has_errors() {
        let issuers = issuers::Lint {
            families: &lowered.config.gateway.families,
            keys: &lowered.config.keys,
            places: &lowered.issuers,
            to,
        };
        issuers.run();
    }
    let routes = routes::Lint {
        parts: &lowered.config.gateway,
        places: &lowered.routes,
        to,
    };
    routes.run();
    introspections::Lint {
        parts: &lowered.config.gateway,
        introspections: &lowered.config.introspections,
        places: &lowered.introspections,
        to,
    }
    .run();
    scenes::run(&lowered.config.gateway, &lowered.scenes, to);
    if !to.has_errors() {
        proofs::run(lowered, to);
    }
    if !to.has_errors() {
        routes.gaps_between(&lowered.scenes);
    }
}
