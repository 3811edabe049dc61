//! `multicode keys verify`: an operator's or an issuer's look at keys before they are used.

use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::json;

use super::story;
use crate::cli::options::Format;
use crate::cli::{Exit, Failure, Process};
use crate::keyfile::{self, FileError};
use crate::time::Timestamp;
use crate::trust::material::Reading;
use crate::trust::standing::chain;
use crate::trust::standing::{KeyStanding, Rejected};

#[derive(Args, Debug)]
pub(super) struct Options {
    /// A JWK Set, JWK, PEM or DER file, or a folder of them.
    #[arg(value_name = "PATH", required = true)]
    paths: Vec<PathBuf>,
    /// How it is printed.
    #[arg(long, value_name = "FORMAT", default_value = "human")]
    format: Format,
}

pub(super) fn run(options: &Options, process: &mut Process<'_>) -> Result<Exit, Failure> {
    let mut exit = Exit::Success;
    for path in &options.paths {
        let (keys, rejected) = read(path, (process.now)())?;
        if keys.is_empty() || !rejected.is_empty() {
            exit = Exit::Finding;
        }
        let path = path.display().to_string();
        match options.format {
            Format::Human => {
                let (good, bad) = (keys.len(), rejected.len());
                writeln!(process.out, "{path}: {good} good, {bad} rejected")?;
                story::keys(&keys, process.out)?;
                story::rejected(&rejected, process.out)?;
            }
            Format::Json => {
                let line = json!({"path": path, "keys": keys, "rejected": rejected});
                writeln!(process.out, "{line}")?;
            }
        }
    }
    Ok(exit)
}

/// What a file or folder holds; one that holds something else is rejected as a whole.
fn read(path: &Path, now: Timestamp) -> Result<(Vec<KeyStanding>, Vec<Rejected>), Failure> {
    match keyfile::read(path, &Reading::default()) {
        Ok(found) => Ok((KeyStanding::all(&found.keys, now), found.rejected)),
        Err(FileError::Read(error)) => Err(Failure::at(path)(error)),
        Err(error) => {
            let (id, reason) = ("-".into(), chain(&error).into());
            Ok((Vec::new(), vec![Rejected { id, reason }]))
        }
    }
}
