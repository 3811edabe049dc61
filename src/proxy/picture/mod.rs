//! A picture of codes, and the texts in it.
//!
//! What a picture may cost is bounded before and while it is read: its size before anything is
//! allocated, the size it is searched at, the patterns and the sets of them that are tried, and the
//! time, looked at before each further pass. Reading still takes milliseconds, so it belongs on a
//! thread that may block. Deliberately absent: Aztec, PDF417 and the stacked barcodes, which no
//! shipped family is printed as.

mod budget;
mod found;
mod jpeg;
mod linear;
mod matrix;
mod pixels;
mod qr;
mod second;
mod view;
mod webp;
mod weight;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use thiserror::Error;

use self::budget::Budget;
pub use self::found::{Contents, Found, Reader, Symbology};
use self::pixels::Grey;
pub use self::pixels::{PIXEL_LIMIT, SIDE_LIMIT};
use self::view::View;
pub use self::weight::MEMORY_LIMIT;
use crate::reason::Reason;

/// The time a picture may take; it is looked at between passes, each of which is bounded by its work.
pub const BUDGET: Duration = Duration::from_millis(800);

/// Whether the bytes begin as a picture of these formats does.
pub fn is(bytes: &[u8]) -> bool {
    pixels::Format::of(bytes).is_some()
}

/// The bytes of memory that reading this picture takes at most, told from its head.
pub fn weight(bytes: &[u8]) -> Result<usize, PictureError> {
    weight::of(bytes)
}

/// The text of the one code in a PNG, JPEG or WebP picture, as [`Found::text`] has it. Which of
/// several different codes is meant is not guessed.
pub fn read(bytes: &[u8]) -> Result<String, PictureError> {
    Ok(read_all(bytes)?.only()?.text.clone())
}

/// All codes in the picture, none twice.
pub fn read_all(bytes: &[u8]) -> Result<Contents, PictureError> {
    read_within(bytes, BUDGET)
}

fn read_within(bytes: &[u8], time: Duration) -> Result<Contents, PictureError> {
    let budget = Budget::of(time);
    weight::of(bytes)?;
    let picture = contained(|| pixels::decode(bytes)).unwrap_or(Err(PictureError::Unreadable))?;
    let codes = search(&picture, &budget);
    Ok(Contents {
        width: picture.width,
        height: picture.height,
        codes,
    })
}

/// QR codes by the first reader and codes of other symbologies, else QR codes by the second.
fn search(picture: &Grey, budget: &Budget) -> Vec<Found> {
    let Some(whole) = contained(|| View::whole(picture)).flatten() else {
        return Vec::new();
    };
    let mut codes = contained(|| qr::find(picture, &whole, budget)).unwrap_or_default();
    if !budget.is_spent() {
        let others = contained(|| matrix::find(picture, &whole, codes.is_empty()));
        found::add(&mut codes, others.unwrap_or_default());
    }
    if !budget.is_spent() {
        let others = contained(|| linear::find(&whole));
        found::add(&mut codes, others.unwrap_or_default());
    }
    if codes.is_empty() && !budget.is_spent() {
        codes = contained(|| second::find(picture)).unwrap_or_default();
    }
    codes
}

/// The decoders are other people's and the bytes anybody's: a panic must end here, and leaves
/// nothing behind, since they only ever see what is local to this call.
fn contained<T>(work: impl FnOnce() -> T) -> Option<T> {
    catch_unwind(AssertUnwindSafe(work)).ok()
}

/// Why there is no text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum PictureError {
    /// It is a picture, but no code in it could be read.
    #[error("no code can be read in the picture")]
    NoCode,
    /// It is neither PNG, JPEG nor WebP.
    #[error("the body is neither a PNG nor a JPEG nor a WebP picture")]
    NotAPicture,
    /// It shows codes that say different things.
    #[error("the picture shows {found} different codes, expected one")]
    SeveralCodes {
        /// How many there are; more may be unreadable.
        found: usize,
    },
    /// It is packed so that decoding takes more memory than any picture is given.
    #[error("the picture takes {bytes} bytes to decode, at most {MEMORY_LIMIT} are given")]
    TooHeavy {
        /// What it takes.
        bytes: usize,
    },
    /// Its bytes are more than are read.
    #[error(
        "the picture is longer than {} bytes",
        super::pictures::MAX_PICTURE_BYTES
    )]
    TooLong,
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
            Self::SeveralCodes { .. } => Reason::SeveralCodes,
            Self::TooHeavy { .. } | Self::TooLong | Self::TooLarge { .. } => Reason::TooLarge,
        }
    }
}

#[cfg(test)]
mod tests;
