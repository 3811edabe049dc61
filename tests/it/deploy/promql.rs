//! Just enough of PromQL to know which metrics an expression asks for, and which of their labels.

use std::collections::{BTreeMap, BTreeSet};

/// What an expression is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Token {
    Word(String),
    /// What stands in quotes; only that it does matters.
    Text,
    Mark(char),
}

/// What an expression needs.
#[derive(Clone, Debug, Default)]
pub(super) struct Needs {
    /// Its metrics, each with the labels that are looked at: in its selector, or by what aggregates it.
    pub(super) metrics: BTreeMap<String, BTreeSet<String>>,
    /// Labels that vectors are matched by.
    pub(super) matched: BTreeSet<String>,
}

fn tokens(expression: &str) -> Vec<Token> {
    let mut found = Vec::new();
    let mut rest = expression.chars().peekable();
    while let Some(&first) = rest.peek() {
        if first.is_ascii_alphanumeric() || "_:.$".contains(first) {
            let mut word = String::new();
            while let Some(&c) = rest.peek() {
                if !(c.is_ascii_alphanumeric() || "_:.$".contains(c)) {
                    break;
                }
                word.push(c);
                rest.next();
            }
            found.push(Token::Word(word));
            continue;
        }
        rest.next();
        match first {
            '"' => {
                while rest.next().is_some_and(|c| c != '"') {}
                found.push(Token::Text);
            }
            // A range: `[5m]`.
            '[' => while rest.next().is_some_and(|c| c != ']') {},
            c if c.is_whitespace() => {}
            c => found.push(Token::Mark(c)),
        }
    }
    found
}

/// The place of the mark that closes what is opened at `open`.
fn closing(tokens: &[Token], open: usize) -> usize {
    let mut depth = 0;
    for (place, token) in tokens.iter().enumerate().skip(open) {
        match token {
            Token::Mark('(') => depth += 1,
            Token::Mark(')') => {
                depth -= 1;
                if depth == 0 {
                    return place;
                }
            }
            _ => {}
        }
    }
    panic!("not closed: {tokens:?}");
}

fn words(tokens: &[Token]) -> BTreeSet<String> {
    let words = tokens.iter().filter_map(|token| match token {
        Token::Word(word) => Some(word.clone()),
        _ => None,
    });
    words.collect()
}

/// Labels between the braces that begin at `open`: words before a comparison.
fn selected(tokens: &[Token], open: usize) -> BTreeSet<String> {
    let inside = tokens[open..]
        .iter()
        .take_while(|token| **token != Token::Mark('}'));
    words(&inside.cloned().collect::<Vec<_>>())
}

/// What an expression needs.
pub(super) fn needs(expression: &str) -> Needs {
    let tokens = tokens(expression);
    let mut needs = Needs::default();
    // Labels, and the places of what they are aggregated of.
    let mut aggregated = Vec::new();
    let mut place = 0;
    while place < tokens.len() {
        let next = tokens.get(place + 1);
        let Token::Word(word) = &tokens[place] else {
            place += 1;
            continue;
        };
        match (word.as_str(), next) {
            ("by", Some(Token::Mark('('))) => {
                let end = closing(&tokens, place + 1);
                let after = tokens.get(end + 1);
                assert_eq!(
                    after,
                    Some(&Token::Mark('(')),
                    "by (…) stands before what it is of: {expression}"
                );
                let labels = words(&tokens[place + 2..end]);
                aggregated.push((labels, end + 1..closing(&tokens, end + 1)));
                place = end;
            }
            ("on", Some(Token::Mark('('))) => {
                let end = closing(&tokens, place + 1);
                needs.matched.extend(words(&tokens[place + 2..end]));
                place = end;
            }
            ("without" | "ignoring" | "group_left" | "group_right", _) => {
                panic!("labels that are not named: {expression}");
            }
            ("and" | "or" | "unless" | "bool" | "offset" | "inf" | "nan", _)
            | (_, Some(Token::Mark('('))) => {}
            (number, _) if number.starts_with(|c: char| c.is_ascii_digit() || c == '.') => {}
            // An aggregator whose labels come first: `sum by (…)`.
            (_, Some(Token::Word(by))) if by == "by" => {}
            (metric, next) => {
                let mut labels = BTreeSet::new();
                if next == Some(&Token::Mark('{')) {
                    labels = selected(&tokens, place + 1);
                }
                for (by, of) in &aggregated {
                    if of.contains(&place) {
                        labels.extend(by.iter().cloned());
                    }
                }
                let known = needs.metrics.entry(metric.to_owned()).or_default();
                known.extend(labels);
                if next == Some(&Token::Mark('{')) {
                    let length = tokens[place..]
                        .iter()
                        .take_while(|token| **token != Token::Mark('}'));
                    place += length.count();
                }
            }
        }
        place += 1;
    }
    needs
}

#[test]
fn needs_are_found() {
    let found = needs(
        "histogram_quantile(0.9, sum by (le, a) (rate(m_bucket{b=~\"x by (y)\"}[5m]))) > 0.1 * (job:n:rate5m offset 1d) or on (c) max(p)",
    );
    let labels = |names: &[&str]| names.iter().map(|it| (*it).to_owned()).collect();
    assert_eq!(
        found.metrics,
        BTreeMap::from([
            ("m_bucket".to_owned(), labels(&["a", "b", "le"])),
            ("job:n:rate5m".to_owned(), BTreeSet::new()),
            ("p".to_owned(), BTreeSet::new()),
        ])
    );
    assert_eq!(found.matched, labels(&["c"]));
}
