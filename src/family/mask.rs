//! How much of a text may be shown.

use compact_str::{CompactString, format_compact};

/// A family's masking rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mask {
    /// Nothing is shown but the length.
    All,
    /// The ends are shown, where the text is long enough to hide the rest.
    Ends {
        /// Characters shown in front.
        first: usize,
        /// Characters shown at the end.
        last: usize,
    },
}

/// At least as many characters stay hidden as this, or all do: eight unknown digits are a hundred
/// million guesses.
pub const LEAST_HIDDEN: usize = 8;

impl Mask {
    /// What may be shown of `text`: its ends around an ellipsis, and its length.
    pub fn show(self, text: &str) -> CompactString {
        if text.is_ascii() {
            return self.show_ascii(text);
        }
        let length = text.chars().count();
        match self {
            Self::Ends { first, last } if length >= first + last + LEAST_HIDDEN => {
                let head: String = text.chars().take(first).collect();
                let tail: String = text.chars().skip(length - last).collect();
                format_compact!("{head}…{tail} ({length})")
            }
            _ => format_compact!("… ({length})"),
        }
    }

    /// The same of a text whose characters are bytes, as nearly all are; every scan is shown.
    fn show_ascii(self, text: &str) -> CompactString {
        let length = text.len();
        let (head, tail) = match self {
            Self::Ends { first, last } if length >= first + last + LEAST_HIDDEN => {
                let tail = text.get(length - last..);
                (
                    text.get(..first).unwrap_or_default(),
                    tail.unwrap_or_default(),
                )
            }
            _ => ("", ""),
        };
        let mut digits = itoa::Buffer::new();
        let parts = [head, "…", tail, " (", digits.format(length), ")"];
        parts.into_iter().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_texts_are_hidden_whole() {
        let ends = Mask::Ends { first: 4, last: 2 };
        assert_eq!(ends.show("134650328919428540"), "1346…40 (18)");
        assert_eq!(ends.show("1346503289194"), "… (13)");
        assert_eq!(Mask::All.show("134650328919428540"), "… (18)");
        assert_eq!(
            Mask::Ends { first: 1, last: 1 }.show("最佳运输最佳运输最佳"),
            "最…佳 (10)"
        );
    }
}
