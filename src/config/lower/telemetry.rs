//! What is told of scans.

use super::Surroundings;
use crate::config::file::Telemetry as Written;
use crate::config::meaning::Telemetry;
use crate::config::secrets::Secret;

/// The fewest bytes of a key of pseudonyms: as many as the hash gives.
const KEY_BYTES: usize = 32;

/// Lowers `[telemetry]`.
pub(super) fn lower(written: Option<&Written>, around: Surroundings<'_>) -> Telemetry {
    let usual = Telemetry::default();
    let Some(written) = written else {
        return usual;
    };
    let value = |it: Option<&crate::config::source::Spanned<f64>>| it.map(|it| it.value);
    Telemetry {
        logged: value(written.log_scans.as_ref()).unwrap_or(usual.logged),
        pseudonym_key: key(written, around),
        pseudonym_period: written
            .pseudonym_period
            .map_or(usual.pseudonym_period, |it| it.value),
    }
}

fn key(written: &Written, around: Surroundings<'_>) -> Option<Secret> {
    let reference = written.pseudonym_key.as_ref()?;
    let found = match around.secret(reference)?.decode_key() {
        Ok(key) if key.expose().len() >= KEY_BYTES => return Some(key),
        Ok(key) => format!(
            "found a key of {} bytes, expected {KEY_BYTES} or more",
            key.expose().len()
        ),
        Err(error) => error.to_string(),
    };
    around.error("bad-secret", reference.at, found);
    None
}
