//! `terminals.toml`: the registry of terminals.

use super::{Named, Word, region};
use crate::config::reader::{Table, string};
use crate::config::source::Spanned;
use crate::family::Region;

/// `[terminal.*]`.
#[derive(Debug)]
pub(crate) struct Terminal {
    pub(crate) organisation: Option<Word>,
    pub(crate) region: Option<Spanned<Region>>,
    pub(crate) group: Option<Word>,
}

/// Reads `terminals.toml`.
pub(crate) fn read_registry(mut table: Table<'_>) -> Named<Terminal> {
    let terminals = table.named("terminal", |_, mut table| {
        let terminal = Terminal {
            organisation: table.optional("organisation", string),
            region: table.optional("region", region),
            group: table.optional("group", string),
        };
        table.finish();
        Some(terminal)
    });
    table.finish();
    terminals
}
