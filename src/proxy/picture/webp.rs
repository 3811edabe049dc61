//! From WebP bytes to shades of grey.
//!
//! The container is walked here first (RFC 9649): the decoder believes the size in an extended
//! header, and decodes a stream that is larger before it compares the two.

use std::io::Cursor;

use image_webp::WebPDecoder;

use super::PictureError;
use super::pixels::{Grey, each, on_white, shade, sound, unreadable, within_limits};

/// RIFF, the length, WEBP.
const CONTAINER: usize = 12;

/// The most chunks: a picture has its pixels, transparency, a profile and notes.
const CHUNKS: usize = 32;

/// The bytes of tables that one byte of a lossless stream can make: a code of ten bits is described in
/// nine bytes, and makes a table of four kibibytes; there may be three hundred thousand of them.
const TABLES: usize = 480;

/// Whether the bytes begin as a WebP picture does.
pub(super) fn is(bytes: &[u8]) -> bool {
    bytes.starts_with(b"RIFF") && bytes.get(8..CONTAINER) == Some(b"WEBP")
}

/// What the chunks of a still picture say.
#[derive(Default)]
pub(super) struct Chunks {
    sizes: Vec<(u32, u32)>,
    /// The bytes of pixels, or of their transparency, that are packed without loss.
    lossless: usize,
}

impl Chunks {
    /// Walks the container; every size in it must be within the limits.
    pub(super) fn of(bytes: &[u8]) -> Result<Self, PictureError> {
        let chunks = Self::walk(bytes).ok_or(PictureError::Unreadable)?;
        let (width, height) = *chunks.sizes.first().ok_or(PictureError::Unreadable)?;
        for (width, height) in &chunks.sizes {
            within_limits(*width, *height)?;
        }
        if chunks.sizes.iter().any(|size| *size != (width, height)) {
            return Err(PictureError::Unreadable);
        }
        Ok(chunks)
    }

    /// None where a chunk is cut, or belongs to an animation.
    fn walk(bytes: &[u8]) -> Option<Self> {
        let mut rest = bytes.get(CONTAINER..)?;
        let mut chunks = Self::default();
        for _ in 0..CHUNKS {
            let Some((header, body)) = rest.split_first_chunk::<8>() else {
                return Some(chunks);
            };
            let [name @ .., a, b, c, d] = *header;
            let length = usize::try_from(u32::from_le_bytes([a, b, c, d])).ok()?;
            let there = length.min(body.len());
            match &name {
                b"ANIM" | b"ANMF" => return None,
                // RFC 9649, section 2.7.1.2: the lowest two bits say how it is packed, zero being not.
                b"ALPH" if body.first().is_some_and(|how| how & 3 != 0) => chunks.lossless += there,
                b"VP8X" => chunks.sizes.push(extended(body)?),
                b"VP8L" => {
                    chunks.lossless += there;
                    chunks.sizes.push(lossless(body)?);
                }
                b"VP8 " => chunks.sizes.push(lossy(body)?),
                _ => {}
            }
            rest = body
                .get(length.checked_next_multiple_of(2)?..)
                .unwrap_or_default();
        }
        None
    }

    fn sides(&self) -> Result<(usize, usize), PictureError> {
        let (width, height) = *self.sizes.first().ok_or(PictureError::Unreadable)?;
        within_limits(width, height)
    }

    pub(super) fn pixels(&self) -> usize {
        self.sides().map_or(0, |(width, height)| width * height)
    }

    /// The bytes decoding takes: the picture in colour, the planes or the colours with their
    /// transparency that it is made of, and the tables of what is packed without loss.
    pub(super) fn decoding(&self) -> usize {
        let each = if self.lossless == 0 { 6 } else { 12 };
        self.pixels() * each + self.lossless.saturating_mul(TABLES)
    }
}

/// Decodes a still picture of either kind; an animation is refused.
pub(super) fn decode(bytes: &[u8]) -> Result<Grey, PictureError> {
    let (width, height) = Chunks::of(bytes)?.sides()?;
    let mut decoder = WebPDecoder::new(Cursor::new(bytes)).map_err(unreadable)?;
    let (wide, high) = decoder.dimensions();
    if decoder.is_animated() || within_limits(wide, high)? != (width, height) {
        return Err(PictureError::Unreadable);
    }
    let size = decoder
        .output_buffer_size()
        .ok_or(PictureError::Unreadable)?;
    let mut pixels = vec![0; size];
    decoder.read_image(&mut pixels).map_err(unreadable)?;
    let shades = if decoder.has_alpha() {
        each(&pixels, |[red, green, blue, alpha]| {
            on_white(shade(red, green, blue), alpha)
        })
    } else {
        each(&pixels, |[red, green, blue]| shade(red, green, blue))
    };
    sound(shades, width, height)
}

/// Section 2.7: flags, then both sides less one in 24 bits each.
fn extended(body: &[u8]) -> Option<(u32, u32)> {
    let (_, sides) = body.first_chunk::<10>()?.split_at(4);
    let side = |bytes: &[u8]| match *bytes {
        [low, middle, high] => Some(u32::from_le_bytes([low, middle, high, 0]) + 1),
        _ => None,
    };
    let (width, height) = sides.split_at(3);
    Some((side(width)?, side(height)?))
}

/// Section 3.4: a signature, then both sides less one in 14 bits each.
fn lossless(body: &[u8]) -> Option<(u32, u32)> {
    let [_, bits @ ..] = *body.first_chunk::<5>()?;
    let bits = u32::from_le_bytes(bits);
    Some(((bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1))
}

/// RFC 6386, section 9.1: a tag, a start code, then both sides in 14 bits each.
fn lossy(body: &[u8]) -> Option<(u32, u32)> {
    let [_, _, _, _, _, _, a, b, c, d] = *body.first_chunk::<10>()?;
    let side = |bytes| u32::from(u16::from_le_bytes(bytes) & 0x3FFF);
    Some((side([a, b]), side([c, d])))
}
