//! The two numbers of an ECDSA or SM2 signature, and how they are written.
//!
//! Whichever form is declared, the rest of the verification sees r‖s. There is one DER encoding of
//! two numbers (X.690, section 10.1), and nothing else is read: no long or indefinite lengths, no
//! leading zeros, no negative numbers, nothing behind.

use crate::family::Form;

/// The longest r‖s: that of P-384.
pub(super) const MAX_PAIR_BYTES: usize = 96;

const SEQUENCE: u8 = 0x30;
const INTEGER: u8 = 0x02;
/// The bit that makes a length a long one and a number a negative one.
const HIGH: u8 = 0x80;

/// Brings a signature into r‖s, each number `width` bytes wide. What is not in `form` is none.
pub(super) fn read<'b>(
    form: Form,
    signature: &'b [u8],
    width: usize,
    buffer: &'b mut [u8; MAX_PAIR_BYTES],
) -> Option<&'b [u8]> {
    match form {
        Form::Raw => (signature.len() == 2 * width).then_some(signature),
        Form::Der => {
            let pair = buffer.get_mut(..2 * width)?;
            let (first, second) = pair.split_at_mut_checked(width)?;
            let [SEQUENCE, length, numbers @ ..] = signature else {
                return None;
            };
            // Two numbers of P-384 have 102 bytes at most, so that a long length is never right.
            if *length >= HIGH || usize::from(*length) != numbers.len() {
                return None;
            }
            let rest = integer(numbers, first)?;
            let rest = integer(rest, second)?;
            rest.is_empty().then_some(pair)
        }
    }
}

/// Reads one non-negative `INTEGER` into `slot`, right-aligned, and returns what follows.
fn integer<'a>(bytes: &'a [u8], slot: &mut [u8]) -> Option<&'a [u8]> {
    let [INTEGER, length, rest @ ..] = bytes else {
        return None;
    };
    let (value, rest) = rest.split_at_checked(usize::from(*length))?;
    let digits = match value {
        [] => return None,
        [0, next, ..] if *next < HIGH => return None,
        [0, digits @ ..] => digits,
        [first, ..] if *first >= HIGH => return None,
        digits => digits,
    };
    let free = slot.len().checked_sub(digits.len())?;
    let (padding, place) = slot.split_at_mut_checked(free)?;
    padding.fill(0);
    place.copy_from_slice(digits);
    Some(rest)
}

/// Writes r‖s in DER, for those who sign.
pub fn to_der(pair: &[u8]) -> Vec<u8> {
    let (first, second) = pair.split_at(pair.len() / 2);
    let numbers: Vec<u8> = [first, second].into_iter().flat_map(to_integer).collect();
    tagged(SEQUENCE, &numbers)
}

fn to_integer(number: &[u8]) -> Vec<u8> {
    let zeros = number.iter().take_while(|&&byte| byte == 0).count();
    let digits = number.get(zeros..).unwrap_or_default();
    let sign = match digits {
        [first, ..] if *first < HIGH => None,
        _ => Some(0),
    };
    let value: Vec<u8> = sign.into_iter().chain(digits.iter().copied()).collect();
    tagged(INTEGER, &value)
}

/// A tag, a short length and the value; no pair is longer than a short length says.
fn tagged(tag: u8, value: &[u8]) -> Vec<u8> {
    let length = u8::try_from(value.len()).unwrap_or(u8::MAX);
    [&[tag, length], value].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `der` with numbers two bytes wide.
    #[track_caller]
    fn check(der: &[u8], expected: Option<[u8; 4]>) {
        let mut buffer = [0xAA; MAX_PAIR_BYTES];
        let read = read(Form::Der, der, 2, &mut buffer);
        assert_eq!(
            read,
            expected.as_ref().map(<[u8; 4]>::as_slice),
            "{der:02x?}"
        );
    }

    #[test]
    fn one_pair_has_one_spelling() {
        let sound = [
            (vec![0x30, 6, 2, 1, 1, 2, 1, 0x7F], [0, 1, 0, 0x7F]),
            (vec![0x30, 7, 2, 1, 0, 2, 2, 0, 0x80], [0, 0, 0, 0x80]),
            (
                vec![0x30, 10, 2, 3, 0, 0xFF, 0xFF, 2, 3, 0, 0x80, 0],
                [0xFF, 0xFF, 0x80, 0],
            ),
        ];
        for (der, pair) in sound {
            check(&der, Some(pair));
            assert_eq!(to_der(&pair), der);
            for cut in 0..der.len() {
                check(&der[..cut], None);
            }
            check(&[&der[..], &[0]].concat(), None);
        }
    }

    #[test]
    fn every_other_spelling_is_refused() {
        let refused: [&[u8]; 16] = [
            &[],
            &[0x30],
            &[0x30, 0],
            &[0x31, 6, 2, 1, 1, 2, 1, 1],
            &[0x30, 0x81, 6, 2, 1, 1, 2, 1, 1],
            &[0x30, 0x80, 2, 1, 1, 2, 1, 1, 0, 0],
            &[0x30, 7, 2, 2, 0, 1, 2, 1, 1],
            &[0x30, 6, 2, 1, 0x80, 2, 1, 1],
            &[0x30, 6, 2, 1, 1, 3, 1, 1],
            &[0x30, 5, 2, 0, 2, 1, 1],
            &[0x30, 8, 2, 3, 1, 0, 0, 2, 1, 1],
            &[0x30, 7, 2, 0x81, 1, 1, 2, 1, 1],
            &[0x30, 3, 2, 1, 1],
            &[0x30, 9, 2, 1, 1, 2, 1, 1, 2, 1, 1],
            &[0x30, 7, 2, 1, 1, 2, 1, 1, 0],
            &[0x30, 6, 2, 1, 1, 2, 2, 1],
        ];
        for der in refused {
            check(der, None);
        }
        let mut buffer = [0; MAX_PAIR_BYTES];
        for length in [0, 3, 5, 8] {
            assert_eq!(read(Form::Raw, &[1; 8][..length], 2, &mut buffer), None);
        }
    }
}
