//! Shapes: the texts a family claims, as regular expressions read in one pass.
//!
//! A shape is anchored at both ends and sees bytes: `\d` is `[0-9]`. It must be *one-pass*: at every
//! byte there is one way on, so that reading costs the same for every text and captures need no
//! second look. Prefixes and lengths are taken from the expression, for `classify`'s table.

use std::cell::RefCell;

use regex_automata::dfa::onepass::{Cache, DFA};
use regex_automata::dfa::{Automaton, StartKind, dense};
use regex_automata::nfa::thompson::{self, WhichCaptures};
use regex_automata::util::primitives::{NonMaxUsize, PatternID};
use regex_automata::util::start;
use regex_automata::{Anchored, Input, MatchKind};
use regex_syntax::hir::literal::Extractor;
use regex_syntax::hir::{Hir, Look};

use super::Freshness;
use crate::scan::AimId;

/// The most captures a shape may have; the one-pass automaton keeps them in one machine word.
pub const MAX_CAPTURES: usize = 16;

/// Two slots a capture, two for the whole text.
const SLOTS: usize = 2 * (MAX_CAPTURES + 1);

/// The most memory one shape may take: counted repetitions of large classes are unrolled, and the
/// longest text is about seven thousand bytes.
const MAX_SHAPE_BYTES: usize = 4 << 20;

/// The memory the dense automaton of a shape may take while files are checked or a scan explained.
const MAX_DENSE_BYTES: usize = 16 << 20;

/// How deep an expression may nest; one written by hand does not come near.
const MAX_NESTING: u32 = 64;

/// How much of a prefix the classifier looks at; longer ones tell no more families apart.
const MAX_PREFIX_BYTES: usize = 12;

/// How many prefixes a shape may fan out to, `[0-9][0-9]` having a hundred.
const MAX_PREFIXES: usize = 128;

/// A capture of a family: the same name in each of its shapes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Capture(u8);

impl Capture {
    /// The whole text.
    pub const TEXT: Self = Self(0);
}

/// The names of a family's captures, numbered across its shapes.
#[derive(Clone, Debug, Default)]
pub struct CaptureNames(Vec<Box<str>>);

impl CaptureNames {
    /// The capture of that name; `text` is the whole text.
    pub fn find(&self, name: &str) -> Option<Capture> {
        if name == "text" {
            return Some(Capture::TEXT);
        }
        let place = self.0.iter().position(|known| **known == *name)?;
        u8::try_from(place + 1).ok().map(Capture)
    }

    /// Every name, in the order met.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(AsRef::as_ref)
    }

    fn add(&mut self, name: &str) {
        if self.find(name).is_none() {
            self.0.push(name.into());
        }
    }
}

/// One shape, compiled.
#[derive(Debug)]
pub struct Shape {
    /// What the family says about texts of this shape.
    pub freshness: Option<Freshness>,
    /// The AIM identifiers of which the scanner must have sent one; empty: any or none.
    pub aim: Box<[AimId]>,
    pattern: Box<str>,
    hir: Hir,
    automaton: DFA,
    /// The group of this shape for each capture of the family, by the capture's number less one.
    groups: Box<[Option<usize>]>,
    lengths: Lengths,
}

/// The lengths of the texts a shape matches, in bytes.
#[derive(Clone, Copy, Debug)]
pub struct Lengths {
    /// The shortest.
    pub min: usize,
    /// The longest, if there is one.
    pub max: Option<usize>,
}

impl Lengths {
    /// Whether a text of `length` bytes can match.
    pub fn contain(self, length: usize) -> bool {
        self.min <= length && self.max.is_none_or(|max| length <= max)
    }
}

