//! A random text of a regular language, with chosen values for some of its captures.
//!
//! The generator walks the expression itself, so that whatever shape a family declares can be
//! minted without a second description of it. Repetitions stay short: test codes should look like
//! codes.

use regex_automata::dfa::{Automaton, StartKind, dense};
use regex_automata::nfa::thompson;
use regex_automata::{Anchored, Input, MatchKind};
use regex_syntax::hir::{Capture, Class, Hir, HirKind, Look, Repetition};
use thiserror::Error;

use crate::random::Random;

/// How many times more than it must an open-ended part is repeated.
const EXTRA_REPEATS: u32 = 12;

/// Bytes after which a text is given up: no code that a symbol holds is longer.
const LONGEST: usize = 4_096;

/// The states' memory a capture's expression may need while a chosen value is tried on it.
const DFA_LIMIT: usize = 1 << 22;

/// Says what is wanted of a capture; none: nothing, it may even be left out.
pub type Chosen<'a> = &'a dyn Fn(&str) -> Option<Choice>;

/// What is wanted of a capture that should take part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Choice {
    /// That it is there.
    Any,
    /// That it has this value.
    Value(String),
}

/// Why an expression has no text here.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum GenerateError {
    /// The expression holds an assertion other than the ends of the text.
    #[error("the expression holds an assertion that a generator cannot follow")]
    Assertion,
    /// The expression matches nothing, or nothing that is text.
    #[error("the expression matches no text")]
    NoText,
    /// The text grows beyond every code.
    #[error("the expression asks for more than {LONGEST} bytes")]
    TooLong,
}

/// Makes a random text of `hir` in which the captures `chosen` knows have their chosen values.
///
/// Alternatives and optional parts that hold a chosen capture are preferred to those that do not.
/// A chosen value is written as it is: whether it fits shows when the text is matched, which is
/// far cheaper than looking first; [`misfit`] says which one did not.
pub fn generate(
    hir: &Hir,
    chosen: Chosen<'_>,
    random: &mut Random,
) -> Result<String, GenerateError> {
    let text = Vec::new();
    let mut walk = Walk {
        chosen,
        random,
        text,
    };
    walk.emit(hir)?;
    String::from_utf8(walk.text).map_err(|_| GenerateError::NoText)
}

/// The first capture whose chosen value is not a text of its part of `hir`.
pub fn misfit(hir: &Hir, chosen: Chosen<'_>) -> Option<String> {
    match hir.kind() {
        HirKind::Empty | HirKind::Look(_) | HirKind::Literal(_) | HirKind::Class(_) => None,
        HirKind::Repetition(repetition) => misfit(&repetition.sub, chosen),
        HirKind::Capture(capture) => {
            let name = capture.name.as_deref();
            match name.and_then(|name| Some((name, chosen(name)?))) {
                Some((name, Choice::Value(value))) => {
                    (!fits(&capture.sub, &value)).then(|| name.to_owned())
                }
                _ => misfit(&capture.sub, chosen),
            }
        }
        HirKind::Concat(parts) | HirKind::Alternation(parts) => {
            parts.iter().find_map(|part| misfit(part, chosen))
        }
    }
}

/// How many of the captures `chosen` knows one text of `hir` can hold at once.
pub fn capacity(hir: &Hir, chosen: Chosen<'_>) -> usize {
    match hir.kind() {
        HirKind::Empty | HirKind::Look(_) | HirKind::Literal(_) | HirKind::Class(_) => 0,
        HirKind::Repetition(repetition) => capacity(&repetition.sub, chosen),
        HirKind::Capture(capture) => {
            let name = capture.name.as_deref();
            let own = name.is_some_and(|name| chosen(name).is_some());
            usize::from(own) + capacity(&capture.sub, chosen)
        }
        HirKind::Concat(parts) => parts.iter().map(|part| capacity(part, chosen)).sum(),
        HirKind::Alternation(branches) => {
            let each = branches.iter().map(|branch| capacity(branch, chosen));
            each.max().unwrap_or_default()
        }
    }
}

/// One walk over an expression, writing as it goes.
struct Walk<'a> {
    chosen: Chosen<'a>,
    random: &'a mut Random,
    text: Vec<u8>,
}

