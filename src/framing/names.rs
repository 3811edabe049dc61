//! Names of fields that were seen before.

use std::cell::RefCell;

use http::HeaderName;
use rustc_hash::FxHashMap;

/// Names that are remembered at a time. Terminals of one make, and departments, send the same ten; who sends
/// others each time only has them made anew.
const MOST: usize = 128;

/// A remembered name's length; the longest that is usual has thirty.
const LONGEST: usize = 64;

/// Names of fields as they were sent before, so that none is made twice.
#[derive(Debug, Default)]
pub struct Names(RefCell<FxHashMap<Box<[u8]>, HeaderName>>);

impl Names {
    /// The name of what was sent; nothing if it is none.
    pub fn of(&self, sent: &[u8]) -> Option<HeaderName> {
        if let Some(known) = self.0.borrow().get(sent) {
            return Some(known.clone());
        }
        let name = HeaderName::from_bytes(sent).ok()?;
        // A proof and its kin pass through here, but only their names do.
        if sent.len() <= LONGEST {
            let mut known = self.0.borrow_mut();
            if known.len() == MOST {
                known.clear();
            }
            known.insert(sent.into(), name.clone());
        }
        Some(name)
    }
}