/// Why an expression is no shape.
#[derive(Debug, thiserror::Error)]
pub enum ShapeError {
    /// It is not a regular expression.
    #[error("not a regular expression: {problem} at character {at}")]
    Syntax {
        /// What is wrong.
        problem: String,
        /// Where, counted from 1.
        at: usize,
    },
    /// At some byte there are two ways on.
    #[error(
        "cannot be read in one pass: for some byte two ways go on; make each part end in a character it cannot contain, or write two shapes"
    )]
    NotOnePass,
    /// Too many captures.
    #[error("more than {MAX_CAPTURES} captures")]
    TooManyCaptures,
    /// It unrolls to more memory than a shape may take.
    #[error("unrolls to more than {} MiB", MAX_SHAPE_BYTES >> 20)]
    TooLarge,
    /// It matches the empty text.
    #[error("matches the empty text")]
    Empty,
}

impl Shape {
    /// Compiles `pattern`, adding its captures to the family's `names`.
    pub fn new(pattern: &str, names: &mut CaptureNames) -> Result<Self, ShapeError> {
        let hir = parse(pattern)?;
        let properties = hir.properties();
        let lengths = Lengths {
            min: properties.minimum_len().unwrap_or(0),
            max: properties.maximum_len(),
        };
        if lengths.min == 0 {
            return Err(ShapeError::Empty);
        }
        if properties.explicit_captures_len() > MAX_CAPTURES {
            return Err(ShapeError::TooManyCaptures);
        }
        let automaton = automaton(&hir)?;
        let groups: Vec<_> = automaton
            .get_nfa()
            .group_info()
            .pattern_names(PatternID::ZERO)
            .collect();
        groups.iter().flatten().for_each(|name| names.add(name));
        let groups = names
            .iter()
            .map(|name| groups.iter().position(|group| *group == Some(name)))
            .collect();
        Ok(Self {
            freshness: None,
            aim: Box::default(),
            pattern: pattern.into(),
            hir,
            automaton,
            groups,
            lengths,
        })
    }

    /// The expression as written.
    pub fn pattern(&self) -> &str {
        &self.pattern
    }

    /// The expression as understood, anchors left out; minting and the overlap lint walk it.
    pub fn hir(&self) -> &Hir {
        &self.hir
    }

    /// The lengths of its texts.
    pub const fn lengths(&self) -> Lengths {
        self.lengths
    }

    /// Whether the scanner's AIM identifier lets this shape claim a text.
    pub fn allows(&self, aim: Option<AimId>) -> bool {
        self.aim.is_empty() || aim.is_some_and(|aim| self.aim.contains(&aim))
    }

    /// Matches the whole of `text`.
    pub fn matches<'a>(&'a self, text: &'a str) -> Option<Match<'a>> {
        if !self.lengths.contain(text.len()) {
            return None;
        }
        thread_local! {
            /// The automaton's working memory: grown once a thread, then reused for every shape.
            static MEMORY: RefCell<Option<Cache>> = const { RefCell::new(None) };
        }
        let mut slots = [None; SLOTS];
        let input = Input::new(text).anchored(Anchored::Yes);
        let found = MEMORY.with_borrow_mut(|memory| {
            let cache = memory.get_or_insert_with(|| self.automaton.create_cache());
            cache.reset(&self.automaton);
            self.automaton.try_search_slots(cache, &input, &mut slots)
        });
        matches!(found, Ok(Some(_))).then_some(Match {
            text,
            shape: self,
            slots,
        })
    }

    /// How many bytes at the beginning of `text` some text of this shape begins with too; only
    /// `explain` asks, so it may take its time.
    pub fn reach(&self, text: &str) -> usize {
        let Some(automaton) = self.dense() else {
            return 0;
        };
        let anchored = start::Config::new().anchored(Anchored::Yes);
        let Ok(first) = automaton.start_state(&anchored) else {
            return 0;
        };
        let states = text.bytes().scan(first, |state, byte| {
            *state = automaton.next_state(*state, byte);
            Some(*state)
        });
        states
            .take_while(|state| !automaton.is_dead_state(*state))
            .count()
    }

