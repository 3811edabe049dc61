//! How many requests may be under way, over all workers.

use crate::metrics;

/// The requests under way. The gauge that is shown is the number that is decided by.
#[derive(Clone, Debug)]
pub struct Flights(metrics::Limits);

/// One of them, until it is dropped.
#[derive(Debug)]
pub struct Flight<'f>(&'f Flights);

/// So many were under way that this one is not taken on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("too many requests are under way")]
pub struct TooMany;

impl Flights {
    /// Nobody is under way yet.
    pub const fn new(counts: metrics::Limits) -> Self {
        Self(counts)
    }

    /// Takes one on, if fewer than `most` are under way.
    pub fn begin(&self, most: usize) -> Result<Flight<'_>, TooMany> {
        let before = self.0.began();
        let flight = Flight(self);
        if before < most {
            Ok(flight)
        } else {
            self.0.shed();
            Err(TooMany)
        }
    }
}

impl Drop for Flight<'_> {
    fn drop(&mut self) {
        self.0.0.ended();
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;
    use crate::metrics::Metrics;

    #[test]
    fn no_more_than_so_many_are_under_way() {
        let flights = Flights::new(Metrics::default().limits());
        let first = flights.begin(2).unwrap();
        let second = flights.begin(2).unwrap();
        assert_eq!(flights.begin(2).unwrap_err(), TooMany);
        drop(first);
        let third = flights.begin(2).unwrap();
        drop((second, third));
        assert!(flights.begin(1).is_ok(), "those refused are not counted");
    }

    #[test]
    fn what_is_shown_is_what_is_under_way() {
        let metrics = Metrics::default();
        let flights = Flights::new(metrics.limits());
        let flight = flights.begin(1).unwrap();
        flights.begin(1).unwrap_err();
        let shown = metrics.text();
        assert!(
            shown.contains("multicode_requests_in_flight 1\n"),
            "{shown}"
        );
        assert!(shown.contains("multicode_requests_shed_total 1\n"));
        drop(flight);
        let shown = metrics.text();
        assert!(shown.contains("multicode_requests_in_flight 0\n"));
    }

    #[test]
    fn threads_that_race_never_get_in_one_too_many() {
        let flights = Flights::new(Metrics::default().limits());
        let fly = || {
            for _ in 0..10_000 {
                if let Ok(flight) = flights.begin(3) {
                    assert!(flights.0.began() >= 1);
                    flights.0.ended();
                    drop(flight);
                }
            }
        };
        thread::scope(|scope| (0..4).for_each(|_| drop(scope.spawn(fly))));
        assert_eq!(flights.0.began(), 0);
    }
}