impl Walk<'_> {
    fn emit(&mut self, hir: &Hir) -> Result<(), GenerateError> {
        if self.text.len() > LONGEST {
            return Err(GenerateError::TooLong);
        }
        match hir.kind() {
            HirKind::Empty | HirKind::Look(Look::Start | Look::End) => Ok(()),
            HirKind::Look(_) => Err(GenerateError::Assertion),
            HirKind::Literal(literal) => {
                self.text.extend_from_slice(&literal.0);
                Ok(())
            }
            HirKind::Class(class) => self.emit_class(class),
            HirKind::Repetition(repetition) => self.emit_repetition(repetition),
            HirKind::Capture(capture) => self.emit_capture(capture),
            HirKind::Concat(parts) => parts.iter().try_for_each(|part| self.emit(part)),
            HirKind::Alternation(branches) => self.emit_alternation(branches),
        }
    }

    /// Takes a character that can be printed, or else any ASCII one.
    fn emit_class(&mut self, class: &Class) -> Result<(), GenerateError> {
        let members = members(class);
        let printable: Vec<u8> = members
            .iter()
            .copied()
            .filter(|b| is_printable(*b))
            .collect();
        let from = if printable.is_empty() {
            &members
        } else {
            &printable
        };
        let byte = self.random.pick(from).ok_or(GenerateError::NoText)?;
        self.text.push(*byte);
        Ok(())
    }

    fn emit_repetition(&mut self, repetition: &Repetition) -> Result<(), GenerateError> {
        let wanted = u32::from(capacity(&repetition.sub, self.chosen) > 0);
        let most = repetition.max.unwrap_or(u32::MAX);
        let least = repetition.min.max(wanted).min(most);
        let extra = most.saturating_sub(least).min(EXTRA_REPEATS);
        let extra = usize::try_from(extra).unwrap_or_default();
        for _ in 0..least {
            self.emit(&repetition.sub)?;
        }
        for _ in 0..self.random.below(extra + 1) {
            self.emit(&repetition.sub)?;
        }
        Ok(())
    }

    fn emit_capture(&mut self, capture: &Capture) -> Result<(), GenerateError> {
        let Some(name) = capture.name.as_deref() else {
            return self.emit(&capture.sub);
        };
        match (self.chosen)(name) {
            Some(Choice::Value(value)) => {
                self.text.extend(value.bytes());
                Ok(())
            }
            Some(Choice::Any) | None => self.emit(&capture.sub),
        }
    }

    fn emit_alternation(&mut self, branches: &[Hir]) -> Result<(), GenerateError> {
        let most = branches
            .iter()
            .map(|branch| capacity(branch, self.chosen))
            .max();
        let best: Vec<&Hir> = branches
            .iter()
            .filter(|branch| Some(capacity(branch, self.chosen)) == most)
            .collect();
        let branch = self.random.pick(&best).ok_or(GenerateError::NoText)?;
        self.emit(branch)
    }
}

/// Every ASCII byte of a class.
fn members(class: &Class) -> Vec<u8> {
    match class {
        Class::Bytes(class) => {
            let ranges = class
                .ranges()
                .iter()
                .map(|range| range.start()..=range.end());
            ranges.flatten().filter(u8::is_ascii).collect()
        }
        Class::Unicode(class) => {
            let ranges = class
                .ranges()
                .iter()
                .map(|range| range.start()..=range.end());
            let ascii = ranges.map(|range| *range.start()..=(*range.end()).min('\x7f'));
            ascii
                .flatten()
                .filter_map(|char| u8::try_from(char).ok())
                .collect()
        }
    }
}

const fn is_printable(byte: u8) -> bool {
    matches!(byte, 0x20..=0x7E)
}

/// Whether `value` as a whole is a text of `hir`.
fn fits(hir: &Hir, value: &str) -> bool {
    whole(hir).is_some_and(|dfa| is_whole(&dfa, value))
}

/// An automaton for texts that `hir` matches from end to end; none if it would be too large.
fn whole(hir: &Hir) -> Option<dense::DFA<Vec<u32>>> {
    let whole = Hir::concat(vec![hir.clone(), Hir::look(Look::End)]);
    let nfa = thompson::Compiler::new().build_from_hir(&whole).ok()?;
    let config = dense::Config::new()
        .match_kind(MatchKind::All)
        .start_kind(StartKind::Anchored)
        .dfa_size_limit(Some(DFA_LIMIT))
        .determinize_size_limit(Some(DFA_LIMIT));
    dense::Builder::new()
        .configure(config)
        .build_from_nfa(&nfa)
        .ok()
}

