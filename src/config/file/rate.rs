//! How fast requests may come.

use std::num::NonZeroU32;

use toml::de::DeValue;

use super::Named;
use crate::config::reader::{Table, Value, integer};
use crate::limit::{MOST, Quota, Rate};

/// `[limits.rate]`.
#[derive(Debug, Default)]
pub(crate) struct Rates {
    pub(crate) address: Option<Rate>,
    pub(crate) issuer: Option<Rate>,
    pub(crate) terminal: Option<Rate>,
    /// `[limits.rate.group.*]`.
    pub(crate) groups: Named<Rate>,
}

impl Rates {
    /// Reads `[limits.rate]`.
    pub(crate) fn read(mut table: Table<'_>) -> Self {
        let rates = Self {
            address: table.optional("address", rate),
            issuer: table.optional("issuer", rate),
            terminal: table.optional("terminal", rate),
            groups: table.named("group", |_, table| of_table(table)),
        };
        table.finish();
        rates
    }
}

/// Reads `"50/s"`, or a table with `quota` and `burst`.
pub(crate) fn rate(value: Value<'_>) -> Option<Rate> {
    match value.get() {
        DeValue::String(_) => quota(value).map(Rate::even),
        DeValue::Table(_) => of_table(value.table()?),
        _ => value.mismatch("a quota such as \"50/s\" or a table with \"quota\""),
    }
}

fn of_table(mut table: Table<'_>) -> Option<Rate> {
    let quota = table.required("quota", quota);
    let burst = table.optional("burst", integer(1..=MOST));
    table.finish();
    let even = Rate::even(quota?);
    let burst = burst.and_then(|burst| NonZeroU32::new(burst.value));
    Some(Rate {
        burst: burst.unwrap_or(even.burst),
        ..even
    })
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "a reader uses its value up, so that nobody reads it twice"
)]
fn quota(value: Value<'_>) -> Option<Quota> {
    let DeValue::String(text) = value.get() else {
        return value.mismatch("a quota such as \"50/s\"");
    };
    match Quota::parse(text) {
        Ok(quota) => Some(quota),
        Err(error) => value.invalid(&error.to_string()),
    }
}
