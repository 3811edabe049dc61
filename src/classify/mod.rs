//! Which family a text belongs to.
//!
//! All shapes of all families stand in one table, keyed by the prefixes of their texts: one walk
//! along the first bytes of a text finds the few shapes worth trying, however many there are. Of
//! the families that claim a text, one whose symbology the scanner named goes first, then one that
//! checked a checksum, then one whose kind the
//! scene takes, then the one with the longer fixed prefix. Where even that leaves two, the text is
//! ambiguous, and nothing is guessed.

use rustc_hash::FxHashMap;

use crate::family::{Code, Family, KindSet, Match, ParseError, Shape};
use crate::scan::{AimId, Cleaned};

pub mod overlap;

/// The compiled table of all shapes.
#[derive(Debug, Default)]
pub struct Classifier {
    /// From a node by a byte to the next node; node 0 is the empty prefix.
    steps: FxHashMap<(u32, u8), u32>,
    /// The shapes whose prefix ends at a node.
    entries: Vec<Vec<Entry>>,
}

/// A shape's place among the families.
#[derive(Clone, Copy, Debug)]
struct Entry {
    family: u32,
    shape: u32,
    fixed_prefix: usize,
}

/// A family's claim on a text, read.
#[derive(Clone, Debug)]
pub struct Claim<'a> {
    /// What was read.
    pub code: Code<'a>,
    /// How strong the claim is.
    pub strength: Strength,
}

/// What decides between claims, the most telling first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Strength {
    /// The scanner named a symbology that the shape asks for.
    pub identified: bool,
    /// A checksum agreed.
    pub checked: bool,
    /// The scene takes codes of this kind.
    pub in_scene: bool,
    /// The bytes every text of the shape begins with.
    pub fixed_prefix: usize,
}

/// The family of a text, and the one it had to be told from.
#[derive(Clone, Debug)]
pub struct Classified<'a> {
    /// The code as its family reads it.
    pub code: Code<'a>,
    /// The strongest family that lost.
    pub rival: Option<&'a Family>,
}

/// Why a text has no family.
#[derive(Clone, Copy, Debug)]
pub enum Unclassified<'a> {
    /// Two families claim it with equal right.
    Ambiguous {
        /// The one.
        family: &'a Family,
        /// The other.
        rival: &'a Family,
    },
    /// The shape is known; a check digit does not agree.
    BadChecksum(&'a Family),
    /// The shape is known; the inside cannot be read.
    Malformed(&'a Family, ParseError),
    /// No shape matches.
    Unknown,
}

/// What became of one family's claim; `explain` collects them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tried {
    /// A checksum does not agree.
    BadChecksum,
    /// The family claims the text.
    Claimed(Strength),
    /// The inside cannot be read.
    Malformed(ParseError),
}

/// Is told what became of every claim.
pub trait Witness<'a> {
    /// A shape of `family` matched the text.
    fn tried(&mut self, family: &'a Family, matched: &Match<'a>, tried: Tried);
}

/// Sees nothing; the compiler leaves it out.
impl Witness<'_> for () {
    fn tried(&mut self, _: &Family, _: &Match<'_>, _: Tried) {}
}

impl Classifier {
    /// Compiles the shapes of `families`; their order is the order of later calls.
    pub fn new(families: &[Family]) -> Self {
        let mut table = Self {
            steps: FxHashMap::default(),
            entries: vec![Vec::new()],
        };
        for (family, declared) in (0..).zip(families) {
            for (shape, compiled) in (0..).zip(&declared.shapes) {
                table.add(
                    compiled,
                    Entry {
                        family,
                        shape,
                        fixed_prefix: compiled.fixed_prefix_len(),
                    },
                );
            }
        }
        table
    }

