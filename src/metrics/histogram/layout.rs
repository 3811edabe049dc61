//! Where a duration is counted: both kinds of buckets of a histogram, cut into cells.
//!
//! Classic buckets have round bounds. Native ones (Prometheus, "Native Histograms", schema 3) end at
//! 2^(i/8) seconds. A cell lies between two neighbouring bounds of either kind, so it belongs to one
//! bucket of each, and one addition counts for both.

/// 2^(k/8) for k from 0 to 7, of which 63 binary places are kept.
const EIGHTHS: [u128; 8] = [
    0x8000_0000_0000_0000,
    0x8b95_c1e3_ea8b_d6e6,
    0x9837_f051_8db8_a96f,
    0xa5fe_d6a9_b151_38ea,
    0xb504_f333_f9de_6484,
    0xc567_2a11_5506_dadd,
    0xd744_fcca_d69d_6af4,
    0xeac0_c6e7_dd24_392e,
];

/// The schema of the native buckets: each is 2^(1/8) times as wide as the one before, some 9 %.
pub(super) const SCHEMA: i32 = 3;

/// 2^-24 s, some 60 ns: what is shorter is in the zero bucket.
const SHORTEST: i32 = -24 * 8;

/// 2^10 s, some 17 minutes: longer than any limit of the gateway. What takes longer is counted in one
/// bucket above.
const LONGEST: i32 = 10 * 8;

/// The zero bucket ends here.
pub(super) const ZERO_THRESHOLD: f64 = 1.0 / 16_777_216.0;

/// The cells of histograms with the same buckets.
#[derive(Debug)]
pub(super) struct Layout {
    /// The last nanosecond of each cell.
    ends: Box<[u64]>,
    /// The first cell for numbers that begin with the same four bits.
    starts: Box<[u16]>,
    /// The classic bucket of each cell.
    classic: Box<[usize]>,
    /// The native bucket of each cell; none: the zero bucket.
    native: Box<[Option<i32>]>,
    /// The upper bounds of the classic buckets, in seconds.
    pub(super) bounds: Box<[f64]>,
}

impl Layout {
    /// With classic buckets that end at these microseconds.
    pub(super) fn new(micros: &[u32]) -> Self {
        let round = micros.iter().map(|&micros| u64::from(micros) * 1_000);
        let round: Vec<_> = round.collect();
        let native: Vec<_> = (SHORTEST..=LONGEST).map(native_end).collect();
        let mut ends: Vec<_> = native.iter().chain(&round).copied().collect();
        ends.push(u64::MAX);
        ends.sort_unstable();
        ends.dedup();
        let index = |end: &u64| {
            let place = native.partition_point(|bound| bound < end);
            let above = i32::try_from(place).ok()?;
            (above > 0).then(|| SHORTEST.saturating_add(above))
        };
        let starts = (0..u64::BITS * 8).map(|slot| {
            let place = ends.partition_point(|&end| u128::from(end) < shortest(slot));
            u16::try_from(place).unwrap_or(u16::MAX)
        });
        Self {
            starts: starts.collect(),
            classic: ends
                .iter()
                .map(|end| round.partition_point(|bound| bound < end))
                .collect(),
            native: ends.iter().map(index).collect(),
            ends: ends.into(),
            bounds: micros
                .iter()
                .map(|&micros| f64::from(micros) / 1e6)
                .chain([f64::INFINITY])
                .collect(),
        }
    }

    /// How many cells there are.
    pub(super) const fn len(&self) -> usize {
        self.ends.len()
    }

    /// The cell of a duration: a look into a table, and at most a few steps on from there.
    pub(super) fn cell(&self, nanos: u64) -> usize {
        let start = self.starts.get(slot(nanos)).copied().unwrap_or_default();
        let mut cell = usize::from(start);
        while self.ends.get(cell).is_some_and(|&end| nanos > end) {
            cell += 1;
        }
        cell
    }

    /// The classic bucket of a cell, the one without end included.
    pub(super) fn classic(&self, cell: usize) -> usize {
        self.classic.get(cell).copied().unwrap_or_default()
    }

