//! From PNG, JPEG or WebP bytes to shades of grey.

use std::io::Cursor;

use png::{ColorType, Transformations};
use zune_core::bytestream::ZCursor;
use zune_core::colorspace::ColorSpace;
use zune_core::options::DecoderOptions;
use zune_jpeg::JpegDecoder;

use super::{PictureError, webp};

/// The widest and highest picture taken.
pub const SIDE_LIMIT: usize = 4096;

/// The most pixels a picture may have: those of a telephone's photograph. In colour they take
/// 32 MiB while they are decoded.
pub const PIXEL_LIMIT: usize = 8 * 1024 * 1024;

/// What the PNG decoder may allocate beside the pixels: its row buffers and inflate window.
const PNG_WORKING_BYTES: usize = 1024 * 1024;

/// The most scans of a progressive JPEG: cameras and libraries write about ten, and every one
/// costs a pass over the whole picture.
const JPEG_SCANS: usize = 16;

/// A picture in shades of grey, row by row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Grey {
    pub(super) shades: Vec<u8>,
    pub(super) width: usize,
    pub(super) height: usize,
}

impl Grey {
    /// The picture with every `factor` x `factor` square made one pixel of the middle shade.
    pub(super) fn reduced(&self, factor: usize) -> Self {
        let (width, height) = (self.width / factor, self.height / factor);
        let mut shades = Vec::with_capacity(width * height);
        let mut sums = vec![0_usize; width];
        let mut rows = self.shades.chunks_exact(self.width.max(1));
        for _ in 0..height {
            sums.fill(0);
            for row in rows.by_ref().take(factor) {
                for (sum, square) in sums.iter_mut().zip(row.chunks_exact(factor)) {
                    *sum += square.iter().copied().map(usize::from).sum::<usize>();
                }
            }
            let middle = |sum: &usize| u8::try_from(sum / (factor * factor)).unwrap_or(u8::MAX);
            shades.extend(sums.iter().map(middle));
        }
        Self {
            shades,
            width,
            height,
        }
    }
}

/// The formats that are read.
pub(super) enum Format {
    Png,
    Jpeg,
    WebP,
}

impl Format {
    /// What the bytes begin as.
    pub(super) fn of(bytes: &[u8]) -> Option<Self> {
        if bytes.starts_with(b"\x89PNG\r\n\x1A\n") {
            Some(Self::Png)
        } else if bytes.starts_with(b"\xFF\xD8\xFF") {
            Some(Self::Jpeg)
        } else {
            webp::is(bytes).then_some(Self::WebP)
        }
    }
}

/// Decodes any of the three formats.
pub(super) fn decode(bytes: &[u8]) -> Result<Grey, PictureError> {
    match Format::of(bytes).ok_or(PictureError::NotAPicture)? {
        Format::Png => decode_png(bytes),
        Format::Jpeg => decode_jpeg(bytes),
        Format::WebP => webp::decode(bytes),
    }
}

fn decode_png(bytes: &[u8]) -> Result<Grey, PictureError> {
    let limits = png::Limits {
        bytes: PNG_WORKING_BYTES,
    };
    let mut decoder = png::Decoder::new_with_limits(Cursor::new(bytes), limits);
    decoder.set_transformations(Transformations::normalize_to_color8());
    decoder.set_ignore_text_chunk(true);
    decoder.set_ignore_iccp_chunk(true);
    let (width, height) = decoder.read_header_info().map_err(unreadable)?.size();
    let (width, height) = within_limits(width, height)?;
    let mut reader = decoder.read_info().map_err(unreadable)?;
    let size = reader
        .output_buffer_size()
        .ok_or(PictureError::Unreadable)?;
    let mut pixels = vec![0; size];
    let frame = reader.next_frame(&mut pixels).map_err(unreadable)?;
    let shades = match frame.color_type {
        ColorType::Grayscale => pixels,
        ColorType::GrayscaleAlpha => each(&pixels, |[shade, alpha]| on_white(shade, alpha)),
        ColorType::Rgb => each(&pixels, |[red, green, blue]| shade(red, green, blue)),
        ColorType::Rgba => each(&pixels, |[red, green, blue, alpha]| {
            on_white(shade(red, green, blue), alpha)
        }),
        ColorType::Indexed => return Err(PictureError::Unreadable),
    };
    sound(shades, width, height)
}

fn decode_jpeg(bytes: &[u8]) -> Result<Grey, PictureError> {
    let options = DecoderOptions::new_safe()
        .set_max_width(usize::from(u16::MAX))
        .set_max_height(usize::from(u16::MAX))
        .jpeg_set_max_scans(JPEG_SCANS)
        .jpeg_set_out_colorspace(ColorSpace::Luma);
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(bytes), options);
    decoder.decode_headers().map_err(unreadable)?;
    let info = decoder.info().ok_or(PictureError::Unreadable)?;
    let (width, height) = within_limits(info.width.into(), info.height.into())?;
    let pixels = decoder.decode().map_err(unreadable)?;
    let shades = match decoder.output_colorspace() {
        Some(ColorSpace::Luma) => pixels,
        Some(ColorSpace::RGB) => each(&pixels, |[red, green, blue]| shade(red, green, blue)),
        _ => return Err(PictureError::Unreadable),
    };
    sound(shades, width, height)
}

pub(super) fn unreadable<E>(_: E) -> PictureError {
    PictureError::Unreadable
}

pub(super) fn within_limits(width: u32, height: u32) -> Result<(usize, usize), PictureError> {
    let side = |side| usize::try_from(side).unwrap_or(usize::MAX);
    let (width, height) = (side(width), side(height));
    let pixels = width.saturating_mul(height);
    if width > SIDE_LIMIT || height > SIDE_LIMIT || pixels > PIXEL_LIMIT {
        return Err(PictureError::TooLarge { width, height });
    }
    Ok((width, height))
}

pub(super) fn sound(shades: Vec<u8>, width: usize, height: usize) -> Result<Grey, PictureError> {
    if shades.len() != width * height {
        return Err(PictureError::Unreadable);
    }
    Ok(Grey {
        shades,
        width,
        height,
    })
}

pub(super) fn each<const N: usize>(pixels: &[u8], shade: impl Fn([u8; N]) -> u8) -> Vec<u8> {
    let (pixels, _) = pixels.as_chunks::<N>();
    pixels.iter().copied().map(shade).collect()
}

/// The luma of ITU-R BT.601, in 256ths.
pub(super) fn shade(red: u8, green: u8, blue: u8) -> u8 {
    let sum = 77 * u32::from(red) + 150 * u32::from(green) + 29 * u32::from(blue);
    u8::try_from(sum >> 8).unwrap_or(u8::MAX)
}

/// The shade as it looks on white paper.
pub(super) fn on_white(shade: u8, alpha: u8) -> u8 {
    let (shade, alpha) = (u32::from(shade), u32::from(alpha));
    u8::try_from((shade * alpha + 255 * (255 - alpha)) / 255).unwrap_or(u8::MAX)
}
