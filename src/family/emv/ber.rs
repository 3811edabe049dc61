//! BER-TLV as EMV uses it (EMV Book 3, annex B): definite lengths, short tags.

/// EMV's tags have up to two bytes, the schemes' own up to three.
const MAX_TAG: usize = 3;

/// A mistake in BER, at a byte of the binary.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mistake {
    /// No length, or one of a form EMV does not use.
    Length(usize),
    /// A tag that does not end.
    Tag(usize),
    /// A value that ends behind its template.
    Value(usize),
}

/// One object.
#[derive(Clone, Copy)]
pub(super) struct Object<'a> {
    /// The tag's bytes as a number: `0x5F20`.
    pub(super) tag: u32,
    /// The content.
    pub(super) value: &'a [u8],
    /// Where the object begins.
    pub(super) at: usize,
    /// Where its content begins.
    pub(super) value_at: usize,
    /// Whether the content is made of objects.
    pub(super) is_template: bool,
}

/// The objects of a template, `start` being where its content begins in the whole.
pub(super) struct Objects<'a> {
    rest: &'a [u8],
    at: usize,
}

impl<'a> Objects<'a> {
    pub(super) fn of(content: &'a [u8], start: usize) -> Self {
        Self {
            rest: content,
            at: start,
        }
    }

    fn object(&self) -> Result<(Object<'a>, &'a [u8]), Mistake> {
        let at = self.at;
        let (tag, tag_len, rest) = tag(self.rest).ok_or(Mistake::Tag(at))?;
        let (length, length_len, rest) = length(rest).ok_or(Mistake::Length(at + tag_len))?;
        let value_at = at + tag_len + length_len;
        let (value, rest) = rest
            .split_at_checked(length)
            .ok_or(Mistake::Value(value_at))?;
        let is_template = self.rest.first().is_some_and(|first| first & 0x20 != 0);
        Ok((
            Object {
                tag,
                value,
                at,
                value_at,
                is_template,
            },
            rest,
        ))
    }
}

impl<'a> Iterator for Objects<'a> {
    type Item = Result<Object<'a>, Mistake>;

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
            self.rest = &[];
        }
        Some(object)
    }
}

/// Writes one object. Longer contents than the two-byte form of length can say are cut off.
pub(super) fn object(tag: &[u8], value: &[u8]) -> Vec<u8> {
    let value = value.get(..usize::from(u16::MAX)).unwrap_or(value);
    let [high, low] = u16::try_from(value.len()).unwrap_or(u16::MAX).to_be_bytes();
    let length: &[u8] = match (high, low) {
        (0, 0..=0x7F) => &[low],
        (0, _) => &[0x81, low],
        _ => &[0x82, high, low],
    };
    [tag, length, value].concat()
}

/// A tag: if the low five bits of the first byte are all set, bytes follow while the top bit is.
fn tag(bytes: &[u8]) -> Option<(u32, usize, &[u8])> {
    let (&first, mut rest) = bytes.split_first()?;
    let (mut tag, mut length) = (u32::from(first), 1);
    let mut more = first & 0x1F == 0x1F;
    while more {
        let (&next, behind) = rest.split_first()?;
        (tag, rest, length) = (tag << 8 | u32::from(next), behind, length + 1);
        more = next & 0x80 != 0;
        if length > MAX_TAG {
            return None;
        }
    }
    Some((tag, length, rest))
}

/// A length: one byte up to 127, else `81` and one byte or `82` and two. The indefinite form (`80`)
/// and longer ones have no place in a code that is a few hundred bytes long.
fn length(bytes: &[u8]) -> Option<(usize, usize, &[u8])> {
    match *bytes {
        [short @ ..=0x7F, ref rest @ ..] => Some((usize::from(short), 1, rest)),
        [0x81, low, ref rest @ ..] => Some((usize::from(low), 2, rest)),
        [0x82, high, low, ref rest @ ..] => {
            Some((usize::from(u16::from_be_bytes([high, low])), 3, rest))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(bytes: &[u8], expected: &[Result<(u32, usize), Mistake>]) {
        let found: Vec<_> = Objects::of(bytes, 0)
            .map(|o| o.map(|o| (o.tag, o.value.len())))
            .collect();
        assert_eq!(found, expected, "{bytes:02X?}");
    }

    #[test]
    fn tags_and_lengths_of_every_form_are_read() {
        check(
            &[0x4F, 1, 0xA0, 0x5F, 0x20, 0],
            &[Ok((0x4F, 1)), Ok((0x5F20, 0))],
        );
        check(&[0xDF, 0x81, 0x01, 0], &[Ok((0x00DF_8101, 0))]);
        for length in [0, 127, 128, 255, 256, 70_000] {
            let written = object(&[0x61], &vec![0; length]);
            check(&written, &[Ok((0x61, length.min(65_535)))]);
        }
    }

    #[test]
    fn other_forms_and_cut_contents_are_mistakes() {
        check(&[0x4F], &[Err(Mistake::Length(1))]);
        check(&[0x4F, 0x80, 0, 0], &[Err(Mistake::Length(1))]);
        check(&[0x4F, 0x83, 0, 0, 1, 0], &[Err(Mistake::Length(1))]);
        check(&[0x5F], &[Err(Mistake::Tag(0))]);
        check(&[0xDF, 0x81, 0x81, 0x01, 0], &[Err(Mistake::Tag(0))]);
        check(
            &[0x4F, 0, 0x50, 2, 1],
            &[Ok((0x4F, 0)), Err(Mistake::Value(4))],
        );
    }
}
