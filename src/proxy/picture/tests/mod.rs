mod bombs;
mod drawn;
mod external;
mod hostile;
mod weight;

use self::drawn::{beside, blurred, encoded, inverted, jpeg, noisy, picture, png, turned, webp};
use super::pixels::Grey;
use super::*;

const TEXT: &str = "MC1.fujian.2026a.1795312800.1795312860.0123456789abcdef";

/// Long enough for a build without optimisation on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// As [`super::read`], whatever time it takes.
fn read(bytes: &[u8]) -> Result<String, PictureError> {
    Ok(read_within(bytes, PATIENCE)?.only()?.text.clone())
}

/// A file of `tests/pictures`, drawn with Zint by zxing-cpp and written with Pillow.
fn file(name: &str) -> Vec<u8> {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/pictures");
    std::fs::read(folder.join(name)).unwrap()
}

#[track_caller]
fn check(picture: &Grey) {
    assert_eq!(read(&png(picture)).as_deref(), Ok(TEXT));
}

#[test]
fn a_code_is_read_however_it_was_photographed() {
    for scale in [1, 2, 3, 8, 20] {
        check(&picture(TEXT, scale));
    }
    for degrees in [5.0, 30.0, 45.0, 90.0, 180.0, 270.0] {
        check(&turned(&picture(TEXT, 6).quiet(), degrees));
    }
    check(&inverted(picture(TEXT, 4)));
    check(&noisy(picture(TEXT, 5), 110));
    check(&blurred(&picture(TEXT, 5)));
    check(&noisy(turned(&picture(TEXT, 6).quiet(), 10.0), 90));
}

#[test]
fn every_kind_of_pixel_is_read() {
    use ::png::ColorType;
    let picture = picture(TEXT, 4);
    let clear = |shade: u8| 255 - shade;
    let check = |bytes: &[u8]| assert_eq!(read(bytes).as_deref(), Ok(TEXT));
    check(&encoded(&picture, ColorType::Rgb, |shade| {
        vec![shade, 255, shade]
    }));
    check(&encoded(&picture, ColorType::Rgba, |shade| {
        vec![0, 0, 0, clear(shade)]
    }));
    check(&encoded(&picture, ColorType::GrayscaleAlpha, |shade| {
        vec![0, clear(shade)]
    }));
}

#[test]
fn a_jpeg_is_read() {
    assert_eq!(read(&jpeg(&picture(TEXT, 8))).as_deref(), Ok(TEXT));
}

#[test]
fn chinese_text_comes_out_as_it_went_in() {
    let text = "https://example.gov.cn/码?名=患者";
    assert_eq!(read(&png(&picture(text, 4))).as_deref(), Ok(text));
}

#[test]
fn what_is_no_picture_of_a_code_is_told_apart() {
    let blank = Grey {
        shades: vec![255; 10_000],
        width: 100,
        height: 100,
    };
    assert_eq!(read(&png(&blank)), Err(PictureError::NoCode));
    assert_eq!(
        read(&png(&Grey {
            shades: vec![0],
            width: 1,
            height: 1
        })),
        Err(PictureError::NoCode)
    );
    assert_eq!(read(b""), Err(PictureError::NotAPicture));
    assert_eq!(read(b"GIF89a"), Err(PictureError::NotAPicture));
    assert_eq!(read(b"RIFF\x04\0\0\0WEBP"), Err(PictureError::Unreadable));
    assert_eq!(read(b"\x89PNG\r\n\x1A\n"), Err(PictureError::Unreadable));
    assert_eq!(read(b"\xFF\xD8\xFF\xD9"), Err(PictureError::Unreadable));
    let cut = png(&picture(TEXT, 8));
    assert_eq!(read(&cut[..cut.len() / 2]), Err(PictureError::Unreadable));
}

#[test]
fn a_webp_is_read() {
    assert_eq!(read(&webp(&picture(TEXT, 4))).as_deref(), Ok(TEXT));
}

#[test]
fn what_others_write_is_read() {
    let elements = "01051022222333361726113010A213B1\u{1D}211234";
    for (name, symbology, text) in [
        ("photo.jpg", Symbology::Qr, "134650328919428540"),
        ("progressive.jpg", Symbology::Qr, "134650328919428540"),
        ("lossy.webp", Symbology::Qr, "134650328919428540"),
        ("clear.webp", Symbology::Qr, "134650328919428540"),
        ("clear-lossless.webp", Symbology::Qr, "134650328919428540"),
        (
            "datamatrix.png",
            Symbology::DataMatrix,
            "81234567890123456789",
        ),
        ("code-128.png", Symbology::Code128, "281234567890123456"),
        ("ean-13.png", Symbology::Ean13, "6901234567892"),
        ("ean-8.png", Symbology::Ean8, "96385074"),
        ("upc-a.png", Symbology::UpcA, "036000291452"),
        ("gs1-128.png", Symbology::Gs1128, &format!("]C1{elements}")),
        (
            "gs1-datamatrix.png",
            Symbology::Gs1DataMatrix,
            &format!("]d2{elements}"),
        ),
        ("gs1-qr.png", Symbology::Gs1Qr, &format!("]Q3{elements}")),
    ] {
        let contents = read_within(&file(name), PATIENCE).unwrap();
        let found = contents
            .only()
            .unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!((found.symbology, &*found.text), (symbology, text), "{name}");
    }
}

