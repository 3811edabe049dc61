//! What is counted of terminals that prove who they are.

use prometheus_client::metrics::counter::Counter;
use prometheus_client::registry::Registry;

use super::series::Labels;
use super::{Metrics, count, counters};
use crate::identity::Sort;

/// What came of a proof.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Judged {
    /// It does not hold, or there is none where one is asked.
    Failed,
    /// It holds; or there is none, and none is asked.
    Held,
    /// It would hold, and was taken back.
    Revoked,
}

impl Judged {
    const ALL: [(Self, &'static str); 3] = [
        (Self::Failed, "failed"),
        (Self::Held, "held"),
        (Self::Revoked, "revoked"),
    ];
}

/// Sorts of proofs; none last.
const SORTS: [Option<Sort>; 4] = [
    Some(Sort::Certificate),
    Some(Sort::ApiKey),
    Some(Sort::Signature),
    None,
];

/// The counters; they outlive every configuration, and clones share them.
#[derive(Clone, Debug)]
pub struct ProofCounts([Counter; SORTS.len() * Judged::ALL.len()]);

impl ProofCounts {
    pub(super) fn register(registry: &mut Registry) -> Self {
        let all = counters(
            registry,
            "terminal_proofs",
            "Requests by what proved their terminal, and whether it did",
        );
        let mut labels = SORTS.into_iter().flat_map(|sort| {
            let word = sort.map_or("none", Sort::name);
            Judged::ALL.map(|(_, judged)| -> Labels {
                vec![("proof", word.into()), ("result", judged.into())]
            })
        });
        Self(std::array::from_fn(|_| {
            all.get(&labels.next().unwrap_or_default())
        }))
    }

    /// Counts a request by its proof, if it had one.
    pub fn judged(&self, sort: Option<Sort>, judged: Judged) {
        let sort = SORTS.iter().position(|one| *one == sort);
        let judged = Judged::ALL.iter().position(|one| one.0 == judged);
        let place = sort.unwrap_or_default() * Judged::ALL.len() + judged.unwrap_or_default();
        count(&self.0, place);
    }
}

impl Metrics {
    /// The counters of terminals' proofs.
    pub fn proofs(&self) -> ProofCounts {
        self.proofs.clone()
    }
}
