//! Finding the Data Matrix codes in a picture.

use rxing::common::{BitMatrix, DetectorRXingResult};
use rxing::datamatrix::decoder::Decoder;
use rxing::datamatrix::detector::zxing_cpp_detector::detect;

use super::found::{self, Found, Reader, Symbology, corners};
use super::pixels::Grey;
use super::view::{self, View};

/// The most pixels in which every eighth line is followed.
const TRACED_PIXELS: usize = 400_000;

/// The most outlines decoded: a picture of a box shows one or two.
const OUTLINES: usize = 16;

/// The codes whose outline a line through the picture meets: through its middle, and, where a
/// code is still wanted, every few pixels.
pub(super) fn find(picture: &Grey, whole: &View, wanted: bool) -> Vec<Found> {
    let found = search(whole, false);
    if !found.is_empty() || !wanted {
        return found;
    }
    let traced = View::of(picture, view::factor(picture, TRACED_PIXELS));
    traced.map(|view| search(&view, true)).unwrap_or_default()
}

fn search(View { matrix, factor }: &View, every_line: bool) -> Vec<Found> {
    let mut codes = Vec::new();
    let outlines = detect(matrix, every_line, true).unwrap_or_default();
    for outline in outlines.iter().take(OUTLINES) {
        let code = code(outline.getBits(), || corners(outline.getPoints(), *factor));
        found::add(&mut codes, code);
    }
    codes
}

fn code(modules: &BitMatrix, corners: impl FnOnce() -> [(i32, i32); 4]) -> Option<Found> {
    let decoded = Decoder::new().decode(modules).ok()?;
    // ISO/IEC 15424: 2 and 5 have FNC1 in first position.
    let gs1 = matches!(decoded.getSymbologyModifier(), 2 | 5);
    let symbology = if gs1 {
        Symbology::Gs1DataMatrix
    } else {
        Symbology::DataMatrix
    };
    Some(Found::new(
        decoded.getText(),
        symbology,
        corners(),
        Reader::Rxing,
    ))
}