    /// The native bucket of a cell; `None` is the zero bucket.
    pub(super) fn native(&self, cell: usize) -> Option<i32> {
        self.native.get(cell).copied().flatten()
    }

    /// The bounds of a cell in nanoseconds; the last one, which has no end, ends where it begins.
    pub(super) fn span(&self, cell: usize) -> (u64, u64) {
        let end = |cell: usize| self.ends.get(cell).copied().unwrap_or_default();
        let start = cell.checked_sub(1).map(end).unwrap_or_default();
        match end(cell) {
            u64::MAX => (start, start),
            end => (start, end),
        }
    }
}

/// The last whole nanosecond of the native bucket `index`.
fn native_end(index: i32) -> u64 {
    let eighth = usize::try_from(index.rem_euclid(8)).unwrap_or_default();
    let mantissa = EIGHTHS.get(eighth).copied().unwrap_or_default();
    let shift = u32::try_from(63 - index.div_euclid(8)).unwrap_or_default();
    u64::try_from((1_000_000_000 * mantissa) >> shift).unwrap_or(u64::MAX)
}

/// The place of a number by its four leading bits.
fn slot(nanos: u64) -> usize {
    let nanos = nanos.max(1);
    let octave = nanos.ilog2();
    let eighth = ((nanos << (63 - octave)) >> 60) & 7;
    let place = u64::from(octave) * 8 + eighth;
    usize::try_from(place).unwrap_or_default()
}

/// The smallest number of a slot, or less.
fn shortest(slot: u32) -> u128 {
    (u128::from(8 + slot % 8) << (slot / 8)) >> 3
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MICROS: [u32; 4] = [10, 500, 1_000, 10_000_000];

    fn layout() -> Layout {
        Layout::new(&MICROS)
    }

    #[test]
    fn bounds_are_the_powers_they_should_be() {
        for index in SHORTEST..=LONGEST {
            let exact = 1e9 * 2_f64.powf(f64::from(index) / 8.0);
            let nanos = u32::try_from(native_end(index) / 1_000).unwrap();
            let rest = u32::try_from(native_end(index) % 1_000).unwrap();
            let found = f64::from(nanos) * 1e3 + f64::from(rest);
            assert!((exact - found).abs() <= 1.001, "{index}: {exact} {found}");
        }
        assert_eq!(native_end(0), 1_000_000_000);
        assert_eq!(native_end(-8), 500_000_000);
        assert_eq!(native_end(LONGEST), 1_024_000_000_000);
    }

    #[test]
    fn a_bound_belongs_to_the_bucket_it_ends() {
        let layout = layout();
        let buckets = [10_000, 10_001, 500_000, 500_001, 10_000_000_000];
        let found = buckets.map(|nanos| layout.classic(layout.cell(nanos)));
        assert_eq!(found, [0, 1, 1, 2, 3]);
        assert_eq!(layout.classic(layout.cell(u64::MAX)), 4);
        assert_eq!(layout.native(layout.cell(500_000_000)), Some(-8));
        assert_eq!(layout.native(layout.cell(500_000_001)), Some(-7));
        assert_eq!(layout.native(layout.cell(0)), None);
        assert_eq!(layout.native(layout.cell(u64::MAX)), Some(LONGEST + 1));
    }

    proptest! {
        #[test]
        fn cells_agree_with_what_floating_point_says(nanos in prop_oneof![0..2_000_u64, 0..2_000_000_000_000_u64, any::<u32>().prop_map(u64::from)]) {
            let layout = layout();
            let cell = layout.cell(nanos);
            let seconds = std::time::Duration::from_nanos(nanos).as_secs_f64();
            let classic = layout.bounds.iter().position(|&bound| seconds <= bound).unwrap();
            prop_assert_eq!(layout.classic(cell), classic);
            // Where the exact index is a whole number floating point may fall to either side.
            let exact = (seconds.log2() * 8.0).clamp(f64::from(SHORTEST), f64::from(LONGEST) + 0.5);
            let native = f64::from(layout.native(cell).unwrap_or(SHORTEST));
            prop_assert!((native - exact.ceil()).abs() < 0.5 || (exact - exact.round()).abs() < 1e-6, "{} {}", native, exact);
        }
    }
}
