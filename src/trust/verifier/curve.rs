//! Whether a point is on its curve. `ring` looks only when it verifies, and then does not say what
//! was wrong; a key that can never verify is to be named when it is read.
//!
//! For public keys, once each: plain arithmetic in variable time.

use sm2::elliptic_curve::bigint::{NonZero, U256, U384, Uint};

/// P-256: y² = x³ - 3x + b (SP 800-186, section 3.2.1.3).
const P256: Nist<{ U256::LIMBS }> = Nist {
    field: Field(NonZero::<U256>::new_unwrap(U256::from_be_hex(
        "ffffffff00000001000000000000000000000000ffffffffffffffffffffffff",
    ))),
    b: U256::from_be_hex("5ac635d8aa3a93e7b3ebbd55769886bc651d06b0cc53b0f63bce3c3e27d2604b"),
};

/// P-384: y² = x³ - 3x + b (SP 800-186, section 3.2.1.4).
const P384: Nist<{ U384::LIMBS }> = Nist {
    field: Field(NonZero::<U384>::new_unwrap(U384::from_be_hex(
        "fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffe\
         ffffffff0000000000000000ffffffff",
    ))),
    b: U384::from_be_hex(
        "b3312fa7e23ee7e4988e056be3f82d19181d9c6efe8141120314088f5013875a\
         c656398d8a2ed19d2a85c8edd3ec2aef",
    ),
};

/// The field of edwards25519 and its d: -x² + y² = 1 + dx²y² (RFC 8032, section 5.1).
const FIELD25519: Field<{ U256::LIMBS }> = Field(NonZero::<U256>::new_unwrap(U256::from_be_hex(
    "7fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffed",
)));
const D: U256 =
    U256::from_be_hex("52036cee2b6ffe738cc740797779e89800700a4d4141d8ab75eb4dca135978a3");

/// Whether (x, y) is a point of P-256.
pub(super) fn on_p256(x: &[u8; 32], y: &[u8; 32]) -> bool {
    P256.holds(U256::from_be_slice(x), U256::from_be_slice(y))
}

/// Whether (x, y) is a point of P-384.
pub(super) fn on_p384(x: &[u8; 48], y: &[u8; 48]) -> bool {
    P384.holds(U384::from_be_slice(x), U384::from_be_slice(y))
}

/// Whether a point of edwards25519 has this y, in little-endian order and below the prime.
pub(super) fn on_ed25519(y: &[u8; 32]) -> bool {
    let field = &FIELD25519;
    let y = U256::from_le_slice(y);
    let squared = field.mul(y, y);
    // x² = (y² - 1) / (dy² + 1), and a quotient is a square if and only if the product is.
    let above = squared.sub_mod(&U256::ONE, &field.0);
    let below = field.mul(D, squared).add_mod(&U256::ONE, &field.0);
    field.is_square(field.mul(above, below))
}

struct Nist<const LIMBS: usize> {
    field: Field<LIMBS>,
    b: Uint<LIMBS>,
}

impl<const LIMBS: usize> Nist<LIMBS> {
    fn holds(&self, x: Uint<LIMBS>, y: Uint<LIMBS>) -> bool {
        let Field(prime) = &self.field;
        let cubed = self.field.mul(self.field.mul(x, x), x);
        let thrice = x.add_mod(&x, prime).add_mod(&x, prime);
        let right = cubed.sub_mod(&thrice, prime).add_mod(&self.b, prime);
        x < **prime && y < **prime && self.field.mul(y, y) == right
    }
}

/// A prime field.
struct Field<const LIMBS: usize>(NonZero<Uint<LIMBS>>);

impl<const LIMBS: usize> Field<LIMBS> {
    fn mul(&self, left: Uint<LIMBS>, right: Uint<LIMBS>) -> Uint<LIMBS> {
        left.mul_mod_vartime(&right, &self.0)
    }

    /// Euler's criterion: `value` to the power of (p - 1) / 2.
    fn is_square(&self, value: Uint<LIMBS>) -> bool {
        let exponent = self.0.shr_vartime(1);
        let power = (0..exponent.bits_vartime())
            .rev()
            .fold(Uint::ONE, |power, bit| {
                let squared = self.mul(power, power);
                if exponent.bit_vartime(bit) {
                    self.mul(squared, value)
                } else {
                    squared
                }
            });
        power == Uint::ONE || value == Uint::ZERO
    }
}
