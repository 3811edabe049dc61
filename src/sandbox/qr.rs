//! Texts as QR symbols: for a terminal, as SVG, as PNG.

use std::fmt::Write as _;

use qrcode::{Color, EcLevel, QrCode};
use thiserror::Error;

/// Light modules around a symbol: ISO/IEC 18004 asks for four.
const QUIET_ZONE: usize = 4;

/// Black on white by number, so that a terminal's theme cannot turn the symbol inside out.
const TERMINAL_BLACK_ON_WHITE: &str = "\x1b[38;5;16;48;5;231m";
const TERMINAL_RESET: &str = "\x1b[0m";

/// A QR symbol with its quiet zone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Symbol {
    width: usize,
    dark: Vec<bool>,
}

/// Why there is no picture.
#[derive(Debug, Error)]
pub enum QrError {
    /// No QR version is large enough.
    #[error("{length} bytes do not fit into a QR symbol")]
    TooLong {
        /// The text's length in bytes.
        length: usize,
    },
    /// The picture's sides would not fit the format.
    #[error("a scale of {scale} makes the picture too large")]
    TooLarge {
        /// Pixels a module.
        scale: usize,
    },
    /// The PNG could not be written.
    #[error("the picture cannot be encoded")]
    Encoding(#[from] png::EncodingError),
}

impl Symbol {
    /// Encodes `text` with medium error correction, as payment and health apps show their codes.
    pub fn of(text: &str) -> Result<Self, QrError> {
        let code = QrCode::with_error_correction_level(text, EcLevel::M)
            .map_err(|_| QrError::TooLong { length: text.len() })?;
        let inner = code.width();
        let width = inner + 2 * QUIET_ZONE;
        let colors = code.into_colors();
        let dark = (0..width * width)
            .map(|at| {
                let x = (at % width).checked_sub(QUIET_ZONE);
                let y = (at / width).checked_sub(QUIET_ZONE);
                let (Some(x), Some(y)) = (x, y) else {
                    return false;
                };
                x < inner && colors.get(y * inner + x) == Some(&Color::Dark)
            })
            .collect();
        Ok(Self { width, dark })
    }

    /// Modules a side, quiet zone included.
    pub const fn width(&self) -> usize {
        self.width
    }

    /// Two module rows a line, drawn with half blocks in fixed colours.
    pub fn to_terminal(&self) -> String {
        let mut out = String::new();
        for y in (0..self.width).step_by(2) {
            out.push_str(TERMINAL_BLACK_ON_WHITE);
            for x in 0..self.width {
                out.push(match (self.is_dark(x, y), self.is_dark(x, y + 1)) {
                    (false, false) => ' ',
                    (false, true) => '▄',
                    (true, false) => '▀',
                    (true, true) => '█',
                });
            }
            out.push_str(TERMINAL_RESET);
            out.push('\n');
        }
        out
    }

    /// One path of unit squares; `scale` is the drawn size of a module.
    pub fn to_svg(&self, scale: usize) -> String {
        let mut path = String::new();
        for y in 0..self.width {
            for x in (0..self.width).filter(|x| self.is_dark(*x, y)) {
                let _ = write!(path, "M{x} {y}h1v1h-1z");
            }
        }
        let (width, side) = (self.width, self.width.saturating_mul(scale));
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{side}\" height=\"{side}\" \
             viewBox=\"0 0 {width} {width}\" shape-rendering=\"crispEdges\">\
             <rect width=\"{width}\" height=\"{width}\" fill=\"#fff\"/>\
             <path d=\"{path}\" fill=\"#000\"/></svg>\n"
        )
    }

    /// A grey picture of one bit a pixel and `scale` pixels a module.
    pub fn to_png(&self, scale: usize) -> Result<Vec<u8>, QrError> {
        let scale = scale.max(1);
        let side = self.width.saturating_mul(scale);
        let pixels = u32::try_from(side)
            .ok()
            .filter(|side| *side <= PNG_SIDE_LIMIT)
            .ok_or(QrError::TooLarge { scale })?;
        let mut out = Vec::new();
        let mut encoder = png::Encoder::new(&mut out, pixels, pixels);
        encoder.set_color(png::ColorType::Grayscale);
        encoder.set_depth(png::BitDepth::One);
        let mut writer = encoder.write_header()?;
        writer.write_image_data(&self.to_bits(side, scale))?;
        writer.finish()?;
        Ok(out)
    }

