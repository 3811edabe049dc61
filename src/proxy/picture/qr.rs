//! Finding the QR codes in a picture, with a bound on the work.
//!
//! The parts of `rxing`'s detector are driven one by one, because its own loop tries every set of
//! three finder patterns there is: a picture tiled with them keeps it busy for half a minute.

use rxing::common::DetectorRXingResult;
use rxing::common::cpp_essentials::{ConcentricPattern, DecoderResult};
use rxing::qrcode::cpp_port::decoder::Decode;
use rxing::qrcode::cpp_port::detector::{
    DetectPureQR, FindFinderPatterns, GenerateFinderPatternSets, SampleQR,
};

use super::budget::Budget;
use super::found::{self, Found, Reader, Symbology, corners};
use super::pixels::Grey;
use super::view::View;

/// The finder patterns kept, largest first: a photograph of one code has three and few mistaken
/// for some.
const PATTERNS: usize = 192;

/// The sets of three patterns tried, most plausible first.
const SETS: usize = 64;

/// The codes of the first pass that finds any: as it is, at half and a third of the size, which
/// averages noise and moiré away, and light on dark.
pub(super) fn find(picture: &Grey, whole: &View, budget: &Budget) -> Vec<Found> {
    let mut found = search(whole);
    for factor in [2, 3] {
        if !found.is_empty() || budget.is_spent() {
            return found;
        }
        if let Some(view) = View::of(picture, factor * whole.factor) {
            found = search(&view);
        }
    }
    if found.is_empty() && !budget.is_spent() {
        found = search(&whole.inverted());
    }
    found
}

fn search(View { matrix, factor }: &View) -> Vec<Found> {
    let mut patterns = FindFinderPatterns(matrix, false, 0);
    patterns.sort_by_key(|pattern| std::cmp::Reverse(pattern.size));
    patterns.truncate(PATTERNS);
    let sets = GenerateFinderPatternSets(&mut patterns);
    let mut used: Vec<ConcentricPattern> = Vec::new();
    let mut codes = Vec::new();
    for set in sets.iter().take(SETS) {
        if [&set.bl, &set.tl, &set.tr]
            .iter()
            .any(|one| used.contains(one))
        {
            continue;
        }
        if let Some(code) = SampleQR(matrix, set)
            .ok()
            .and_then(|sampled| code(&sampled, *factor))
        {
            used.extend([set.bl, set.tl, set.tr]);
            found::add(&mut codes, [code]);
        }
    }
    if codes.is_empty() {
        codes.extend(
            DetectPureQR(matrix)
                .ok()
                .and_then(|pure| code(&pure, *factor)),
        );
    }
    codes
}

fn code(sampled: &impl DetectorRXingResult, factor: usize) -> Option<Found> {
    let decoded = Decode(sampled.getBits())
        .ok()
        .filter(DecoderResult::isValid)?;
    // ISO/IEC 15424: the modifier of a code with FNC1 in first position is 3, or 4 with an ECI.
    let gs1 = matches!(decoded.symbologyIdentifier().as_str(), "]Q3" | "]Q4");
    let symbology = if gs1 { Symbology::Gs1Qr } else { Symbology::Qr };
    let corners = corners(sampled.getPoints(), factor);
    Some(Found::new(
        &decoded.text(),
        symbology,
        corners,
        Reader::Rxing,
    ))
}
