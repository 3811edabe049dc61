//! What was found in a picture.

use std::fmt;

use rxing::Point;

use super::PictureError;

/// The most codes reported of one picture: more are as good as too many.
const MOST: usize = 16;

/// A picture's size and its codes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contents {
    /// Pixels from left to right.
    pub width: usize,
    /// Pixels from top to bottom.
    pub height: usize,
    /// The codes, each text once, in the order they were found.
    pub codes: Vec<Found>,
}

/// One code of a picture.
#[derive(Clone, PartialEq, Eq)]
pub struct Found {
    /// The text as a scanner would send it: a GS1 symbol's begins with its AIM identifier, since
    /// that is what tells it from a plain one.
    pub text: String,
    /// What it is drawn as.
    pub symbology: Symbology,
    /// Where it is drawn: its corners in pixels, in turn, the first being its own top left.
    pub corners: [(i32, i32); 4],
    /// Who read it.
    pub reader: Reader,
}

/// How a code is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Symbology {
    /// GS1-128, a Code 128 with GS1 elements.
    Gs1128,
    /// GS1 `DataMatrix`.
    Gs1DataMatrix,
    /// GS1 QR Code.
    Gs1Qr,
    /// Code 128.
    Code128,
    /// Data Matrix.
    DataMatrix,
    /// EAN-8.
    Ean8,
    /// EAN-13.
    Ean13,
    /// QR Code.
    Qr,
    /// UPC-A, an EAN-13 whose first digit, a zero, is left out.
    UpcA,
}

/// The decoder that read a code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reader {
    /// The first one.
    Rxing,
    /// The second opinion.
    Rqrr,
}

impl Contents {
    /// The one code of the picture; which of several is meant is not guessed.
    pub fn only(&self) -> Result<&Found, PictureError> {
        match self.codes.as_slice() {
            [code] => Ok(code),
            [] => Err(PictureError::NoCode),
            codes => Err(PictureError::SeveralCodes { found: codes.len() }),
        }
    }
}

impl Symbology {
    /// Its name in answers.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Gs1128 => "gs1-128",
            Self::Gs1DataMatrix => "gs1-datamatrix",
            Self::Gs1Qr => "gs1-qr",
            Self::Code128 => "code-128",
            Self::DataMatrix => "datamatrix",
            Self::Ean8 => "ean-8",
            Self::Ean13 => "ean-13",
            Self::Qr => "qr",
            Self::UpcA => "upc-a",
        }
    }

    /// The AIM symbology identifier of ISO/IEC 15424 a scanner may be told to send before the text.
    pub const fn aim(self) -> &'static str {
        match self {
            Self::Gs1128 => "]C1",
            Self::Gs1DataMatrix => "]d2",
            Self::Gs1Qr => "]Q3",
            Self::Code128 => "]C0",
            Self::DataMatrix => "]d1",
            Self::Ean8 => "]E4",
            Self::Ean13 | Self::UpcA => "]E0",
            Self::Qr => "]Q1",
        }
    }

    /// Whether its text is made of GS1 elements.
    const fn is_gs1(self) -> bool {
        matches!(self, Self::Gs1128 | Self::Gs1DataMatrix | Self::Gs1Qr)
    }
}

impl Reader {
    /// Its name in answers.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Rxing => "rxing",
            Self::Rqrr => "rqrr",
        }
    }
}

impl Found {
    /// A code with this bare content.
    pub(super) fn new(
        content: &str,
        symbology: Symbology,
        corners: [(i32, i32); 4],
        reader: Reader,
    ) -> Self {
        let aim = if symbology.is_gs1() {
            symbology.aim()
        } else {
            ""
        };
        Self {
            text: format!("{aim}{content}"),
            symbology,
            corners,
            reader,
        }
    }

    /// The text without the identifier in front.
    fn content(&self) -> &str {
        let aim = self.symbology.aim();
        self.text.strip_prefix(aim).unwrap_or(&self.text)
    }
}

impl fmt::Debug for Found {
    /// Without the text, which is nobody's business.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Found")
            .field("symbology", &self.symbology)
            .field("corners", &self.corners)
            .field("reader", &self.reader)
            .finish_non_exhaustive()
    }
}

/// Adds codes that say something new; the same content drawn in two ways is one code.
pub(super) fn add(codes: &mut Vec<Found>, more: impl IntoIterator<Item = Found>) {
    for code in more {
        let known = |other: &Found| other.content() == code.content();
        if codes.len() < MOST && !codes.iter().any(known) {
            codes.push(code);
        }
    }
}

/// Four points of a reduced picture as pixels of the whole one; fewer points are filled up.
pub(super) fn corners(points: &[Point], factor: usize) -> [(i32, i32); 4] {
    let mut corners = [(0, 0); 4];
    for (at, corner) in corners.iter_mut().enumerate() {
        if let Some(point) = points.get(at).or_else(|| points.last()) {
            *corner = (pixel(point.x, factor), pixel(point.y, factor));
        }
    }
    in_turn(corners)
}

/// Readers give the last two corners in either order: whichever makes every turn the same way.
fn in_turn([a, b, c, d]: [(i32, i32); 4]) -> [(i32, i32); 4] {
    let turn = |from: (i32, i32), over: (i32, i32), to: (i32, i32)| {
        let side = |a: i32, b: i32| i64::from(b) - i64::from(a);
        let first = (side(from.0, over.0), side(from.1, over.1));
        let second = (side(over.0, to.0), side(over.1, to.1));
        (first.0 * second.1 - first.1 * second.0).signum()
    };
    if turn(a, b, c) * turn(b, c, d) < 0 {
        [a, b, d, c]
    } else {
        [a, b, c, d]
    }
}

#[expect(
    clippy::as_conversions,
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    reason = "a cast from a float saturates, and a picture's sides are exact in one"
)]
fn pixel(at: f32, factor: usize) -> i32 {
    (at * factor as f32).round() as i32
}
