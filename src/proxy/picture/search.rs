//! Finding the QR code in a picture, with a bound on the work.
//!
//! The parts of `rxing`'s detector are driven one by one, because its own loop tries every set of
//! three finder patterns there is: a picture tiled with them keeps it busy for half a minute.

use rxing::common::cpp_essentials::DecoderResult;
use rxing::common::{BitMatrix, DetectorRXingResult, HybridBinarizer};
use rxing::qrcode::cpp_port::decoder::Decode;
use rxing::qrcode::cpp_port::detector::{
    DetectPureQR, FindFinderPatterns, GenerateFinderPatternSets, SampleQR,
};
use rxing::{Binarizer, Luma8LuminanceSource};

use super::pixels::{Grey, SIDE_LIMIT};

/// The most pixels searched at once; a larger picture is reduced first.
const SEARCH_PIXELS: usize = 1_500_000;

/// The finder patterns kept, largest first: a photograph of one code has three and few mistaken
/// for some.
const PATTERNS: usize = 192;

/// The sets of three patterns tried, most plausible first.
const SETS: usize = 64;

/// The smallest QR code has 21 modules a side.
const SMALLEST_SIDE: usize = 21;

/// The text of the first code found: as it is, at half and a third of the size, which averages
/// noise and moiré away, and light on dark.
pub(super) fn find(picture: &Grey) -> Option<String> {
    let first = first_factor(picture);
    for factor in [first, 2 * first, 3 * first] {
        if let Some(text) = matrix(picture, factor).and_then(|matrix| search(&matrix)) {
            return Some(text);
        }
    }
    let mut inverted = matrix(picture, first)?;
    inverted.flip_self();
    search(&inverted)
}

/// The least reduction that brings the picture below [`SEARCH_PIXELS`].
fn first_factor(picture: &Grey) -> usize {
    let fits =
        |factor: &usize| (picture.width / factor) * (picture.height / factor) <= SEARCH_PIXELS;
    (1..SIDE_LIMIT).find(fits).unwrap_or(SIDE_LIMIT)
}

fn matrix(picture: &Grey, factor: usize) -> Option<BitMatrix> {
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
    HybridBinarizer::new(source)
        .get_black_matrix()
        .ok()
        .cloned()
}

fn search(matrix: &BitMatrix) -> Option<String> {
    let mut patterns = FindFinderPatterns(matrix, false, 0);
    patterns.sort_by_key(|pattern| std::cmp::Reverse(pattern.size));
    patterns.truncate(PATTERNS);
    let sets = GenerateFinderPatternSets(&mut patterns);
    let found = sets
        .iter()
        .take(SETS)
        .find_map(|set| text(SampleQR(matrix, set).ok()?.getBits()));
    found.or_else(|| text(DetectPureQR(matrix).ok()?.getBits()))
}

fn text(modules: &BitMatrix) -> Option<String> {
    let decoded = Decode(modules).ok().filter(DecoderResult::isValid)?;
    let text = decoded.text();
    // ISO/IEC 15424: the modifier of a code with FNC1 in first position is 3, or 4 with an ECI.
    let gs1 = matches!(decoded.symbologyIdentifier().as_str(), "]Q3" | "]Q4");
    Some(if gs1 { format!("]Q3{text}") } else { text })
}
