//! From JPEG bytes to shades of grey.
//!
//! The segments before the first scan are walked here first (ITU-T T.81, annex B): the decoder says
//! nothing of how its components are sampled, and keeps what it does with thousands of notes.

use zune_core::bytestream::ZCursor;
use zune_core::colorspace::ColorSpace;
use zune_core::options::DecoderOptions;
use zune_jpeg::JpegDecoder;

use super::PictureError;
use super::pixels::{Grey, PIXEL_LIMIT, each, shade, sound, unreadable, within_limits};

/// The most scans of a progressive JPEG: cameras and libraries write about ten, and every one
/// costs a pass over the whole picture.
const SCANS: usize = 16;

/// The most segments before the first scan: tables, a profile in parts and notes are some thirty. The
/// decoder sorts the parts of one kind of note anew for each.
const SEGMENTS: usize = 256;

/// What the head says of a picture.
pub(super) struct Frame {
    width: usize,
    height: usize,
    /// How often each component is sampled across and down.
    sampling: Vec<(usize, usize)>,
    /// Whether every pixel is done with when it was read.
    at_once: bool,
}

impl Frame {
    /// Walks the head.
    pub(super) fn of(bytes: &[u8]) -> Result<Self, PictureError> {
        let mut rest = bytes.get(2..).ok_or(PictureError::Unreadable)?;
        let mut frame: Option<Self> = None;
        for _ in 0..SEGMENTS {
            let (marker, body, behind) = segment(rest).ok_or(PictureError::Unreadable)?;
            rest = behind;
            match marker {
                // All frames but DHT, JPG and DAC, which share their numbers.
                0xC0..=0xCF if !matches!(marker, 0xC4 | 0xC8 | 0xCC) => {
                    let read = Self::read(marker, body).ok_or(PictureError::Unreadable)?;
                    if frame.replace(read).is_some() {
                        return Err(PictureError::Unreadable);
                    }
                }
                // The first scan: how many components are in it.
                0xDA => {
                    let mut frame = frame.ok_or(PictureError::Unreadable)?;
                    let together = body.first().map(|count| usize::from(*count));
                    frame.at_once &= together == Some(frame.sampling.len());
                    let side = |side| u32::try_from(side).unwrap_or(u32::MAX);
                    within_limits(side(frame.width), side(frame.height))?;
                    return Ok(frame);
                }
                _ => {}
            }
        }
        Err(PictureError::Unreadable)
    }

    /// Section B.2.2: precision, lines, samples a line, then three bytes a component.
    fn read(marker: u8, body: &[u8]) -> Option<Self> {
        let ([_, high, low, wide, narrow, count], components) = body.split_first_chunk::<6>()?;
        let side = |high: &u8, low: &u8| usize::from(u16::from_be_bytes([*high, *low]));
        let (components, _) = components.as_chunks::<3>();
        let sampling = components.iter().take((*count).into());
        let sampling: Vec<_> = sampling
            .map(|[_, both, _]| (usize::from(both >> 4), usize::from(both & 0xF)))
            .collect();
        let sound = sampling.len() == usize::from(*count) && (1..=4).contains(count);
        let times = |time: &usize| (1..=4).contains(time);
        let sampled = sampling.iter().all(|(h, v)| times(h) && times(v));
        (sound && sampled).then_some(Self {
            width: side(wide, narrow),
            height: side(high, low),
            sampling,
            at_once: marker != 0xC2,
        })
    }

    pub(super) fn pixels(&self) -> usize {
        self.width * self.height
    }

    /// The bytes of the coefficients that are kept until the last scan: two each, and twice as many
    /// lines as there are where only lines are halved, which the decoder does for its own sake.
    pub(super) fn coefficients(&self) -> usize {
        if self.at_once {
            return 0;
        }
        let across = self.sampling.iter().map(|(h, _)| *h).max().unwrap_or(1);
        let down = self.sampling.iter().map(|(_, v)| *v).max().unwrap_or(1);
        let units = self.width.div_ceil(8 * across) * self.height.div_ceil(8 * down);
        let samples: usize = self.sampling.iter().map(|(h, v)| h * v).sum();
        2 * 64 * units * samples * down.div_ceil(across)
    }
}

/// A marker, what its segment says, and what is behind it. Section B.1.1.2: "Any marker may optionally
/// be preceded by any number of fill bytes, which are bytes assigned code X’FF’."
fn segment(mut bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    while bytes.starts_with(&[0xFF, 0xFF]) {
        bytes = bytes.get(1..)?;
    }
    let [0xFF, marker @ (0xC0..=0xCF | 0xDA..=0xFE), high, low] = bytes.first_chunk::<4>()? else {
        return None;
    };
    let length = usize::from(u16::from_be_bytes([*high, *low]));
    let (segment, behind) = bytes.get(2..)?.split_at_checked(length)?;
    Some((*marker, segment.get(2..)?, behind))
}

/// Decodes a picture whose head was walked.
pub(super) fn decode(bytes: &[u8]) -> Result<Grey, PictureError> {
    let frame = Frame::of(bytes)?;
    let options = DecoderOptions::new_safe()
        .set_max_width(usize::from(u16::MAX))
        .set_max_height(usize::from(u16::MAX))
        .jpeg_set_max_scans(SCANS)
        .jpeg_set_out_colorspace(ColorSpace::Luma);
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(bytes), options);
    decoder.decode_headers().map_err(unreadable)?;
    let info = decoder.info().ok_or(PictureError::Unreadable)?;
    let (width, height) = within_limits(info.width.into(), info.height.into())?;
    if (width, height) != (frame.width, frame.height) {
        return Err(PictureError::Unreadable);
    }
    // Its colours were not counted: they are those of cameras in their tests.
    if decoder.output_colorspace() != Some(ColorSpace::Luma) && width * height > PIXEL_LIMIT / 4 {
        return Err(PictureError::Unreadable);
    }
    let pixels = decoder.decode().map_err(unreadable)?;
    let shades = match decoder.output_colorspace() {
        Some(ColorSpace::Luma) => pixels,
        Some(ColorSpace::RGB) => each(&pixels, |[red, green, blue]| shade(red, green, blue)),
        _ => return Err(PictureError::Unreadable),
    };
    sound(shades, width, height)
}
