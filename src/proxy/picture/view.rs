//! A picture in black and white, at the size it is searched at.

use rxing::common::{BitMatrix, HybridBinarizer};
use rxing::{Binarizer, Luma8LuminanceSource};

use super::pixels::{Grey, SIDE_LIMIT};

/// The most pixels searched at once; a larger picture is reduced first.
const SEARCH_PIXELS: usize = 1_500_000;

/// The smallest symbol is a Data Matrix of ten modules a side; the smallest QR code has 21.
const SMALLEST_SIDE: usize = 10;

/// A picture, reduced and in black and white.
pub(super) struct View {
    pub(super) matrix: BitMatrix,
    /// How many pixels of the picture make one of the matrix.
    pub(super) factor: usize,
}

impl View {
    /// The picture reduced by `factor`; none where nothing could be read in what is left.
    pub(super) fn of(picture: &Grey, factor: usize) -> Option<Self> {
        let reduced = if factor == 1 {
            picture.clone()
        } else {
            picture.reduced(factor)
        };
        if reduced.width.min(reduced.height) < SMALLEST_SIDE {
            return None;
        }
        let width = u32::try_from(reduced.width).ok()?;
        let height = u32::try_from(reduced.height).ok()?;
        let source = Luma8LuminanceSource::new(reduced.shades, width, height).ok()?;
        let binarizer = HybridBinarizer::new(source);
        let matrix = binarizer.get_black_matrix().ok()?.clone();
        Some(Self { matrix, factor })
    }

    /// The largest view there is.
    pub(super) fn whole(picture: &Grey) -> Option<Self> {
        Self::of(picture, factor(picture, SEARCH_PIXELS))
    }

    /// Light on dark.
    pub(super) fn inverted(&self) -> Self {
        let mut matrix = self.matrix.clone();
        matrix.flip_self();
        Self { matrix, ..*self }
    }
}

/// The least reduction that brings the picture to at most so many pixels.
pub(super) fn factor(picture: &Grey, pixels: usize) -> usize {
    let fits = |factor: &usize| (picture.width / factor) * (picture.height / factor) <= pixels;
    (1..SIDE_LIMIT).find(fits).unwrap_or(SIDE_LIMIT)
}
