//! Names as numbers, so that a scan is noted without copying any.

use std::sync::Arc;

use rustc_hash::FxHashMap;

use crate::telemetry::EventNames;

/// The configurations whose places are remembered: every worker has its copy of one, and for a while
/// after a reload two of them are at work.
const CONFIGURATIONS: usize = 64;

/// A name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Word(u32);

/// Every name there was.
#[derive(Debug, Default)]
pub(super) struct Words {
    names: Vec<Box<str>>,
    numbers: FxHashMap<Box<str>, Word>,
    /// The latest last.
    known: Vec<(Arc<EventNames>, Known)>,
}

/// The words at the places of one configuration.
#[derive(Debug)]
pub(super) struct Known {
    families: Box<[Word]>,
    issuers: Box<[Word]>,
    routes: Box<[Word]>,
}

impl Known {
    pub(super) fn family(&self, place: Option<u16>) -> Option<Word> {
        at(&self.families, place)
    }

    pub(super) fn issuer(&self, place: Option<u16>) -> Option<Word> {
        at(&self.issuers, place)
    }

    pub(super) fn route(&self, place: Option<u16>) -> Option<Word> {
        at(&self.routes, place)
    }
}

fn at(words: &[Word], place: Option<u16>) -> Option<Word> {
    words.get(usize::from(place?)).copied()
}

impl Words {
    /// What is known of the places of these names.
    pub(super) fn of(&mut self, names: &Arc<EventNames>) -> Option<&Known> {
        let mut known = self.known.iter();
        let place = known.position(|(one, _)| Arc::ptr_eq(one, names));
        let place = place.unwrap_or_else(|| self.learn(names));
        self.known.get(place).map(|(_, known)| known)
    }

    /// The name itself.
    pub(super) fn name(&self, word: Word) -> Box<str> {
        let place = usize::try_from(word.0).unwrap_or(usize::MAX);
        self.names.get(place).cloned().unwrap_or_default()
    }

    fn learn(&mut self, names: &Arc<EventNames>) -> usize {
        let known = Known {
            families: names.families.iter().map(|(id, _)| self.word(id)).collect(),
            issuers: names.issuers.ids().iter().map(|id| self.word(id)).collect(),
            routes: names.routes.iter().map(|(id, _)| self.word(id)).collect(),
        };
        if self.known.len() == CONFIGURATIONS {
            self.known.remove(0);
        }
        self.known.push((Arc::clone(names), known));
        self.known.len() - 1
    }

    fn word(&mut self, name: &str) -> Word {
        if let Some(word) = self.numbers.get(name) {
            return *word;
        }
        let word = Word(u32::try_from(self.names.len()).unwrap_or(u32::MAX));
        self.names.push(name.into());
        self.numbers.insert(name.into(), word);
        word
    }
}
