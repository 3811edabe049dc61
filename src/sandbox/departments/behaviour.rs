//! How slow and how unreliable a department is.

use std::str::FromStr;
use std::time::Duration;

use thiserror::Error;

use crate::random::Random;

/// A department's temper.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Behaviour {
    /// Every answer takes at least this long.
    pub latency: Duration,
    /// And up to this much longer, evenly spread.
    pub jitter: Duration,
    /// The share of requests that meet the fault, 0 to 1.
    pub fault_rate: f64,
    /// What goes wrong then.
    pub fault: Fault,
}

/// What goes wrong between a backend and whoever asks it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Fault {
    /// The connection ends without an answer.
    Close,
    /// The head and half of the body arrive, then the connection ends.
    Half,
    /// No answer ever comes.
    Hang,
    /// The answer is a plain 500.
    #[default]
    Status,
}

/// A word that names no fault.
#[derive(Debug, Error)]
#[error("no such fault: expected close, half, hang or status")]
pub struct NoSuchFault;

impl Behaviour {
    /// Decides one request's delay and fate.
    pub(super) fn draw(&self, random: &mut Random) -> (Duration, Option<Fault>) {
        let micros = usize::try_from(self.jitter.as_micros()).unwrap_or(usize::MAX);
        let extra = u64::try_from(random.below(micros.saturating_add(1))).unwrap_or_default();
        let delay = self.latency + Duration::from_micros(extra);
        (delay, random.happens(self.fault_rate).then_some(self.fault))
    }
}

impl Fault {
    /// All faults, by name.
    pub const ALL: [Self; 4] = [Self::Close, Self::Half, Self::Hang, Self::Status];

    /// The fault's word on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Close => "close",
            Self::Half => "half",
            Self::Hang => "hang",
            Self::Status => "status",
        }
    }
}

impl FromStr for Fault {
    type Err = NoSuchFault;

    fn from_str(word: &str) -> Result<Self, NoSuchFault> {
        let mut all = Self::ALL.into_iter();
        all.find(|fault| fault.name() == word).ok_or(NoSuchFault)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_delay_stays_between_latency_and_latency_with_jitter() {
        let behaviour = Behaviour {
            latency: Duration::from_millis(20),
            jitter: Duration::from_millis(5),
            ..Behaviour::default()
        };
        let mut random = Random::seeded(3);
        for _ in 0..500 {
            let (delay, fault) = behaviour.draw(&mut random);
            assert!((20_000..=25_000).contains(&delay.as_micros()));
            assert_eq!(fault, None);
        }
    }
}
