//! Numbers that look random and can be had again.

/// A splitmix64 sequence: fine for test data, useless for secrets.
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    /// Starts the sequence that belongs to `seed`.
    pub const fn seeded(seed: u64) -> Self {
        Self(seed)
    }

    /// The next 64 bits.
    pub const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// A number below `bound`; 0 if `bound` is 0. The bias of the modulo does not matter here.
    pub fn below(&mut self, bound: usize) -> usize {
        let bound = u64::try_from(bound).unwrap_or(u64::MAX).max(1);
        usize::try_from(self.next() % bound).unwrap_or_default()
    }

    /// One of `items`.
    pub fn pick<'a, T>(&mut self, items: &'a [T]) -> Option<&'a T> {
        items.get(self.below(items.len()))
    }

    /// True in `rate` of the cases: never at 0, always at 1.
    pub fn happens(&mut self, rate: f64) -> bool {
        let [_, _, _, _, a, b, c, d] = self.next().to_be_bytes();
        f64::from(u32::from_be_bytes([a, b, c, d])) / (f64::from(u32::MAX) + 1.0) < rate
    }

    /// `length` decimal digits.
    pub fn digits(&mut self, length: usize) -> String {
        (0..length).map(|_| self.letter(b"0123456789")).collect()
    }

    /// One character of an ASCII alphabet.
    pub fn letter(&mut self, alphabet: &[u8]) -> char {
        char::from(self.pick(alphabet).copied().unwrap_or(b'0'))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_numbers() {
        let (mut first, mut second) = (Random::seeded(7), Random::seeded(7));
        assert_eq!(first.digits(40), second.digits(40));
        assert_ne!(first.next(), Random::seeded(8).next());
    }

    #[test]
    fn the_published_start_of_the_sequence_comes_out() {
        // https://prng.di.unimi.it/splitmix64.c, seed 1234567.
        let mut random = Random::seeded(1_234_567);
        assert_eq!(random.next(), 6_457_827_717_110_365_317);
        assert_eq!(random.next(), 3_203_168_211_198_807_973);
    }

    #[test]
    fn a_rate_of_nothing_never_happens_and_a_rate_of_one_always() {
        let mut random = Random::seeded(1);
        assert!((0..1000).all(|_| !random.happens(0.0)));
        assert!((0..1000).all(|_| random.happens(1.0)));
        let hits = (0..10_000).filter(|_| random.happens(0.1)).count();
        assert!((800..1200).contains(&hits), "{hits}");
    }
}
