//! When requests arrive: the plan of an open load.

use std::time::Duration;

use multicode::random::Random;

use crate::numbers::{seconds, unit};
use crate::scenario::{Arrivals, Phase};

/// Arrivals in the order of time, the same for the same seed.
#[derive(Clone, Debug)]
pub struct Schedule {
    phases: Vec<Phase>,
    arrivals: Arrivals,
    random: Random,
    /// Arrivals of the phases before this one, and when it began.
    phase: usize,
    before: f64,
    begun: Duration,
    /// Arrivals so far, as a measure of area below the rates.
    area: f64,
}

impl Schedule {
    /// The arrivals of these phases.
    pub fn new(phases: &[Phase], arrivals: Arrivals, seed: u64) -> Self {
        Self {
            phases: phases.to_vec(),
            arrivals,
            random: Random::seeded(seed),
            phase: 0,
            before: 0.0,
            begun: Duration::ZERO,
            area: 0.0,
        }
    }
}

impl Iterator for Schedule {
    type Item = Duration;

    fn next(&mut self) -> Option<Duration> {
        self.area += match self.arrivals {
            Arrivals::Constant => 1.0,
            // Between arrivals that are independent of each other lies an exponential.
            Arrivals::Poisson => -unit(&mut self.random).ln(),
        };
        loop {
            let phase = *self.phases.get(self.phase)?;
            let within = self.area - self.before;
            let whole = area(phase);
            if within <= whole {
                return Some(self.begun + when(phase, within));
            }
            self.before += whole;
            self.begun += phase.time;
            self.phase += 1;
        }
    }
}

/// How many arrive in a phase.
fn area(phase: Phase) -> f64 {
    f64::midpoint(phase.from, phase.to) * phase.time.as_secs_f64()
}

/// How many arrive in all.
pub fn expected(phases: &[Phase]) -> f64 {
    phases.iter().copied().map(area).sum()
}

/// When so many have arrived: the root of `from·t + slope·t²/2 = area`, in the form that stands a slope of 0.
fn when(phase: Phase, area: f64) -> Duration {
    let time = phase.time.as_secs_f64();
    let slope = (phase.to - phase.from) / time.max(f64::MIN_POSITIVE);
    let root = (phase.from * phase.from + 2.0 * slope * area)
        .max(0.0)
        .sqrt();
    let at = 2.0 * area / (phase.from + root).max(f64::MIN_POSITIVE);
    seconds(at.min(time))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::numbers::{count, float};

    const fn phase(from: f64, to: f64, seconds: u64) -> Phase {
        Phase {
            from,
            to,
            time: Duration::from_secs(seconds),
        }
    }

    #[test]
    fn constant_arrivals_lie_at_even_distances() {
        let all: Vec<_> = Schedule::new(&[phase(4.0, 4.0, 2)], Arrivals::Constant, 1).collect();
        let wanted: Vec<_> = (1..=8).map(|n| Duration::from_millis(250 * n)).collect();
        assert_eq!(all, wanted);
    }

    #[test]
    fn a_ramp_has_as_many_arrivals_as_lie_below_it() {
        let phases = [
            phase(0.0, 1000.0, 4),
            phase(1000.0, 1000.0, 1),
            phase(500.0, 0.0, 2),
        ];
        let all: Vec<_> = Schedule::new(&phases, Arrivals::Constant, 1).collect();
        assert!((expected(&phases) - 3500.0).abs() < 1e-9);
        assert!((3499..=3500).contains(&all.len()), "{}", all.len());
        assert!(all.is_sorted());
        let half = all
            .iter()
            .filter(|at| **at <= Duration::from_secs(2))
            .count();
        assert!(
            (499..=501).contains(&half),
            "{half}: a quarter of the ramp's arrivals"
        );
        let fourth = all.iter().filter(|at| at.as_secs() == 4).count();
        assert!((999..=1001).contains(&fourth), "{fourth}");
    }

    #[test]
    fn strangers_come_independently_and_the_same_seed_brings_the_same() {
        let plan = |seed| Schedule::new(&[phase(1000.0, 1000.0, 10)], Arrivals::Poisson, seed);
        let all: Vec<_> = plan(7).collect();
        assert!(all.is_sorted());
        assert!((9_500..10_500).contains(&all.len()), "{}", all.len());
        assert_eq!(all, plan(7).collect::<Vec<_>>());
        assert_ne!(all, plan(8).collect::<Vec<_>>());
        // Of an exponential distance the deviation is the mean.
        let gaps: Vec<f64> = all
            .windows(2)
            .map(|pair| pair[1].abs_diff(pair[0]).as_secs_f64() * 1000.0)
            .collect();
        let mean = gaps.iter().sum::<f64>() / float(count(gaps.len()));
        let variance =
            gaps.iter().map(|gap| (gap - mean).powi(2)).sum::<f64>() / float(count(gaps.len()));
        assert!((0.9..1.1).contains(&(variance.sqrt() / mean)), "{variance}");
    }

    #[test]
    fn nothing_arrives_at_a_rate_of_nothing() {
        assert_eq!(
            Schedule::new(&[phase(0.0, 0.0, 5)], Arrivals::Poisson, 1).next(),
            None
        );
        let after = [phase(0.0, 0.0, 5), phase(1.0, 1.0, 2)];
        let all: Vec<_> = Schedule::new(&after, Arrivals::Constant, 1).collect();
        assert_eq!(all, [Duration::from_secs(6), Duration::from_secs(7)]);
    }
}
