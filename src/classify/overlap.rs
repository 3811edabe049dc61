//! Which families can claim one text, found when files are checked.
//!
//! Two shapes overlap when the product of their automata accepts something. A sample is drawn by
//! random walks through that product until one satisfies the checksums of both families; where
//! none does, the two are told apart by their checksums in practice and that is said.

use std::collections::HashMap;
use std::rc::Rc;

use regex_automata::Anchored;
use regex_automata::dfa::{Automaton, StartError, dense};
use regex_automata::util::primitives::StateID;
use regex_automata::util::start;
use rustc_hash::FxHashMap;

use super::Strength;
use crate::family::{Family, Shape};
use crate::random::Random;

/// Pairs of states looked at before two shapes count as too large to compare.
const MAX_PAIRS: usize = 20_000;

/// The longest sample: a longer text tells nobody more.
const MAX_SAMPLE: usize = 200;

/// Random walks tried for a sample that passes both families' checksums: a check digit of eleven
/// values and a date field let about one walk in three hundred through.
const WALKS: u32 = 5_000;

/// Two families that can claim one text.
#[derive(Debug)]
pub struct Overlap<'a> {
    /// The one that wins where the scene takes both kinds or neither.
    pub winner: &'a Family,
    /// The other.
    pub loser: &'a Family,
    /// A text both shapes match.
    pub sample: String,
    /// Whether the sample also satisfies the checksums of both.
    pub proven: bool,
    /// What tells them apart.
    pub told_apart_by: TellsApart,
}

/// What decides between two overlapping families.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TellsApart {
    /// One of them has a checksum.
    Checksum,
    /// Nothing does: such a text is refused as ambiguous.
    Nothing,
    /// One begins with more fixed characters.
    Prefix,
    /// A scene that takes only one of the kinds; elsewhere the text is refused as ambiguous.
    Scene,
    /// The scanner, where it names the symbology; elsewhere only the other claims the text.
    Symbology,
}

/// Finds every pair of families of which some shapes overlap, one sample a pair.
pub fn overlaps(families: &[Family]) -> Vec<Overlap<'_>> {
    let mut automata = Automata::default();
    let mut found = Vec::new();
    let outlined: Vec<_> = families.iter().map(Outlined::new).collect();
    for (place, one) in outlined.iter().enumerate() {
        for other in outlined.iter().skip(place + 1) {
            found.extend(overlap(one, other, &mut automata));
        }
    }
    found
}

/// A family, and of each shape the beginnings of its texts: every pair asks for them again.
struct Outlined<'a> {
    family: &'a Family,
    shapes: Vec<(&'a Shape, Vec<Vec<u8>>)>,
}

impl<'a> Outlined<'a> {
    fn new(family: &'a Family) -> Self {
        let shapes = family.shapes.iter().map(|shape| (shape, shape.prefixes()));
        Self {
            family,
            shapes: shapes.collect(),
        }
    }
}

fn overlap<'a>(
    one: &Outlined<'a>,
    other: &Outlined<'a>,
    automata: &mut Automata<'a>,
) -> Option<Overlap<'a>> {
    let pairs = one
        .shapes
        .iter()
        .flat_map(|a| other.shapes.iter().map(move |b| (a, b)))
        .filter(|(a, b)| may_meet(a, b))
        .map(|((a, _), (b, _))| (*a, *b));
    let (one, other) = (one.family, other.family);
    let mut unproven = None;
    for (a, b) in pairs {
        let Some(product) = Product::new(&*automata.of(a)?, &*automata.of(b)?) else {
            continue;
        };
        let (winner, loser, told_apart_by) = rank((one, a), (other, b));
        let of_both = |text: &str| accepts(one, a, text) && accepts(other, b, text);
        let overlap = |sample, proven| Overlap {
            winner,
            loser,
            sample,
            proven,
            told_apart_by,
        };
        if let Some(sample) = product.sample(of_both) {
            return Some(overlap(sample, true));
        }
        unproven = unproven.or_else(|| Some(overlap(product.sample(|_| true)?, false)));
    }
    unproven
}

/// Lengths, AIM identifiers and prefixes leave few pairs to compare in earnest.
fn may_meet((a, of_a): &(&Shape, Vec<Vec<u8>>), (b, of_b): &(&Shape, Vec<Vec<u8>>)) -> bool {
    let (x, y) = (a.lengths(), b.lengths());
    let lengths_meet = y.max.is_none_or(|max| x.min <= max) && x.max.is_none_or(|max| y.min <= max);
    let aim_meets =
        a.aim.is_empty() || b.aim.is_empty() || a.aim.iter().any(|aim| b.aim.contains(aim));
    lengths_meet && aim_meets && prefixes_meet(of_a, of_b)
}

