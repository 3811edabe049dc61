//! What commands need of a configuration.

use std::path::Path;

use super::{Failure, Process};
use crate::config::{self, Config, ProcessSecrets, Secrets, Style};
use crate::gateway::Gateway;
use crate::trust::Keys;

/// Reads a configuration with the secrets of the environment, as far as they are set. Mistakes are
/// told on standard error, as `check` tells them.
pub(super) fn config(path: &Path, process: &mut Process<'_>) -> Result<Config, Failure> {
    config_with(path, &ProcessSecrets::beside(path), process)
}

/// The same with secrets from elsewhere.
pub(super) fn config_with(
    path: &Path,
    secrets: &dyn Secrets,
    process: &mut Process<'_>,
) -> Result<Config, Failure> {
    let loaded = config::load(path, secrets);
    if let Some(config) = loaded.config {
        return Ok(config);
    }
    write!(process.err, "{}", loaded.diagnostics.render(Style::Plain))?;
    let refused = format!("{} cannot be used", path.display());
    Err(if loaded.diagnostics.has_unreadable() {
        Failure::io(refused)
    } else {
        Failure::finding(refused)
    })
}

/// The gateway of a configuration, and the keys it knows at once.
pub(super) fn gateway(path: &Path, process: &mut Process<'_>) -> Result<(Gateway, Keys), Failure> {
    let config = config(path, process)?;
    Ok((Gateway::new(config.gateway), config.keys))
}
