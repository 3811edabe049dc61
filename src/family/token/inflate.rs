//! Compressed payloads, with an end to how large they may become.

use miniz_oxide::inflate::TINFLStatus;
use miniz_oxide::inflate::core::inflate_flags::{
    TINFL_FLAG_PARSE_ZLIB_HEADER, TINFL_FLAG_USING_NON_WRAPPING_OUTPUT_BUF,
};
use miniz_oxide::inflate::core::{DecompressorOxide, decompress};

use super::Expected;

/// The most bytes a payload may inflate to. The largest symbol holds 2,953, published credentials
/// inflate to less than four times theirs, and DEFLATE could reach a thousand times.
const MAX_INFLATED: usize = 64 << 10;

/// RFC 1950, its checksum included.
pub(super) fn zlib(bytes: &[u8]) -> Result<Vec<u8>, Expected> {
    inflate(bytes, TINFL_FLAG_PARSE_ZLIB_HEADER).ok_or("one whole zlib stream of at most 64 KiB")
}

/// RFC 1951, without anything around it.
pub(super) fn raw(bytes: &[u8]) -> Result<Vec<u8>, Expected> {
    inflate(bytes, 0).ok_or("one whole deflate stream of at most 64 KiB")
}

/// Inflates into a buffer of the full size at once: growing one would copy what a bomb makes.
fn inflate(bytes: &[u8], flags: u32) -> Option<Vec<u8>> {
    let flags = flags | TINFL_FLAG_USING_NON_WRAPPING_OUTPUT_BUF;
    let mut inflated = vec![0; MAX_INFLATED];
    let mut state = Box::<DecompressorOxide>::default();
    let (status, read, written) = decompress(&mut state, bytes, &mut inflated, 0, flags);
    inflated.truncate(written);
    (status == TINFLStatus::Done && read == bytes.len()).then_some(inflated)
}

#[cfg(test)]
mod tests {
    use miniz_oxide::deflate::{compress_to_vec, compress_to_vec_zlib};

    use super::*;

    #[test]
    fn what_was_deflated_is_inflated() {
        for size in [0, 1, 300, MAX_INFLATED] {
            let plain: Vec<u8> = (0..=255).cycle().take(size).collect();
            for level in [0, 1, 6, 10] {
                assert_eq!(
                    zlib(&compress_to_vec_zlib(&plain, level)).as_ref(),
                    Ok(&plain)
                );
                assert_eq!(raw(&compress_to_vec(&plain, level)).as_ref(), Ok(&plain));
            }
        }
    }

    #[test]
    fn a_bomb_does_not_go_off() {
        for size in [MAX_INFLATED + 1, 4 << 20] {
            let bomb = compress_to_vec_zlib(&vec![0; size], 9);
            assert!(zlib(&bomb).is_err());
            assert!(raw(&compress_to_vec(&vec![0; size], 9)).is_err());
        }
    }

    #[test]
    fn a_stream_is_whole_and_alone() {
        let plain = b"one whole zlib stream and nothing behind it";
        let (with, without) = (compress_to_vec_zlib(plain, 6), compress_to_vec(plain, 6));
        for end in 0..with.len() {
            assert!(zlib(&with[..end]).is_err(), "{end}");
        }
        for end in 0..without.len() {
            assert!(raw(&without[..end]).is_err(), "{end}");
        }
        for behind in [&b"\0"[..], b"more", &[0; 64]] {
            assert!(zlib(&[&with, behind].concat()).is_err());
            assert!(raw(&[&without, behind].concat()).is_err());
        }
        let mut broken = with.clone();
        *broken.last_mut().unwrap() ^= 1;
        assert!(zlib(&broken).is_err(), "the checksum is looked at");
        assert!(zlib(&without).is_err() && raw(&with).is_err());
        assert!(zlib(plain).is_err() && raw(b"").is_err() && zlib(b"").is_err());
    }
}