    /// Rows of packed pixels, 1 = light, each row beginning at a byte.
    fn to_bits(&self, side: usize, scale: usize) -> Vec<u8> {
        let mut bits = Vec::with_capacity(side.div_ceil(8) * side);
        for y in 0..side {
            for byte in 0..side.div_ceil(8) {
                let light = (byte * 8..byte * 8 + 8)
                    .map(|x| u8::from(x < side && !self.is_dark(x / scale, y / scale)));
                bits.push(light.fold(0, |byte, bit| byte << 1 | bit));
            }
        }
        bits
    }

    fn is_dark(&self, x: usize, y: usize) -> bool {
        self.dark.get(y * self.width + x) == Some(&true)
    }
}

/// Pixels a side; a symbol of the largest version at 40 pixels a module is below it.
const PNG_SIDE_LIMIT: u32 = 8_192;

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "MC1.fujian.2026a.健康 01234567890123456789";

    /// Reads a symbol back with an independent decoder.
    #[track_caller]
    fn check(luma: Vec<u8>, side: usize, expected: &str) {
        let side = u32::try_from(side).unwrap();
        let format = Some(rxing::BarcodeFormat::QR_CODE);
        let found = rxing::helpers::detect_in_luma(luma, side, side, format).unwrap();
        assert_eq!(found.getText(), expected);
    }

    #[test]
    fn a_picture_reads_back_as_the_text() {
        let png = Symbol::of(TEXT).unwrap().to_png(5).unwrap();
        let mut decoder = png::Decoder::new(std::io::Cursor::new(png));
        decoder.set_transformations(png::Transformations::EXPAND);
        let mut reader = decoder.read_info().unwrap();
        let mut luma = vec![0; reader.output_buffer_size().unwrap()];
        let frame = reader.next_frame(&mut luma).unwrap();
        let side = usize::try_from(frame.width).unwrap();
        luma.truncate(side * side);
        check(luma, side, TEXT);
    }

    #[test]
    fn a_terminal_drawing_reads_back_as_the_text() {
        let symbol = Symbol::of(TEXT).unwrap();
        let drawing = symbol.to_terminal();
        let lines: Vec<&str> = drawing.lines().collect();
        let scale = 4;
        let side = symbol.width() * scale;
        let luma = (0..side * side)
            .map(|at| {
                let (x, y) = (at % side / scale, at / side / scale);
                let line = lines[y / 2]
                    .strip_prefix(TERMINAL_BLACK_ON_WHITE)
                    .and_then(|line| line.strip_suffix(TERMINAL_RESET))
                    .unwrap();
                let dark = match line.chars().nth(x).unwrap() {
                    '█' => true,
                    '▀' => y % 2 == 0,
                    '▄' => y % 2 == 1,
                    _ => false,
                };
                if dark { 0 } else { 255 }
            })
            .collect();
        check(luma, side, TEXT);
    }

    #[test]
    fn a_drawing_has_one_square_for_each_dark_module() {
        let symbol = Symbol::of("x").unwrap();
        let svg = symbol.to_svg(8);
        let dark = symbol.dark.iter().filter(|dark| **dark).count();
        assert_eq!(svg.matches("h1v1h-1z").count(), dark);
        assert!(svg.contains("width=\"232\""), "{svg}");
    }

    #[test]
    fn what_no_symbol_holds_is_refused_with_its_length() {
        let error = Symbol::of(&"x".repeat(5_000)).unwrap_err();
        assert_eq!(error.to_string(), "5000 bytes do not fit into a QR symbol");
        let symbol = Symbol::of("x").unwrap();
        assert!(matches!(
            symbol.to_png(1_000_000),
            Err(QrError::TooLarge { scale: 1_000_000 })
        ));
    }
}
