//! What is counted of the desks beside the workers, where pictures are read and heavy signatures
//! verified, and of what was lost on the way to those who watch.

use std::time::Duration;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::{Registry, Unit};

use super::histogram::Histogram;
use super::{Metrics, count, counters};

/// What became of a picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Picture {
    /// Too many were being read.
    Busy,
    /// No code can be read in it.
    NoCode,
    /// A code was read.
    Read,
    /// It is none that is taken: too large, or of another kind.
    Refused,
}

impl Picture {
    const ALL: [(Self, &'static str); 4] = [
        (Self::Busy, "busy"),
        (Self::NoCode, "no-code"),
        (Self::Read, "read"),
        (Self::Refused, "refused"),
    ];
}

/// To whom something was not told because they were too slow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lost {
    /// Who looks at scans as they come.
    Live,
    /// The log.
    Log,
    /// Who collects traces.
    Trace,
}

impl Lost {
    const ALL: [(Self, &'static str); 3] = [
        (Self::Live, "live"),
        (Self::Log, "log"),
        (Self::Trace, "trace"),
    ];
}

/// The counters of the process; clones share them.
#[derive(Clone, Debug)]
pub struct Desks {
    pictures: [Counter; 4],
    picture: Histogram,
    lost: [Counter; 3],
    in_line: Gauge,
    line: Gauge,
}

impl Desks {
    pub(super) fn register(registry: &mut Registry) -> Self {
        let pictures = counters(registry, "pictures", "Pictures by what became of them");
        let lost = counters(
            registry,
            "telemetry_lost",
            "Scans that somebody who watches was not told of, because they were too slow",
        );
        let picture = Histogram::long();
        registry.register_with_unit(
            "picture_duration",
            "What reading a picture takes",
            Unit::Seconds,
            picture.clone(),
        );
        let mut gauge = |name: &str, help: &str| {
            let gauge = Gauge::default();
            registry.register(name, help, gauge.clone());
            gauge
        };
        Self {
            pictures: Picture::ALL
                .map(|(_, word)| pictures.get(&vec![("outcome", word.to_owned())])),
            lost: Lost::ALL.map(|(_, word)| lost.get(&vec![("what", word.to_owned())])),
            picture,
            in_line: gauge(
                "verify_queue",
                "Heavy signatures that wait or are being verified",
            ),
            line: gauge("verify_queue_limit", "How many there may be"),
        }
    }

    /// Counts a picture, and what reading it took.
    pub fn picture(&self, outcome: Picture, took: Duration) {
        let place = Picture::ALL.iter().position(|one| one.0 == outcome);
        count(&self.pictures, place.unwrap_or_default());
        if outcome != Picture::Busy {
            self.picture.observe(took);
        }
    }

    /// Counts what somebody was not told.
    pub fn lost(&self, whom: Lost, scans: u64) {
        let place = Lost::ALL.iter().position(|one| one.0 == whom);
        if let Some(counter) = place.and_then(|place| self.lost.get(place)) {
            counter.inc_by(scans);
        }
    }

    /// Notes how many heavy signatures are in line, and how many may be.
    pub fn line_stands(&self, (in_line, most): (usize, usize)) {
        let number = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
        self.in_line.set(number(in_line));
        self.line.set(number(most));
    }
}

impl Metrics {
    /// The counters of the desks beside the workers.
    pub const fn desks(&self) -> &Desks {
        &self.desks
    }
}