#[test]
fn an_animation_is_refused() {
    assert_eq!(read(&file("animated.webp")), Err(PictureError::Unreadable));
}

#[test]
fn a_barcode_is_read_from_every_side() {
    let upright = pixels::decode(&file("gs1-128.png")).unwrap();
    let square = made_square(&upright);
    for degrees in [0.0, 90.0, 180.0, 270.0] {
        let text = read(&png(&turned(&square, degrees))).unwrap();
        assert!(text.starts_with("]C10105102222233336"), "{degrees}");
    }
    let square = made_square(&pixels::decode(&file("gs1-datamatrix.png")).unwrap());
    for degrees in [0.0, 90.0, 180.0, 270.0] {
        let text = read(&png(&turned(&square, degrees))).unwrap();
        assert!(text.starts_with("]d20105102222233336"), "{degrees}");
    }
}

/// The picture in the middle of a white square it can be turned in.
fn made_square(picture: &Grey) -> Grey {
    let side = picture.width.max(picture.height) * 3 / 2;
    let (left, top) = ((side - picture.width) / 2, (side - picture.height) / 2);
    drawn::made(side, side, |x, y| {
        let place = x.checked_sub(left).zip(y.checked_sub(top));
        let place = place.filter(|(x, y)| *x < picture.width && *y < picture.height);
        place.map_or(255, |(x, y)| picture.shades[y * picture.width + x])
    })
}

#[test]
fn codes_are_found_where_they_are() {
    let [one, other] = ["62", "a longer text, so that it is larger"].map(|text| picture(text, 4));
    let contents = read_within(&png(&beside(&one, &other)), PATIENCE).unwrap();
    assert_eq!(
        (contents.width, contents.height),
        (one.width + other.width, other.height)
    );
    let mut codes = contents.codes;
    codes.sort_by_key(|code| code.corners[0].0);
    let [left, right] = codes.as_slice() else {
        panic!("{codes:?}");
    };
    assert_eq!((&*left.text, left.symbology), ("62", Symbology::Qr));
    // Four modules of four pixels around 21 of them.
    let near = |found: (i32, i32), x: i32, y: i32| {
        assert!(
            (found.0 - x).abs() <= 2 && (found.1 - y).abs() <= 2,
            "{found:?}"
        );
    };
    for (found, (x, y)) in left
        .corners
        .iter()
        .zip([(16, 16), (100, 16), (100, 100), (16, 100)])
    {
        near(*found, x, y);
    }
    near(right.corners[0], 116 + 16, 16);
    assert_eq!(left.reader, Reader::Rxing);
}

#[test]
fn which_of_two_codes_is_meant_is_not_guessed() {
    let [one, other] = ["62", "63"].map(|text| picture(text, 4));
    let two = Err(PictureError::SeveralCodes { found: 2 });
    assert_eq!(read(&png(&beside(&one, &other))), two);
    assert_eq!(read(&png(&beside(&one, &one))).as_deref(), Ok("62"));
    let barcode = pixels::decode(&file("code-128.png")).unwrap();
    assert_eq!(read(&png(&beside(&barcode, &other))), two);
    // A wallet shows the same digits both ways.
    let same = picture("281234567890123456", 4);
    let text = read(&png(&beside(&barcode, &same)));
    assert_eq!(text.as_deref(), Ok("281234567890123456"));
}

#[test]
fn the_second_reader_agrees_with_the_first() {
    let grey = picture(TEXT, 4);
    let [code] = second::find(&grey).try_into().unwrap();
    assert_eq!((&*code.text, code.reader), (TEXT, Reader::Rqrr));
    let contents = read_within(&png(&grey), PATIENCE).unwrap();
    let first = contents.only().unwrap();
    for (one, other) in code.corners.iter().zip(first.corners) {
        assert!(
            one.0.abs_diff(other.0) <= 4 && one.1.abs_diff(other.1) <= 4,
            "{code:?} {first:?}"
        );
    }
}

#[test]
fn no_debug_shows_a_text() {
    let contents = read_within(&png(&picture(TEXT, 2)), PATIENCE).unwrap();
    assert!(!format!("{contents:?}").contains(TEXT));
}
