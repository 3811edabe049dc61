//! `multicode keys verify`: an operator's or an issuer's look at keys before they are used.

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use serde_json::json;

use super::story;
use crate::app;
use crate::cli::options::Format;
use crate::cli::{Exit, Failure, Process};
use crate::config::Address;
use crate::fetch::source::{DEFAULT_MAX_STALE, DEFAULT_REFRESH};
use crate::fetch::{Feed, Keeper, Origin, Remote, Setting, WhenStale, WhenUnlisted};
use crate::keyfile::{self, FileError};
use crate::printable::printable;
use crate::time::Timestamp;
use crate::tls::Authority;
use crate::trust::material::{self, Reading};
use crate::trust::standing::{KeyStanding, Rejected};
use crate::trust::{Issuer, KeySet, Supply};

/// How long a server is waited for, which is longer than any question to one takes.
const PATIENCE: Duration = Duration::from_secs(15);

#[derive(Args, Debug)]
pub(super) struct Options {
    /// A JWK Set, JWK, PEM or DER file, a folder of them, or the https address of one.
    #[arg(value_name = "PATH|URL", required = true)]
    sources: Vec<String>,
    /// Whom to trust about servers, PEM; required with an address.
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
    /// Servers may be inside: at a loopback, private or link-local address.
    #[arg(long)]
    private_addresses: bool,
    /// How it is printed.
    #[arg(long, value_name = "FORMAT", default_value = "human")]
    format: Format,
}

type Found = (Vec<KeyStanding>, Vec<Rejected>);

pub(super) fn run(options: &Options, process: &mut Process<'_>) -> Result<Exit, Failure> {
    let mut exit = Exit::Success;
    for source in &options.sources {
        let (keys, rejected) = if source.contains("://") {
            ask(source, options)?
        } else {
            read(Path::new(source), (process.now)())?
        };
        if keys.is_empty() || !rejected.is_empty() {
            exit = Exit::Finding;
        }
        match options.format {
            Format::Human => {
                let (good, bad) = (keys.len(), rejected.len());
                let source = printable(source);
                writeln!(process.out, "{source}: {good} good, {bad} rejected")?;
                story::keys(&keys, process.out)?;
                story::rejected(&rejected, process.out)?;
            }
            Format::Json => {
                let line = json!({"source": source, "keys": keys, "rejected": rejected});
                writeln!(process.out, "{line}")?;
            }
        }
    }
    Ok(exit)
}

/// What a file or folder holds; one that holds something else is rejected as a whole.
fn read(path: &Path, now: Timestamp) -> Result<Found, Failure> {
    match keyfile::read(path, &Reading::default()) {
        Ok(found) => Ok((KeyStanding::all(&found.keys, now), found.rejected)),
        Err(FileError::Read(error)) => Err(Failure::at(path)(error)),
        Err(error) => Ok((Vec::new(), vec![Rejected::new("-", &error)])),
    }
}

/// What a server gives, asked as a gateway asks it.
fn ask(url: &str, options: &Options) -> Result<Found, Failure> {
    let address = Address::parse(url).map_err(|complaint| format!("{url} {complaint}"));
    let address = address.map_err(Failure::usage)?;
    let ca = options.ca.as_ref().ok_or("an address needs --ca");
    let remote = Remote {
        host: address.host.into(),
        port: address.port,
        path: address.path.into(),
        authority: Authority::read(ca.map_err(Failure::usage)?).map_err(Failure::io)?,
        private_addresses: options.private_addresses,
    };
    let keeper = Keeper::start(Setting::once(
        app::now,
        app::seed().map_err(Failure::io)?,
        PATIENCE,
    ));
    let feed = Feed {
        issuer: "server".into(),
        keys: Some(Origin::Remote(remote)),
        reading: Reading {
            from: material::Origin::Network,
            ..Reading::default()
        },
        revoked: Vec::new(),
        refresh: DEFAULT_REFRESH,
        max_stale: DEFAULT_MAX_STALE,
        when_stale: WhenStale::Reject,
        when_unlisted: WhenUnlisted::Accept,
    };
    let issuer = Issuer {
        id: feed.issuer.clone(),
        keys: KeySet::new([], Supply::Awaited).into(),
        ..Issuer::default()
    };
    let keeper = keeper?;
    let adopted = keeper.adopt(vec![feed], std::iter::once(issuer).collect());
    adopted.map_err(Failure::io)?;
    let standing = keeper.standings().pop();
    let standing = standing.ok_or_else(|| Failure::io("no answer"))?;
    match standing.last_error {
        Some(error) if standing.rejected.is_empty() => Err(Failure::io(format!("{url}: {error}"))),
        _ => Ok((standing.keys, standing.rejected)),
    }
}