    /// The shape as a dense automaton, for walks that know no text yet; `None` where it takes more
    /// memory than such a walk may.
    pub fn dense(&self) -> Option<dense::DFA<Vec<u32>>> {
        let limit = Some(MAX_DENSE_BYTES);
        let nfa = thompson::Compiler::new()
            .configure(
                thompson::Config::new()
                    .utf8(false)
                    .which_captures(WhichCaptures::None),
            )
            .build_from_hir(&self.hir)
            .ok()?;
        let config = dense::Config::new()
            .start_kind(StartKind::Anchored)
            .match_kind(MatchKind::All)
            .dfa_size_limit(limit)
            .determinize_size_limit(limit);
        dense::Builder::new()
            .configure(config)
            .build_from_nfa(&nfa)
            .ok()
    }

    /// The prefixes of its texts, none of them the beginning of another; `[""]` if they are not few.
    pub fn prefixes(&self) -> Vec<Vec<u8>> {
        let sequence = Extractor::new()
            .limit_class(MAX_PREFIXES)
            .limit_literal_len(MAX_PREFIX_BYTES)
            .limit_total(MAX_PREFIXES)
            .extract(&self.hir);
        let mut prefixes: Vec<_> = match sequence.literals() {
            Some(literals) => literals
                .iter()
                .map(|literal| literal.as_bytes().to_vec())
                .collect(),
            None => vec![Vec::new()],
        };
        prefixes.sort();
        prefixes.dedup_by(|later, earlier| later.starts_with(earlier));
        prefixes
    }

    /// How many bytes at the beginning are the same in all its texts.
    pub fn fixed_prefix_len(&self) -> usize {
        let sequence = Extractor::new().limit_class(1).extract(&self.hir);
        sequence.longest_common_prefix().map_or(0, <[u8]>::len)
    }

    fn group_of(&self, capture: Capture) -> Option<usize> {
        match usize::from(capture.0).checked_sub(1) {
            None => Some(0),
            Some(place) => self.groups.get(place).copied().flatten(),
        }
    }
}

fn parse(pattern: &str) -> Result<Hir, ShapeError> {
    let mut parser = regex_syntax::ParserBuilder::new()
        .unicode(false)
        .utf8(false)
        .nest_limit(MAX_NESTING)
        .build();
    parser.parse(pattern).map_err(|error| {
        let (problem, span) = match &error {
            regex_syntax::Error::Parse(error) => (error.kind().to_string(), *error.span()),
            regex_syntax::Error::Translate(error) => (error.kind().to_string(), *error.span()),
            _ => {
                return ShapeError::Syntax {
                    problem: "unsupported".to_owned(),
                    at: 1,
                };
            }
        };
        ShapeError::Syntax {
            problem,
            at: pattern
                .get(..span.start.offset)
                .map_or(1, |before| before.chars().count() + 1),
        }
    })
}

fn automaton(hir: &Hir) -> Result<DFA, ShapeError> {
    let anchored = Hir::concat(vec![
        Hir::look(Look::Start),
        hir.clone(),
        Hir::look(Look::End),
    ]);
    let nfa = thompson::Compiler::new()
        .configure(
            thompson::Config::new()
                .utf8(false)
                .nfa_size_limit(Some(MAX_SHAPE_BYTES)),
        )
        .build_from_hir(&anchored)
        .map_err(|_| ShapeError::TooLarge)?;
    DFA::builder()
        .configure(DFA::config().size_limit(Some(MAX_SHAPE_BYTES)))
        .build_from_nfa(nfa)
        .map_err(|error| {
            if error.to_string().contains("size limit") {
                ShapeError::TooLarge
            } else {
                ShapeError::NotOnePass
            }
        })
}

/// A text that a shape claims, with the places of its captures.
#[derive(Clone)]
pub struct Match<'a> {
    /// The whole text.
    pub text: &'a str,
    /// The shape.
    pub shape: &'a Shape,
    slots: [Option<NonMaxUsize>; SLOTS],
}

impl std::fmt::Debug for Match<'_> {
    /// Shows the shape only: a scanned text is never printed.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Match({})", self.shape.pattern)
    }
}