/// Whether a text can begin as both lists have it. The lists are sorted and none of their entries is
/// the beginning of another, so one entry at most stands before `wanted` and is its beginning, and
/// it is the last before it: all others are passed over at once.
fn prefixes_meet<'p>(mut few: &'p [Vec<u8>], mut more: &'p [Vec<u8>]) -> bool {
    while let Some(wanted) = few.first() {
        let passed = more.partition_point(|it| it < wanted && !wanted.starts_with(it));
        more = more.get(passed..).unwrap_or_default();
        match more.first() {
            None => return false,
            Some(next) if wanted.starts_with(next) || next.starts_with(wanted) => return true,
            Some(_) => std::mem::swap(&mut few, &mut more),
        }
    }
    false
}

fn accepts(family: &Family, shape: &Shape, text: &str) -> bool {
    shape
        .matches(text)
        .is_some_and(|matched| family.checks_hold(&matched) && family.read(&matched).is_ok())
}

fn rank<'a>(
    one: (&'a Family, &Shape),
    other: (&'a Family, &Shape),
) -> (&'a Family, &'a Family, TellsApart) {
    let strength = |(family, shape): (&Family, &Shape)| Strength {
        identified: !shape.aim.is_empty(),
        checked: family.is_checked(),
        in_scene: false,
        fixed_prefix: shape.fixed_prefix_len(),
    };
    let (a, b) = (strength(one), strength(other));
    let told_apart_by = if a.identified != b.identified {
        TellsApart::Symbology
    } else if a.checked != b.checked {
        TellsApart::Checksum
    } else if a.fixed_prefix != b.fixed_prefix {
        TellsApart::Prefix
    } else if one.0.kind != other.0.kind {
        TellsApart::Scene
    } else {
        TellsApart::Nothing
    };
    let (winner, loser) = if a < b {
        (other.0, one.0)
    } else {
        (one.0, other.0)
    };
    (winner, loser, told_apart_by)
}

/// The dense automata of shapes, each built once.
#[derive(Default)]
struct Automata<'a>(HashMap<&'a str, Option<Rc<Dfa>>>);

impl<'a> Automata<'a> {
    fn of(&mut self, shape: &'a Shape) -> Option<Rc<Dfa>> {
        self.0
            .entry(shape.pattern())
            .or_insert_with(|| shape.dense().map(Into::into))
            .clone()
    }
}

type Dfa = dense::DFA<Vec<u32>>;
type Pair = (StateID, StateID);

/// The product of two automata.
#[derive(Default)]
struct Product {
    states: Vec<State>,
}

/// A pair of states, and where it leads without leaving the texts both accept.
#[derive(Default)]
struct State {
    next: Vec<(u8, usize)>,
    ends: bool,
}

impl Product {
    /// `None` where the two have no text in common, or too many states to tell.
    fn new(a: &Dfa, b: &Dfa) -> Option<Self> {
        let start = (start_of(a).ok()?, start_of(b).ok()?);
        let mut known: FxHashMap<Pair, usize> = FxHashMap::from_iter([(start, 0)]);
        let (mut queue, mut states) = (vec![start], Vec::new());
        while let Some(&pair) = queue.get(states.len()) {
            let mut state = State {
                next: Vec::new(),
                ends: ends(a, pair.0) && ends(b, pair.1),
            };
            for byte in 0..=u8::MAX {
                let to = (a.next_state(pair.0, byte), b.next_state(pair.1, byte));
                if a.is_dead_state(to.0) || b.is_dead_state(to.1) {
                    continue;
                }
                let place = *known.entry(to).or_insert_with(|| {
                    queue.push(to);
                    queue.len() - 1
                });
                state.next.push((byte, place));
            }
            states.push(state);
            if states.len() > MAX_PAIRS {
                return None;
            }
        }
        Self { states }.that_ends()
    }

    /// Keeps only the steps from which an end can be reached.
    fn that_ends(mut self) -> Option<Self> {
        let mut before: Vec<Vec<usize>> = vec![Vec::new(); self.states.len()];
        for (from, state) in self.states.iter().enumerate() {
            for &(_, to) in &state.next {
                before.get_mut(to)?.push(from);
            }
        }
        let mut alive = vec![false; self.states.len()];
        let mut queue: Vec<usize> = (0..self.states.len())
            .filter(|&at| self.states.get(at).is_some_and(|it| it.ends))
            .collect();
        while let Some(at) = queue.pop() {
            if !std::mem::replace(alive.get_mut(at)?, true) {
                queue.extend(before.get(at)?);
            }
        }
        for state in &mut self.states {
            state.next.retain(|&(_, to)| alive.get(to) == Some(&true));
        }
        (alive.first() == Some(&true)).then_some(self)
    }

