//! Finding barcodes in a picture: Code 128, EAN and UPC-A, upright or lying, read either way.
//!
//! A barcode has one check digit, which one text in ten passes by chance: only what several lines
//! agree upon is a code.

use rxing::common::BitArray;
use rxing::oned::{Code128Reader, MultiFormatUPCEANReader, OneDReader};
use rxing::{BarcodeFormat, DecodeHints, Point, RXingResult};

use super::found::{self, Found, Reader, Symbology, corners};
use super::view::View;

/// The lines read across the picture, and as many down.
const LINES: u32 = 24;

/// How many times as many lines are read where one says something and too few confirm it.
const CLOSER: u32 = 4;

/// The lines that must say the same.
const AGREEING: usize = 3;

/// The fewest black and white runs a barcode has: the 43 of EAN-8.
const FEWEST_RUNS: usize = 43;

/// A text some lines had in common.
struct Candidate {
    text: String,
    symbology: Symbology,
    lines: usize,
    /// Where the first of these lines begins and ends, and the last one ends and begins.
    ends: [Point; 4],
}

/// The codes that enough lines agree upon.
pub(super) fn find(View { matrix, factor }: &View) -> Vec<Found> {
    let mut codes = Vec::new();
    let across = sweep(matrix.height(), |at| matrix.getRow(at));
    found::add(&mut codes, across.map(|code| code.found(*factor)));
    let down = sweep(matrix.width(), |at| matrix.getCol(at));
    found::add(&mut codes, down.map(|code| code.turned().found(*factor)));
    codes
}

/// What enough lines agree upon; a low barcode, which few lines meet, is looked at more closely.
fn sweep(side: u32, line: impl Fn(u32) -> BitArray) -> impl Iterator<Item = Candidate> {
    let agreed = |candidate: &Candidate| candidate.lines >= AGREEING;
    let mut candidates = read(side, LINES, &line);
    if !candidates.is_empty() && !candidates.iter().any(agreed) {
        candidates = read(side, CLOSER * LINES, &line);
    }
    candidates.into_iter().filter(agreed)
}

fn read(side: u32, lines: u32, line: impl Fn(u32) -> BitArray) -> Vec<Candidate> {
    let mut readers = Readers::default();
    let mut candidates: Vec<Candidate> = Vec::new();
    for at in 1..=lines {
        let at = u32::try_from(u64::from(side) * u64::from(at) / u64::from(lines + 1));
        let at = at.unwrap_or(side);
        let mut line = line(at);
        if runs(&line) < FEWEST_RUNS {
            continue;
        }
        let mut read = readers.read(&line, at);
        if read.is_empty() {
            line.reverse();
            read = readers.read(&line, at);
            for candidate in &mut read {
                candidate.reverse(line.get_size());
            }
        }
        for one in read {
            let same = |other: &&mut Candidate| other.text == one.text;
            match candidates.iter_mut().find(same) {
                Some(known) => known.agree(&one),
                None => candidates.push(one),
            }
        }
    }
    candidates
}

/// How often the line changes between black and white.
fn runs(line: &BitArray) -> usize {
    let size = line.get_size();
    let (mut at, mut runs) = (line.getNextSet(0), 0);
    while at < size && runs < FEWEST_RUNS {
        at = line.getNextUnset(at);
        at = line.getNextSet(at);
        runs += 2;
    }
    runs
}

/// The decoders of a line.
struct Readers {
    hints: DecodeHints,
    retail: MultiFormatUPCEANReader,
}

impl Default for Readers {
    fn default() -> Self {
        let formats = [
            BarcodeFormat::EAN_13,
            BarcodeFormat::EAN_8,
            BarcodeFormat::UPC_A,
        ];
        let hints = DecodeHints {
            PossibleFormats: Some(formats.into()),
            // Else the separators of GS1 elements are dropped.
            AssumeGs1: Some(true),
            ..DecodeHints::default()
        };
        let retail = MultiFormatUPCEANReader::new(&hints);
        Self { hints, retail }
    }
}

impl Readers {
    fn read(&mut self, line: &BitArray, at: u32) -> Vec<Candidate> {
        let wide = Code128Reader.decode_row(at, line, &self.hints);
        let retail = self.retail.decode_row(at, line, &self.hints);
        let read = [wide, retail].into_iter().flatten();
        read.filter_map(|read| Candidate::of(&read)).collect()
    }
}

impl Candidate {
    fn of(read: &RXingResult) -> Option<Self> {
        let gs1 = read.getText().strip_prefix("]C1");
        let symbology = match read.getBarcodeFormat() {
            BarcodeFormat::CODE_128 if gs1.is_some() => Symbology::Gs1128,
            BarcodeFormat::CODE_128 => Symbology::Code128,
            BarcodeFormat::EAN_8 => Symbology::Ean8,
            BarcodeFormat::EAN_13 => Symbology::Ean13,
            BarcodeFormat::UPC_A => Symbology::UpcA,
            _ => return None,
        };
        let begin = read.getPoints().first()?;
        let end = read.getPoints().get(1)?;
        Some(Self {
            text: gs1.unwrap_or_else(|| read.getText()).to_owned(),
            symbology,
            lines: 1,
            ends: [*begin, *end, *end, *begin],
        })
    }

    /// Another line says the same.
    fn agree(&mut self, other: &Self) {
        let [_, _, end, begin] = &mut self.ends;
        let [_, _, later_end, later_begin] = other.ends;
        (*end, *begin) = (later_end, later_begin);
        self.lines += 1;
    }

    /// The line was read from its end.
    #[expect(
        clippy::as_conversions,
        clippy::cast_precision_loss,
        reason = "a picture's sides are exact in a float"
    )]
    fn reverse(&mut self, size: usize) {
        for point in &mut self.ends {
            point.x = size as f32 - 1.0 - point.x;
        }
    }

    /// The line was a column.
    fn turned(mut self) -> Self {
        for point in &mut self.ends {
            (point.x, point.y) = (point.y, point.x);
        }
        self
    }

    fn found(self, factor: usize) -> Found {
        let corners = corners(&self.ends, factor);
        Found::new(&self.text, self.symbology, corners, Reader::Rxing)
    }
}
