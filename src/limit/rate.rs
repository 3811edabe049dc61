//! A rate as people write it: so many in a second, a minute or an hour, and so many at once.

use std::fmt;
use std::num::NonZeroU32;

/// The most of a quota and of a burst. More in a second than any gateway takes; in nanoseconds the
/// longest memory, a million times an hour, still fits 64 bits.
pub const MOST: u32 = 1_000_000;

/// Nanoseconds of a second.
const SECOND: u64 = 1_000_000_000;

/// What a quota is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Per {
    /// An hour.
    Hour,
    /// A minute.
    Minute,
    /// A second.
    Second,
}

impl Per {
    /// Its seconds.
    pub const fn seconds(self) -> u32 {
        match self {
            Self::Hour => 3_600,
            Self::Minute => 60,
            Self::Second => 1,
        }
    }

    /// The word for it in a quota.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Hour => "h",
            Self::Minute => "min",
            Self::Second => "s",
        }
    }
}

/// So many requests in a span of time, as they are written: `50/s`, `600/min`, `1000/h`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Quota {
    /// How many.
    pub units: NonZeroU32,
    /// In which span.
    pub per: Per,
}

/// Why a text is no quota.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum QuotaError {
    /// It is something else.
    #[error("must be a quota such as \"50/s\", \"600/min\" or \"1000/h\"")]
    Form,
    /// More than anybody needs to limit.
    #[error("must be at most {MOST} in its span of time")]
    TooMuch,
    /// It would refuse everything.
    #[error("lets nothing through: must be 1 at least, or left out for no limit")]
    Zero,
}

impl Quota {
    /// Reads one: digits, a slash, the span; nothing between them.
    pub fn parse(text: &str) -> Result<Self, QuotaError> {
        let (units, per) = text.split_once('/').ok_or(QuotaError::Form)?;
        let all = [Per::Hour, Per::Minute, Per::Second];
        let per = all.into_iter().find(|known| known.name() == per);
        let per = per.ok_or(QuotaError::Form)?;
        if units.is_empty() || !units.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(QuotaError::Form);
        }
        // Only a number with too many digits does not parse here.
        let units: u32 = units.parse().map_err(|_| QuotaError::TooMuch)?;
        match NonZeroU32::new(units) {
            None => Err(QuotaError::Zero),
            Some(units) if units.get() > MOST => Err(QuotaError::TooMuch),
            Some(units) => Ok(Self { units, per }),
        }
    }
}

impl fmt::Display for Quota {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.units, self.per.name())
    }
}

/// A quota, and how much of it may come at once after a rest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Rate {
    /// In the long run.
    pub quota: Quota,
    /// At once.
    pub burst: NonZeroU32,
}

impl Rate {
    /// The whole quota may come at once.
    pub const fn even(quota: Quota) -> Self {
        Self {
            quota,
            burst: quota.units,
        }
    }

    /// The nanoseconds one request costs, rounded up: in the long run never more than the quota.
    pub(super) fn interval(self) -> u64 {
        let span = u64::from(self.quota.per.seconds()).saturating_mul(SECOND);
        span.div_ceil(u64::from(self.quota.units.get()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Result<(u32, u64), QuotaError>) {
        let rate = Quota::parse(text).map(Rate::even);
        assert_eq!(
            rate.map(|rate| (rate.burst.get(), rate.interval())),
            expected,
            "{text}"
        );
        if let Ok(rate) = rate {
            assert_eq!(rate.quota.to_string(), text);
        }
    }

    #[test]
    fn a_quota_is_a_number_and_its_span() {
        check("50/s", Ok((50, 20_000_000)));
        check("600/min", Ok((600, 100_000_000)));
        check("1000/h", Ok((1000, 3_600_000_000)));
        check("1/h", Ok((1, 3_600 * SECOND)));
        check("1000000/s", Ok((MOST, 1_000)));
    }

    #[test]
    fn an_interval_is_rounded_up() {
        check("3/s", Ok((3, 333_333_334)));
    }

    #[test]
    fn all_else_is_none() {
        for text in [
            "", "50", "50/", "/s", "50 /s", "50/ s", "50/m", "50/d", "+5/s", "5.5/s",
        ] {
            check(text, Err(QuotaError::Form));
        }
        check("-1/s", Err(QuotaError::Form));
        check("0/s", Err(QuotaError::Zero));
        check("1000001/s", Err(QuotaError::TooMuch));
        check("99999999999999999999/s", Err(QuotaError::TooMuch));
    }
}
