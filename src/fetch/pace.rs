//! How often anybody is asked.

use std::time::Duration;

use super::source::FILE_REFRESH;
use crate::random::Random;

/// Times between questions, and how long an answer is waited for. The numbers are the defaults; a
/// test that is about one of them says another.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// The shortest time between two regular questions to a server; the files may not name a
    /// shorter one.
    pub least_refresh: Duration,
    /// The first pause after a failure at most; each further failure doubles it.
    pub first_pause: Duration,
    /// The longest pause after a failure. A server that is back is noticed within it.
    pub longest_pause: Duration,
    /// How often files are looked at.
    pub files: Duration,
    /// Between two questions about unknown keys to one issuer. A newly published key that is used
    /// at once is refused for no longer than this, unless it was named before it was published.
    pub debounce: Duration,
    /// How long a key that stays unknown is not asked for again, at most: who knows the name of a
    /// key to come can have it refused for this long after it was published. It begins with
    /// `debounce` and doubles with every time the issuer does not have it.
    pub unknown_for: Duration,
    /// For the whole of one question for keys, with name, connection and redirects.
    pub answer: Duration,
    /// The same for a revocation list, which may be large.
    pub list_answer: Duration,
    /// How long a start, or a reload with new issuers, waits for the first keys.
    pub first_keys: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            least_refresh: Duration::from_secs(1),
            first_pause: Duration::from_secs(1),
            longest_pause: Duration::from_secs(300),
            files: FILE_REFRESH,
            debounce: Duration::from_secs(10),
            unknown_for: Duration::from_secs(60),
            answer: Duration::from_secs(5),
            list_answer: Duration::from_secs(30),
            first_keys: Duration::from_secs(3),
        }
    }
}

/// No server is left alone for longer, whatever the files say.
const LONGEST_REFRESH: Duration = Duration::from_secs(30 * 24 * 3_600);

/// No pause after a failure is shorter: chance alone might make it nothing.
const LEAST_PAUSE: Duration = Duration::from_millis(100);

impl Pace {
    /// When to ask a server again that has answered: a tenth earlier or later, so that gateways
    /// started together do not ask together.
    pub(super) fn after_success(&self, refresh: Duration, random: &mut Random) -> Duration {
        let refresh = refresh.max(self.least_refresh).min(LONGEST_REFRESH);
        let tenth = refresh / 10;
        refresh.saturating_sub(tenth) + part(tenth * 2, random)
    }

    /// When to ask a server again that failed so many times in a row: back-off with full jitter.
    pub(super) fn after_failure(
        &self,
        failures: u32,
        refresh: Duration,
        random: &mut Random,
    ) -> Duration {
        let doubled = 1_u32.checked_shl(failures.saturating_sub(1));
        let pause = self.first_pause.saturating_mul(doubled.unwrap_or(u32::MAX));
        let longest = self.longest_pause.min(refresh.max(self.least_refresh));
        part(pause.min(longest), random).max(LEAST_PAUSE)
    }
}

/// Some part of `whole`.
fn part(whole: Duration, random: &mut Random) -> Duration {
    let millis = usize::try_from(whole.as_millis()).unwrap_or(usize::MAX);
    let some = random.below(millis.saturating_add(1));
    Duration::from_millis(u64::try_from(some).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn a_refresh_comes_a_tenth_earlier_or_later() {
        let (pace, mut random) = (Pace::default(), Random::seeded(3));
        let times = (0..1_000).map(|_| pace.after_success(100 * SECOND, &mut random));
        let times: Vec<_> = times.collect();
        let (first, last) = (times.iter().min().unwrap(), times.iter().max().unwrap());
        assert!(*first >= 90 * SECOND && *first < 92 * SECOND, "{first:?}");
        assert!(*last <= 110 * SECOND && *last > 108 * SECOND, "{last:?}");
        assert!(pace.after_success(Duration::ZERO, &mut random) >= SECOND / 10 * 9);
    }

    #[test]
    fn pauses_double_up_to_their_end() {
        let (pace, mut random) = (Pace::default(), Random::seeded(3));
        let mut longest = |failures, refresh| {
            let times = (0..1_000).map(|_| pace.after_failure(failures, refresh, &mut random));
            times.max().unwrap()
        };
        for (failures, refresh, most) in [
            (1, 3_600, 1),
            (2, 3_600, 2),
            (5, 3_600, 16),
            (9, 3_600, 256),
            (10, 3_600, 300),
            (400, 3_600, 300),
            (10, 60, 60),
        ] {
            let found = longest(failures, refresh * SECOND);
            let most = most * SECOND;
            assert!(
                found <= most && found > most / 10 * 9,
                "{failures}: {found:?}"
            );
        }
        let least = (0..1_000).map(|_| pace.after_failure(1, SECOND, &mut random));
        assert!(least.min().unwrap() >= LEAST_PAUSE);
    }
}
