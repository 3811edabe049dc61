//! The mistakes an EMV text can hold.

use crate::family;

/// Why a text is not an EMV code. Places are bytes of the text; in a consumer's code, which is
/// Base64, of the text around the object. No variant holds a part of the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParseError {
    /// The text is not Base64.
    #[error("not base64")]
    BadBase64,
    /// The CRC does not agree.
    #[error("the crc at byte {at} should be {expected:04X}")]
    BadChecksum {
        /// Where the four hexadecimal digits stand.
        at: usize,
        /// What they should be.
        expected: u16,
    },
    /// A length that is no number, or is written in a way EMV does not use.
    #[error("no length at byte {at}")]
    BadLength {
        /// Where it should stand.
        at: usize,
    },
    /// A tag that is not two digits, or is longer than EMV's are.
    #[error("no tag at byte {at}")]
    BadTag {
        /// Where it should stand.
        at: usize,
    },
    /// A template that must be there is not.
    #[error("the object {tag} is missing")]
    Missing {
        /// The tag.
        tag: &'static str,
    },
    /// The first or last object is not the one that must be there.
    #[error("expected the object {tag} at byte {at}")]
    Misplaced {
        /// The tag that must be there.
        tag: &'static str,
        /// Where.
        at: usize,
    },
    /// The same tag twice where one is allowed.
    #[error("the object at byte {at} repeats an earlier tag")]
    Repeated {
        /// Where the second one begins.
        at: usize,
    },
    /// Templates within templates beyond what EMV defines.
    #[error("the template at byte {at} is nested too deep")]
    TooDeep {
        /// Where the innermost one begins.
        at: usize,
    },
    /// A text longer than any terminal shows.
    #[error("longer than {most} bytes")]
    TooLong {
        /// How long it may be.
        most: usize,
    },
    /// More objects than any code needs.
    #[error("more than {most} objects")]
    TooMany {
        /// How many there may be.
        most: usize,
    },
    /// A value ends behind its template or the text.
    #[error("the value at byte {at} is cut short")]
    Truncated {
        /// Where it begins.
        at: usize,
    },
}

impl ParseError {
    /// Whether the format is kept and the CRC alone disagrees.
    pub const fn is_checksum(self) -> bool {
        matches!(self, Self::BadChecksum { .. })
    }

    /// What should have stood there.
    pub fn expected(self) -> &'static str {
        match self {
            Self::BadBase64 => "base64",
            Self::BadChecksum { .. } => "the right crc",
            Self::BadLength { .. } => "a length",
            Self::BadTag { .. } => "a tag",
            Self::Missing { .. } => "an application with a name",
            Self::Misplaced { tag: "63", .. } => "the crc at the end",
            Self::Misplaced { .. } => "the format indicator",
            Self::Repeated { .. } => "a tag that is not there yet",
            Self::TooDeep { .. } => "fewer templates within templates",
            Self::TooLong { .. } => "a shorter text",
            Self::TooMany { .. } => "fewer objects",
            Self::Truncated { .. } => "the whole value",
        }
    }

    /// The byte at which reading stopped.
    pub const fn at(self) -> usize {
        match self {
            Self::BadChecksum { at, .. }
            | Self::BadLength { at }
            | Self::BadTag { at }
            | Self::Misplaced { at, .. }
            | Self::Repeated { at }
            | Self::TooDeep { at }
            | Self::Truncated { at } => at,
            Self::BadBase64
            | Self::Missing { .. }
            | Self::TooLong { .. }
            | Self::TooMany { .. } => 0,
        }
    }
}

impl From<ParseError> for family::ParseError {
    fn from(error: ParseError) -> Self {
        let at = error.at();
        if error.is_checksum() {
            Self::Checksum { at }
        } else {
            Self::Unexpected {
                at,
                expected: error.expected(),
            }
        }
    }
}
