//! What a picture may take, at the limit and beyond it.

use super::super::pixels::Grey;
use super::super::weight::MEMORY_LIMIT;
use super::super::*;
use super::bombs::{jpeg_head, segment, tables};
use super::drawn::{crc32, jpeg, made, picture, png, webp};
use super::{TEXT, read};

/// Progressive, baseline.
const SOF2: u8 = 0xC2;
const SOF0: u8 = 0xC0;

#[track_caller]
fn check(bytes: &[u8], fits: bool) {
    match weight(bytes) {
        Ok(weight) => assert!(fits && weight <= MEMORY_LIMIT, "{weight}"),
        Err(error) => {
            assert!(
                !fits && matches!(error, PictureError::TooHeavy { bytes } if bytes > MEMORY_LIMIT)
            );
            assert_eq!(error.reason(), Reason::TooLarge);
            assert_eq!(read(bytes), Err(error), "refused before it is decoded");
        }
    }
}

#[test]
fn a_jpeg_weighs_what_it_keeps_until_its_last_scan() {
    let largest = (4096, 2048);
    // A camera's colours are halved both ways; a scanner's are not.
    check(&jpeg_head(SOF2, largest, &[0x22, 0x11, 0x11], 3), true);
    check(&jpeg_head(SOF2, largest, &[0x11, 0x11, 0x11], 3), false);
    check(&jpeg_head(SOF2, (2048, 2048), &[0x11, 0x11, 0x11], 3), true);
    // All at once nothing is kept, in several scans everything.
    check(&jpeg_head(SOF0, largest, &[0x11, 0x11, 0x11], 3), true);
    check(&jpeg_head(SOF0, largest, &[0x11, 0x11, 0x11], 1), false);
    // The decoder makes room for twice the lines.
    check(
        &jpeg_head(SOF2, (2048, 2048), &[0x12, 0x12, 0x12], 3),
        false,
    );
    let four = [0x11, 0x11, 0x11, 0x11];
    check(&jpeg_head(SOF2, (2048, 2048), &four, 4), true);
    check(&jpeg_head(SOF2, (2048, 2560), &four, 4), false);
}

#[test]
fn a_jpegs_head_is_walked_strictly() {
    // Behind the first segment, a table.
    const TABLE: usize = 71;
    let sound = jpeg(&picture(TEXT, 8));
    let check = |insert: &[u8], fits: bool| {
        let bytes = [&sound[..TABLE], insert, &sound[TABLE..]].concat();
        let told = weight(&bytes).map(drop);
        let expected = if fits {
            Ok(())
        } else {
            Err(PictureError::Unreadable)
        };
        assert_eq!(told, expected, "{}", insert.len());
    };
    check(b"", true);
    check(b"\xFF\xFF\xFF", true);
    check(b"\0", false);
    check(b"\xFF\xE0\0\x01", false);
    check(b"\xFF\xD8", false);
    check(&segment(0xFE, b"a note").repeat(200), true);
    check(&segment(0xFE, b"a note").repeat(256), false);
    // Two frames, of which a decoder may believe either.
    let other = jpeg_head(SOF0, (8, 8), &[0x11], 1);
    check(&other[2..other.len() - 10], false);
    for sampling in [0x10, 0x01, 0x51, 0x15] {
        let head = jpeg_head(SOF0, (8, 8), &[sampling], 1);
        assert_eq!(weight(&head), Err(PictureError::Unreadable));
    }
}

#[test]
fn tables_of_a_lossless_picture_are_weighed() {
    check(&tables(1), true);
    check(&tables(1_400), true);
    check(&tables(2_000), false);
    // Four mebibytes that would make more than a thousand.
    check(&tables(u16::MAX), false);
    // What is within the limit is read to its end, and holds no code.
    assert!(read(&tables(1_400)).is_err());
}

#[test]
fn a_webp_weighs_by_its_kind() {
    check(&webp(&made(1_280, 1_280, |_, _| 255)), true);
    check(&webp(&made(2_048, 2_048, |_, _| 255)), false);
}

#[test]
fn an_interlaced_png_is_read() {
    let plain = picture(TEXT, 3);
    assert_eq!(read(&interlaced(&plain)).as_deref(), Ok(TEXT));
}

/// The seven passes of Adam7: where each begins, and how far apart its pixels are.
const PASSES: [[usize; 4]; 7] = [
    [0, 0, 8, 8],
    [4, 0, 8, 8],
    [0, 4, 4, 8],
    [2, 0, 4, 4],
    [0, 2, 2, 4],
    [1, 0, 2, 2],
    [0, 1, 1, 2],
];

/// The picture as a PNG in seven passes.
fn interlaced(picture: &Grey) -> Vec<u8> {
    let mut rows = Vec::new();
    for [left, top, across, down] in PASSES {
        for y in (top..picture.height).step_by(down) {
            rows.push(0);
            let row = &picture.shades[y * picture.width..(y + 1) * picture.width];
            rows.extend(row.iter().skip(left).step_by(across));
        }
    }
    let chunk = |name: &[u8; 4], body: &[u8]| {
        let length = u32::try_from(body.len()).unwrap().to_be_bytes();
        let named = [&name[..], body].concat();
        [&length[..], &named, &crc32(&named).to_be_bytes()].concat()
    };
    let plain = png(picture);
    let mut head = plain[16..29].to_vec();
    head[12] = 1;
    let pixels = miniz_oxide::deflate::compress_to_vec_zlib(&rows, 6);
    [
        &plain[..8],
        &chunk(b"IHDR", &head),
        &chunk(b"IDAT", &pixels),
        &chunk(b"IEND", b""),
    ]
    .concat()
}
