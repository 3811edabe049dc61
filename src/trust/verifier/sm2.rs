//! SM2 signatures with SM3 (GB/T 32918.2-2016, section 7; GM/T 0003.2).
//!
//! Verifying is s·G + (r + s)·P. G has a table for good; a key gets one once it has been used
//! [`PATIENCE`] times, for as long as there is room: 60 KiB each, [`MAX_TABLES`] at most, and
//! what is one too many verifies without. Both ways give the same answers.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{LazyLock, OnceLock};

use sm2::elliptic_curve::Group;
use sm2::elliptic_curve::bigint::U256;
use sm2::elliptic_curve::ops::{MulVartime, Reduce};
use sm2::elliptic_curve::point::AffineCoordinates;
use sm2::{NonZeroScalar, ProjectivePoint, Scalar};
use sm3::{Digest, Sm3};

use super::ecdsa::coordinates;
use super::fixed_base::FixedBase;
use super::pair;
use crate::family::Form;
use crate::trust::KeyFault;

/// The identity of signers who have none of their own (GM/T 0009, section 10).
pub const DEFAULT_SM2_ID: &str = "1234567812345678";

/// The longest identity. The standard counts bits in 16 bits, so 8,191 bytes would fit; those in
/// use are a word, a mail address or an identity number.
pub const MAX_SM2_ID_BYTES: usize = 64;

/// The curve: y² = x³ + ax + b (GB/T 32918.5-2017).
const A: U256 =
    U256::from_be_hex("fffffffeffffffffffffffffffffffffffffffff00000000fffffffffffffffc");
const B: U256 =
    U256::from_be_hex("28e9fa9e9d9f5e344d5a9e4bcf6509a7f39789f515ab8f92ddbcbd414d940e93");

/// The width of a number.
const WIDTH: usize = 32;

/// The uses after which a key is worth a table, which costs as much as four or five of them.
const PATIENCE: usize = 4;

/// The most tables at once: 60 MiB. An installation has tens of SM2 keys, each used for a year.
const MAX_TABLES: usize = 1_024;

/// How many there are. All configurations in force count together, as they share the memory.
static TABLES: AtomicUsize = AtomicUsize::new(0);

static GENERATOR: LazyLock<FixedBase> =
    LazyLock::new(|| FixedBase::new(ProjectivePoint::GENERATOR));

/// A point and whom it signs as.
pub(in crate::trust) struct Sm2Key {
    /// Has taken in Z, the hash of the identity, the curve and the point.
    prefix: Sm3,
    point: sm2::PublicKey,
    uses: AtomicUsize,
    table: OnceLock<Table>,
}

/// A table and its place among [`MAX_TABLES`].
struct Table(FixedBase, Place);

struct Place;

