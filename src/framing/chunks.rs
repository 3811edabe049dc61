//! A body in chunks, followed byte by byte where it lies: what of it is data, where it ends, or what is
//! wrong with it.

use std::ops::Range;

use super::Fault;

/// Digits of a chunk's size. Eight are four gigabytes, more than any body may have; nobody needs to
/// know what more of them mean to somebody else.
const DIGITS: u8 = 8;

/// Bytes of extensions in one body. Nobody sends any; RFC 9112 (section 7.1.1) has them ignored, and
/// "ought to limit the total length of chunk extensions".
const EXTENSIONS: u16 = 256;

/// Bytes of trailers in one body, which are thrown away.
const TRAILERS: u16 = 1_024;

/// Where in a body the next byte stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum At {
    Size { digits: u8 },
    Extension,
    SizeEnd,
    Data,
    DataReturn,
    DataEnd,
    TrailerStart,
    TrailerName,
    TrailerValue,
    TrailerEnd,
    LastEnd,
}

/// The body under way.
#[derive(Clone, Copy, Debug)]
pub struct Chunks {
    at: At,
    /// What is still to come of the chunk's data.
    left: u64,
    extensions: u16,
    trailers: u16,
}

impl Default for Chunks {
    fn default() -> Self {
        Self {
            at: At::Size { digits: 0 },
            left: 0,
            extensions: 0,
            trailers: 0,
        }
    }
}

/// How far a body goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// All of these bytes, and further.
    On,
    /// That many bytes.
    End(usize),
    /// That many bytes are sound, and the next one breaks a rule.
    Fault(usize, Fault),
}

/// What comes next of a body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    /// These of the bytes are data; what follows them is still to be read.
    Data(Range<usize>),
    /// No data before there.
    Reach(Reach),
}

impl Chunks {
    /// Follows the body through these bytes.
    pub fn read(&mut self, bytes: &[u8]) -> Reach {
        let mut done = 0;
        loop {
            match self.part(bytes.get(done..).unwrap_or_default()) {
                Part::Data(data) => done += data.end,
                Part::Reach(Reach::On) => return Reach::On,
                Part::Reach(Reach::End(end)) => return Reach::End(done + end),
                Part::Reach(Reach::Fault(at, fault)) => return Reach::Fault(done + at, fault),
            }
        }
    }

    /// Follows the body up to the end of the next data.
    pub fn part(&mut self, bytes: &[u8]) -> Part {
        let mut done = 0;
        while let Some(&byte) = bytes.get(done) {
            if self.at == At::Data {
                let here = bytes.len() - done;
                let taken = usize::try_from(self.left).map_or(here, |left| left.min(here));
                self.left -= u64::try_from(taken).unwrap_or(self.left);
                if self.left == 0 {
                    self.at = At::DataReturn;
                }
                return Part::Data(done..done + taken);
            }
            match self.step(byte) {
                Ok(Some(next)) => self.at = next,
                Ok(None) => return Part::Reach(Reach::End(done + 1)),
                Err(fault) => return Part::Reach(Reach::Fault(done, fault)),
            }
            done += 1;
        }
        Part::Reach(Reach::On)
    }

    /// Where the byte leads; nowhere from the body's last.
    fn step(&mut self, byte: u8) -> Result<Option<At>, Fault> {
        let next = match (self.at, byte) {
            (At::Size { digits }, _) => self.size(digits, byte)?,
            (At::Extension, b'\r') => At::SizeEnd,
            (At::Extension, b'\t' | b' '..=b'~') if self.extensions < EXTENSIONS => {
                self.extensions += 1;
                At::Extension
            }
            (At::Extension, _) => return Err(Fault::ChunkExtension),
            (At::SizeEnd, b'\n') if self.left == 0 => At::TrailerStart,
            (At::SizeEnd, b'\n') => At::Data,
            (At::SizeEnd, _) => return Err(Fault::ChunkSize),
            (At::DataReturn, b'\r') => At::DataEnd,
            (At::DataEnd, b'\n') => At::Size { digits: 0 },
            (At::Data | At::DataReturn | At::DataEnd, _) => return Err(Fault::ChunkEnd),
            (At::LastEnd, b'\n') => return Ok(None),
            (At::TrailerStart, b'\r') => At::LastEnd,
            _ => self.trailer(byte)?,
        };
        Ok(Some(next))
    }

