//! The mistakes a GS1 text can hold.

use crate::family;

/// Why a text is not GS1's. Places are bytes of the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParseError {
    /// A value holds a character its identifier does not allow.
    #[error("the value at byte {at} holds a character that is not allowed there")]
    BadCharacter {
        /// Where the value begins.
        at: usize,
    },
    /// A check digit does not agree.
    #[error("the check digit of the key at byte {at} does not agree with its digits")]
    BadChecksum {
        /// Where the key begins.
        at: usize,
    },
    /// Six digits that are no day.
    #[error("no such date at byte {at}")]
    BadDate {
        /// Where the date begins.
        at: usize,
    },
    /// A percent sign without two hexadecimal digits behind it.
    #[error("broken percent-encoding in the value at byte {at}")]
    BadEscape {
        /// Where the value begins.
        at: usize,
    },
    /// The same identifier twice with two values.
    #[error("the element at byte {at} contradicts an earlier one")]
    Contradiction {
        /// Where the second one begins.
        at: usize,
    },
    /// No element at all.
    #[error("no element")]
    Empty,
    /// A qualifier that does not belong to the link's key, or not in this order.
    #[error("the identifier at byte {at} does not qualify the link's key")]
    Misplaced {
        /// Where the identifier begins.
        at: usize,
    },
    /// A link whose path names no primary key.
    #[error("no primary key in the link's path")]
    NoKey,
    /// A value longer than its identifier allows; often a separator was lost in front.
    #[error("the value at byte {at} is longer than {most} characters")]
    TooLong {
        /// Where the value begins.
        at: usize,
        /// How long it may be.
        most: usize,
    },
    /// More elements than any label holds.
    #[error("more than {most} elements, the next at byte {at}")]
    TooMany {
        /// Where the first one too many begins.
        at: usize,
        /// How many there may be.
        most: usize,
    },
    /// A value shorter than its identifier asks for.
    #[error("the value at byte {at} is shorter than {least} characters")]
    TooShort {
        /// Where the value begins.
        at: usize,
        /// How long it must be.
        least: usize,
    },
    /// Where an identifier should begin, none does.
    #[error("no application identifier begins at byte {at}")]
    UnknownAi {
        /// Where it should begin.
        at: usize,
    },
}

impl ParseError {
    /// Whether the format is kept and a check digit alone disagrees.
    pub const fn is_checksum(self) -> bool {
        matches!(self, Self::BadChecksum { .. })
    }

    /// What should have stood there.
    pub const fn expected(self) -> &'static str {
        match self {
            Self::BadCharacter { .. } => "a value of the identifier's characters",
            Self::BadChecksum { .. } => "the right check digit",
            Self::BadDate { .. } => "a date, YYMMDD",
            Self::BadEscape { .. } => "two hexadecimal digits behind each percent sign",
            Self::Contradiction { .. } => "the value the identifier had before",
            Self::Empty => "an element",
            Self::Misplaced { .. } => "a qualifier of the link's key, in order",
            Self::NoKey => "a primary key in the link's path",
            Self::TooLong { .. } => "a shorter value",
            Self::TooMany { .. } => "fewer elements",
            Self::TooShort { .. } => "a longer value",
            Self::UnknownAi { .. } => "an application identifier",
        }
    }

    /// The byte at which reading stopped.
    pub const fn at(self) -> usize {
        match self {
            Self::BadCharacter { at }
            | Self::BadChecksum { at }
            | Self::BadDate { at }
            | Self::BadEscape { at }
            | Self::Contradiction { at }
            | Self::Misplaced { at }
            | Self::TooLong { at, .. }
            | Self::TooMany { at, .. }
            | Self::TooShort { at, .. }
            | Self::UnknownAi { at } => at,
            Self::Empty | Self::NoKey => 0,
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