fn is_whole(dfa: &dense::DFA<Vec<u32>>, value: &str) -> bool {
    let input = Input::new(value).anchored(Anchored::Yes);
    matches!(dfa.try_search_fwd(&input), Ok(Some(end)) if end.offset() == value.len())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SIGNED: &str = r"(?<signed>MC1\.(?<issuer>[a-z0-9-]{1,32})\.(?<kid>[A-Za-z0-9_-]{1,16}))\.(?<sig>[A-Za-z0-9_-]{43})";
    const HEALTH: &str = r"(?<id>[0-9A-Fa-f]{64}):(?<type>[01])(:(?<validity>[0-9A-F]{32})?(:(?<issuer>\d{4}A[0-9A-Z]+))?)?";

    /// Reads an expression as the families do: over bytes, `\d` is `[0-9]`.
    fn read(regex: &str) -> Hir {
        let mut parser = regex_syntax::ParserBuilder::new();
        let parser = parser.unicode(false).utf8(false);
        parser.build().parse(regex).unwrap()
    }

    fn free(_: &str) -> Option<Choice> {
        None
    }

    /// Generates many texts and holds each against the expression with another engine.
    #[track_caller]
    fn check(regex: &str, chosen: Chosen<'_>) -> Vec<String> {
        let dfa = whole(&read(regex)).unwrap();
        let each = (0..200).map(|seed| {
            let made = generate(&read(regex), chosen, &mut Random::seeded(seed)).unwrap();
            assert!(is_whole(&dfa, &made), "{regex} does not match {made}");
            made
        });
        each.collect()
    }

    #[test]
    fn a_text_has_the_shape_it_was_made_from() {
        check(r"1[0-6]\d{16}", &free);
        check(r"(2[5-9]|30)\d{14,22}", &free);
        check(r"fp.{33}", &free);
        check(r"(?i)abc[^x]*", &free);
        check(r"^https://qr\.alipay\.com/[a-z0-9]+$", &free);
        check(SIGNED, &free);
        check(HEALTH, &free);
    }

    #[test]
    fn chosen_captures_have_their_values_and_their_places() {
        let chosen = |name: &str| match name {
            "issuer" => Some(Choice::Value("5100A0013".to_owned())),
            "type" => Some(Choice::Value("1".to_owned())),
            _ => None,
        };
        for made in check(HEALTH, &chosen) {
            assert!(made.ends_with(":5100A0013"), "{made}");
            assert_eq!(made.get(64..67), Some(":1:"));
        }
    }

    #[test]
    fn the_branch_with_the_chosen_capture_is_taken() {
        let chosen = |name: &str| (name == "b").then(|| Choice::Value("42".to_owned()));
        for made in check(r"(?<a>[a-z]{4})|x(?<b>\d+)|(?<c>-+)", &chosen) {
            assert_eq!(made, "x42");
        }
    }

    #[test]
    fn an_open_end_stays_short() {
        for made in check(r"a*[0-9]{2,}x{0,3000}", &free) {
            assert!(made.len() <= 40, "{}", made.len());
        }
    }

    #[test]
    fn what_cannot_be_made_says_why() {
        let make =
            |regex, chosen| generate(&read(regex), chosen, &mut Random::seeded(1)).unwrap_err();
        assert_eq!(make(r"a\b", &free), GenerateError::Assertion);
        assert_eq!(make(r"[\x80-\xff]", &free), GenerateError::NoText);
        assert_eq!(make(r"x{5000}", &free), GenerateError::TooLong);
    }

    #[test]
    fn a_value_that_does_not_fit_is_found() {
        let chosen = |value: &'static str| move |_: &str| Some(Choice::Value(value.to_owned()));
        let hir = read("x(?<a>A|B)(?<b>[AC])?");
        assert_eq!(misfit(&hir, &chosen("AB")).as_deref(), Some("a"));
        assert_eq!(misfit(&hir, &chosen("B")).as_deref(), Some("b"));
        assert_eq!(misfit(&hir, &chosen("A")), None);
    }

    /// Expressions of the size and make of a family's shapes.
    fn expressions() -> impl Strategy<Value = String> {
        let leaf = prop_oneof![
            "[A-Za-z0-9]{1,4}",
            Just(r"\d".to_owned()),
            Just("[A-Z0-9+/=]".to_owned()),
            Just(r"[^\x00-\x1f]".to_owned()),
            Just(".".to_owned()),
            Just(r"\.".to_owned()),
        ];
        leaf.prop_recursive(4, 24, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 1..4).prop_map(|parts| parts.concat()),
                prop::collection::vec(inner.clone(), 1..4)
                    .prop_map(|parts| format!("(?:{})", parts.join("|"))),
                (inner.clone(), 0..4_u32, 0..4_u32).prop_map(|(part, least, more)| format!(
                    "(?:{part}){{{least},{}}}",
                    least + more
                )),
                inner.prop_map(|part| format!("({part})")),
            ]
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(128))]

        #[test]
        fn a_generated_text_always_matches_its_own_expression(
            regex in expressions(),
            seed in any::<u64>(),
        ) {
            match generate(&read(&regex), &free, &mut Random::seeded(seed)) {
                Ok(made) => prop_assert!(fits(&read(&regex), &made)),
                Err(error) => prop_assert_eq!(error, GenerateError::TooLong),
            }
        }
    }
}
