//! RSA signatures with SHA-256, by `ring`, which keeps no parsed form of a public key: what it
//! computes anew each time is little beside the exponentiation.

use std::ops::RangeInclusive;

use ring::signature::{
    RSA_PKCS1_2048_8192_SHA256, RSA_PSS_2048_8192_SHA256, RsaPublicKeyComponents,
};

use crate::family::Algorithm;
use crate::trust::KeyFault;

/// What `ring` verifies; below 2,048 bits a modulus can be factored in time to come (RFC 7518,
/// section 3.3), above 8,192 a verification takes too long.
pub(in crate::trust) const RSA_BITS: RangeInclusive<usize> = 2_048..=8_192;

/// The widest public exponent `ring` takes.
const MAX_EXPONENT_BITS: usize = 33;

#[derive(Clone, Copy)]
pub(in crate::trust) enum Padding {
    Pkcs1,
    Pss,
}

impl Padding {
    pub(in crate::trust) const fn algorithm(self) -> Algorithm {
        match self {
            Self::Pkcs1 => Algorithm::Rs256,
            Self::Pss => Algorithm::Ps256,
        }
    }
}

/// A modulus and an exponent, checked.
pub(in crate::trust) struct RsaKey {
    pub(in crate::trust) padding: Padding,
    numbers: RsaPublicKeyComponents<Vec<u8>>,
}

impl RsaKey {
    /// Takes big-endian numbers; leading zeros do not count.
    pub(super) fn new(padding: Padding, n: &[u8], e: &[u8]) -> Result<Self, KeyFault> {
        let (n, e) = (without_zeros(n), without_zeros(e));
        if !RSA_BITS.contains(&bits(n)) {
            return Err(KeyFault::RsaSize { bits: bits(n) });
        }
        if !is_odd(n) {
            return Err(KeyFault::RsaModulus);
        }
        if !is_odd(e) || e == [1] || bits(e) > MAX_EXPONENT_BITS {
            return Err(KeyFault::RsaExponent);
        }
        let (n, e) = (n.into(), e.into());
        Ok(Self {
            padding,
            numbers: RsaPublicKeyComponents { n, e },
        })
    }

    /// The same key with the other padding.
    pub(in crate::trust) fn under_other_padding(&self) -> Self {
        Self {
            padding: match self.padding {
                Padding::Pkcs1 => Padding::Pss,
                Padding::Pss => Padding::Pkcs1,
            },
            numbers: RsaPublicKeyComponents {
                n: self.numbers.n.clone(),
                e: self.numbers.e.clone(),
            },
        }
    }

    pub(super) fn verifies(&self, bytes: &[u8], signature: &[u8]) -> bool {
        let parameters = match self.padding {
            Padding::Pkcs1 => &RSA_PKCS1_2048_8192_SHA256,
            Padding::Pss => &RSA_PSS_2048_8192_SHA256,
        };
        self.numbers.verify(parameters, bytes, signature).is_ok()
    }
}

fn without_zeros(number: &[u8]) -> &[u8] {
    let zeros = number.iter().take_while(|&&byte| byte == 0).count();
    number.get(zeros..).unwrap_or_default()
}

/// The length of a number without leading zeros.
fn bits(number: &[u8]) -> usize {
    let unused = number.first().map_or(0, |byte| byte.leading_zeros());
    (number.len() * 8).saturating_sub(usize::try_from(unused).unwrap_or(0))
}

fn is_odd(number: &[u8]) -> bool {
    number.last().is_some_and(|byte| byte & 1 == 1)
}