    fn size(&mut self, digits: u8, byte: u8) -> Result<At, Fault> {
        let digit = match byte {
            b'0'..=b'9' => byte - b'0',
            b'a'..=b'f' => byte - b'a' + 10,
            b'A'..=b'F' => byte - b'A' + 10,
            b'\r' if digits > 0 => return Ok(At::SizeEnd),
            b';' if digits > 0 => return Ok(At::Extension),
            _ => return Err(Fault::ChunkSize),
        };
        if digits == DIGITS {
            return Err(Fault::ChunkSize);
        }
        self.left = self.left << 4 | u64::from(digit);
        Ok(At::Size { digits: digits + 1 })
    }

    fn trailer(&mut self, byte: u8) -> Result<At, Fault> {
        self.trailers += 1;
        if self.trailers > TRAILERS {
            return Err(Fault::Trailer);
        }
        match (self.at, byte) {
            (At::TrailerStart | At::TrailerName, _) if super::is_token(byte) => Ok(At::TrailerName),
            (At::TrailerName, b':') => Ok(At::TrailerValue),
            (At::TrailerValue, b'\r') => Ok(At::TrailerEnd),
            (At::TrailerValue, _) if super::is_text(byte) => Ok(At::TrailerValue),
            (At::TrailerEnd, b'\n') => Ok(At::TrailerStart),
            _ => Err(Fault::Trailer),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whole and in pieces: the same end, or the same fault at the same place.
    #[track_caller]
    fn check(body: &str, expected: Reach) {
        for step in [1, 2, 3, 7, body.len().max(1)] {
            let mut chunks = Chunks::default();
            let mut before = 0;
            let mut found = Reach::On;
            for piece in body.as_bytes().chunks(step) {
                found = match chunks.read(piece) {
                    Reach::On => Reach::On,
                    Reach::End(at) => Reach::End(before + at),
                    Reach::Fault(at, fault) => Reach::Fault(before + at, fault),
                };
                before += piece.len();
                if found != Reach::On {
                    break;
                }
            }
            assert_eq!(found, expected, "{body:?} by {step}");
        }
    }

    #[test]
    fn a_body_ends_behind_its_last_chunk() {
        check("0\r\n\r\n", Reach::End(5));
        check("2\r\n{}\r\n0\r\n\r\nGET /", Reach::End(12));
        check("0002\r\n{}\r\n00\r\n\r\n", Reach::End(16));
        check("A\r\n0123456789\r\n0\r\n\r\n", Reach::End(20));
        check(
            "1;a=\"b\"; c\r\nx\r\n0\r\nT: v\r\nU:\r\n\r\n",
            Reach::End(30),
        );
    }

    #[test]
    fn a_body_under_way_goes_on() {
        check("", Reach::On);
        check("5\r\nab", Reach::On);
        check("0\r\n", Reach::On);
        check("0\r\nT: v\r\n\r", Reach::On);
    }

    #[test]
    fn what_is_no_chunk_is_found_at_its_byte() {
        for (body, at, fault) in [
            ("\r\n", 0, Fault::ChunkSize),
            (" 1\r\n", 0, Fault::ChunkSize),
            ("1 \r\n", 1, Fault::ChunkSize),
            ("+1\r\n", 0, Fault::ChunkSize),
            ("0x1\r\n", 1, Fault::ChunkSize),
            ("1\n", 1, Fault::ChunkSize),
            ("1\rx", 2, Fault::ChunkSize),
            ("123456789\r\n", 8, Fault::ChunkSize),
            ("1;a\nx", 3, Fault::ChunkExtension),
            ("1;\0\r\n", 2, Fault::ChunkExtension),
            ("1\r\nxy\r\n", 4, Fault::ChunkEnd),
            ("1\r\nx\n", 4, Fault::ChunkEnd),
            ("1\r\nx\r0", 5, Fault::ChunkEnd),
            ("0\r\n\n", 3, Fault::Trailer),
            ("0\r\n\rX", 4, Fault::Trailer),
            ("0\r\nT : v\r\n", 4, Fault::Trailer),
            ("0\r\nT: v\nU", 7, Fault::Trailer),
            ("0\r\n folded\r\n", 3, Fault::Trailer),
            ("0\r\nGET / HTTP/1.1\r\n", 6, Fault::Trailer),
        ] {
            check(body, Reach::Fault(at, fault));
        }
    }

    #[test]
    fn extensions_and_trailers_come_to_an_end() {
        let long = format!("1;{}\r\n", "x".repeat(257));
        check(&long, Reach::Fault(258, Fault::ChunkExtension));
        let many = "1;xxxxxxxx\r\nx\r\n".repeat(33);
        check(&many, Reach::Fault(482, Fault::ChunkExtension));
        let trailers = format!("0\r\nT: {}\r\n", "x".repeat(1_100));
        check(&trailers, Reach::Fault(1_027, Fault::Trailer));
    }
}
