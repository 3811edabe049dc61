//! What both sides of the gateway read of HTTP/1.1 in the same way, by the letter of RFC 9112: chunks, names,
//! lengths, the last word on a connection, and the rules a message can break.

mod chunks;
mod fault;
mod names;

use http::{HeaderMap, header};

pub use self::{
    chunks::{Chunks, Part, Reach},
    fault::Fault,
    names::Names,
};

/// The largest length: hyper keeps the two above it for other uses.
const LENGTH: u64 = u64::MAX - 2;

/// RFC 9110, section 5.6.2: a character of a name.
pub const fn is_token(byte: u8) -> bool {
    matches!(
        byte,
        b'0'..=b'9'
            | b'A'..=b'Z'
            | b'a'..=b'z'
            | b'!'
            | b'#'..=b'\''
            | b'*'
            | b'+'
            | b'-'
            | b'.'
            | b'^'
            | b'_'
            | b'`'
            | b'|'
            | b'~'
    )
}

/// RFC 9110, section 5.5: a character of a value; those beyond ASCII mean nothing and pass.
pub const fn is_text(byte: u8) -> bool {
    matches!(byte, b'\t' | b' '..=b'~' | 0x80..)
}

/// The length that plain digits say. A leading zero may be a number of base eight to somebody.
pub fn length(digits: &[u8]) -> Option<u64> {
    let plain = !digits.is_empty()
        && digits.iter().all(u8::is_ascii_digit)
        && (digits.len() == 1 || !digits.starts_with(b"0"));
    if !plain {
        return None;
    }
    let length = digits.iter().try_fold(0_u64, |length, digit| {
        length.checked_mul(10)?.checked_add(u64::from(digit - b'0'))
    });
    length.filter(|length| *length <= LENGTH)
}

/// Whether a message says that its connection ends with it (section 9.6).
pub fn says_close(headers: &HeaderMap) -> bool {
    let mut lines = headers.get_all(header::CONNECTION).iter();
    lines.any(|line| lists_close(line.as_bytes()))
}

/// The same of one line's value.
pub fn lists_close(value: &[u8]) -> bool {
    let mut words = value.split(|byte| *byte == b',');
    words.any(|word| word.trim_ascii().eq_ignore_ascii_case(b"close"))
}
