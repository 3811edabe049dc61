//! Bytes written as text.

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;

use super::Expected;

/// RFC 4648, section 5, without padding and with no bit to spare.
pub(super) fn base64url(text: &str) -> Result<Vec<u8>, Expected> {
    BASE64_URL_SAFE_NO_PAD
        .decode(text)
        .map_err(|_| "base64url without padding")
}

/// RFC 9285. The crate takes two last characters that say more than 255; written anew, they are
/// others.
pub(super) fn base45(text: &str) -> Result<Vec<u8>, Expected> {
    let bytes = base45::decode(text).ok();
    bytes
        .filter(|bytes| base45::encode(bytes) == text)
        .ok_or("base45")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base45_of_the_rfc_is_read() {
        for (text, bytes) in [
            ("", &b""[..]),
            ("BB8", b"AB"),
            ("%69 VD92EX0", b"Hello!!"),
            ("UJCLQE7W581", b"base-45"),
            ("QED8WEX0", b"ietf!"),
            ("FGW", b"\xff\xff"),
            ("U5", b"\xff"),
            ("00", b"\0"),
        ] {
            assert_eq!(base45(text).as_deref(), Ok(bytes), "{text}");
        }
    }

    #[test]
    fn what_base45_cannot_say_is_refused() {
        for text in [
            "GGW", ":::", "::", "V5", "A", "BB8A", "bb8", "BB8\n", " BB8", "BB,", "BBé",
        ] {
            assert_eq!(base45(text), Err("base45"), "{text}");
        }
    }

    #[test]
    fn base64url_is_strict() {
        assert_eq!(base64url("_-8").as_deref(), Ok(&b"\xff\xef"[..]));
        for text in ["_-8=", "_-9", "_", "/+8", "_- 8", "_-8\n"] {
            assert!(base64url(text).is_err(), "{text}");
        }
    }
}
