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
