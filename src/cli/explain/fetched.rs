//! The keys of key servers, as a gateway would have them.

use std::time::Duration;

use crate::app;
use crate::cli::Failure;
use crate::config::Config;
use crate::fetch::{self, Feed, Keeper, Origin, Setting};
use crate::trust::{Keys, Supply};

/// How long servers are waited for, which is longer than any question to one takes.
const PATIENCE: Duration = Duration::from_secs(15);

/// Those the last gateway kept in `[keys] snapshot`. Nobody is asked.
pub(super) fn kept(config: &Config) -> Keys {
    let feeds = remote(config);
    match &config.snapshot {
        Some(folder) if !feeds.is_empty() => {
            fetch::recalled(folder, &feeds, config.keys.clone(), app::now)
        }
        _ => config.keys.clone(),
    }
}

/// Those the servers give now; where one does not answer, those that were kept. Nothing is
/// written.
pub(super) fn asked(config: &Config) -> Result<Keys, Failure> {
    let kept = kept(config);
    let feeds = remote(config);
    if feeds.is_empty() {
        return Ok(kept);
    }
    let keeper = Keeper::start(Setting::once(
        app::now,
        app::seed().map_err(Failure::io)?,
        PATIENCE,
    ))?;
    let adopted = keeper.adopt(feeds, config.keys.clone());
    let fetched = adopted.map_err(Failure::io)?.load_full();
    let awaited = fetched.issuers();
    let awaited = awaited.filter(|issuer| issuer.keys.supply == Supply::Awaited);
    let had = awaited.filter_map(|issuer| kept.issuer(&issuer.id));
    Ok(had.fold(Keys::clone(&fetched), |keys, issuer| {
        keys.with(issuer.clone())
    }))
}

/// The feeds of which something is on a server.
fn remote(config: &Config) -> Vec<Feed> {
    let is_remote = |feed: &&Feed| {
        let mut origins = feed.keys.iter().chain(&feed.revoked);
        origins.any(|origin| matches!(origin, Origin::Remote(_)))
    };
    config.feeds.iter().filter(is_remote).cloned().collect()
}