impl Place {
    fn take() -> Option<Self> {
        let next = |taken| (taken < MAX_TABLES).then_some(taken + 1);
        let taken = TABLES.fetch_update(Ordering::Relaxed, Ordering::Relaxed, next);
        taken.is_ok().then_some(Self)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        TABLES.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Sm2Key {
    pub(super) fn new(point: &[u8], identity: &str) -> Result<Self, KeyFault> {
        let (x, y) = coordinates(point, WIDTH)?;
        let key = sm2::PublicKey::from_sec1_bytes(point).map_err(|_| KeyFault::PointOffCurve)?;
        if identity.len() > MAX_SM2_ID_BYTES {
            let found = identity.len();
            return Err(KeyFault::Sm2Identity { found });
        }
        let z = Sm3::new()
            .chain_update(identity_bits(identity).to_be_bytes())
            .chain_update(identity)
            .chain_update(A.to_be_bytes())
            .chain_update(B.to_be_bytes())
            .chain_update(ProjectivePoint::GENERATOR.to_affine().x())
            .chain_update(ProjectivePoint::GENERATOR.to_affine().y())
            .chain_update(x)
            .chain_update(y);
        Ok(Self {
            prefix: Sm3::new_with_prefix(z.finalize()),
            point: key,
            uses: AtomicUsize::new(0),
            table: OnceLock::new(),
        })
    }

    /// The same point, signing as somebody else.
    pub(in crate::trust) fn as_signer(&self, identity: &str) -> Result<Self, KeyFault> {
        Self::new(&self.point.to_sec1_bytes(), identity)
    }

    /// The same point, signing as nobody: without Z, against the standard.
    pub(in crate::trust) fn without_z(&self) -> Self {
        Self {
            prefix: Sm3::new(),
            point: self.point,
            uses: AtomicUsize::new(0),
            table: OnceLock::new(),
        }
    }

    pub(super) fn verifies(&self, form: Form, bytes: &[u8], signature: &[u8]) -> bool {
        let mut buffer = [0; pair::MAX_PAIR_BYTES];
        let numbers = pair::read(form, signature, WIDTH, &mut buffer);
        numbers.is_some_and(|pair| self.holds(bytes, pair).is_some())
    }

    /// Steps B1 to B7 of section 7.1; `None` wherever one fails.
    #[expect(clippy::many_single_char_names, reason = "as in the standard")]
    fn holds(&self, bytes: &[u8], pair: &[u8]) -> Option<()> {
        let (r, s) = pair.split_at_checked(WIDTH)?;
        // B1, B2: both from 1 to n - 1, which is what `NonZeroScalar` reads.
        let (r, s) = (
            *NonZeroScalar::try_from(r).ok()?,
            *NonZeroScalar::try_from(s).ok()?,
        );
        let e = Scalar::reduce(&self.prefix.clone().chain_update(bytes).finalize());
        let t = r + s;
        if bool::from(t.is_zero()) {
            return None;
        }
        let point = self.combine(&s, &t);
        // Nothing is said of the point at infinity: it has no x.
        let x = (!bool::from(point.is_identity())).then(|| point.to_affine().x())?;
        (r == e + Scalar::reduce(&x)).then_some(())
    }

    /// s·G + t·P.
    fn combine(&self, s: &Scalar, t: &Scalar) -> ProjectivePoint {
        let sum = match self.table() {
            Some(table) => table.add_multiple(t, ProjectivePoint::IDENTITY),
            None => self.point.to_projective().mul_vartime(t),
        };
        GENERATOR.add_multiple(s, sum)
    }

    /// The key's table, made when it is due.
    fn table(&self) -> Option<&FixedBase> {
        if let Some(Table(table, _)) = self.table.get() {
            return Some(table);
        }
        if self.uses.fetch_add(1, Ordering::Relaxed) < PATIENCE {
            return None;
        }
        let place = Place::take()?;
        let make = || Table(FixedBase::new(self.point.to_projective()), place);
        let Table(table, _) = self.table.get_or_init(make);
        Some(table)
    }
}

/// What the standard calls ENTL.
fn identity_bits(identity: &str) -> u16 {
    u16::try_from(identity.len() * 8).unwrap_or(u16::MAX)
}

#[cfg(test)]
mod tests {
    use sm2::dsa::signature::{Signer, Verifier};
    use sm2::dsa::{Signature, SigningKey, VerifyingKey};
    use sm2::elliptic_curve::PrimeField;

    use super::*;
    use crate::random::Random;

    /// A key with a table and one that never gets one.
    struct Both(Sm2Key, Sm2Key, VerifyingKey);

    impl Both {
        fn new(point: &[u8], identity: &str) -> Self {
            let (quick, slow) = (Sm2Key::new(point, identity), Sm2Key::new(point, identity));
            let (quick, slow) = (quick.unwrap(), slow.unwrap());
            quick.uses.store(PATIENCE, Ordering::Relaxed);
            let key = VerifyingKey::from_sec1_bytes(identity, point).unwrap();
            Self(quick, slow, key)
        }

        /// What the crate says, with and without the table.
        #[track_caller]
        fn check(&self, bytes: &[u8], pair: &[u8]) -> bool {
            let Self(quick, slow, key) = self;
            let expected = Signature::from_slice(pair)
                .is_ok_and(|signature| key.verify(bytes, &signature).is_ok());
            slow.uses.store(0, Ordering::Relaxed);
            assert_eq!(slow.verifies(Form::Raw, bytes, pair), expected);
            assert!(slow.table.get().is_none());
            assert_eq!(quick.verifies(Form::Raw, bytes, pair), expected);
            assert_eq!(
                quick.verifies(Form::Der, bytes, &pair::to_der(pair)),
                expected
            );
            assert!(!quick.verifies(Form::Raw, bytes, &pair::to_der(pair)));
            assert!(!quick.verifies(Form::Der, bytes, pair));
            expected
        }
    }

    fn scalar(random: &mut Random) -> Scalar {
        let words: Vec<u8> = (0..4).flat_map(|_| random.next().to_be_bytes()).collect();
        Scalar::reduce(&U256::from_be_slice(&words))
    }

    fn joined(r: Scalar, s: Scalar) -> Vec<u8> {
        [r.to_repr().as_slice(), s.to_repr().as_slice()].concat()
    }

    #[test]
    fn tables_change_no_answer() {
        let mut random = Random::seeded(3);
        for (round, identity) in [DEFAULT_SM2_ID, "", "ALICE123@YAHOO.COM"]
            .into_iter()
            .enumerate()
        {
            let secret = scalar(&mut random).to_repr();
            let signer = SigningKey::from_slice(identity, &secret).unwrap();
            let both = Both::new(&signer.verifying_key().to_sec1_bytes(), identity);
            for length in [0, 64] {
                let bytes = vec![b'a'; length + round];
                let signature: Signature = signer.sign(&bytes);
                let pair = signature.to_vec();
                assert!(both.check(&bytes, &pair));
                assert!(!both.check(&[&bytes[..], b"x"].concat(), &pair));
                for place in (round..pair.len()).step_by(9) {
                    let mut flipped = pair.clone();
                    flipped[place] ^= 1 << (place % 8);
                    assert!(!both.check(&bytes, &flipped));
                }
                let (r, s) = (*signature.r(), *signature.s());
                for (r, s) in [
                    (s, r),
                    (-r, s),
                    (r, -s),
                    (r, -r),
                    (-s, s),
                    (Scalar::ZERO, s),
                    (r, Scalar::ZERO),
                    (scalar(&mut random), scalar(&mut random)),
                ] {
                    assert!(!both.check(&bytes, &joined(r, s)));
                }
            }
        }
    }

    /// P = d·G for small and opposite d, so that equal, opposite and neutral summands occur.
    #[test]
    fn the_edges_of_the_curve_change_no_answer() {
        let small = [1, 2, 16, 17_u64].map(Scalar::from);
        for secret in small.into_iter().flat_map(|scalar| [scalar, -scalar]) {
            let point = sm2::PublicKey::try_from(ProjectivePoint::GENERATOR * secret).unwrap();
            let both = Both::new(&point.to_sec1_bytes(), DEFAULT_SM2_ID);
            for s in [Scalar::ONE, -Scalar::ONE, secret, -secret, secret.double()] {
                // s·G + t·P with equal, opposite and neutral sums.
                let t = s * secret.invert().unwrap();
                for t in [Scalar::ONE, -Scalar::ONE, t, -t] {
                    both.check(b"edge", &joined(t - s, s));
                }
            }
            // No signature can be made with d = n - 1 (section 6.1, A6).
            let signer = SigningKey::from_slice(DEFAULT_SM2_ID, &secret.to_repr()).unwrap();
            let signature: Result<Signature, _> = signer.try_sign(b"edge");
            assert_eq!(signature.is_err(), secret == -Scalar::ONE);
            if let Ok(signature) = signature {
                assert!(both.check(b"edge", &signature.to_vec()));
            }
        }
    }

    #[test]
    fn numbers_out_of_range_are_refused() {
        // n, and what n - 1 and n + 1 are.
        const N: &str = "fffffffeffffffffffffffffffffffff7203df6b21c6052b53bbf40939d54123";
        let n = U256::from_be_hex(N);
        let key = Both::new(
            &SigningKey::from_slice(DEFAULT_SM2_ID, &[7; 32])
                .unwrap()
                .verifying_key()
                .to_sec1_bytes(),
            DEFAULT_SM2_ID,
        );
        let numbers = [
            U256::ZERO,
            U256::ONE,
            n.wrapping_sub(&U256::ONE),
            n,
            n.wrapping_add(&U256::ONE),
            U256::MAX,
        ];
        for r in numbers {
            for s in numbers {
                let pair = [r.to_be_bytes().as_ref(), s.to_be_bytes().as_ref()].concat();
                assert!(!key.check(b"range", &pair));
            }
        }
    }

    #[test]
    fn a_key_gets_its_table_when_it_is_due_and_gives_it_back() {
        let signer = SigningKey::from_slice(DEFAULT_SM2_ID, &[9; 32]).unwrap();
        let key = Sm2Key::new(&signer.verifying_key().to_sec1_bytes(), DEFAULT_SM2_ID).unwrap();
        let signature: Signature = signer.sign(b"again");
        for _ in 0..PATIENCE {
            assert!(key.verifies(Form::Raw, b"again", &signature.to_vec()));
            assert!(key.table.get().is_none());
        }
        assert!(key.verifies(Form::Raw, b"again", &signature.to_vec()));
        assert!(key.table.get().is_some());
        assert!(TABLES.load(Ordering::Relaxed) >= 1);
    }

    /// GM/T 0003.5-2012 (GB/T 32918.5-2017), annex A.2.
    #[test]
    fn the_example_of_the_standard_holds() {
        let hex = |text: &str| U256::from_be_hex(text).to_be_bytes().as_ref().to_vec();
        let point = [
            &[4][..],
            &hex("09f9df311e5421a150dd7d161e4bc5c672179fad1833fc076bb08ff356f35020"),
            &hex("ccea490ce26775a52dc6ea718cc1aa600aed05fbf35e084a6632f6072da9ad13"),
        ]
        .concat();
        let pair = [
            hex("f5a03b0648d2c4630eeac513e1bb81a15944da3827d5b74143ac7eaceee720b3"),
            hex("b1b6aa29df212fd8763182bc0d421ca1bb9038fd1f7f42d4840b69c485bbc1aa"),
        ]
        .concat();
        let both = Both::new(&point, DEFAULT_SM2_ID);
        assert!(both.check(b"message digest", &pair));
        assert!(!both.check(b"message digests", &pair));
        assert!(!Both::new(&point, "").check(b"message digest", &pair));
    }

    #[test]
    fn an_identity_has_its_limit() {
        let point = SigningKey::from_slice("", &[5; 32]).unwrap();
        let point = point.verifying_key().to_sec1_bytes();
        let longest = "x".repeat(MAX_SM2_ID_BYTES);
        assert!(Sm2Key::new(&point, &longest).is_ok());
        let fault = Sm2Key::new(&point, &format!("{longest}x")).err();
        assert_eq!(fault, Some(KeyFault::Sm2Identity { found: 65 }));
    }
}
