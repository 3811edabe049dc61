//! Where used codes and outcomes are kept.

use std::time::Duration;

use super::issuer::secret;
use super::{Word, words};
use crate::config::reader::{Table, Value, duration, integer, size, span, string};
use crate::config::secrets::SecretRef;
use crate::config::source::{Place, Spanned};

/// `[state]`.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) at: Place,
    pub(crate) file: Option<Word>,
    pub(crate) redis: Option<Spanned<Vec<Word>>>,
    pub(crate) ca: Option<Word>,
    pub(crate) username: Option<Word>,
    pub(crate) password: Option<Spanned<SecretRef>>,
    pub(crate) prefix: Option<Word>,
    pub(crate) key: Option<Spanned<SecretRef>>,
    pub(crate) keep: Option<Spanned<Duration>>,
    pub(crate) double_read: Option<Spanned<Duration>>,
    pub(crate) answer_limit: Option<Spanned<usize>>,
    pub(crate) claims: Option<Spanned<usize>>,
}

impl State {
    /// Reads `[state]`.
    pub(crate) fn read(mut table: Table<'_>) -> Self {
        let state = Self {
            at: table.at(),
            file: table.optional("file", string),
            redis: table.optional("redis", addresses),
            ca: table.optional("ca", string),
            username: table.optional("username", string),
            password: table.optional("password", secret),
            prefix: table.optional("prefix", string),
            key: table.optional("key", secret),
            keep: table.optional("keep", duration),
            double_read: table.optional("double_read", span),
            answer_limit: table.optional("answer_limit", size),
            claims: table.optional("claims", integer(1..=1_000_000_000)),
        };
        table.finish();
        state
    }
}

/// Reads the addresses, with the place of the array.
fn addresses(value: Value<'_>) -> Option<Spanned<Vec<Word>>> {
    let at = value.at();
    Some(Spanned::new(words(value)?, at))
}
