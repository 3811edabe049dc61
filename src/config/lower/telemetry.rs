//! What is told of scans.

use super::Surroundings;
use crate::config::file::Telemetry as Written;
use crate::config::meaning::Telemetry;

/// The fewest bytes of a key of pseudonyms: as many as the hash gives.
const KEY_BYTES: usize = 32;

/// Lowers `[telemetry]`.
pub(super) fn lower(written: Option<&Written>, around: Surroundings<'_>) -> Telemetry {
    let usual = Telemetry::default();
    let Some(written) = written else {
        return usual;
    };
    Telemetry {
        logged: written
            .log_scans
            .as_ref()
            .map_or(usual.logged, |it| it.value),
        pseudonym_key: written
            .pseudonym_key
            .as_ref()
            .and_then(|it| around.secret_key(it, KEY_BYTES..=usize::MAX)),
        pseudonym_period: written
            .pseudonym_period
            .map_or(usual.pseudonym_period, |it| it.value),
    }
}
