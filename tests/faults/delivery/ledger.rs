//! What a department saw: how often each request was delivered, how often each fault was injected.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

/// Shared between a department's threads and the test.
#[derive(Clone, Default)]
pub(super) struct Ledger(Arc<Mutex<Books>>);

#[derive(Default)]
pub(super) struct Books {
    /// By request: whole ones that the department kept.
    pub(super) delivered: BTreeMap<usize, usize>,
    /// By request: those the department said it would not look at.
    pub(super) refused: BTreeMap<usize, usize>,
    /// By fault, and whether the connection had been used before.
    pub(super) injected: BTreeMap<(String, bool), usize>,
}

impl Ledger {
    pub(super) fn deliver(&self, id: usize) {
        *self.0.lock().unwrap().delivered.entry(id).or_default() += 1;
    }

    /// How often the request had been refused before.
    pub(super) fn refuse(&self, id: usize) {
        *self.0.lock().unwrap().refused.entry(id).or_default() += 1;
    }

    pub(super) fn refusals(&self, id: usize) -> usize {
        let books = self.0.lock().unwrap();
        books.refused.get(&id).copied().unwrap_or_default()
    }

    pub(super) fn inject(&self, fault: &str, reused: bool) {
        let key = (fault.to_owned(), reused);
        *self.0.lock().unwrap().injected.entry(key).or_default() += 1;
    }

    pub(super) fn deliveries(&self, id: usize) -> usize {
        let books = self.0.lock().unwrap();
        books.delivered.get(&id).copied().unwrap_or_default()
    }

    /// Deliveries beyond the first of each request.
    pub(super) fn extra(&self) -> usize {
        let books = self.0.lock().unwrap();
        books.delivered.values().map(|times| times - 1).sum()
    }

    /// How often the fault was injected.
    #[track_caller]
    pub(super) fn injected(&self, fault: &str, reused: bool) -> usize {
        let books = self.0.lock().unwrap();
        let key = (fault.to_owned(), reused);
        books.injected.get(&key).copied().unwrap_or_default()
    }
}
