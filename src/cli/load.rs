//! What commands need of a configuration.

use std::collections::BTreeSet;
use std::path::Path;

use super::{Failure, Process};
use crate::config::{self, Config, Diagnostics, ProcessSecrets, Secrets, Style, Written};
use crate::gateway::Gateway;
use crate::reload::{self, Reading, Ready, Refused, Seen};
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
    Err(refused(path, &loaded.diagnostics, process)?)
}

/// Tells what is wrong with a configuration.
fn refused(
    path: &Path,
    diagnostics: &Diagnostics,
    process: &mut Process<'_>,
) -> Result<Failure, Failure> {
    write!(process.err, "{}", diagnostics.render(Style::Plain))?;
    let refused = format!("{} cannot be used", path.display());
    Ok(if diagnostics.has_unreadable() {
        Failure::io(refused)
    } else {
        Failure::finding(refused)
    })
}

/// Reads a configuration that is to be put in force: with all the files it names, as one, and as a
/// reload would, if all its tests come out as they should.
pub(super) fn whole(path: &Path, process: &mut Process<'_>) -> Result<(Ready, Seen), Failure> {
    let secrets = ProcessSecrets::beside(path);
    let Reading { seen, outcome } =
        reload::read(path, &secrets, BTreeSet::new(), &Written::default());
    match outcome {
        Ok(ready) => Ok((ready, seen)),
        Err(Refused::Mistakes(found) | Refused::Tests(found, _)) => {
            Err(refused(path, &found, process)?)
        }
        Err(Refused::NotRun(error)) => Err(Failure::finding(error)),
        Err(Refused::Material(error)) => Err(Failure::io(error)),
        Err(other @ (Refused::Gone(_) | Refused::Restless)) => Err(Failure::io(other.why())),
    }
}

/// The gateway of a configuration, and the keys it knows at once.
pub(super) fn gateway(path: &Path, process: &mut Process<'_>) -> Result<(Gateway, Keys), Failure> {
    let config = config(path, process)?;
    Ok((Gateway::new(config.gateway), config.keys))
}
