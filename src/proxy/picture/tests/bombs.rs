//! Small files that would take much memory if they were believed.

/// Writes bits from the lowest on, as WebP's lossless streams are read.
#[derive(Default)]
struct Bits {
    bytes: Vec<u8>,
    used: u32,
}

impl Bits {
    fn put(&mut self, value: u32, count: u32) {
        for bit in 0..count {
            if self.used.is_multiple_of(8) {
                self.bytes.push(0);
            }
            let last = self.bytes.last_mut().unwrap();
            *last |= u8::from(value >> bit & 1 == 1) << (self.used % 8);
            self.used += 1;
        }
    }

    /// A Huffman code's word, whose first bit is its highest.
    fn word(&mut self, word: u32, count: u32) {
        (0..count)
            .rev()
            .for_each(|bit| self.put(word >> bit & 1, 1));
    }

    /// A code of one symbol, which takes no bits.
    fn single(&mut self, symbol: u32) {
        self.put(0b101, 3);
        self.put(symbol, 8);
    }

    /// A code of eleven symbols with words of one to ten bits: 93 bits that make 4 KiB of table.
    fn table(&mut self) {
        self.put(0, 1);
        self.put(14 - 4, 4);
        // In the standard's order: 17, 18, 0, 1 to 5, 16, 6 to 10.
        for length in [0, 0, 0, 3, 3, 3, 3, 3, 0, 3, 4, 4, 4, 4] {
            self.put(length, 3);
        }
        // Eleven lengths are told, no more.
        self.put(1, 1);
        self.put(1, 3);
        self.put(11 - 2, 4);
        for length in [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 10] {
            match length {
                1..=6 => self.word(length - 1, 3),
                _ => self.word(0b1100 + length - 7, 4),
            }
        }
    }
}

/// A lossless WebP of eight pixels a side, with so many groups of five tables each.
pub(super) fn tables(groups: u16) -> Vec<u8> {
    let mut bits = Bits::default();
    bits.put(0x2F, 8);
    bits.put(8 - 1, 14);
    bits.put(8 - 1, 14);
    // No transparency, version 0, no transform, no cache of colours; groups, for four pixels a side.
    bits.put(0, 6);
    bits.put(1, 1);
    bits.put(0, 3);
    // The picture of the groups: everywhere the last one. No cache; green, red and the others.
    bits.put(0, 1);
    let [high, low] = (groups - 1).to_be_bytes();
    for symbol in [low, high, 0, 0, 0] {
        bits.single(symbol.into());
    }
    for _ in 0..u32::from(groups) * 5 {
        bits.table();
    }
    webp(&chunk("VP8L", &bits.bytes))
}

/// A JPEG's head without anything behind it: its marker, sides, how its components are sampled, and
/// how many of them are in the first scan.
pub(super) fn jpeg_head(
    marker: u8,
    (width, height): (u16, u16),
    sampling: &[u8],
    together: u8,
) -> Vec<u8> {
    let count = u8::try_from(sampling.len()).unwrap();
    let mut frame = vec![8];
    frame.extend(height.to_be_bytes());
    frame.extend(width.to_be_bytes());
    frame.push(count);
    for (id, both) in (1..).zip(sampling) {
        frame.extend([id, *both, 0]);
    }
    let mut scan = vec![together];
    (1..=together).for_each(|id| scan.extend([id, 0]));
    scan.extend([0, 63, 0]);
    [
        &b"\xFF\xD8"[..],
        &segment(marker, &frame),
        &segment(0xDA, &scan),
    ]
    .concat()
}

/// A segment of a JPEG.
pub(super) fn segment(marker: u8, body: &[u8]) -> Vec<u8> {
    let length = u16::try_from(body.len() + 2).unwrap().to_be_bytes();
    [&[0xFF, marker], &length[..], body].concat()
}

fn chunk(name: &str, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len()).unwrap().to_le_bytes();
    let even = &[0][..body.len() % 2];
    [name.as_bytes(), &length, body, even].concat()
}

fn webp(chunks: &[u8]) -> Vec<u8> {
    let length = u32::try_from(chunks.len() + 4).unwrap().to_le_bytes();
    [&b"RIFF"[..], &length, b"WEBP", chunks].concat()
}
