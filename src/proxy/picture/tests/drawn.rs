//! Pictures of codes, drawn and written for the tests.

use qrcode::QrCode;

use super::Grey;

/// A picture of a code: its modules this many pixels wide, with a quiet zone of four.
pub(crate) fn picture(text: &str, scale: usize) -> Grey {
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

pub(crate) fn png(picture: &Grey) -> Vec<u8> {
    encoded(picture, ::png::ColorType::Grayscale, |shade| vec![shade])
}

pub(crate) fn encoded(
    picture: &Grey,
    color: ::png::ColorType,
    pixel: impl Fn(u8) -> Vec<u8>,
) -> Vec<u8> {
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
pub(crate) fn jpeg(picture: &Grey) -> Vec<u8> {
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
pub(crate) fn turned(picture: &Grey, degrees: f64) -> Grey {
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
pub(crate) fn round(at: f64) -> usize {
    if at < 0.0 {
        usize::MAX
    } else {
        at.round() as usize
    }
}

/// Every pixel moved by up to `amount` shades, the same way in every run.
pub(crate) fn noisy(mut picture: Grey, amount: u8) -> Grey {
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

pub(crate) fn inverted(mut picture: Grey) -> Grey {
    for shade in &mut picture.shades {
        *shade = 255 - *shade;
    }
    picture
}

/// A lossless WebP.
pub(crate) fn webp(picture: &Grey) -> Vec<u8> {
    let mut bytes = Vec::new();
    let side = |side: usize| side.try_into().unwrap();
    image_webp::WebPEncoder::new(&mut bytes)
        .encode(
            &picture.shades,
            side(picture.width),
            side(picture.height),
            image_webp::ColorType::L8,
        )
        .unwrap();
    bytes
}

/// Every pixel the middle of itself and its eight neighbours.
pub(crate) fn blurred(picture: &Grey) -> Grey {
    let (width, height) = (picture.width, picture.height);
    let shade = |at: usize| {
        let (x, y) = (at % width, at / width);
        let rows = y.saturating_sub(1)..(y + 2).min(height);
        let near = rows
            .flat_map(|y| (x.saturating_sub(1)..(x + 2).min(width)).map(move |x| y * width + x));
        let shades: Vec<u32> = near.map(|at| picture.shades[at].into()).collect();
        let count = u32::try_from(shades.len()).unwrap();
        u8::try_from(shades.iter().sum::<u32>() / count).unwrap()
    };
    Grey {
        shades: (0..picture.shades.len()).map(shade).collect(),
        ..*picture
    }
}

/// Two pictures in one, the lower one filled up with white.
pub(crate) fn beside(left: &Grey, right: &Grey) -> Grey {
    let (width, height) = (left.width + right.width, left.height.max(right.height));
    let shade = |at: usize| {
        let (x, y) = (at % width, at / width);
        let (picture, x) = if x < left.width {
            (left, x)
        } else {
            (right, x - left.width)
        };
        if y < picture.height {
            picture.shades[y * picture.width + x]
        } else {
            255
        }
    };
    Grey {
        shades: (0..width * height).map(shade).collect(),
        width,
        height,
    }
}

/// A picture whose every pixel is a function of its place.
pub(crate) fn made(width: usize, height: usize, shade: impl Fn(usize, usize) -> u8) -> Grey {
    Grey {
        shades: (0..width * height)
            .map(|at| shade(at % width, at / width))
            .collect(),
        width,
        height,
    }
}

pub(crate) fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
            (crc >> 1) ^ (0xEDB8_8320 * (crc & 1))
        })
    })
}

impl Grey {
    /// The picture with a wide white border, so that it can be turned.
    pub(crate) fn quiet(&self) -> Self {
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
