//! COSE messages with one signature or one MAC (RFC 9052, sections 4.2 and 6.2).

use std::collections::BTreeMap;

use minicbor::Encoder;

use super::cbor::{self, Item};
use super::{Envelope, Expected, MAX_KEY_ID};
use crate::family::{Algorithm, AlgorithmSet};

/// RFC 9053, sections 2 and 3.1; RFC 8230, section 2; RFC 8812, section 2. A truncated HMAC is none
/// of them.
const ALGORITHMS: [(i64, Algorithm); 8] = [
    (-257, Algorithm::Rs256),
    (-37, Algorithm::Ps256),
    (-35, Algorithm::Es384),
    (-8, Algorithm::EdDsa),
    (-7, Algorithm::Es256),
    (5, Algorithm::HmacSha256),
    (6, Algorithm::HmacSha384),
    (7, Algorithm::HmacSha512),
];

/// RFC 9052, section 3.1.
const ALGORITHM: &str = "1";
const CRITICAL: &str = "2";
const KEY_ID: &str = "4";

/// RFC 8392, section 6.
const CWT_TAG: u64 = 61;

/// Which message it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Structure {
    /// `COSE_Mac0`.
    Mac0,
    /// `COSE_Sign1`.
    Sign1,
}

impl Structure {
    /// The one that keys of this algorithm make.
    pub const fn of(algorithm: Algorithm) -> Self {
        if algorithm.is_symmetric() {
            Self::Mac0
        } else {
            Self::Sign1
        }
    }

    /// Its tag (RFC 9052, section 2).
    pub const fn tag(self) -> u64 {
        match self {
            Self::Mac0 => 17,
            Self::Sign1 => 18,
        }
    }

    /// The `Sig_structure` (section 4.4) or `MAC_structure` (section 6.3) of a message whose
    /// protected header is written `protected`, without data from outside.
    pub fn signed(self, protected: &[u8], payload: &[u8]) -> Vec<u8> {
        let context = match self {
            Self::Mac0 => "MAC0",
            Self::Sign1 => "Signature1",
        };
        let mut encoder = Encoder::new(Vec::new());
        // A `Vec` takes whatever is written.
        let _ = encoder.array(4).and_then(|encoder| {
            let encoder = encoder.str(context)?.bytes(protected)?.bytes(&[])?;
            encoder.bytes(payload)
        });
        encoder.into_writer()
    }
}

/// The label of an algorithm; none if COSE has no number for it.
pub fn label(algorithm: Algorithm) -> Option<i64> {
    let mut known = ALGORITHMS.into_iter();
    known.find_map(|(label, known)| (known == algorithm).then_some(label))
}

/// Opens a message, tagged or not; `key_id` writes the key's identifier as text.
pub(super) fn open(bytes: &[u8], key_id: fn(&[u8]) -> String) -> Result<Envelope, Expected> {
    let (structure, Item::Array(parts)) = untagged(cbor::read(bytes)?)? else {
        return Err("a cose message");
    };
    let Ok(
        [
            Item::Bytes(protected),
            Item::Map(unprotected),
            Item::Bytes(payload),
            Item::Bytes(signature),
        ],
    ) = <[Item<'_>; 4]>::try_from(parts)
    else {
        return Err("a cose message with one signature and its payload");
    };
    let header = protected_header(&protected)?;
    // Section 3.1: what `crit` names must be understood, and nothing beyond that section is.
    if header.contains_key(CRITICAL) || unprotected.contains_key(CRITICAL) {
        return Err("headers without a critical parameter");
    }
    // Section 3: with a label in both, "attributes MUST be obtained from the protected bucket".
    let parameter = |label| header.get(label).or_else(|| unprotected.get(label));
    let named = named(parameter(ALGORITHM));
    // Without a tag the algorithm tells them apart.
    let structure = structure.unwrap_or_else(|| {
        let only = named.iter().next().filter(|_| named != AlgorithmSet::ALL);
        only.map_or(Structure::Sign1, Structure::of)
    });
    let key_id = match parameter(KEY_ID) {
        None => None,
        Some(Item::Bytes(id)) if id.len() <= MAX_KEY_ID => Some(key_id(id)),
        Some(_) => return Err("at most 128 bytes as key id"),
    };
    // Section 4.4: an empty map and none at all are signed alike.
    let protected: &[u8] = if header.is_empty() { &[] } else { &protected };
    Ok(Envelope {
        key_id,
        algorithm: named
            .iter()
            .filter(|&it| Structure::of(it) == structure)
            .collect(),
        signed: structure.signed(protected, &payload),
        payload: payload.into_owned(),
        signature: signature.into_owned(),
    })
}

/// What the tag says, and the message within the tags.
fn untagged(item: Item<'_>) -> Result<(Option<Structure>, Item<'_>), Expected> {
    let item = match item {
        Item::Tagged(CWT_TAG, item) => *item,
        item => item,
    };
    let Item::Tagged(tag, inner) = item else {
        return Ok((None, item));
    };
    let mut structures = [Structure::Mac0, Structure::Sign1].into_iter();
    match structures.find(|structure| structure.tag() == tag) {
        Some(structure) => Ok((Some(structure), *inner)),
        None => Err("the tag of a cose message with one signature"),
    }
}

fn protected_header(bytes: &[u8]) -> Result<BTreeMap<String, Item<'_>>, Expected> {
    if bytes.is_empty() {
        return Ok(BTreeMap::new());
    }
    match cbor::read(bytes)? {
        Item::Map(header) => Ok(header),
        _ => Err("a map as protected header"),
    }
}

