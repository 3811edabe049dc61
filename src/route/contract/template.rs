//! Text with `${placeholders}`, compiled once.

use thiserror::Error;

use super::escape::Place;
use super::placeholder::{Placeholder, PlaceholderError};
use super::values::{RenderError, Values};

/// A text with gaps. `${name}` must be filled, `${name?}` may stay empty, `$${` is a plain `${`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template(Box<[Part]>);

/// A piece of a template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    /// Text as written.
    Literal(Box<str>),
    /// A gap.
    Slot(Slot),
}

/// A gap and whether it may stay empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slot {
    /// What fills it.
    pub placeholder: Placeholder,
    /// What happens when there is nothing to fill it with.
    pub presence: Presence,
}

/// Whether a value must be there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presence {
    /// Without it the text stays empty.
    Optional,
    /// Without it the contract cannot be met.
    Required,
}

impl Template {
    /// Compiles a text.
    pub fn parse(text: &str) -> Result<Self, TemplateError> {
        let mut parts = Vec::new();
        let mut literal = String::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("${") {
            if let Some(kept) = before.strip_suffix('$') {
                literal.push_str(kept);
                literal.push_str("${");
                rest = after;
                continue;
            }
            let at = text.len() - after.len() - "${".len();
            let (name, following) = after
                .split_once('}')
                .ok_or(TemplateError::Unclosed { at })?;
            literal.push_str(before);
            push_literal(&mut parts, &mut literal);
            let slot = Slot::parse(name);
            parts.push(Part::Slot(
                slot.map_err(|source| TemplateError::Placeholder { at, source })?,
            ));
            rest = following;
        }
        literal.push_str(rest);
        push_literal(&mut parts, &mut literal);
        Ok(Self(parts.into()))
    }

    /// The pieces, in order; neighbouring literals are one piece.
    pub fn parts(&self) -> &[Part] {
        &self.0
    }

    /// The gaps, in order.
    pub fn slots(&self) -> impl Iterator<Item = &Slot> {
        self.0.iter().filter_map(|part| match part {
            Part::Literal(_) => None,
            Part::Slot(slot) => Some(slot),
        })
    }

    /// The gap of a template that is nothing but one gap.
    pub fn sole(&self) -> Option<&Slot> {
        match &*self.0 {
            [Part::Slot(slot)] => Some(slot),
            _ => None,
        }
    }

    /// The text before the first gap.
    pub fn prefix(&self) -> &str {
        match self.0.first() {
            Some(Part::Literal(text)) => text,
            _ => "",
        }
    }

    /// Appends the filled text as `place` writes it; literals are markup where a place has any.
    pub(super) fn render(
        &self,
        place: Place,
        values: &Values<'_>,
        out: &mut Vec<u8>,
    ) -> Result<(), RenderError> {
        for part in &self.0 {
            match part {
                Part::Literal(text) => place.write_literal(text, out),
                Part::Slot(slot) => slot.render(place, values, out)?,
            }
        }
        Ok(())
    }
}

impl Slot {
    fn parse(name: &str) -> Result<Self, PlaceholderError> {
        let (name, presence) = match name.strip_suffix('?') {
            Some(name) => (name, Presence::Optional),
            None => (name, Presence::Required),
        };
        let placeholder = Placeholder::parse(name)?;
        Ok(Self {
            placeholder,
            presence,
        })
    }

    /// Appends the value as `place` writes it.
    pub(super) fn render(
        &self,
        place: Place,
        values: &Values<'_>,
        out: &mut Vec<u8>,
    ) -> Result<(), RenderError> {
        let Some(value) = values.fill(self)? else {
            return Ok(());
        };
        let unprintable = || RenderError::Unprintable {
            placeholder: self.placeholder.clone(),
            place,
        };
        let text = value.as_text().ok_or_else(unprintable)?;
        place.write(text, out).map_err(|_| unprintable())?;
        RenderError::unless_within_limit(out)
    }
}

fn push_literal(parts: &mut Vec<Part>, literal: &mut String) {
    if !literal.is_empty() {
        parts.push(Part::Literal(std::mem::take(literal).into()));
    }
}

/// Why a text is no template.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum TemplateError {
    /// What stands between the braces is no placeholder.
    #[error("the placeholder at byte {at} cannot be read")]
    Placeholder {
        /// Where its `${` stands, in bytes.
        at: usize,
        /// What is wrong with it.
        source: PlaceholderError,
    },
    /// A `${` without its `}`.
    #[error("the \"${{\" at byte {at} has no \"}}\"")]
    Unclosed {
        /// Where it stands, in bytes.
        at: usize,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    fn literal(text: &str) -> Part {
        Part::Literal(text.into())
    }

    fn slot(placeholder: Placeholder, presence: Presence) -> Part {
        Part::Slot(Slot {
            placeholder,
            presence,
        })
    }

    #[track_caller]
    fn check(text: &str, parts: &[Part]) {
        assert_eq!(Template::parse(text).unwrap().parts(), parts);
    }

    #[test]
    fn literals_gaps_and_escapes_are_told_apart() {
        let code = || slot(Placeholder::Code, Presence::Required);
        check("", &[]);
        check("plain $ {text}", &[literal("plain $ {text}")]);
        check("${code}", &[code()]);
        check(
            "a${code}b${code}",
            &[literal("a"), code(), literal("b"), code()],
        );
        check(
            "${issuer?}",
            &[slot(Placeholder::Issuer, Presence::Optional)],
        );
        check("x$${code}${code}", &[literal("x${code}"), code()]);
        check("$$${code}", &[literal("$${code}")]);
        check("码${code}", &[literal("码"), code()]);
    }

    #[test]
    fn mistakes_say_where() {
        assert_eq!(
            Template::parse("码${code"),
            Err(TemplateError::Unclosed { at: 3 })
        );
        let source = PlaceholderError::Unknown { name: "cod".into() };
        let error = TemplateError::Placeholder { at: 1, source };
        assert_eq!(Template::parse("a${cod}"), Err(error));
    }
}
