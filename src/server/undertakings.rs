//! Work that may outlive the connection that asked for it.

use std::{cell::Cell, rc::Rc};

/// Counts the work of one worker that a drain waits for, whether its connection is still there or
/// not; clones share the count.
#[derive(Clone, Debug, Default)]
pub struct Undertakings(Rc<Cell<usize>>);

/// A piece of work under way, until it is dropped.
#[derive(Debug)]
#[must_use = "the work counts only while this is held"]
pub struct Undertaking(Undertakings);

impl Undertakings {
    /// Something begins that must not be cut short.
    pub fn begin(&self) -> Undertaking {
        self.0.set(self.0.get().saturating_add(1));
        Undertaking(self.clone())
    }

    /// How many are under way.
    pub fn count(&self) -> usize {
        self.0.get()
    }
}

impl Drop for Undertaking {
    fn drop(&mut self) {
        let count = &self.0.0;
        count.set(count.get().saturating_sub(1));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_dropped_is_done() {
        let undertakings = Undertakings::default();
        let (first, second) = (undertakings.begin(), undertakings.clone().begin());
        assert_eq!(undertakings.count(), 2);
        drop(first);
        assert_eq!(undertakings.count(), 1);
        drop(second);
        assert_eq!(undertakings.count(), 0);
    }
}