fn named(algorithm: Option<&Item<'_>>) -> AlgorithmSet {
    let Some(algorithm) = algorithm else {
        return AlgorithmSet::ALL;
    };
    let number = match algorithm {
        Item::Number(number) => number.as_i64(),
        _ => None,
    };
    let known = ALGORITHMS.into_iter();
    known
        .filter(|(label, _)| Some(*label) == number)
        .map(|(_, algorithm)| algorithm)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAYLOAD: &[u8] = b"\x45hello";

    fn message(tags: &[u8], protected: &[u8], unprotected: &[u8]) -> Vec<u8> {
        let length = u8::try_from(protected.len()).unwrap();
        let protected = [&[0x40 | length], protected].concat();
        [tags, b"\x84", &protected, unprotected, PAYLOAD, b"\x43sig"].concat()
    }

    fn opened(tags: &[u8], protected: &[u8], unprotected: &[u8]) -> Result<Envelope, Expected> {
        let key_id = |id: &[u8]| String::from_utf8(id.to_vec()).unwrap();
        open(&message(tags, protected, unprotected), key_id)
    }

    /// What is signed, up to the payload, and the algorithms.
    #[track_caller]
    fn check(
        tags: &[u8],
        protected: &[u8],
        unprotected: &[u8],
        signed: &[u8],
        named: &[Algorithm],
    ) {
        let envelope = opened(tags, protected, unprotected).unwrap();
        let whole = [signed, b"\x40", PAYLOAD].concat();
        assert_eq!(envelope.signed, whole, "{:02x?}", envelope.signed);
        assert_eq!(envelope.algorithm.iter().collect::<Vec<_>>(), named);
        assert_eq!(
            (&*envelope.payload, &*envelope.signature),
            (&b"hello"[..], &b"sig"[..])
        );
    }

    #[test]
    fn what_is_signed_follows_the_tag_or_the_algorithm() {
        use Algorithm::{Es256, HmacSha256, HmacSha512};
        let sign1 = b"\x84\x6aSignature1\x43\xa1\x01\x26";
        check(b"\xd2", b"\xa1\x01\x26", b"\xa0", sign1, &[Es256]);
        check(b"\xd8\x3d\xd2", b"\xa1\x01\x26", b"\xa0", sign1, &[Es256]);
        check(b"", b"\xa1\x01\x26", b"\xa0", sign1, &[Es256]);
        let mac0 = b"\x84\x64MAC0\x43\xa1\x01\x05";
        check(b"\xd1", b"\xa1\x01\x05", b"\xa0", mac0, &[HmacSha256]);
        check(b"", b"\xa1\x01\x05", b"\xa0", mac0, &[HmacSha256]);
        // A key of one kind never signs the other's structure.
        check(
            b"\xd1",
            b"\xa1\x01\x26",
            b"\xa0",
            b"\x84\x64MAC0\x43\xa1\x01\x26",
            &[],
        );
        check(
            b"\xd2",
            b"\xa1\x01\x05",
            b"\xa0",
            b"\x84\x6aSignature1\x43\xa1\x01\x05",
            &[],
        );
        // An empty header is signed as none, however it is written.
        let none = b"\x84\x6aSignature1\x40";
        check(b"\xd2", b"", b"\xa1\x01\x26", none, &[Es256]);
        check(b"\xd2", b"\xa0", b"\xa1\x01\x26", none, &[Es256]);
        // Otherwise it is signed as found, here with a longer head than it needs.
        let long = b"\x84\x6aSignature1\x44\xb8\x01\x01\x26";
        check(b"\xd2", b"\xb8\x01\x01\x26", b"\xa0", long, &[Es256]);
        check(
            b"\xd1",
            b"\xa1\x01\x07",
            b"\xa1\x01\x26",
            b"\x84\x64MAC0\x43\xa1\x01\x07",
            &[HmacSha512],
        );
    }

    #[test]
    fn an_algorithm_not_named_is_any_and_an_unknown_one_none() {
        let named =
            |tags: &[u8], protected: &[u8]| opened(tags, protected, b"\xa0").unwrap().algorithm;
        let signing = AlgorithmSet::ALL.iter().filter(|it| !it.is_symmetric());
        let signing: AlgorithmSet = signing.collect();
        assert_eq!(named(b"\xd2", b""), signing);
        assert_eq!(named(b"", b""), signing);
        assert!(named(b"\xd1", b"").iter().all(Algorithm::is_symmetric));
        // HMAC 256/64 is cut short; 18 is XMSS; the last is text.
        for protected in [&b"\xa1\x01\x04"[..], b"\xa1\x01\x12", b"\xa1\x01\x65ES256"] {
            assert!(named(b"", protected).is_empty());
        }
    }

    #[test]
    fn the_protected_header_comes_first() {
        let key_id = |protected: &[u8], unprotected: &[u8]| {
            opened(b"\xd2", protected, unprotected).unwrap().key_id
        };
        assert_eq!(
            key_id(b"\xa1\x04\x41a", b"\xa1\x04\x41b").as_deref(),
            Some("a")
        );
        assert_eq!(key_id(b"", b"\xa1\x04\x41b").as_deref(), Some("b"));
        assert_eq!(key_id(b"", b"\xa0"), None);
    }

    #[test]
    fn other_messages_are_refused() {
        let crit = "headers without a critical parameter";
        let refused = |tags: &[u8], protected: &[u8], unprotected: &[u8]| {
            opened(tags, protected, unprotected).err().unwrap()
        };
        assert_eq!(refused(b"\xd2", b"\xa1\x02\x81\x04", b"\xa0"), crit);
        assert_eq!(refused(b"\xd2", b"", b"\xa1\x02\x81\x04"), crit);
        // COSE_Sign, an unknown tag, a tag twice, the tags the wrong way round.
        for tags in [
            &b"\xd8\x62"[..],
            b"\xd9\x03\xe6",
            b"\xd2\xd2",
            b"\xd2\xd8\x3d",
            b"\xd8\x3d\xd8\x3d",
        ] {
            refused(tags, b"\xa1\x01\x26", b"\xa0");
        }
        refused(b"\xd2", b"\x80", b"\xa0");
        refused(b"\xd2", b"\xa2\x01\x26\x01\x26", b"\xa0");
        refused(b"\xd2", b"\xa1\x01\x26\x00", b"\xa0");
        refused(b"\xd2", b"", b"\xa2\x04\x41a\x04\x41b");
        refused(b"\xd2", b"", b"\xa1\x04\x61a");
        refused(
            b"\xd2",
            b"",
            &[&b"\xa1\x04\x58\x81"[..], &[b'k'; 129]].concat(),
        );
        let key_id = |_: &[u8]| String::new();
        for bytes in [
            &b""[..],
            b"\xd2",
            b"\xd2\xa0",
            b"\xd2\x83\x40\xa0\x40",
            b"\xd2\x84\x40\xa0\xf6\x40",
            b"\xd2\x84\xa0\xa0\x40\x40",
            b"\xd2\x84\x40\x40\x40\x40",
            b"\xd2\x85\x40\xa0\x40\x40\x40",
            b"\xd2\x84\x40\xa0\x40\x40\x00",
        ] {
            assert!(open(bytes, key_id).is_err(), "{bytes:02x?}");
        }
    }
}
