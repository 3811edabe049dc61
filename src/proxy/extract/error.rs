//! Why no scan could be taken from a request. Says what and where, never what stood there.

use std::fmt;

use thiserror::Error;

use crate::reason::Reason;

/// An ingredient of a scan.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum What {
    /// The scanned text.
    Code,
    /// What names the request, so that its repetitions are known.
    IdempotencyKey,
    /// The organisation the terminal claims.
    Organisation,
    /// The region the terminal claims.
    Region,
    /// The scene.
    Scene,
    /// The terminal's id.
    Terminal,
}

impl What {
    /// Every ingredient, alphabetically.
    pub const ALL: &'static [Self] = &[
        Self::Code,
        Self::IdempotencyKey,
        Self::Organisation,
        Self::Region,
        Self::Scene,
        Self::Terminal,
    ];

    /// The ingredient's name in files and requests.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Code => "code",
            Self::IdempotencyKey => "idempotency_key",
            Self::Organisation => "organisation",
            Self::Region => "region",
            Self::Scene => "scene",
            Self::Terminal => "terminal",
        }
    }
}

impl fmt::Display for What {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What stood where text was expected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found {
    /// An array.
    Array,
    /// `true` or `false`.
    Boolean,
    /// A number: leading zeros and the last digits of long codes would be lost.
    Number,
    /// An object.
    Object,
}

impl fmt::Display for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Array => "an array",
            Self::Boolean => "a boolean",
            Self::Number => "a number, which loses leading zeros and long digits",
            Self::Object => "an object",
        })
    }
}

/// Why a request holds no scan.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum ExtractError {
    /// A member or field stands twice, so that readers could disagree.
    #[error("{what} was sent more than once")]
    Duplicate {
        /// Which.
        what: What,
    },
    /// The body is no JSON document, or not of the expected form.
    #[error("line {line}, column {column}: expected {expected}")]
    Json {
        /// The line, from 1.
        line: usize,
        /// The column in bytes, from 1; 0 before the first.
        column: usize,
        /// What should have stood there.
        expected: &'static str,
    },
    /// There is no such member or field, or it is empty.
    #[error("{what} is missing")]
    Missing {
        /// Which.
        what: What,
    },
    /// The member is no string.
    #[error("{what} must be a JSON string, in quotes; found {found}")]
    NotText {
        /// Which.
        what: What,
        /// What stands there.
        found: Found,
    },
    /// The bytes are no UTF-8.
    #[error("the body is not UTF-8 at byte {at}")]
    NotUtf8 {
        /// Where, counted in bytes.
        at: usize,
    },
    /// The media type, or its character set, is none that is read here.
    #[error("the body must be {expected}")]
    Unsupported {
        /// What is read here.
        expected: &'static str,
    },
}

impl ExtractError {
    /// The reason the terminal is given.
    pub const fn reason(self) -> Reason {
        match self {
            Self::Missing { what: What::Code } => Reason::MissingCode,
            Self::Unsupported { .. } => Reason::UnsupportedMediaType,
            Self::Duplicate { .. }
            | Self::Json { .. }
            | Self::Missing { .. }
            | Self::NotText { .. }
            | Self::NotUtf8 { .. } => Reason::MalformedRequest,
        }
    }
}
