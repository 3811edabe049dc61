//! Walking XML markup character by character: where text may stand, and whether tags balance.

use thiserror::Error;

use super::escape::Place;

/// A position in a document and the elements open there.
#[derive(Debug, Default)]
pub(super) struct Walk {
    state: State,
    open: Vec<String>,
    rooted: bool,
}

#[derive(Debug, Default)]
enum State {
    /// Character data, or the space around the root.
    #[default]
    Text,
    /// After `<`.
    Open,
    /// In the name of a start tag.
    Name(String),
    /// In a start tag, between attributes; whether a space was seen, so that a name may begin.
    Tag(bool),
    /// In an attribute's name.
    Attribute,
    /// After the name and a space; `=` must come.
    Equals,
    /// After `=`; a quote must come.
    Quote,
    /// In an attribute's value, up to this quote.
    Value(char),
    /// After the `/` of an empty element.
    Empty,
    /// In an end tag, its name so far and whether a space ended it.
    Close(String, bool),
    /// After `<!`, what came so far.
    Bang(String),
    /// In a comment, how many hyphens came last.
    Comment(u8),
    /// In a CDATA section: whether it carries markup, how many brackets came last.
    Cdata(bool, u8),
    /// In an instruction, whether a question mark came last.
    Instruction(bool),
    /// In a reference, its name so far and the quote of the value it stands in.
    Reference(String, Option<char>),
}

impl Walk {
    /// How a value is written here; `None` where no value can stand.
    pub(super) fn place(&self) -> Option<Place> {
        match self.state {
            State::Text if !self.open.is_empty() => Some(Place::Xml),
            State::Value(_) | State::Cdata(true, 0) => Some(Place::Xml),
            State::Cdata(false, 0) => Some(Place::XmlCdata),
            _ => None,
        }
    }

    /// Takes one character of markup.
    pub(super) fn step(&mut self, char: char) -> Result<(), XmlFault> {
        let state = std::mem::take(&mut self.state);
        self.state = match state {
            State::Text => self.text(char)?,
            State::Open => self.opened(char)?,
            State::Name(name) => self.name(name, char)?,
            State::Tag(spaced) => tag(spaced, char)?,
            State::Attribute | State::Equals | State::Quote => attribute(&state, char)?,
            State::Value(quote) => value(quote, char)?,
            State::Empty if char == '>' => self.pop(None)?,
            State::Close(name, ended) => self.close(name, ended, char)?,
            State::Bang(so_far) => self.bang(so_far, char)?,
            State::Comment(hyphens) => comment(hyphens, char)?,
            State::Cdata(markup, brackets) => cdata(markup, brackets, char),
            State::Instruction(true) if char == '>' => State::Text,
            State::Instruction(_) => State::Instruction(char == '?'),
            State::Reference(name, quote) => reference(name, quote, char)?,
            State::Empty => return Err(XmlFault::Tag),
        };
        Ok(())
    }

    /// Ends the document.
    pub(super) fn finish(self) -> Result<(), XmlFault> {
        match (self.state, self.open.last()) {
            (State::Text, None) if self.rooted => Ok(()),
            (State::Text, None) => Err(XmlFault::NoRoot),
            (_, Some(name)) => Err(XmlFault::Unclosed {
                element: name.as_str().into(),
            }),
            (_, None) => Err(XmlFault::Tag),
        }
    }

    fn text(&self, char: char) -> Result<State, XmlFault> {
        match char {
            '<' => Ok(State::Open),
            _ if self.open.is_empty() && !is_space(char) => Err(XmlFault::OutsideRoot),
            '&' => Ok(State::Reference(String::new(), None)),
            _ => Ok(State::Text),
        }
    }

    fn opened(&mut self, char: char) -> Result<State, XmlFault> {
        match char {
            '/' => Ok(State::Close(String::new(), false)),
            '!' => Ok(State::Bang(String::new())),
            '?' => Ok(State::Instruction(false)),
            _ if !is_name_start(char) => Err(XmlFault::Tag),
            _ if self.open.is_empty() && self.rooted => Err(XmlFault::OutsideRoot),
            _ => Ok(State::Name(char.to_string())),
        }
    }

