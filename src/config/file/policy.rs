//! How an upstream's endpoints are chosen from, spared and watched.

use std::time::Duration;

use super::Word;
use crate::config::diagnostic::Diagnostic;
use crate::config::reader::{
    Endpoint, Table, Value, boolean, choice, duration, endpoint, integer, list, span, string,
};
use crate::config::source::{Place, Spanned};
use crate::upstream::{AllOut, Balance, By, Eject};

/// An element of `endpoints`.
#[derive(Debug)]
pub(crate) struct Weighted {
    pub(crate) url: Spanned<Endpoint>,
    pub(crate) weight: Option<Spanned<u32>>,
}

/// The keys of `[upstream.*]` about choosing, sparing and watching.
#[derive(Debug)]
pub(crate) struct Policy {
    pub(crate) balance: Option<Spanned<Balance>>,
    pub(crate) eject: Option<Ejection>,
    pub(crate) slow_start: Option<Spanned<Duration>>,
    pub(crate) at_once: Option<Spanned<u32>>,
    pub(crate) queue: Option<Spanned<u32>>,
    pub(crate) queue_timeout: Option<Spanned<Duration>>,
    pub(crate) check: Option<Checking>,
}

/// `eject = { … }`.
#[derive(Debug)]
pub(crate) struct Ejection {
    pub(crate) at: Place,
    pub(crate) failures: Option<Spanned<u16>>,
    pub(crate) time: Option<Spanned<Duration>>,
    pub(crate) longest: Option<Spanned<Duration>>,
    pub(crate) at_most: Option<Spanned<u8>>,
    pub(crate) trials: Option<Spanned<u8>>,
    pub(crate) all_out: Option<Spanned<AllOut>>,
}

/// `check = { … }`.
#[derive(Debug)]
pub(crate) struct Checking {
    pub(crate) at: Place,
    pub(crate) path: Option<Word>,
    pub(crate) tcp: Option<Spanned<bool>>,
    pub(crate) status: Option<Vec<Spanned<u16>>>,
    pub(crate) interval: Option<Spanned<Duration>>,
    pub(crate) timeout: Option<Spanned<Duration>>,
    pub(crate) rise: Option<Spanned<u16>>,
    pub(crate) fall: Option<Spanned<u16>>,
}

impl Policy {
    /// Reads the keys out of an upstream's table.
    pub(crate) fn read(table: &mut Table<'_>) -> Self {
        Self {
            balance: table.optional("balance", balance),
            eject: table.optional("eject", ejection),
            slow_start: table.optional("slow_start", span),
            at_once: table.optional("at_once", integer(1..=1_000_000)),
            queue: table.optional("queue", integer(0..=100_000)),
            queue_timeout: table.optional("queue_timeout", duration),
            check: table.optional("check", checking),
        }
    }
}

/// Reads an address, or `{ url, weight }`.
pub(crate) fn weighted(value: Value<'_>) -> Option<Weighted> {
    if value.get().as_table().is_none() {
        let (url, weight) = (endpoint(value)?, None);
        return Some(Weighted { url, weight });
    }
    let mut table = value.table()?;
    let url = table.required("url", endpoint);
    let weight = table.optional("weight", integer(1..=100));
    table.finish();
    Some(Weighted { url: url?, weight })
}

fn balance(value: Value<'_>) -> Option<Spanned<Balance>> {
    if value.get().as_table().is_none() {
        let words = [
            ("round-robin", Balance::RoundRobin),
            ("least-in-flight", Balance::LeastInFlight),
        ];
        return choice(&words)(value);
    }
    let mut table = value.table()?;
    let words = [
        ("issuer", By::Issuer),
        ("account", By::Account),
        ("terminal", By::Terminal),
    ];
    let by = table.required("hash", choice(&words));
    table.finish();
    by.map(|by| Spanned::new(Balance::Hash(by.value), by.at))
}

fn ejection(value: Value<'_>) -> Option<Ejection> {
    let mut table = value.table()?;
    let words = [("use", AllOut::Use), ("refuse", AllOut::Refuse)];
    let ejection = Ejection {
        at: table.at(),
        failures: table.optional("failures", integer(1..=Eject::MOST_FAILURES)),
        time: table.optional("time", duration),
        longest: table.optional("longest", duration),
        at_most: table.optional("at_most", integer(0..=100)),
        trials: table.optional("trials", integer(1..=Eject::MOST_TRIALS)),
        all_out: table.optional("all_out", choice(&words)),
    };
    table.finish();
    Some(ejection)
}

fn checking(value: Value<'_>) -> Option<Checking> {
    let mut table = value.table()?;
    let sorts = [table.has("path"), table.has("tcp")];
    let checking = Checking {
        at: table.at(),
        path: table.optional("path", string),
        tcp: table.optional("tcp", boolean),
        status: table.optional("status", list(integer(100..=599))),
        interval: table.optional("interval", duration),
        timeout: table.optional("timeout", duration),
        rise: table.optional("rise", integer(1..=100)),
        fall: table.optional("fall", integer(1..=100)),
    };
    match sorts {
        [false, false] => table.missing("path"),
        [true, true] => {
            let message = "a check is made with \"path\" or with \"tcp\", not with both";
            let found = Diagnostic::error("conflict", table.at(), message);
            table.context().report(found);
        }
        _ => {}
    }
    table.finish();
    Some(checking)
}