    /// Finds the family of a text among `families`, the ones the table was made of.
    pub fn classify<'a, W: Witness<'a>>(
        &self,
        families: &'a [Family],
        scan: &'a Cleaned<'_>,
        in_scene: KindSet,
        witness: &mut W,
    ) -> Result<Classified<'a>, Unclassified<'a>> {
        let mut contest = Contest::default();
        let mut failure = Unclassified::Unknown;
        for entry in self.entries_for(scan.text.as_bytes()) {
            let Some((family, matched)) = entry.matches(families, &scan.text, scan.aim) else {
                continue;
            };
            let strength = Strength {
                identified: !matched.shape.aim.is_empty(),
                checked: family.is_checked(),
                in_scene: in_scene.contains(family.kind),
                fixed_prefix: entry.fixed_prefix,
            };
            match claim(family, &matched, strength) {
                Ok(claim) => {
                    witness.tried(family, &matched, Tried::Claimed(strength));
                    contest.enter(claim);
                }
                Err((tried, unclassified)) => {
                    witness.tried(family, &matched, tried);
                    failure = unclassified;
                }
            }
        }
        contest.end(failure)
    }

    /// Puts a shape at the end of each of its prefixes.
    fn add(&mut self, shape: &Shape, entry: Entry) {
        for prefix in shape.prefixes() {
            let mut node = 0;
            for byte in prefix {
                let fresh = u32::try_from(self.entries.len()).unwrap_or(u32::MAX);
                node = *self.steps.entry((node, byte)).or_insert(fresh);
                if node == fresh {
                    self.entries.push(Vec::new());
                }
            }
            if let Some(entries) = usize::try_from(node)
                .ok()
                .and_then(|node| self.entries.get_mut(node))
            {
                entries.push(entry);
            }
        }
    }

    /// The shapes worth trying, in the order of their prefixes' length.
    fn entries_for<'t>(&'t self, text: &'t [u8]) -> impl Iterator<Item = &'t Entry> {
        let nodes = std::iter::successors(Some((0_u32, text)), |(node, rest)| {
            let (byte, rest) = rest.split_first()?;
            Some((*self.steps.get(&(*node, *byte))?, rest))
        });
        nodes
            .filter_map(|(node, _)| self.entries.get(usize::try_from(node).ok()?))
            .flatten()
    }
}

impl Entry {
    fn matches<'a>(
        &self,
        families: &'a [Family],
        text: &'a str,
        aim: Option<AimId>,
    ) -> Option<(&'a Family, Match<'a>)> {
        let family = families.get(usize::try_from(self.family).ok()?)?;
        let shape = family.shapes.get(usize::try_from(self.shape).ok()?)?;
        if !shape.allows(aim) {
            return None;
        }
        Some((family, shape.matches(text)?))
    }
}

fn claim<'a>(
    family: &'a Family,
    matched: &Match<'a>,
    strength: Strength,
) -> Result<Claim<'a>, (Tried, Unclassified<'a>)> {
    if !family.checks_hold(matched) {
        return Err((Tried::BadChecksum, Unclassified::BadChecksum(family)));
    }
    match family.read(matched) {
        Ok(code) => Ok(Claim { code, strength }),
        Err(ParseError::Checksum { .. }) => {
            Err((Tried::BadChecksum, Unclassified::BadChecksum(family)))
        }
        Err(error) => Err((
            Tried::Malformed(error),
            Unclassified::Malformed(family, error),
        )),
    }
}

/// The claims on one text, the strongest two families kept.
#[derive(Default)]
struct Contest<'a> {
    best: Option<Claim<'a>>,
    rival: Option<(&'a Family, Strength)>,
}

impl<'a> Contest<'a> {
    fn enter(&mut self, claim: Claim<'a>) {
        let Some(best) = &mut self.best else {
            self.best = Some(claim);
            return;
        };
        let loser = if best.strength < claim.strength {
            std::mem::replace(best, claim)
        } else {
            claim
        };
        let of_another_family = !std::ptr::eq(loser.code.family, best.code.family);
        if of_another_family && self.rival.is_none_or(|(_, known)| known < loser.strength) {
            self.rival = Some((loser.code.family, loser.strength));
        }
    }

    fn end(self, failure: Unclassified<'a>) -> Result<Classified<'a>, Unclassified<'a>> {
        let Some(Claim { code, strength }) = self.best else {
            return Err(failure);
        };
        match self.rival {
            Some((rival, equal)) if equal == strength => Err(Unclassified::Ambiguous {
                family: code.family,
                rival,
            }),
            rival => Ok(Classified {
                code,
                rival: rival.map(|(family, _)| family),
            }),
        }
    }
}
