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

/// Whether the bytes begin as a WebP picture does.
pub(super) fn is(bytes: &[u8]) -> bool {
    bytes.starts_with(b"RIFF") && bytes.get(8..CONTAINER) == Some(b"WEBP")
}

/// Decodes a still picture of either kind; an animation is refused.
pub(super) fn decode(bytes: &[u8]) -> Result<Grey, PictureError> {
    let sizes = sizes(bytes).ok_or(PictureError::Unreadable)?;
    let (width, height) = *sizes.first().ok_or(PictureError::Unreadable)?;
    let within: Result<Vec<_>, _> = sizes
        .iter()
        .map(|(width, height)| within_limits(*width, *height))
        .collect();
    within?;
    if sizes.iter().any(|size| *size != (width, height)) {
        return Err(PictureError::Unreadable);
    }
    let mut decoder = WebPDecoder::new(Cursor::new(bytes)).map_err(unreadable)?;
    if decoder.is_animated() || decoder.dimensions() != (width, height) {
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
    let (width, height) = within_limits(width, height)?;
    sound(shades, width, height)
}

/// Every size the chunks speak of; none where a chunk is cut, or belongs to an animation.
fn sizes(bytes: &[u8]) -> Option<Vec<(u32, u32)>> {
    let mut rest = bytes.get(CONTAINER..)?;
    let mut sizes = Vec::new();
    for _ in 0..CHUNKS {
        let Some((header, body)) = rest.split_first_chunk::<8>() else {
            return Some(sizes);
        };
        let [name @ .., a, b, c, d] = *header;
        let length = usize::try_from(u32::from_le_bytes([a, b, c, d])).ok()?;
        match &name {
            b"ANIM" | b"ANMF" => return None,
            b"VP8X" => sizes.push(extended(body)?),
            b"VP8L" => sizes.push(lossless(body)?),
            b"VP8 " => sizes.push(lossy(body)?),
            _ => {}
        }
        rest = body
            .get(length.checked_next_multiple_of(2)?..)
            .unwrap_or_default();
    }
    None
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
