//! What is wrong with a trail, and where.

use std::fmt;

/// Something wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What.
    pub fault: Fault,
    /// In which file of the folder.
    pub file: Box<str>,
    /// At which record.
    pub seq: Option<u64>,
    /// At which byte of the file.
    pub offset: Option<u64>,
}

/// What may be wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The record, its length or its link is not what was written.
    Changed,
    /// Records up to this one are not there.
    Missing {
        /// The last of them.
        to: u64,
    },
    /// The record stands where another belongs, or stands twice.
    Misplaced,
    /// From here on nothing can be read.
    Unreadable,
    /// The file ends within a record.
    Torn {
        /// Bytes of it that are there.
        bytes: u64,
    },
    /// The segment does not begin as a segment does.
    Header,
    /// The segment does not continue the one before it.
    Apart,
    /// The trail ends although this record was signed.
    Truncated {
        /// The signed one.
        signed: u64,
    },
    /// The last record of a segment that is complete was not signed.
    Unsigned,
    /// A checkpoint that cannot be read.
    Note,
    /// A checkpoint that stands where none belongs.
    NoteMisplaced,
    /// A checkpoint that no known key signed.
    Signature,
    /// The signed link is not the record's.
    Disagrees,
    /// There is no segment.
    Empty,
    /// There is no public key, or its line cannot be read.
    PublicKey,
    /// The checkpoint is older than what is kept.
    NotKept,
}

impl Fault {
    /// The word for it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Changed => "changed",
            Self::Missing { .. } => "missing",
            Self::Misplaced => "misplaced",
            Self::Unreadable => "unreadable",
            Self::Torn { .. } => "torn",
            Self::Header => "header",
            Self::Apart => "apart",
            Self::Truncated { .. } => "truncated",
            Self::Unsigned => "unsigned",
            Self::Note => "checkpoint-unreadable",
            Self::NoteMisplaced => "checkpoint-misplaced",
            Self::Signature => "checkpoint-signature",
            Self::Disagrees => "checkpoint-disagrees",
            Self::Empty => "empty",
            Self::PublicKey => "public-key",
            Self::NotKept => "not-kept",
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Changed => f.write_str("the record, its length or its link was changed"),
            Self::Missing { to } => write!(f, "records are missing up to {to}"),
            Self::Misplaced => f.write_str("the record is out of order or stands twice"),
            Self::Unreadable => f.write_str("nothing can be read from here on"),
            Self::Torn { bytes } => write!(f, "the file ends {bytes} bytes into a record"),
            Self::Header => f.write_str("this is not how a segment begins"),
            Self::Apart => f.write_str("the segment does not continue the one before"),
            Self::Truncated { signed } => write!(
                f,
                "the trail was signed up to record {signed}, and ends here"
            ),
            Self::Unsigned => f.write_str("the segment's last record was never signed"),
            Self::Note => f.write_str("the checkpoint cannot be read"),
            Self::NoteMisplaced => f.write_str("the checkpoint does not belong here"),
            Self::Signature => f.write_str("no known key signed the checkpoint"),
            Self::Disagrees => f.write_str("the checkpoint signs another link than this record's"),
            Self::Empty => f.write_str("there is no segment"),
            Self::PublicKey => f.write_str("no public key can be read here"),
            Self::NotKept => f.write_str("the checkpoint is older than what is kept"),
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        if let Some(seq) = self.seq {
            write!(f, ": record {seq}")?;
        }
        if let Some(offset) = self.offset {
            write!(f, ": byte {offset}")?;
        }
        write!(f, ": {}", self.fault)
    }
}
