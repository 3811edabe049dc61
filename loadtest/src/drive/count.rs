//! What answers are counted by.

use crate::answer::Decision;

/// Answers that are counted together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key {
    /// The case.
    pub case: usize,
    /// The place of the scene among those of the case.
    pub scene: usize,
    /// Whether it was sent before, with the same key.
    pub again: bool,
    /// What was decided.
    pub decision: Decision,
}
