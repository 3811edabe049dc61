//! What is wanted of captures, by their names.

use super::generate::Choice;
use crate::family::{Capture, Family};

/// At most one choice a capture.
#[derive(Debug, Default)]
pub(super) struct Wishes(Vec<(String, Choice)>);

impl Wishes {
    /// Wants a capture to have a value; a wish about the whole text is none.
    pub(super) fn add_value(&mut self, family: &Family, capture: Capture, value: String) {
        if let Some(name) = name_of(family, capture) {
            self.0.retain(|(known, _)| *known != name);
            self.0.push((name, Choice::Value(value)));
        }
    }

    /// Wants a capture to take part, unless more is wanted of it already.
    pub(super) fn add_any(&mut self, family: &Family, capture: Capture) {
        if let Some(name) = name_of(family, capture)
            && self.of(&name).is_none()
        {
            self.0.push((name, Choice::Any));
        }
    }

    /// What is wanted of a capture.
    pub(super) fn of(&self, name: &str) -> Option<Choice> {
        let found = self.0.iter().find(|(known, _)| known == name);
        found.map(|(_, choice)| choice.clone())
    }

    /// How many captures something is wanted of.
    pub(super) const fn len(&self) -> usize {
        self.0.len()
    }
}

/// The name of a capture; none for the whole text.
pub(super) fn name_of(family: &Family, capture: Capture) -> Option<String> {
    let mut names = family.captures.iter();
    let found = names.find(|name| family.captures.find(name) == Some(capture));
    found.map(str::to_owned)
}
