//! Objects of two digits of tag, two digits of length and a value counted in characters.

use super::ParseError;

/// The longest value two digits of length can announce.
pub(super) const MAX_VALUE: usize = 99;

/// One object: tag, length, value.
#[derive(Clone, Copy)]
pub(super) struct Object<'a> {
    pub(super) tag: &'a str,
    pub(super) number: u8,
    pub(super) value: &'a str,
    pub(super) at: usize,
    pub(super) value_at: usize,
}

/// The objects of a text or a template, `start` being where it begins in the whole text.
pub(super) struct Objects<'a> {
    rest: &'a str,
    at: usize,
}

impl<'a> Objects<'a> {
    pub(super) fn of(text: &'a str, start: usize) -> Self {
        Self {
            rest: text,
            at: start,
        }
    }

    fn object(&self) -> Result<(Object<'a>, &'a str), ParseError> {
        let at = self.at;
        let (tag, rest) = two_digits(self.rest).ok_or(ParseError::BadTag { at })?;
        let (length, rest) = two_digits(rest).ok_or(ParseError::BadLength { at: at + 2 })?;
        let length = usize::from(number(length));
        let bytes = rest.chars().take(length).map(char::len_utf8).sum();
        let value_at = at + 4;
        let cut = ParseError::Truncated { at: value_at };
        let (value, rest) = rest.split_at_checked(bytes).ok_or(cut)?;
        if value.chars().count() != length {
            return Err(cut);
        }
        let number = number(tag);
        Ok((
            Object {
                tag,
                number,
                value,
                at,
                value_at,
            },
            rest,
        ))
    }
}

impl<'a> Iterator for Objects<'a> {
    type Item = Result<Object<'a>, ParseError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let object = self.object().map(|(object, rest)| {
            self.at = object.value_at + object.value.len();
            self.rest = rest;
            object
        });
        if object.is_err() {
            self.rest = "";
        }
        Some(object)
    }
}

/// The tags met so far at one level; there are a hundred at most.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Seen(u128);

impl Seen {
    pub(super) fn add(&mut self, object: &Object<'_>) -> Result<(), ParseError> {
        if self.contains(object.number) {
            return Err(ParseError::Repeated { at: object.at });
        }
        self.0 |= 1 << object.number;
        Ok(())
    }

    pub(super) const fn contains(self, number: u8) -> bool {
        self.0 & (1 << number) != 0
    }
}

fn two_digits(text: &str) -> Option<(&str, &str)> {
    let (digits, rest) = text.split_at_checked(2)?;
    digits
        .bytes()
        .all(|byte| byte.is_ascii_digit())
        .then_some((digits, rest))
}

/// The number two digits write; every caller has checked that they are digits.
fn number(digits: &str) -> u8 {
    digits.bytes().fold(0, |number: u8, digit| {
        number
            .wrapping_mul(10)
            .wrapping_add(digit.wrapping_sub(b'0'))
    })
}
