use proptest::prelude::*;
use qrcode::QrCode;

use super::pixels::Grey;
use super::*;

const TEXT: &str = "MC1.fujian.2026a.1795312800.1795312860.0123456789abcdef";

/// A picture of a code: its modules this many pixels wide, with a quiet zone of four.
fn picture(text: &str, scale: usize) -> Grey {
    let code = QrCode::new(text).unwrap();
    let (modules, colors) = (code.width(), code.to_colors());
    let side = (modules + 8) * scale;
    let dark = |x: usize, y: usize| {
        let (x, y) = ((x / scale).checked_sub(4), (y / scale).checked_sub(4));
        let inside = x.zip(y).filter(|(x, y)| *x < modules && *y < modules);
        inside.is_some_and(|(x, y)| colors[y * modules + x] == qrcode::Color::Dark)
    };
    let shades = (0..side * side).map(|at| if dark(at % side, at / side) { 0 } else { 255 });
    Grey {
        shades: shades.collect(),
        width: side,
        height: side,
    }
}

fn png(picture: &Grey) -> Vec<u8> {
    encoded(picture, ::png::ColorType::Grayscale, |shade| vec![shade])
}

fn encoded(picture: &Grey, color: ::png::ColorType, pixel: impl Fn(u8) -> Vec<u8>) -> Vec<u8> {
    let mut bytes = Vec::new();
    let side = |side: usize| side.try_into().unwrap();
    let mut encoder = ::png::Encoder::new(&mut bytes, side(picture.width), side(picture.height));
    encoder.set_color(color);
    let pixels: Vec<u8> = picture
        .shades
        .iter()
        .flat_map(|shade| pixel(*shade))
        .collect();
    encoder
        .write_header()
        .unwrap()
        .write_image_data(&pixels)
        .unwrap();
    bytes
}

/// A grey JPEG of blocks of one shade each: the DC coefficients, coded with two-word tables.
fn jpeg(picture: &Grey) -> Vec<u8> {
    let side = u16::try_from(picture.width).unwrap().to_be_bytes();
    let mut bytes = b"\xFF\xD8\xFF\xDB\x00\x43\x00".to_vec();
    bytes.extend([8; 64]);
    bytes.extend(b"\xFF\xC0\x00\x0B\x08");
    bytes.extend([side, side].concat());
    bytes.extend(b"\x01\x01\x11\x00");
    // Differences of 0 bits are coded as 0, of 8 bits as 10; a block without AC as 0.
    bytes.extend(b"\xFF\xC4\x00\x15\x00\x01\x01\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x00\x08");
    bytes.extend(b"\xFF\xC4\x00\x14\x10\x01\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x00");
    bytes.extend(b"\xFF\xDA\x00\x08\x01\x01\x00\x00\x3F\x00");
    let (mut bits, mut last) = (String::new(), 255);
    for row in picture.shades.chunks(picture.width).step_by(8) {
        for shade in row.iter().step_by(8) {
            bits += match (last, *shade) {
                (255, 0) => "10011111110",
                (0, 255) => "10100000000",
                _ => "00",
            };
            last = *shade;
        }
    }
    for byte in bits.into_bytes().chunks(8) {
        let byte = format!("{:1<8}", str::from_utf8(byte).unwrap());
        let byte = u8::from_str_radix(&byte, 2).unwrap();
        bytes.push(byte);
        if byte == 0xFF {
            bytes.push(0);
        }
    }
    bytes.extend(b"\xFF\xD9");
    bytes
}

/// The picture turned about its middle, by nearest neighbour.
fn turned(picture: &Grey, degrees: f64) -> Grey {
    let (sin, cos) = degrees.to_radians().sin_cos();
    let middle = f64::from(u32::try_from(picture.width / 2).unwrap());
    let at = |at: usize| f64::from(u32::try_from(at).unwrap()) - middle;
    let shade = |index: usize| {
        let (x, y) = (at(index % picture.width), at(index / picture.width));
        let (x, y) = (x * cos + y * sin + middle, y * cos - x * sin + middle);
        let found =
            (0..picture.width).contains(&round(x)) && (0..picture.height).contains(&round(y));
        if found {
            picture.shades[round(y) * picture.width + round(x)]
        } else {
            255
        }
    };
    Grey {
        shades: (0..picture.shades.len()).map(shade).collect(),
        ..*picture
    }
}

