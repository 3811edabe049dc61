//! The second opinion on QR codes, with a bound on the work.
//!
//! `rqrr` copies the whole picture for every set of three patterns it considers, so a picture with
//! many costs it half a minute. How many it can find is known before: each begins where a line has
//! the 1:1:3:1:1 runs it looks for, and lines whose middle runs touch belong to the same one.

use rqrr::PreparedImage;

use super::found::{self, Found, Reader, Symbology};
use super::pixels::Grey;
use super::view::factor;

/// The most pixels looked at; a larger picture is reduced first.
const PIXELS: usize = 640_000;

/// The most patterns: three of a code, or of two, and some mistaken for one.
const PATTERNS: usize = 12;

/// The most lines through patterns: a code that fills the picture has some three hundred.
const PATTERN_LINES: usize = 400;

/// The smallest QR code has 21 modules a side.
const SMALLEST_SIDE: usize = 21;

/// The codes `rqrr` reads; none where there is too much to look at.
pub(super) fn find(picture: &Grey) -> Vec<Found> {
    let factor = factor(picture, PIXELS);
    let reduced = if factor == 1 {
        picture.clone()
    } else {
        picture.reduced(factor)
    };
    let Grey {
        shades,
        width,
        height,
    } = reduced;
    if width.min(height) < SMALLEST_SIDE {
        return Vec::new();
    }
    let shade = |x: usize, y: usize| shades.get(y * width + x).copied().unwrap_or(u8::MAX);
    let mut prepared = PreparedImage::prepare_from_greyscale(width, height, shade);
    // Black is 1 by the library's own numbering.
    let is_black = |x: usize, y: usize| prepared.get_pixel_at(x, y) == 1;
    if !is_bounded(width, height, is_black) {
        return Vec::new();
    }
    let mut codes = Vec::new();
    for grid in prepared.detect_grids() {
        let corner = |point: &rqrr::Point| (scaled(point.x, factor), scaled(point.y, factor));
        if let Ok((_, text)) = grid.decode() {
            let corners = grid.bounds.each_ref().map(corner);
            let code = Found::new(&text, Symbology::Qr, corners, Reader::Rqrr);
            found::add(&mut codes, [code]);
        }
    }
    codes
}

fn scaled(at: i32, factor: usize) -> i32 {
    at.saturating_mul(i32::try_from(factor).unwrap_or(i32::MAX))
}

/// Whether there are few enough lines that look like a pattern's middle.
fn is_bounded(width: usize, height: usize, is_black: impl Fn(usize, usize) -> bool) -> bool {
    let (mut patterns, mut lines) = (0, 0);
    let mut above: Vec<(usize, usize)> = Vec::new();
    for y in 0..height {
        let mut here = Vec::new();
        let mut runs = [0_usize; 5];
        let (mut colour, mut run, mut changes) = (is_black(0, y), 1, 0);
        for x in 1..=width {
            let next = x < width && is_black(x, y);
            if x < width && next == colour || x == width && !colour {
                run += 1;
                continue;
            }
            colour = next;
            runs.rotate_left(1);
            runs[4] = run;
            run = 1;
            changes += 1;
            if !colour && changes >= 5 && is_pattern(&runs) {
                let end = x - runs[4] - runs[3];
                here.push((end - runs[2], end));
            }
        }
        lines += here.len();
        let begun = |stone: &&(usize, usize)| {
            !above
                .iter()
                .any(|above| above.0 < stone.1 && stone.0 < above.1)
        };
        patterns += here.iter().filter(begun).count();
        if patterns > PATTERNS || lines > PATTERN_LINES {
            return false;
        }
        above = here;
    }
    true
}

/// The library's own test, to the pixel.
fn is_pattern(runs: &[usize; 5]) -> bool {
    let [ring, gap, stone, other_gap, other_ring] = *runs;
    let average = (ring + gap + other_gap + other_ring) / 4;
    let error = average * 3 / 4;
    let near =
        |run: usize, times: usize| run + error >= times * average && run <= times * average + error;
    [ring, gap, other_gap, other_ring]
        .into_iter()
        .all(|run| near(run, 1))
        && near(stone, 3)
}