    /// A printable text that `wanted` takes, from walks that are the same in every run.
    fn sample(&self, wanted: impl Fn(&str) -> bool) -> Option<String> {
        let mut random = Random::seeded(0);
        (0..WALKS).find_map(|_| self.walk(&mut random).filter(|text| wanted(text)))
    }

    /// One walk; `None` if it does not end in time.
    fn walk(&self, random: &mut Random) -> Option<String> {
        let (mut state, mut text) = (self.states.first()?, Vec::new());
        while text.len() <= MAX_SAMPLE {
            if state.ends && (state.next.is_empty() || random.below(4) == 0) {
                return String::from_utf8(text).ok();
            }
            // Letters and digits make the better samples; now and then anything must have a chance,
            // for they may not lead out.
            let step = (0..4)
                .filter_map(|_| random.pick(&state.next))
                .find(|(byte, _)| byte.is_ascii_alphanumeric());
            let &(byte, to) = step.or_else(|| random.pick(&state.next))?;
            text.push(byte);
            state = self.states.get(to)?;
        }
        None
    }
}

fn start_of(automaton: &Dfa) -> Result<StateID, StartError> {
    automaton.start_state(&start::Config::new().anchored(Anchored::Yes))
}

fn ends(automaton: &Dfa, state: StateID) -> bool {
    automaton.is_match_state(automaton.next_eoi_state(state))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::family::{
        CaptureNames, Check, Checksum, Kind, Layout, Mask, Names, Reader, Trust, Validity,
    };

    fn family(id: &str, kind: Kind, regex: &str, checksum: Option<Checksum>) -> Family {
        let mut captures = CaptureNames::default();
        let shape = Shape::new(regex, &mut captures).unwrap();
        Family {
            id: id.into(),
            names: Names::default(),
            kind,
            mask: Mask::All,
            trust: Trust::Structure,
            shapes: [shape].into(),
            captures,
            checks: checksum
                .map(|checksum| Check {
                    checksum,
                    of: crate::family::Capture::TEXT,
                })
                .into_iter()
                .collect(),
            reader: Reader::Declared(Layout::default()),
            validity: Validity::default(),
            index: 0,
        }
    }

    #[track_caller]
    fn check(one: Family, other: Family, expected: Option<(&str, TellsApart, bool)>) {
        let families = [one, other];
        let found = overlaps(&families);
        let found = found.first().map(|overlap| {
            for family in &families {
                assert!(
                    family.shapes[0].matches(&overlap.sample).is_some(),
                    "{}",
                    overlap.sample
                );
                assert!(!overlap.proven || accepts(family, &family.shapes[0], &overlap.sample));
            }
            (&*overlap.winner.id, overlap.told_apart_by, overlap.proven)
        });
        assert_eq!(found, expected);
    }

    #[test]
    fn an_overlap_names_who_wins_and_why() {
        let wallet = || family("wallet", Kind::Payment, r"1[0-6]\d{16}", None);
        let person = family(
            "person",
            Kind::Identity,
            r"[1-9]\d{16}[\dX]",
            Some(Checksum::Mod11_2),
        );
        check(
            wallet(),
            person,
            Some(("person", TellsApart::Checksum, true)),
        );
        let card = family("card", Kind::Payment, r"13\d{16}", None);
        check(wallet(), card, Some(("card", TellsApart::Prefix, true)));
        let voucher = family("voucher", Kind::InsuranceVoucher, r"[1-3][0-6]\d{16}", None);
        check(
            family("a", Kind::Payment, r"[12][0-6]\d{16}", None),
            voucher,
            Some(("a", TellsApart::Scene, true)),
        );
        let twin = family("b", Kind::Payment, r"[23][0-6]\d{16}", None);
        check(
            family("a", Kind::Payment, r"[12][0-6]\d{16}", None),
            twin,
            Some(("a", TellsApart::Nothing, true)),
        );
    }

    #[test]
    fn families_that_share_no_text_do_not_overlap() {
        let wallet = || family("wallet", Kind::Payment, r"1[0-6]\d{16}", None);
        check(
            wallet(),
            family("longer", Kind::Payment, r"1[0-6]\d{17}", None),
            None,
        );
        check(
            wallet(),
            family("other", Kind::Payment, r"1[7-9]\d{16}", None),
            None,
        );
        check(
            wallet(),
            family("later", Kind::Payment, r"1\d{16}[A-F]", None),
            None,
        );
    }
}
