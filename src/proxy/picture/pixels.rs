//! From PNG bytes, or those of the other two formats, to shades of grey.

use std::io::Cursor;

use png::{ColorType, InterlaceInfo, Transformations};

use super::{PictureError, jpeg, webp};

/// The widest and highest picture taken.
pub const SIDE_LIMIT: usize = 4096;

/// The most pixels a picture may have: those of a telephone's photograph.
pub const PIXEL_LIMIT: usize = 8 * 1024 * 1024;

/// What the PNG decoder may allocate beside the pixels: its row buffers and inflate window.
pub(super) const PNG_WORKING_BYTES: usize = 1024 * 1024;

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
        Format::Jpeg => jpeg::decode(bytes),
        Format::WebP => webp::decode(bytes),
    }
}

/// The sides as the head says them (PNG, section 11.2.2).
pub(super) fn png_sides(bytes: &[u8]) -> Result<(usize, usize), PictureError> {
    let head = bytes
        .get(8..)
        .and_then(|head| head.split_first_chunk::<16>());
    let Some(([0, 0, 0, 13, b'I', b'H', b'D', b'R', sides @ ..], _)) = head else {
        return Err(PictureError::Unreadable);
    };
    let (width, height) = sides.split_at(4);
    let side = |side: &[u8]| side.iter().fold(0, |all, byte| all << 8 | u32::from(*byte));
    within_limits(side(width), side(height))
}

/// Row by row, so that no more than one is there in colour.
fn decode_png(bytes: &[u8]) -> Result<Grey, PictureError> {
    let (width, height) = png_sides(bytes)?;
    let limits = png::Limits {
        bytes: PNG_WORKING_BYTES,
    };
    let mut decoder = png::Decoder::new_with_limits(Cursor::new(bytes), limits);
    decoder.set_transformations(Transformations::normalize_to_color8());
    decoder.set_ignore_text_chunk(true);
    decoder.set_ignore_iccp_chunk(true);
    let mut reader = decoder.read_info().map_err(unreadable)?;
    let info = reader.info();
    let interlaced = info.interlaced;
    if within_limits(info.width, info.height)? != (width, height) {
        return Err(PictureError::Unreadable);
    }
    let (colours, _) = reader.output_color_type();
    let mut shades = if interlaced {
        vec![0; width * height]
    } else {
        Vec::with_capacity(width * height)
    };
    while let Some(row) = reader.next_interlaced_row().map_err(unreadable)? {
        match row.interlace() {
            InterlaceInfo::Null(_) => shades.extend(greys(colours, row.data())?),
            InterlaceInfo::Adam7(pass) => {
                let row = greys(colours, row.data())?;
                png::expand_interlaced_row(&mut shades, width, &row, pass, 8);
            }
        }
    }
    sound(shades, width, height)
}

/// A row in shades of grey.
fn greys(colours: ColorType, row: &[u8]) -> Result<Vec<u8>, PictureError> {
    Ok(match colours {
        ColorType::Grayscale => row.to_vec(),
        ColorType::GrayscaleAlpha => each(row, |[shade, alpha]| on_white(shade, alpha)),
        ColorType::Rgb => each(row, |[red, green, blue]| shade(red, green, blue)),
        ColorType::Rgba => each(row, |[red, green, blue, alpha]| {
            on_white(shade(red, green, blue), alpha)
        }),
        ColorType::Indexed => return Err(PictureError::Unreadable),
    })
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