    fn name(&mut self, mut name: String, char: char) -> Result<State, XmlFault> {
        if is_name(char) {
            name.push(char);
            return Ok(State::Name(name));
        }
        self.rooted = true;
        self.open.push(name);
        tag(false, char)
    }

    fn close(&mut self, mut name: String, ended: bool, char: char) -> Result<State, XmlFault> {
        match char {
            '>' => self.pop(Some(&name)),
            _ if is_space(char) && !name.is_empty() => Ok(State::Close(name, true)),
            _ if is_name(char) && !ended => {
                name.push(char);
                Ok(State::Close(name, false))
            }
            _ => Err(XmlFault::Tag),
        }
    }

    fn pop(&mut self, named: Option<&str>) -> Result<State, XmlFault> {
        let open = self.open.pop();
        if named.is_some() && open.as_deref() != named {
            return Err(XmlFault::Unbalanced {
                element: named.unwrap_or_default().into(),
            });
        }
        Ok(State::Text)
    }

    fn bang(&self, mut so_far: String, char: char) -> Result<State, XmlFault> {
        so_far.push(char);
        match so_far.as_str() {
            "--" => Ok(State::Comment(0)),
            "[CDATA[" if self.open.is_empty() => Err(XmlFault::OutsideRoot),
            "[CDATA[" => Ok(State::Cdata(false, 0)),
            _ if "--".starts_with(&so_far) || "[CDATA[".starts_with(&so_far) => {
                Ok(State::Bang(so_far))
            }
            _ => Err(XmlFault::Declaration),
        }
    }
}

fn tag(spaced: bool, char: char) -> Result<State, XmlFault> {
    match char {
        '>' => Ok(State::Text),
        '/' => Ok(State::Empty),
        _ if is_space(char) => Ok(State::Tag(true)),
        _ if spaced && is_name_start(char) => Ok(State::Attribute),
        _ => Err(XmlFault::Tag),
    }
}

fn attribute(state: &State, char: char) -> Result<State, XmlFault> {
    match (state, char) {
        (State::Attribute | State::Equals, '=') => Ok(State::Quote),
        (State::Attribute, _) if is_name(char) => Ok(State::Attribute),
        (State::Attribute | State::Equals, _) if is_space(char) => Ok(State::Equals),
        (State::Quote, '"' | '\'') => Ok(State::Value(char)),
        (State::Quote, _) if is_space(char) => Ok(State::Quote),
        _ => Err(XmlFault::Tag),
    }
}

fn value(quote: char, char: char) -> Result<State, XmlFault> {
    match char {
        _ if char == quote => Ok(State::Tag(false)),
        '<' => Err(XmlFault::Tag),
        '&' => Ok(State::Reference(String::new(), Some(quote))),
        _ => Ok(State::Value(quote)),
    }
}

fn comment(hyphens: u8, char: char) -> Result<State, XmlFault> {
    match (hyphens, char) {
        (2, '>') => Ok(State::Text),
        (2, _) => Err(XmlFault::Tag),
        (_, '-') => Ok(State::Comment(hyphens + 1)),
        _ => Ok(State::Comment(0)),
    }
}

/// A `<` in the section means that it carries a document of its own.
fn cdata(markup: bool, brackets: u8, char: char) -> State {
    match (brackets, char) {
        (2, '>') => State::Text,
        (_, ']') => State::Cdata(markup, (brackets + 1).min(2)),
        _ => State::Cdata(markup || char == '<', 0),
    }
}

fn reference(mut name: String, quote: Option<char>, char: char) -> Result<State, XmlFault> {
    if char == ';' {
        let known = matches!(name.as_str(), "amp" | "apos" | "gt" | "lt" | "quot");
        if !known && !is_number(&name) {
            return Err(XmlFault::Reference { name: name.into() });
        }
        return Ok(quote.map_or(State::Text, State::Value));
    }
    if name.len() > 8 || !(char.is_ascii_alphanumeric() || char == '#') {
        return Err(XmlFault::Reference { name: name.into() });
    }
    name.push(char);
    Ok(State::Reference(name, quote))
}