#[expect(
    clippy::as_conversions,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "saturates, and what is outside is checked"
)]
fn round(at: f64) -> usize {
    if at < 0.0 {
        usize::MAX
    } else {
        at.round() as usize
    }
}

/// Every pixel moved by up to `amount` shades, the same way in every run.
fn noisy(mut picture: Grey, amount: u8) -> Grey {
    let mut state = 0x9E37_79B9_u32;
    for shade in &mut picture.shades {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        let by = state.to_le_bytes()[0] % amount.max(1);
        *shade = if *shade > 127 {
            *shade - by
        } else {
            *shade + by
        };
    }
    picture
}

fn inverted(mut picture: Grey) -> Grey {
    for shade in &mut picture.shades {
        *shade = 255 - *shade;
    }
    picture
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
    assert_eq!(read(b"\x89PNG\r\n\x1A\n"), Err(PictureError::Unreadable));
    assert_eq!(read(b"\xFF\xD8\xFF\xD9"), Err(PictureError::Unreadable));
    let cut = png(&picture(TEXT, 8));
    assert_eq!(read(&cut[..cut.len() / 2]), Err(PictureError::Unreadable));
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
}

fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
            (crc >> 1) ^ (0xEDB8_8320 * (crc & 1))
        })
    })
}

#[test]
fn a_tile_of_finder_patterns_ends_soon() {
    let pattern = [
        "#######", "#.....#", "#.###.#", "#.###.#", "#.###.#", "#.....#", "#######",
    ];
    let dark = |x: usize, y: usize| {
        pattern.get(y % 9).and_then(|row| row.as_bytes().get(x % 9)) == Some(&b'#')
    };
    let shades = (0..600 * 600).map(|at| {
        if dark(at % 600 / 2, at / 600 / 2) {
            0
        } else {
            255
        }
    });
    let tile = Grey {
        shades: shades.collect(),
        width: 600,
        height: 600,
    };
    assert_eq!(read(&png(&tile)), Err(PictureError::NoCode));
}

/// Photographs of zxing's black-box tests (zxing/zxing, Apache-2.0), where they are at hand.
#[test]
fn external_photographs_are_read() {
    let Some(corpora) = std::env::vars_os().find(|(name, _)| name == "MULTICODE_CORPORA") else {
        return;
    };
    let (mut right, mut all) = (0, 0);
    for set in ["zxing-qrcode-1", "zxing-qrcode-3", "zxing-qrcode-5"] {
        let folder = std::path::Path::new(&corpora.1).join("qr").join(set);
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|extension| extension == "png") {
                let expected = std::fs::read_to_string(path.with_extension("txt")).unwrap();
                let text = read(&std::fs::read(&path).unwrap());
                all += 1;
                right += usize::from(text.is_ok_and(|text| text.trim_end() == expected.trim_end()));
            }
        }
    }
    assert!(all > 0 && right * 100 >= all * 98, "{right} of {all}");
}

impl Grey {
    /// The picture with a wide white border, so that it can be turned.
    fn quiet(&self) -> Self {
        let (border, width) = (self.width / 4, self.width + self.width / 4 * 2);
        let mut shades = vec![255; border * width];
        for row in self.shades.chunks(self.width).take(self.height) {
            shades.extend(std::iter::repeat_n(255, border));
            shades.extend(row);
            shades.extend(std::iter::repeat_n(255, border));
        }
        shades.extend(vec![255; border * width]);
        Self {
            shades,
            width,
            height: self.height + border * 2,
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn no_bytes_panic(tail in any::<Vec<u8>>(), head in prop::sample::select(vec![&b"\x89PNG\r\n\x1A\n"[..], b"\xFF\xD8\xFF"])) {
        let _ = read(&[head, &tail].concat());
    }

    #[test]
    fn no_damage_panics(at in 0.0..1.0_f64, byte in any::<u8>(), kind in any::<bool>()) {
        let picture = picture("1", 8);
        let mut bytes = if kind { png(&picture) } else { jpeg(&picture) };
        let at = round(at * f64::from(u32::try_from(bytes.len() - 1).unwrap()));
        bytes[at] = byte;
        let _ = read(&bytes);
    }
}
