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

/// The uses after which a key is worth a table, which costs as much as three or four of them.
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
