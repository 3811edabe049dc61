//! Pictures made to cost much, or to be mistaken.

use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::super::pixels::Grey;
use super::super::*;
use super::drawn::{crc32, jpeg, made, noisy, picture, png, round, webp};
use super::{TEXT, file, read};

/// Far longer than any picture takes in a build without optimisation, far less than for ever.
const FOR_EVER: Duration = Duration::from_secs(60);

/// Shades without a pattern, the same in every run.
fn noise(x: usize, y: usize) -> u8 {
    let mixed =
        (x.wrapping_mul(0x9E37_79B1) ^ y.wrapping_mul(0x85EB_CA77)).wrapping_mul(0xC2B2_AE3D);
    mixed.to_le_bytes()[3]
}

/// Finder patterns so many pixels a module and so many modules apart.
fn tile(x: usize, y: usize, scale: usize, apart: usize) -> u8 {
    let pattern = [
        "#######", "#.....#", "#.###.#", "#.###.#", "#.###.#", "#.....#", "#######",
    ];
    let row = pattern.get(y / scale % apart).map(|row| row.as_bytes());
    let dark = row.and_then(|row| row.get(x / scale % apart)) == Some(&b'#');
    if dark { 0 } else { 255 }
}

#[track_caller]
fn ends(picture: &Grey) {
    let began = Instant::now();
    let contents = read_all(&png(picture)).unwrap();
    assert!(contents.codes.is_empty(), "{contents:?}");
    // Nor does the second reader, whose pass the budget may have spared.
    contained(|| second::find(picture));
    assert!(began.elapsed() < FOR_EVER, "{:?}", began.elapsed());
}

#[test]
fn a_tile_of_finder_patterns_ends_soon() {
    ends(&made(600, 600, |x, y| tile(x, y, 2, 9)));
    ends(&made(512, 512, |x, y| tile(x, y, 1, 8)));
    ends(&made(600, 600, |x, y| 255 - tile(x, y, 2, 9)));
    // As many as the second reader is just given.
    ends(&made(400, 300, |x, y| tile(x, y, 3, 33)));
}

#[test]
fn the_largest_pictures_end_soon() {
    ends(&made(
        4096,
        2048,
        |x, _| if x / 2 % 2 == 0 { 0 } else { 255 },
    ));
    ends(&made(
        2048,
        4096,
        |_, y| if y / 3 % 2 == 0 { 0 } else { 255 },
    ));
    ends(&made(4096, 2048, noise));
}

#[test]
fn a_picture_too_large_is_refused_before_it_is_decoded() {
    // The sizes stand in the heads; there is not one pixel behind them.
    let mut header = png(&Grey {
        shades: vec![0],
        width: 1,
        height: 1,
    });
    header[16..24].copy_from_slice(&[0, 0, 0xFF, 0xFF, 0, 0, 0xFF, 0xFF]);
    let sum = crc32(&header[12..29]).to_be_bytes();
    header[29..33].copy_from_slice(&sum);
    let error = PictureError::TooLarge {
        width: 65_535,
        height: 65_535,
    };
    assert_eq!(read(&header), Err(error));
    let mut header = jpeg(&picture("1", 8));
    let size = header
        .windows(2)
        .position(|two| two == b"\xFF\xC0")
        .unwrap()
        + 5;
    header[size..size + 4].copy_from_slice(&[0xFF; 4]);
    assert_eq!(read(&header), Err(error));
    // WebP, lossless and lossy: the sides less one, and the sides.
    let chunk = |name: &[u8; 4], body: &[u8]| {
        let length = u32::try_from(body.len()).unwrap().to_le_bytes();
        [&name[..], &length, body].concat()
    };
    let container = |chunks: &[u8]| {
        let length = u32::try_from(chunks.len() + 4).unwrap().to_le_bytes();
        [&b"RIFF"[..], &length, b"WEBP", chunks].concat()
    };
    let huge = Err(PictureError::TooLarge {
        width: 16_384,
        height: 16_384,
    });
    let lossless = chunk(b"VP8L", b"\x2F\xFF\xFF\xFF\x0F\0");
    assert_eq!(read(&container(&lossless)), huge);
    let lossy = chunk(b"VP8 ", b"\x10\0\0\x9D\x01\x2A\xFF\x3F\xFF\x3F");
    let huge = Err(PictureError::TooLarge {
        width: 16_383,
        height: 16_383,
    });
    assert_eq!(read(&container(&lossy)), huge);
    // A stream larger than the canvas it says it is drawn on.
    let small = chunk(b"VP8X", b"\0\0\0\0\x0F\0\0\x0F\0\0");
    assert_eq!(read(&container(&[small.clone(), lossy].concat())), huge);
    let other = chunk(b"VP8L", b"\x2F\x0F\0\0\0\0");
    assert_eq!(
        read(&container(&[small, other].concat())),
        Err(PictureError::Unreadable)
    );
}

