//! GS1 texts: element strings, as scanned or as printed in brackets, and Digital Link URIs.
//!
//! One lazy walk over the text serves reading, explaining and building's round trip; nothing is
//! allocated on the way. [`ai`] knows which application identifiers there are, [`element`] and
//! [`link`] where one ends and the next begins. Deliberately absent: which identifiers must stand
//! together (that is a question about the goods, for the backend) and the resolution of a Digital
//! Link, which is never fetched.

pub mod ai;
pub mod build;
mod element;
mod error;
mod link;
mod table;

use std::borrow::Cow;
use std::ops::Range;

use super::Field;

pub use self::ai::Ai;
use self::element::ElementString;
pub use self::error::ParseError;
use self::link::Link;

/// FNC1 as scanners send it (GS1 General Specifications, section 7.8): the group separator.
pub const FNC1: char = '\u{1d}';

/// The most elements one text may hold. Real labels hold a dozen; the limit bounds the search for
/// contradictions, which looks at every pair.
pub const MAX_ELEMENTS: usize = 64;

/// Reads `text` to its end, so that everything in it is known to be well formed.
pub fn parse(text: &str) -> Result<Elements<'_>, ParseError> {
    let elements = Elements::of(text)?;
    let mut count = 0;
    for element in elements.walk() {
        let element = element?;
        count += 1;
        if count > MAX_ELEMENTS {
            return Err(ParseError::TooMany {
                at: element.at,
                most: MAX_ELEMENTS,
            });
        }
        elements.contradicted_by(&element)?;
    }
    if count == 0 {
        Err(ParseError::Empty)
    } else {
        Ok(elements)
    }
}

/// The parts of `text` up to the first that cannot be read, for `explain`.
pub fn fields(text: &str) -> Vec<Field<'static>> {
    let Ok(elements) = Elements::of(text) else {
        return Vec::new();
    };
    elements
        .iter()
        .take(MAX_ELEMENTS)
        .map(|element| Field {
            name: Cow::Owned(format!("({}) {}", element.code, element.ai.title)),
            range: element.range(),
        })
        .collect()
}

/// The value of the text's primary key, as written, if the whole text can be read.
pub fn primary(text: &str) -> Option<&str> {
    parse(text).ok()?.primary().map(|key| key.value)
}

/// A text that was read to its end.
#[derive(Clone, Copy, Debug)]
pub struct Elements<'a> {
    text: &'a str,
    form: Form,
}

/// The three ways to write elements.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// `(01)09521234543213(10)ABC`, as printed under a symbol.
    Bracketed,
    /// `010952123454321310ABC` with [`FNC1`] where one is needed, as scanned.
    ElementString,
    /// `https://id.example.org/01/09521234543213/10/ABC`.
    Link,
}

impl<'a> Elements<'a> {
    /// How the elements are written.
    pub fn form(&self) -> Form {
        self.form
    }

    /// The elements in the order of the text.
    pub fn iter(&self) -> impl Iterator<Item = Element<'a>> {
        self.walk().map_while(Result::ok)
    }

    /// The first element that names something: a product, a place, a person.
    pub fn primary(&self) -> Option<Element<'a>> {
        self.iter().find(|element| element.ai.is_key())
    }

    /// The first element with this application identifier.
    pub fn find(&self, code: &str) -> Option<Element<'a>> {
        self.iter().find(|element| element.code == code)
    }

    fn of(text: &'a str) -> Result<Self, ParseError> {
        let form = match text.as_bytes() {
            [] => return Err(ParseError::Empty),
            [b'(', ..] => Form::Bracketed,
            [b'h' | b'H', ..] => Form::Link,
            _ => Form::ElementString,
        };
        Ok(Self { text, form })
    }

    fn walk(&self) -> Walk<'a> {
        match self.form {
            Form::Bracketed => Walk::Elements(ElementString::bracketed(self.text)),
            Form::ElementString => Walk::Elements(ElementString::scanned(self.text)),
            Form::Link => Walk::Link(Link::new(self.text)),
        }
    }

    /// The General Specifications allow an identifier twice only with the same value; with two
    /// values nobody could say which one a backend would take.
    fn contradicted_by(&self, element: &Element<'_>) -> Result<(), ParseError> {
        let earlier = self.iter().take_while(|earlier| earlier.at < element.at);
        for earlier in earlier {
            if earlier.code == element.code && earlier.decoded() != element.decoded() {
                return Err(ParseError::Contradiction { at: element.at });
            }
        }
        Ok(())
    }
}

