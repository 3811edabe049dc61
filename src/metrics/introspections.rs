//! What is counted of questions to issuers' platforms.

use prometheus_client::metrics::counter::Counter;

use super::{Metrics, count};

/// How an issuer's platform's word about a code was had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    /// It calls the code good.
    Active,
    /// Too many questions were open, so it was not asked.
    Busy,
    /// It does not call the code good.
    Inactive,
    /// An earlier question served.
    Kept,
    /// It was asked in vain.
    Unavailable,
}

impl Asked {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::Active,
        Self::Busy,
        Self::Inactive,
        Self::Kept,
        Self::Unavailable,
    ];

    /// The word for it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Busy => "busy",
            Self::Inactive => "inactive",
            Self::Kept => "kept",
            Self::Unavailable => "unavailable",
        }
    }
}

/// The counters of one introspection.
#[derive(Debug)]
pub struct Introspections(Box<[Counter]>);

impl Introspections {
    /// Counts how a word was had.
    pub fn count(&self, how: Asked) {
        let place = Asked::ALL.iter().position(|&one| one == how);
        count(&self.0, place.unwrap_or_default());
    }
}

impl Metrics {
    /// Resolves the counters of an introspection, after [`Self::handles`].
    pub fn introspection(&self, name: &str) -> Introspections {
        let counters = Asked::ALL.iter().map(|how| {
            let labels = vec![
                ("introspection", name.into()),
                ("outcome", how.name().into()),
            ];
            self.introspections.get(&labels)
        });
        Introspections(counters.collect())
    }
}
