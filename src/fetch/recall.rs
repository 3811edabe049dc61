//! The keys a gateway would start with, for commands that look and leave.

use std::path::Path;
use std::sync::Arc;

use tokio::time::Instant;

use super::adoption::begin;
use super::flight::Gear;
use super::snapshot::Shelf;
use super::{Feed, Pace};
use crate::time::Timestamp;
use crate::trust::Keys;

/// What a gateway last kept in `folder` of those feeds, over the issuers of the files. Nobody is
/// asked, nothing is written, and what is too old is stale, as it would be at a start.
pub fn recalled(folder: &Path, feeds: &[Feed], keys: Keys, clock: fn() -> Timestamp) -> Keys {
    // Opening a folder makes it.
    let shelf = folder.is_dir().then(|| Shelf::open(folder).ok()).flatten();
    let gear = Gear {
        clock,
        pace: Pace::default(),
        shelf: shelf.map(Arc::new),
    };
    feeds.iter().fold(keys, |keys, feed| {
        let tended = begin(&gear, feed.clone(), 0, Instant::now());
        let Some(mut issuer) = keys.issuer(&feed.issuer).cloned() else {
            return keys;
        };
        tended.dress(&mut issuer);
        keys.with(issuer)
    })
}
