//! Names for people that tell nothing about them.

use std::fmt;
use std::time::Duration;

use compact_str::CompactString;
use data_encoding::HEXLOWER;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::time::Timestamp;

type Keyed = Hmac<Sha256>;

/// Stands for a person or a text: the first half of an HMAC-SHA256 (RFC 2104), which nobody can guess
/// who has not the key. An identity number has so little in it that a hash without a key is one.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Pseudonym([u8; Self::LENGTH]);

impl Pseudonym {
    /// Its bytes.
    pub const LENGTH: usize = 16;

    /// The bytes.
    pub const fn as_bytes(&self) -> &[u8; Self::LENGTH] {
        &self.0
    }

    /// As much of it as people compare by eye: 16 hexadecimal digits.
    pub fn short(&self) -> CompactString {
        let (half, _) = self.0.split_at(Self::LENGTH / 2);
        let mut digits = [0; Self::LENGTH];
        CompactString::new(HEXLOWER.encode_mut_str(half, &mut digits))
    }
}

impl fmt::Display for Pseudonym {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        HEXLOWER.encode_display(&self.0).fmt(f)
    }
}

impl fmt::Debug for Pseudonym {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A key that no file names.
#[derive(Clone, Default)]
pub struct PseudonymKey(Zeroizing<[u8; 32]>);

impl PseudonymKey {
    /// One that `draw` fills, where it is wiped.
    pub fn drawn<E>(draw: impl FnOnce(&mut [u8]) -> Result<(), E>) -> Result<Self, E> {
        let mut key = Self::default();
        draw(key.0.as_mut_slice())?;
        Ok(key)
    }

    /// The pseudonyms it makes.
    pub fn pseudonyms(&self, period: Duration) -> Pseudonyms {
        Pseudonyms::new(&*self.0, period)
    }
}

impl fmt::Debug for PseudonymKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PseudonymKey")
    }
}

/// Gives pseudonyms, other ones in each period: who has the key can tell which belong together over
/// its end, nobody else.
#[derive(Clone)]
pub struct Pseudonyms {
    master: Keyed,
    period: i64,
    /// The period that `keyed` is for.
    current: i64,
    keyed: Keyed,
}

impl fmt::Debug for Pseudonyms {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pseudonyms")
            .field("period", &self.period)
            .finish_non_exhaustive()
    }
}

impl Pseudonyms {
    /// With this key, and other names after each `period`, counted from the epoch.
    pub fn new(key: &[u8], period: Duration) -> Self {
        let period = i64::try_from(period.as_secs()).unwrap_or(i64::MAX).max(1);
        let master = keyed(key);
        Self {
            keyed: of_period(&master, 0),
            master,
            period,
            current: 0,
        }
    }

    /// The pseudonym of a thing of this sort at that time.
    pub fn of(&mut self, sort: &str, thing: &str, now: Timestamp) -> Pseudonym {
        let period = now.seconds().div_euclid(self.period);
        if period != self.current {
            self.keyed = of_period(&self.master, period);
            self.current = period;
        }
        let mut mac = self.keyed.clone();
        mac.update(sort.as_bytes());
        mac.update(&[0]);
        mac.update(thing.as_bytes());
        Pseudonym(half(mac))
    }
}

fn keyed(key: &[u8]) -> Keyed {
    // HMAC takes a key of any length.
    Keyed::new_from_slice(key).unwrap_or_else(|_| Keyed::new(&[0; 64].into()))
}

fn of_period(master: &Keyed, period: i64) -> Keyed {
    let mut mac = master.clone();
    mac.update(b"multicode pseudonym 1");
    mac.update(&period.to_be_bytes());
    keyed(&mac.finalize().into_bytes())
}

fn half(mac: Keyed) -> [u8; Pseudonym::LENGTH] {
    let whole = mac.finalize().into_bytes();
    let (half, _) = whole.split_at(Pseudonym::LENGTH);
    half.try_into().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_lasts_for_its_period_and_its_key() {
        let day = Duration::from_secs(86_400);
        let at = Timestamp::from_seconds;
        let mut one = Pseudonyms::new(b"a key", day);
        let first = one.of("payment", "134650328919428540", at(86_400));
        assert_eq!(first, one.of("payment", "134650328919428540", at(172_799)));
        assert_ne!(first, one.of("payment", "134650328919428540", at(172_800)));
        assert_ne!(first, one.of("health", "134650328919428540", at(86_400)));
        assert_eq!(first, one.of("payment", "134650328919428540", at(86_400)));
        let mut other = Pseudonyms::new(b"another", day);
        assert_ne!(first, other.of("payment", "134650328919428540", at(86_400)));
    }
}
