//! What both sides of the gateway read of HTTP/1.1 in the same way, by the letter of RFC 9112: chunks, the
//! characters of names and values, and the rules a message can break.

mod chunks;
mod fault;

pub use self::{
    chunks::{Chunks, Part, Reach},
    fault::Fault,
};

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
