//! The walk over an element string, as scanned or in brackets.

use super::ai::Ai;
use super::{Element, FNC1, Form, ParseError};

/// What is left of an element string.
pub(super) struct ElementString<'a> {
    text: &'a str,
    at: usize,
    form: Form,
}

impl<'a> ElementString<'a> {
    /// A text as scanned. Some scanners send the leading FNC1 as well, most leave it out.
    pub(super) fn scanned(text: &'a str) -> Self {
        let at = if text.starts_with(FNC1) {
            FNC1.len_utf8()
        } else {
            0
        };
        Self {
            text,
            at,
            form: Form::ElementString,
        }
    }

    /// A text with brackets around its identifiers.
    pub(super) fn bracketed(text: &'a str) -> Self {
        Self {
            text,
            at: 0,
            form: Form::Bracketed,
        }
    }

    fn element(&self) -> Result<Element<'a>, ParseError> {
        let (ai, code_at) = match self.form {
            Form::Bracketed => (bracketed_ai(self.rest(self.at)), self.at + 1),
            _ => (Ai::at_start_of(self.rest(self.at)), self.at),
        };
        let (ai, code_len) = ai.ok_or(ParseError::UnknownAi { at: self.at })?;
        let code = self
            .text
            .get(code_at..code_at + code_len)
            .unwrap_or_default();
        let value_at = code_at + code_len + usize::from(self.form == Form::Bracketed);
        let value = self.value(ai, value_at)?;
        ai.accept(value.as_bytes(), value_at)?;
        Ok(Element {
            ai,
            code,
            value,
            at: self.at,
            value_at,
            form: self.form,
        })
    }

    /// Values of predefined length end by count, the others at a separator, at the next bracketed
    /// identifier or at the end of the text.
    fn value(&self, ai: &Ai, at: usize) -> Result<&'a str, ParseError> {
        let rest = self.rest(at);
        if let Some(length) = ai.predefined_len() {
            let short = ParseError::TooShort { at, least: length };
            return match rest.split_at_checked(length) {
                Some((value, _)) if value.contains(FNC1) => Err(short),
                Some((value, _)) => Ok(value),
                None if rest.len() < length => Err(short),
                None => Err(ParseError::BadCharacter { at }),
            };
        }
        let end = match self.form {
            Form::Bracketed => rest
                .match_indices('(')
                .map(|(place, _)| place)
                .find(|&place| bracketed_ai(rest.get(place..).unwrap_or_default()).is_some()),
            _ => rest.find(FNC1),
        };
        Ok(rest.get(..end.unwrap_or(rest.len())).unwrap_or_default())
    }

    fn rest(&self, at: usize) -> &'a str {
        self.text.get(at..).unwrap_or_default()
    }
}

impl<'a> Iterator for ElementString<'a> {
    type Item = Result<Element<'a>, ParseError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.at >= self.text.len() {
            return None;
        }
        let element = self.element();
        self.at = match &element {
            Ok(element) => {
                let end = element.range().end;
                // A separator behind a predefined length is needless but common.
                let separated =
                    self.form == Form::ElementString && self.rest(end).starts_with(FNC1);
                end + usize::from(separated)
            }
            Err(_) => self.text.len(),
        };
        Some(element)
    }
}

/// The identifier in a pair of brackets at the start of `text`. A bracket that holds anything else
/// is a character of the value in front: set 82 contains both brackets.
fn bracketed_ai(text: &str) -> Option<(&'static Ai, usize)> {
    let inside = text.strip_prefix('(')?;
    let (ai, length) = Ai::at_start_of(inside)?;
    inside
        .get(length..)?
        .starts_with(')')
        .then_some((ai, length))
}

#[cfg(test)]
mod tests {
    use super::super::{ParseError, parse};

    #[track_caller]
    fn check(text: &str, expected: &[(&str, &str)]) {
        let elements = parse(text).unwrap();
        let found: Vec<_> = elements.iter().map(|e| (e.code, e.value)).collect();
        assert_eq!(found, expected, "{text:?}");
    }

    #[track_caller]
    fn check_refused(text: &str, expected: ParseError) {
        assert_eq!(parse(text).unwrap_err(), expected, "{text:?}");
    }

    #[test]
    fn published_element_strings_are_read() {
        // The examples of GS1's own encoder and syntax libraries.
        check(
            "011231231231233310ABC123\u{1d}99TESTING",
            &[
                ("01", "12312312312333"),
                ("10", "ABC123"),
                ("99", "TESTING"),
            ],
        );
        check(
            "(01)51022222233336(11)141231(17)150707(10)A213B1(21)1234",
            &[
                ("01", "51022222233336"),
                ("11", "141231"),
                ("17", "150707"),
                ("10", "A213B1"),
                ("21", "1234"),
            ],
        );
    }

    #[test]
    fn needless_separators_are_forgiven() {
        check(
            "\u{1d}0151022222233336\u{1d}10A\u{1d}",
            &[("01", "51022222233336"), ("10", "A")],
        );
        check_refused("10A\u{1d}\u{1d}21B", ParseError::UnknownAi { at: 4 });
    }

    #[test]
    fn a_bracket_inside_a_value_is_a_character() {
        check("(10)A(1)B(0C(21)D(", &[("10", "A(1)B(0C"), ("21", "D(")]);
    }

    #[test]
    fn decimals_stand_in_the_identifier() {
        check(
            "310300012532020001253922995",
            &[("3103", "000125"), ("3202", "000125"), ("3922", "995")],
        );
    }

    #[test]
    fn a_lost_separator_is_an_error_not_a_guess() {
        check_refused(
            "801812345678901234567510ABC",
            ParseError::TooLong { at: 4, most: 18 },
        );
        check_refused("01510222222333", ParseError::TooShort { at: 2, least: 14 });
        check_refused(
            "0151022222\u{1d}33336",
            ParseError::TooShort { at: 2, least: 14 },
        );
        check_refused("(01)5102222223333(10)A", ParseError::BadCharacter { at: 4 });
        check_refused("0151022222233336X", ParseError::UnknownAi { at: 16 });
        check_refused("(01)51022222233336x", ParseError::UnknownAi { at: 18 });
        check_refused("(0)1", ParseError::UnknownAi { at: 0 });
        check_refused("0151022222233é36", ParseError::BadCharacter { at: 2 });
        check_refused("", ParseError::Empty);
        check_refused("\u{1d}", ParseError::Empty);
    }
}