/// One application identifier and its value.
#[derive(Clone, Copy, Debug)]
pub struct Element<'a> {
    /// What the identifier means.
    pub ai: &'static Ai,
    /// The identifier as written, such as `01` or `3103`.
    pub code: &'a str,
    /// The value as written: in a link it may be percent-encoded.
    pub value: &'a str,
    /// Where the identifier begins, in bytes.
    pub at: usize,
    value_at: usize,
    form: Form,
}

impl<'a> Element<'a> {
    /// The value, percent-decoded where the form asks for it.
    pub fn decoded(&self) -> Cow<'a, str> {
        match self.form {
            Form::Link => link::decode(self.value),
            Form::Bracketed | Form::ElementString => Cow::Borrowed(self.value),
        }
    }

    /// Where the value stands, in bytes.
    pub fn range(&self) -> Range<usize> {
        self.value_at..self.value_at + self.value.len()
    }
}

/// The walk over either form.
enum Walk<'a> {
    Elements(ElementString<'a>),
    Link(Link<'a>),
}

impl<'a> Iterator for Walk<'a> {
    type Item = Result<Element<'a>, ParseError>;

    fn next(&mut self) -> Option<Self::Item> {
        match self {
            Self::Elements(elements) => elements.next(),
            Self::Link(link) => link.next(),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Result<&[(&str, &str)], ParseError>) {
        let found = parse(text).map(|elements| {
            elements
                .iter()
                .map(|e| (e.code, e.decoded().into_owned()))
                .collect::<Vec<_>>()
        });
        let expected = expected.map(|pairs| {
            pairs
                .iter()
                .map(|&(code, value)| (code, value.to_owned()))
                .collect::<Vec<_>>()
        });
        assert_eq!(found, expected, "{text:?}");
    }

    #[test]
    fn an_identifier_with_two_values_is_refused() {
        check(
            "10A\u{1d}21B\u{1d}10A",
            Ok(&[("10", "A"), ("21", "B"), ("10", "A")]),
        );
        check(
            "10A\u{1d}21B\u{1d}10C",
            Err(ParseError::Contradiction { at: 8 }),
        );
        check(
            "https://a.example/8004/A%42?8200=x&10=C&10=%43",
            Ok(&[("8004", "AB"), ("8200", "x"), ("10", "C"), ("10", "C")]),
        );
    }

    #[test]
    fn the_number_of_elements_is_bounded() {
        let at_limit = vec!["99A"; MAX_ELEMENTS].join("\u{1d}");
        assert!(parse(&at_limit).is_ok());
        let above = format!("{at_limit}\u{1d}99A");
        check(
            &above,
            Err(ParseError::TooMany {
                at: 256,
                most: MAX_ELEMENTS,
            }),
        );
    }

    #[test]
    fn the_primary_key_is_found_in_every_form() {
        assert_eq!(
            primary("(17)150707(01)51022222233336"),
            Some("51022222233336")
        );
        assert_eq!(
            primary("\u{1d}8018123456789012345675"),
            Some("123456789012345675")
        );
        assert_eq!(
            primary("https://a.example/01/51022222233336"),
            Some("51022222233336")
        );
        assert_eq!(primary("17150707"), None);
        assert_eq!(primary("0151022222233335"), None);
    }

    #[test]
    fn fields_name_parts_and_places_up_to_the_first_mistake() {
        let text = "(01)51022222233336(10)A213B1";
        let found: Vec<_> = fields(text)
            .into_iter()
            .map(|f| (f.name.into_owned(), text.get(f.range).unwrap()))
            .collect();
        assert_eq!(
            found,
            [
                ("(01) GTIN".to_owned(), "51022222233336"),
                ("(10) batch or lot".to_owned(), "A213B1"),
            ]
        );
        assert_eq!(fields("0151022222233336A").len(), 1);
        assert_eq!(fields(""), []);
    }

    proptest! {
        #[test]
        fn no_text_makes_the_parser_panic(
            text in prop_oneof![
                "\\PC*",
                "[\u{1d}()0-9A-C]{0,60}",
                "(01|10|17|3103|8018|\\(01\\)|\u{1d}|[0-9]{14}|[A-Z]{2}){0,8}",
                "https?://[a-z]{1,4}(/(01|21|414|8004|[0-9]{14}|%4|%2F|é)){0,6}(\\?[0-9]{2}=[%0-9]{0,8})?",
            ],
        ) {
            let _ = parse(&text);
            for field in fields(&text) {
                prop_assert!(text.get(field.range).is_some());
            }
        }
    }
}
