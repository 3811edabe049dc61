//! ECDSA on the NIST curves, by `ring`.

use ring::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA384_ASN1, ECDSA_P384_SHA256_ASN1,
    ECDSA_P384_SHA384_FIXED, EcdsaVerificationAlgorithm,
};

use super::{by_ring, curve, pair};
use crate::family::{Algorithm, Form};
use crate::trust::KeyFault;

/// What an uncompressed point begins with (SEC 1, section 2.3.3).
const UNCOMPRESSED: u8 = 4;

#[derive(Clone, Copy)]
pub(in crate::trust) enum Curve {
    P256,
    P384,
}

impl Curve {
    /// The width of one number.
    const fn width(self) -> usize {
        match self {
            Self::P256 => 32,
            Self::P384 => 48,
        }
    }

    pub(super) const fn algorithm(self) -> Algorithm {
        match self {
            Self::P256 => Algorithm::Es256,
            Self::P384 => Algorithm::Es384,
        }
    }
}

/// A point of one of the curves, `04 x y`.
pub(in crate::trust) struct EcdsaKey {
    pub(super) curve: Curve,
    hash: Hash,
    point: Box<[u8]>,
}

#[derive(Clone, Copy)]
enum Hash {
    Sha256,
    Sha384,
}

impl EcdsaKey {
    pub(super) fn new(curve: Curve, point: &[u8]) -> Result<Self, KeyFault> {
        let (x, y) = coordinates(point, curve.width())?;
        let on_curve = match curve {
            Curve::P256 => both(x, y).is_some_and(|(x, y)| curve::on_p256(x, y)),
            Curve::P384 => both(x, y).is_some_and(|(x, y)| curve::on_p384(x, y)),
        };
        let key = Self {
            curve,
            hash: match curve {
                Curve::P256 => Hash::Sha256,
                Curve::P384 => Hash::Sha384,
            },
            point: point.into(),
        };
        on_curve.then_some(key).ok_or(KeyFault::PointOffCurve)
    }

    /// The same point with the hash of the other curve, which no algorithm has, and its name.
    pub(in crate::trust) fn under_other_hash(&self) -> (Self, &'static str) {
        let (hash, name) = match self.hash {
            Hash::Sha256 => (Hash::Sha384, "SHA-384"),
            Hash::Sha384 => (Hash::Sha256, "SHA-256"),
        };
        let (curve, point) = (self.curve, self.point.clone());
        (Self { curve, hash, point }, name)
    }

    pub(super) fn verifies(&self, form: Form, bytes: &[u8], signature: &[u8]) -> bool {
        let mut buffer = [0; pair::MAX_PAIR_BYTES];
        let pair = pair::read(form, signature, self.curve.width(), &mut buffer);
        pair.is_some_and(|pair| match (self.curve, self.hash) {
            (Curve::P256, Hash::Sha256) => self.holds(&ECDSA_P256_SHA256_FIXED, bytes, pair),
            (Curve::P384, Hash::Sha384) => self.holds(&ECDSA_P384_SHA384_FIXED, bytes, pair),
            // `ring` reads these in DER only.
            (Curve::P256, Hash::Sha384) => {
                self.holds(&ECDSA_P256_SHA384_ASN1, bytes, &pair::to_der(pair))
            }
            (Curve::P384, Hash::Sha256) => {
                self.holds(&ECDSA_P384_SHA256_ASN1, bytes, &pair::to_der(pair))
            }
        })
    }

    fn holds(&self, by: &'static EcdsaVerificationAlgorithm, bytes: &[u8], pair: &[u8]) -> bool {
        by_ring(by, &self.point, bytes, pair)
    }
}

/// The two halves of an uncompressed point.
pub(super) fn coordinates(point: &[u8], width: usize) -> Result<(&[u8], &[u8]), KeyFault> {
    let form = KeyFault::PointForm {
        found: point.len(),
        expected: 2 * width + 1,
    };
    match point {
        [UNCOMPRESSED, rest @ ..] if rest.len() == 2 * width => {
            rest.split_at_checked(width).ok_or(form)
        }
        _ => Err(form),
    }
}

fn both<'a, const WIDTH: usize>(
    x: &'a [u8],
    y: &'a [u8],
) -> Option<(&'a [u8; WIDTH], &'a [u8; WIDTH])> {
    Some((x.try_into().ok()?, y.try_into().ok()?))
}
