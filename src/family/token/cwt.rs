//! CBOR Web Tokens (RFC 8392), for departments that want compact codes.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;

use super::{Envelope, Expected, ParseError, Token, cbor, claims, cose, text, unexpected};

/// How the bytes of a token are written as text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Writing {
    /// RFC 9285.
    Base45,
    /// RFC 4648, section 5, without padding.
    Base64Url,
}

/// Reads a token that is all of `text`.
pub fn parse(text: &str, writing: Writing) -> Result<Token, ParseError> {
    let bytes = match writing {
        Writing::Base45 => text::base45(text),
        Writing::Base64Url => text::base64url(text),
    };
    bytes
        .and_then(|bytes| token(cose::open(&bytes, key_id)?))
        .map_err(unexpected(0))
}

/// The token in a message's payload, which must be a claims set (RFC 8392, section 7.2).
pub(super) fn token(envelope: Envelope) -> Result<Token, Expected> {
    let claims = cbor::read(&envelope.payload)?.into_json();
    if !claims.is_object() {
        return Err("a map of claims");
    }
    envelope.token(claims, &claims::CWT)
}

/// Text where the bytes are some, as in the examples of RFC 9052, else Base64.
fn key_id(bytes: &[u8]) -> String {
    match str::from_utf8(bytes) {
        Ok(text) if bytes.iter().all(u8::is_ascii_graphic) => text.into(),
        _ => BASE64_STANDARD.encode(bytes),
    }
}

#[cfg(test)]
mod tests {
    use base64::prelude::BASE64_URL_SAFE_NO_PAD;
    use ring::{hmac, signature};
    use serde_json::json;

    use super::*;
    use crate::family::{Algorithm, AlgorithmSet};
    use crate::time::Timestamp;

    /// RFC 8392, appendix A.3, with the key of A.2.3.
    const SIGNED: &str = "d28443a10126a104524173796d6d657472696345434453413235365850a70175636f61703a2f2f61732e6578616d706c652e636f6d02656572696b77037818636f61703a2f2f6c696768742e6578616d706c652e636f6d041a5612aeb0051a5610d9f0061a5610d9f007420b7158405427c1ff28d23fbad1f29c4c7c6a555e601d6fa29f9179bc3d7438bacaca5acd08c8d4d4f96131680c429a01f85951ecee743a52b9b63632c57209120e1c9e30";
    const KEY: &str = "04143329cce7868e416927599cf65a34f3ce2ffda55a7eca69ed8919a394d42f0f60f7f1a780d8a783bfb7a2dd6b2796e8128dbbcef9d3d168db9529971a36e7b9";

    /// RFC 8392, appendix A.4, with the key of A.2.2.
    const TAGGED: &str = "d83dd18443a10104a1044c53796d6d65747269633235365850a70175636f61703a2f2f61732e6578616d706c652e636f6d02656572696b77037818636f61703a2f2f6c696768742e6578616d706c652e636f6d041a5612aeb0051a5610d9f0061a5610d9f007420b7148093101ef6d789200";
    const SECRET: &str = "403697de87af64611c1d32a05dab0fe1fcb715a86ab435f1ec99192d79569388";

    fn unhex(text: &str) -> Vec<u8> {
        let digits: Vec<_> = text.chars().map(|c| c.to_digit(16).unwrap()).collect();
        let byte = |pair: &[u32]| u8::try_from(pair[0] * 16 + pair[1]).unwrap();
        digits.chunks_exact(2).map(byte).collect()
    }

    #[test]
    fn the_signed_example_of_the_rfc_verifies() {
        let bytes = unhex(SIGNED);
        let text = BASE64_URL_SAFE_NO_PAD.encode(&bytes);
        let token = parse(&text, Writing::Base64Url).unwrap();
        assert_eq!(token.issuer.as_deref(), Some("coap://as.example.com"));
        assert_eq!(token.key_id.as_deref(), Some("AsymmetricECDSA256"));
        assert_eq!(token.algorithm, AlgorithmSet::only(Algorithm::Es256));
        let from = Timestamp::from_seconds(1_443_944_944);
        assert_eq!(
            (token.issued_at, token.not_before),
            (Some(from), Some(from))
        );
        assert_eq!(
            token.expires_at,
            Some(Timestamp::from_seconds(1_444_064_944))
        );
        assert_eq!(token.claims["7"], json!("C3E"));
        signature::UnparsedPublicKey::new(&signature::ECDSA_P256_SHA256_FIXED, unhex(KEY))
            .verify(&token.signed, &token.signature)
            .unwrap();
        let other = parse(&base45::encode(&bytes), Writing::Base45).unwrap();
        assert_eq!((other.signed, other.claims), (token.signed, token.claims));
    }

    #[test]
    fn the_example_with_a_mac_agrees_and_its_cut_algorithm_is_none_of_ours() {
        let text = BASE64_URL_SAFE_NO_PAD.encode(unhex(TAGGED));
        let token = parse(&text, Writing::Base64Url).unwrap();
        assert_eq!(token.key_id.as_deref(), Some("Symmetric256"));
        assert!(token.algorithm.is_empty());
        let key = hmac::Key::new(hmac::HMAC_SHA256, &unhex(SECRET));
        let mac = hmac::sign(&key, &token.signed);
        assert_eq!(mac.as_ref()[..8], token.signature);
    }

    #[test]
    fn claims_must_be_a_map_with_times_as_numbers() {
        let check = |payload: &[u8], is_read: bool| {
            let length = u8::try_from(payload.len()).unwrap();
            let message = [
                b"\xd2\x84\x43\xa1\x01\x26\xa0",
                &[0x40 | length][..],
                payload,
                b"\x41s",
            ];
            let text = BASE64_URL_SAFE_NO_PAD.encode(message.concat());
            let token = parse(&text, Writing::Base64Url);
            assert_eq!(token.is_ok(), is_read, "{payload:02x?} {token:?}");
        };
        check(b"\xa0", true);
        check(b"\xa1\x04\xfb\x41\xd8\x24\x94\x88\x00\x00\x00", true);
        check(b"\xa1\x04\x00", true);
        for payload in [
            &b""[..],
            b"\x80",
            b"\xa1\x04\x61\x31",
            b"\xa1\x04\x41\x31",
            b"\xa1\x04\xf6",
            b"\xa1\x04\x20",
            b"\xa1\x04\xf9\x7c\x00",
            b"\xa1\x04\x1b\xff\xff\xff\xff\xff\xff\xff\xff",
            b"\xa1\x01\x01",
            b"\xa2\x04\x00\x04\x01",
            b"\xa0\x00",
        ] {
            check(payload, false);
        }
    }

    #[test]
    fn key_ids_are_text_where_they_can_be() {
        assert_eq!(key_id(b"our-key.1"), "our-key.1");
        assert_eq!(key_id(b"\xd9\x19\x37\x5f\xc1\xe7\xb6\xb2"), "2Rk3X8HntrI=");
        assert_eq!(key_id(b"a b"), "YSBi");
        assert_eq!(key_id("é".as_bytes()), "w6k=");
    }
}
