//! The memory a picture takes while it is read, told from its head.
//!
//! Every decoder has its own way of spending: a JPEG in several scans keeps all coefficients, a
//! lossless WebP four bytes a pixel and tables without end. What is told here is an upper bound, so
//! that a picture is refused, or waits for nobody, before any of it is spent.

use super::pixels::{Format, PIXEL_LIMIT, PNG_WORKING_BYTES};
use super::{PictureError, jpeg, pixels, webp};

/// The most memory one picture may take, and all that are read at the same time together: a
/// progressive photograph of the most pixels, its colours halved as cameras do, takes 36 MiB.
pub const MEMORY_LIMIT: usize = 40 << 20;

/// The most pixels that are searched at once, and the bytes each takes there: its shade, its copies in
/// black and white, its place in lists of edges.
const SEARCHED: (usize, usize) = (PIXEL_LIMIT / 4, 2);

/// The bytes reading this picture takes at most.
pub(super) fn of(bytes: &[u8]) -> Result<usize, PictureError> {
    let (pixels, decoding) = match Format::of(bytes).ok_or(PictureError::NotAPicture)? {
        Format::Png => {
            let (width, height) = pixels::png_sides(bytes)?;
            (width * height, PNG_WORKING_BYTES)
        }
        Format::Jpeg => {
            let frame = jpeg::Frame::of(bytes)?;
            (frame.pixels(), frame.coefficients())
        }
        Format::WebP => {
            let chunks = webp::Chunks::of(bytes)?;
            (chunks.pixels(), chunks.decoding())
        }
    };
    let (searched, each) = SEARCHED;
    // One byte of every pixel is its shade.
    let weight = pixels + decoding + pixels.min(searched) * each;
    if weight > MEMORY_LIMIT {
        return Err(PictureError::TooHeavy { bytes: weight });
    }
    Ok(weight)
}
