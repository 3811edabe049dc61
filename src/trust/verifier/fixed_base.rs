//! Multiples of one point of the SM2 curve, fast because the point is known beforehand.
//!
//! A scalar is cut into windows of five bits, each a digit from -15 to 16; the table holds
//! 1 to 16 times 32^w times the point for every window w, so that a product is one addition a
//! window and no doubling at all. `primeorder` adds by complete formulas (Renes, Costello, Batina
//! 2015): equal, opposite and neutral summands need no care here.
//!
//! Everything is in variable time: signatures and public keys are no secrets.

use sm2::elliptic_curve::point::BatchNormalize;
use sm2::elliptic_curve::{Group, PrimeField};
use sm2::{AffinePoint, ProjectivePoint, Scalar};

/// Bits a window. 60 KiB a table; four bits would take more additions in as much space, six
/// half as much space again.
const WINDOW: usize = 5;

/// 256 bits and the carry out of the last.
const WINDOWS: usize = 52;

/// The largest digit, and the entries for a window.
const DIGITS: usize = 1 << (WINDOW - 1);

/// The table of one point.
pub(super) struct FixedBase(Box<[AffinePoint]>);

impl FixedBase {
    /// Computes the table, which costs as much as four or five multiplications without it.
    pub(super) fn new(point: ProjectivePoint) -> Self {
        let mut entries = Vec::with_capacity(WINDOWS * DIGITS);
        let mut base = point;
        for _ in 0..WINDOWS {
            let mut multiple = base;
            for _ in 1..DIGITS {
                entries.push(multiple);
                multiple += base;
            }
            entries.push(multiple);
            base = multiple.double();
        }
        Self(ProjectivePoint::batch_normalize(entries.as_slice()).into())
    }

    /// Adds `scalar` times the point to `sum`.
    pub(super) fn add_multiple(
        &self,
        scalar: &Scalar,
        mut sum: ProjectivePoint,
    ) -> ProjectivePoint {
        for (entries, digit) in self.0.chunks_exact(DIGITS).zip(digits(scalar)) {
            let entry = usize::from(digit.unsigned_abs()).checked_sub(1);
            let Some(entry) = entry.and_then(|place| entries.get(place)) else {
                continue;
            };
            if digit < 0 {
                sum -= entry;
            } else {
                sum += entry;
            }
        }
        sum
    }
}

/// The digits of a scalar, the least first.
fn digits(scalar: &Scalar) -> [i8; WINDOWS] {
    /// The value of a bit of the next window.
    const NEXT: u16 = 1 << WINDOW;

    let mut bytes = scalar.to_repr();
    bytes.reverse();
    let byte = |place: usize| bytes.get(place).copied().map_or(0, u16::from);
    let mut digits = [0; WINDOWS];
    let mut carry = 0;
    for (window, slot) in digits.iter_mut().enumerate() {
        let (place, shift) = (window * WINDOW / 8, window * WINDOW % 8);
        let bits = (byte(place) | byte(place + 1) << 8) >> shift;
        let digit = bits % NEXT + carry;
        carry = u16::from(usize::from(digit) > DIGITS);
        *slot = i8::try_from(digit).unwrap_or(0) - if carry == 1 { 32 } else { 0 };
    }
    digits
}

#[cfg(test)]
mod tests {
    use sm2::elliptic_curve::bigint::U256;
    use sm2::elliptic_curve::ops::Reduce;

    use super::*;
    use crate::random::Random;

    fn random(random: &mut Random) -> Scalar {
        let words: Vec<u8> = (0..4).flat_map(|_| random.next().to_be_bytes()).collect();
        Scalar::reduce(&U256::from_be_slice(&words))
    }

    fn edges() -> Vec<Scalar> {
        let small = [0, 1, 2, 15, 16, 17, 31, 32, 33, 511_u64].map(Scalar::from);
        let power = |bit| (0..bit).fold(Scalar::ONE, |power, _| power.double());
        let powers = [63, 64, 127, 128, 250, 254, 255].map(power);
        let positive = [&small[..], &powers].concat();
        let opposite = positive.iter().map(|scalar| -scalar);
        positive.iter().copied().chain(opposite).collect()
    }

    #[test]
    fn digits_sum_up_to_the_scalar() {
        let mut numbers = Random::seeded(7);
        let scalars = (0..100).map(|_| random(&mut numbers));
        for scalar in edges().into_iter().chain(scalars) {
            let sum = digits(&scalar)
                .iter()
                .rev()
                .fold(Scalar::ZERO, |sum, &digit| {
                    assert!((-15..=16).contains(&digit));
                    let amount = Scalar::from(u64::from(digit.unsigned_abs()));
                    let shifted = sum * Scalar::from(32_u64);
                    if digit < 0 {
                        shifted - amount
                    } else {
                        shifted + amount
                    }
                });
            assert_eq!(sum, scalar);
        }
    }

    #[test]
    fn products_are_those_of_the_curve() {
        let mut numbers = Random::seeded(8);
        let generator = ProjectivePoint::GENERATOR;
        let other = generator * random(&mut numbers);
        for point in [generator, -generator, other] {
            let table = FixedBase::new(point);
            let some = [(); 4].map(|()| random(&mut numbers));
            for scalar in edges().into_iter().chain(some) {
                let product = point * scalar;
                // Whatever it is added to: nothing, the point, itself, its opposite.
                for sum in [ProjectivePoint::IDENTITY, point, product, -product] {
                    assert_eq!(table.add_multiple(&scalar, sum), sum + product);
                }
            }
        }
    }
}