impl<'a> Match<'a> {
    /// The part of the text in `capture`, if it took part.
    pub fn get(&self, capture: Capture) -> Option<&'a str> {
        self.text.get(self.range(capture)?)
    }

    /// Where the part stands.
    pub fn range(&self, capture: Capture) -> Option<std::ops::Range<usize>> {
        let group = self.shape.group_of(capture)?;
        let start = self.slots.get(2 * group).copied().flatten()?.get();
        let end = self.slots.get(2 * group + 1).copied().flatten()?.get();
        Some(start..end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shape(pattern: &str) -> Result<Shape, ShapeError> {
        Shape::new(pattern, &mut CaptureNames::default())
    }

    #[test]
    fn captures_are_found_by_their_name_in_every_shape() {
        let mut names = CaptureNames::default();
        let first = Shape::new(r"(?<id>[0-9A-F]{4}):(?<type>[01])", &mut names).unwrap();
        let second = Shape::new(r"#(?<type>[01])", &mut names).unwrap();
        let (id, kind) = (names.find("id").unwrap(), names.find("type").unwrap());
        let matched = first.matches("12AB:1").unwrap();
        assert_eq!(
            (matched.get(id), matched.get(kind)),
            (Some("12AB"), Some("1"))
        );
        assert_eq!(matched.get(Capture::TEXT), Some("12AB:1"));
        assert_eq!(matched.range(kind), Some(5..6));
        let matched = second.matches("#0").unwrap();
        assert_eq!((matched.get(id), matched.get(kind)), (None, Some("0")));
    }

    #[test]
    fn the_whole_text_must_match() {
        let digits = shape(r"1[0-6]\d{16}").unwrap();
        assert!(digits.matches("134650328919428540").is_some());
        for wrong in [
            "1346503289194285400",
            "13465032891942854",
            "1346503289194285４",
            "a34650328919428540",
            "134650328919428540\n",
        ] {
            assert!(digits.matches(wrong).is_none(), "{wrong}");
        }
    }

    #[track_caller]
    fn check_prefixes(pattern: &str, prefixes: &[&str], fixed: usize) {
        let shape = shape(pattern).unwrap();
        let found: Vec<_> = shape
            .prefixes()
            .into_iter()
            .map(|p| String::from_utf8(p).unwrap())
            .collect();
        assert_eq!(found, prefixes);
        assert_eq!(shape.fixed_prefix_len(), fixed);
    }

    #[test]
    fn prefixes_are_taken_from_the_expression() {
        check_prefixes(
            "(?:2[5-9]|30)x",
            &["25x", "26x", "27x", "28x", "29x", "30x"],
            0,
        );
        check_prefixes("MC1\\..+", &["MC1."], 4);
        check_prefixes("(?:AB|ABC)D?", &["AB"], 2);
        let digits = shape(r"\d{28}").unwrap().prefixes();
        assert_eq!((digits.len(), digits[0].len()), (100, 2));
        assert_eq!(
            shape(r"(?s-u:.){3}").unwrap().prefixes(),
            [Vec::<u8>::new()]
        );
    }

    #[track_caller]
    fn check_error(pattern: &str, error: &str) {
        assert_eq!(shape(pattern).unwrap_err().to_string(), error);
    }

    #[test]
    fn what_is_no_shape_is_refused_with_the_reason() {
        check_error(
            "a(b",
            "not a regular expression: unclosed group at character 2",
        );
        check_error("a*", "matches the empty text");
        check_error(
            "[0-9A-F]{32}|[0-9A-F]{64}",
            &ShapeError::NotOnePass.to_string(),
        );
        check_error(
            "((((((((((((((((((a))))))))))))))))))",
            "more than 16 captures",
        );
        check_error(
            "(?s:.){1,7000}[a-z]{1,7000}",
            &ShapeError::NotOnePass.to_string(),
        );
        check_error(
            "([a-z]{1,500}[0-9]{1,500}){1,500}",
            "unrolls to more than 4 MiB",
        );
    }
}