fn is_number(name: &str) -> bool {
    let Some(digits) = name.strip_prefix('#') else {
        return false;
    };
    let number = match digits.strip_prefix('x') {
        Some(digits) => u32::from_str_radix(digits, 16),
        None => digits.parse(),
    };
    number
        .ok()
        .and_then(char::from_u32)
        .is_some_and(super::escape::is_xml_char)
}

fn is_space(char: char) -> bool {
    matches!(char, ' ' | '\t' | '\r' | '\n')
}

fn is_name_start(char: char) -> bool {
    char.is_alphabetic() || char == '_' || char == ':'
}

fn is_name(char: char) -> bool {
    is_name_start(char) || char.is_numeric() || char == '-' || char == '.'
}

/// What is wrong with the markup.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum XmlFault {
    /// A character XML 1.0 cannot carry.
    #[error("a character XML cannot carry")]
    Character,
    /// A document type or another declaration.
    #[error("only comments and CDATA sections may begin with \"<!\"")]
    Declaration,
    /// There is no element.
    #[error("there is no element")]
    NoRoot,
    /// Text or a second element beside the root.
    #[error("something stands outside the root element")]
    OutsideRoot,
    /// A reference to something XML does not define by itself.
    #[error("\"&{name}\" is no reference XML knows")]
    Reference {
        /// What stands after the ampersand.
        name: Box<str>,
    },
    /// A tag, comment or attribute is malformed.
    #[error("a tag is malformed")]
    Tag,
    /// An end tag that does not belong to the open element.
    #[error("\"</{element}>\" ends an element that is not the open one")]
    Unbalanced {
        /// The name in the end tag.
        element: Box<str>,
    },
    /// An element without its end tag.
    #[error("\"<{element}>\" has no end tag")]
    Unclosed {
        /// The element.
        element: Box<str>,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    #[expect(
        clippy::needless_pass_by_value,
        reason = "tables read better without ampersands"
    )]
    fn check(text: &str, expected: Result<(), XmlFault>) {
        let mut walk = Walk::default();
        let walked = text.chars().try_for_each(|char| walk.step(char));
        assert_eq!(walked.and_then(|()| walk.finish()), expected, "{text}");
    }

    #[test]
    fn well_formed_documents_pass() {
        check("<a/>", Ok(()));
        check(
            "<?xml version='1.0'?>\n<!-- x - y --><a b=\"1\" c = '2' ><b/>&lt;&#x4e2d;</a >\n",
            Ok(()),
        );
        check(
            "<s:Envelope xmlns:s='u'><s:Body><![CDATA[<x>]] ]]]></s:Body></s:Envelope>",
            Ok(()),
        );
        check("<患者 名='x'>中</患者>", Ok(()));
    }

    #[test]
    fn mistakes_are_named() {
        check("", Err(XmlFault::NoRoot));
        check(
            "<a>",
            Err(XmlFault::Unclosed {
                element: "a".into(),
            }),
        );
        check(
            "<a></b>",
            Err(XmlFault::Unbalanced {
                element: "b".into(),
            }),
        );
        check(
            "</a>",
            Err(XmlFault::Unbalanced {
                element: "a".into(),
            }),
        );
        check("<a/><b/>", Err(XmlFault::OutsideRoot));
        check("x<a/>", Err(XmlFault::OutsideRoot));
        check("<!DOCTYPE a><a/>", Err(XmlFault::Declaration));
        check(
            "<a>&nbsp;</a>",
            Err(XmlFault::Reference {
                name: "nbsp".into(),
            }),
        );
        check(
            "<a>&#0;</a>",
            Err(XmlFault::Reference { name: "#0".into() }),
        );
        check("<a b=1/>", Err(XmlFault::Tag));
        check("<a b='1'c='2'/>", Err(XmlFault::Tag));
        check(
            "<a/",
            Err(XmlFault::Unclosed {
                element: "a".into(),
            }),
        );
    }
}
