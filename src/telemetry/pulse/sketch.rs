//! How long things took, roughly: four steps an octave.

use std::time::Duration;

/// Bits behind the leading one that tell steps apart.
const FINE: u32 = 2;

/// The steps up to some 70 s.
const STEPS: usize = 104;

/// Counts of durations.
#[derive(Clone, Debug, Default)]
pub(super) struct Sketch {
    /// Empty until something is counted.
    steps: Vec<u32>,
}

impl Sketch {
    /// Counts a duration.
    pub(super) fn add(&mut self, time: Duration) {
        if self.steps.is_empty() {
            self.steps.resize(STEPS, 0);
        }
        let micros = u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        if let Some(step) = self.steps.get_mut(step_of(micros)) {
            *step = step.saturating_add(1);
        }
    }

    /// Adds what another one counted.
    pub(super) fn join(&mut self, other: &Self) {
        if self.steps.is_empty() {
            self.steps.clone_from(&other.steps);
        } else {
            for (step, more) in self.steps.iter_mut().zip(&other.steps) {
                *step = step.saturating_add(*more);
            }
        }
    }

    /// The microseconds that this many in a hundred do not exceed, at most an eighth too many; 0 of
    /// nothing.
    pub(super) fn percentile(&self, percent: u64) -> u32 {
        let all: u64 = self.steps.iter().copied().map(u64::from).sum();
        let wanted = (all * percent).div_ceil(100);
        let mut seen = 0;
        let found = self.steps.iter().position(|step| {
            seen += u64::from(*step);
            seen >= wanted
        });
        found.filter(|_| all > 0).map_or(0, middle)
    }
}

fn step_of(micros: u64) -> usize {
    let step = match micros.checked_ilog2() {
        Some(octave) if octave >= FINE => {
            let fine = (micros >> (octave - FINE)) & ((1 << FINE) - 1);
            (u64::from(octave - FINE + 1) << FINE) + fine
        }
        _ => micros,
    };
    usize::try_from(step).unwrap_or(STEPS).min(STEPS - 1)
}

/// The middle of what is counted in a step.
fn middle(step: usize) -> u32 {
    let step = u32::try_from(step).unwrap_or_default();
    let fine = step & ((1 << FINE) - 1);
    match (step >> FINE).checked_sub(1) {
        Some(shift) => {
            let low = (u64::from(fine) + (1 << FINE)) << shift;
            u32::try_from(low + (1 << shift) / 2).unwrap_or(u32::MAX)
        }
        None => fine,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentile_is_near_what_was_counted() {
        let mut sketch = Sketch::default();
        assert_eq!(sketch.percentile(50), 0);
        for micros in 1..=1_000 {
            sketch.add(Duration::from_micros(micros));
        }
        for percent in [1, 10, 50, 90, 99] {
            let (found, wanted) = (i64::from(sketch.percentile(percent)), 10 * percent);
            let wanted = i64::try_from(wanted).unwrap();
            assert!((found - wanted).abs() * 7 <= wanted, "{found} for {wanted}");
        }
    }

    #[test]
    fn the_longest_is_counted_too() {
        let mut sketch = Sketch::default();
        sketch.add(Duration::MAX);
        assert!(sketch.percentile(50) > 60_000_000);
    }
}