#[test]
fn a_small_file_that_unpacks_to_much_is_refused_or_read_within_its_limits() {
    // Eight mebipixels of white are a few kilobytes in either format; one takes four times the memory.
    let white = made(4096, 2048, |_, _| 255);
    let (png_of, webp_of) = (png(&white), webp(&white));
    assert!(png_of.len().max(webp_of.len()) < 64 << 10);
    assert_eq!(read(&png_of), Err(PictureError::NoCode));
    assert!(matches!(read(&webp_of), Err(PictureError::TooHeavy { .. })));
    let taller = made(4096, 2049, |_, _| 255);
    for bytes in [png(&taller), webp(&taller)] {
        let error = PictureError::TooLarge {
            width: 4096,
            height: 2049,
        };
        assert_eq!(read(&bytes), Err(error));
    }
}

/// What is drawn in `tests/pictures`.
const FILES: [(&str, &str); 4] = [
    ("photo.jpg", "134650328919428540"),
    ("lossy.webp", "134650328919428540"),
    ("clear.webp", "134650328919428540"),
    (
        "gs1-datamatrix.png",
        "]d201051022222333361726113010A213B1\u{1D}211234",
    ),
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_bytes_panic(tail in any::<Vec<u8>>(), head in prop::sample::select(vec![
        &b"\x89PNG\r\n\x1A\n"[..], b"\xFF\xD8\xFF", b"RIFF\xFF\0\0\0WEBP", b"RIFF\xFF\0\0\0WEBPVP8 ",
        b"RIFF\xFF\0\0\0WEBPVP8L", b"RIFF\xFF\0\0\0WEBPVP8X",
    ])) {
        let _ = read(&[head, &tail].concat());
    }

    /// A damaged picture may be unreadable, and never reads as anything else: PNG has a checksum, and
    /// what a decoder makes of the damage the code's error correction mends or refuses. That is no
    /// proof: a picture can be made to say anything, and damage is only a slow way of making one.
    #[test]
    fn no_damage_changes_a_text(
        at in 0.0..1.0_f64, bits in 1..=255_u8, cut in any::<bool>(), kind in 0..7_usize,
    ) {
        let (mut bytes, text) = match kind {
            0 => (png(&picture(TEXT, 2)), TEXT),
            1 => (jpeg(&picture(TEXT, 8)), TEXT),
            2 => (webp(&picture(TEXT, 2)), TEXT),
            other => (file(FILES[other - 3].0), FILES[other - 3].1),
        };
        let at = round(at * f64::from(u32::try_from(bytes.len() - 1).unwrap()));
        if cut {
            bytes.truncate(at);
        } else {
            bytes[at] ^= bits;
        }
        if let Ok(contents) = read_within(&bytes, super::PATIENCE) {
            prop_assert!(contents.codes.iter().all(|code| code.text == text));
        }
    }

    /// Nor does dirt on the paper, for either reader.
    #[test]
    fn no_dirt_changes_a_text(left in 0..130_usize, top in 0..130_usize, side in 1..90_usize, dark in any::<bool>()) {
        let mut grey = noisy(picture(TEXT, 4), 60);
        let width = grey.width;
        for (at, shade) in grey.shades.iter_mut().enumerate() {
            if (left..left + side).contains(&(at % width)) && (top..top + side).contains(&(at / width)) {
                *shade = if dark { 0 } else { 255 };
            }
        }
        let mut codes = contained(|| second::find(&grey)).unwrap_or_default();
        codes.extend(read_within(&png(&grey), super::PATIENCE).unwrap().codes);
        prop_assert!(codes.iter().all(|code| code.text == TEXT));
    }
}
