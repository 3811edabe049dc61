//! What things are called in Redis. The braces keep all of one prefix in one slot of a cluster.

use crate::state::Name;

/// The keys of one prefix.
#[derive(Debug)]
pub(super) struct Keys {
    prefix: Box<str>,
}

impl Keys {
    pub(super) fn new(prefix: &str) -> Self {
        Self {
            prefix: format!("multicode:{{{prefix}}}:").into(),
        }
    }

    /// What all of them begin with.
    pub(super) fn prefix(&self) -> &str {
        &self.prefix
    }

    /// The server this was written on, and the fence.
    pub(super) fn marker(&self) -> String {
        format!("{}marker", self.prefix)
    }

    /// The intents without an outcome, by the ends of their leases.
    pub(super) fn open(&self) -> String {
        format!("{}open", self.prefix)
    }

    /// What records begin with.
    pub(super) fn records(&self) -> String {
        format!("{}r:", self.prefix)
    }

    /// A record.
    pub(super) fn record(&self, name: Name) -> Vec<u8> {
        format!("{}r:{name}", self.prefix).into()
    }

    /// The claim on a one-time code.
    pub(super) fn claim(&self, name: Name) -> Vec<u8> {
        format!("{}c:{name}", self.prefix).into()
    }

    /// The mark a double read is known by.
    pub(super) fn read(&self, name: Name) -> Vec<u8> {
        format!("{}d:{name}", self.prefix).into()
    }
}
