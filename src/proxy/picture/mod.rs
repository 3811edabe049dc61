//! A picture of a code, and the text in it.
//!
//! What a picture may cost is bounded before and while it is read: its size before anything is
//! allocated, the size it is searched at, the finder patterns and the sets of them that are tried.
//! Reading still takes milliseconds, so it belongs on a thread that may block. Deliberately
//! absent: barcodes other than QR, which scanners hand over as text.

mod pixels;
mod search;

use std::panic::{AssertUnwindSafe, catch_unwind};

use thiserror::Error;

pub use pixels::{PIXEL_LIMIT, SIDE_LIMIT};

use crate::reason::Reason;

/// The text of the QR code in a PNG or JPEG picture. A GS1 code's text begins with `]Q3`, as a
/// scanner would send it.
pub fn read(bytes: &[u8]) -> Result<String, PictureError> {
    // The decoders are other people's and the bytes anybody's: a panic must end here, and leaves
    // nothing behind, since both only ever see what is local to this call.
    let read = catch_unwind(AssertUnwindSafe(|| {
        let picture = pixels::decode(bytes)?;
        search::find(&picture).ok_or(PictureError::NoCode)
    }));
    read.unwrap_or(Err(PictureError::Unreadable))
}

/// Why there is no text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum PictureError {
    /// It is a picture, but no code in it could be read.
    #[error("no QR code can be read in the picture")]
    NoCode,
    /// It is neither PNG nor JPEG.
    #[error("the body is neither a PNG nor a JPEG picture")]
    NotAPicture,
    /// It is larger than any photograph of a code needs to be.
    #[error(
        "the picture has {width} x {height} pixels, at most {SIDE_LIMIT} a side and {PIXEL_LIMIT} in all are read"
    )]
    TooLarge {
        /// Its width in pixels.
        width: usize,
        /// Its height in pixels.
        height: usize,
    },
    /// It begins like a picture but cannot be decoded.
    #[error("the picture is damaged or of a rare kind")]
    Unreadable,
}

impl PictureError {
    /// The reason the terminal is given.
    pub const fn reason(self) -> Reason {
        match self {
            Self::NoCode | Self::Unreadable => Reason::UnreadablePicture,
            Self::NotAPicture => Reason::UnsupportedMediaType,
            Self::TooLarge { .. } => Reason::TooLarge,
        }
    }
}

#[cfg(test)]
mod tests;
