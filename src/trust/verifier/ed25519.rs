//! Ed25519, strictly: `ring` refuses an S that is not below the order and compares R byte by byte;
//! what it lets through is refused here, so that everybody who verifies strictly agrees with us
//! ("Taming the many `EdDSAs`", Chalkias, Garillot and Nikolaenko, 2020).

use ring::signature::ED25519;

use super::{by_ring, curve};
use crate::trust::KeyFault;

/// A compressed point, in little-endian order: y, and the sign of x in the highest bit.
pub(super) const POINT_BYTES: usize = 32;

const SIGN: u8 = 0x80;

/// The prime of the field, 2^255 - 19; an y that is not below it has a second spelling.
const PRIME: [u8; POINT_BYTES] = number(0xED, 0xFF, 0x7F);

/// The y of the eight points of small order. Two of these have x = 0 and one point each, so that
/// their spelling with a sign is none (RFC 8032, section 5.1.3, step 4); the other three have two.
const SMALL_ORDER: [[u8; POINT_BYTES]; 5] = [
    // 0: order 4.
    number(0, 0, 0),
    // 1: order 1, the neutral element.
    number(1, 0, 0),
    // -1: order 2.
    number(0xEC, 0xFF, 0x7F),
    // Order 8.
    [
        0x26, 0xE8, 0x95, 0x8F, 0xC2, 0xB2, 0x27, 0xB0, 0x45, 0xC3, 0xF4, 0x89, 0xF2, 0xEF, 0x98,
        0xF0, 0xD5, 0xDF, 0xAC, 0x05, 0xD3, 0xC6, 0x33, 0x39, 0xB1, 0x38, 0x02, 0x88, 0x6D, 0x53,
        0xFC, 0x05,
    ],
    // Its negative.
    [
        0xC7, 0x17, 0x6A, 0x70, 0x3D, 0x4D, 0xD8, 0x4F, 0xBA, 0x3C, 0x0B, 0x76, 0x0D, 0x10, 0x67,
        0x0F, 0x2A, 0x20, 0x53, 0xFA, 0x2C, 0x39, 0xCC, 0xC6, 0x4E, 0xC7, 0xFD, 0x77, 0x92, 0xAC,
        0x03, 0x7A,
    ],
];

/// The point itself, checked.
pub(in crate::trust) struct Ed25519Key([u8; POINT_BYTES]);

impl Ed25519Key {
    pub(super) fn new(point: &[u8]) -> Result<Self, KeyFault> {
        let point: [u8; POINT_BYTES] = point.try_into().map_err(|_| KeyFault::PointForm {
            found: point.len(),
            expected: POINT_BYTES,
        })?;
        let y = without_sign(point);
        if !is_reduced(&y) || !curve::on_ed25519(&y) {
            return Err(KeyFault::PointOffCurve);
        }
        if SMALL_ORDER.contains(&y) {
            return Err(KeyFault::WeakPoint);
        }
        Ok(Self(point))
    }

    pub(super) fn verifies(&self, bytes: &[u8], signature: &[u8]) -> bool {
        let Some((&r, _)) = signature.split_first_chunk() else {
            return false;
        };
        let y = without_sign(r);
        is_reduced(&y) && !SMALL_ORDER.contains(&y) && by_ring(&ED25519, &self.0, bytes, signature)
    }
}

fn without_sign(mut point: [u8; POINT_BYTES]) -> [u8; POINT_BYTES] {
    let [.., highest] = &mut point;
    *highest &= !SIGN;
    point
}

fn is_reduced(y: &[u8; POINT_BYTES]) -> bool {
    y.iter().rev().lt(PRIME.iter().rev())
}

/// A number of which only the lowest and the highest byte differ from the others.
const fn number(low: u8, middle: u8, high: u8) -> [u8; POINT_BYTES] {
    let mut bytes = [middle; POINT_BYTES];
    let [lowest, .., highest] = &mut bytes;
    (*lowest, *highest) = (low, high);
    bytes
}
