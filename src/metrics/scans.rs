//! What became of scans, by family, issuer, route and reason.

use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use prometheus_client::metrics::counter::Counter;
use prometheus_client::registry::Registry;
use rustc_hash::FxHashMap;

use super::series::{Labels, Series, said};
use super::{Known, OTHER};
use crate::family::Trust;
use crate::reason::Reason;
use crate::route::Route;

/// Families, issuers and routes that are counted by name; the rest is `other`. More than fifty
/// provinces and companies there are not, but a list of trusted issuers may name hundreds, and every
/// one of them may multiply with every family and route.
const MOST_FAMILIES: usize = 64;
const MOST_ISSUERS: usize = 64;
pub(super) const MOST_ROUTES: usize = 128;

/// Series that are shown before anything was counted. What is beyond appears when it happens.
const MOST_SHOWN: usize = 4_096;

/// A scan to be counted. What stands here are places in the configuration, so that nothing a terminal
/// says can ever become a label.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counted {
    /// Its family's place, once it is settled.
    pub family: Option<usize>,
    /// Its issuer's place ([`Handles::issuer`](super::Handles::issuer)), where one of the
    /// configuration is named.
    pub issuer: Option<usize>,
    /// What became of it.
    pub what: What,
}

/// What became of a scan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// It took a route.
    Decided {
        /// The route's place.
        route: usize,
    },
    /// It was answered with an earlier one's answer.
    Repeated,
    /// It was refused.
    Refused(Reason),
}

impl Counted {
    /// A refusal of which neither family nor issuer is known.
    pub const fn refused(reason: Reason) -> Self {
        Self {
            family: None,
            issuer: None,
            what: What::Refused(reason),
        }
    }
}

/// The series of all configurations; clones are the same ones.
#[derive(Clone, Debug, Default)]
pub(super) struct Scans {
    series: Series<Counter>,
    /// Which configuration may make series: the newest. One that is on its way out would bring back
    /// what has just been taken out.
    newest: Arc<Mutex<()>>,
    generation: Arc<AtomicU64>,
}

/// The names of one label: none, those of the configuration, and the rest.
#[derive(Debug)]
pub(super) struct Axis(Box<[Box<str>]>, bool);

impl Axis {
    pub(super) fn new<'a>(names: impl IntoIterator<Item = &'a str>, most: usize) -> Self {
        let mut names = names.into_iter();
        let by_name = names.by_ref().take(most).map(Into::into).collect();
        Self(by_name, names.next().is_some())
    }

    /// The places that are shown: there is a rest only if some have no name.
    pub(super) fn shown(&self) -> Range<usize> {
        0..self.0.len() + 1 + usize::from(self.1)
    }

    /// How many places there are.
    pub(super) const fn len(&self) -> usize {
        self.0.len() + 2
    }

    /// The place for what stands at `index` in the configuration.
    pub(super) fn place(&self, index: Option<usize>) -> usize {
        index.map_or(0, |index| index.min(self.0.len()) + 1)
    }

    /// What the label says of a place.
    pub(super) fn label(&self, place: usize) -> &str {
        match place.checked_sub(1) {
            None => "",
            Some(index) => self.0.get(index).map_or(OTHER, |name| name),
        }
    }

    /// Whether a label may say that.
    pub(super) fn says(&self, label: &str) -> bool {
        label.is_empty() || label == OTHER || self.0.iter().any(|name| **name == *label)
    }
}

/// A counter for each family, issuer and outcome, found by their places. It is made at the first scan
/// of its kind; from then on counting is two looks into tables and one addition.
#[derive(Debug)]
pub(super) struct Table {
    scans: Scans,
    generation: u64,
    families: Axis,
    issuers: Axis,
    pub(super) routes: Axis,
    ids: FxHashMap<Box<str>, usize>,
    rows: Box<[OnceLock<Row>]>,
}

type Row = Box<[OnceLock<Counter>]>;

impl Scans {
    pub(super) fn register(registry: &mut Registry) -> Self {
        let scans = Self::default();
        registry.register(
            "scans",
            "Scans by what became of them",
            scans.series.clone(),
        );
        scans
    }

    /// The table of a newer configuration. Series of what it does not name any more disappear.
    pub(super) fn table(&self, known: &Known<'_>) -> Table {
        let families = known.gateway.families().iter().map(|family| &*family.id);
        let routes = known.gateway.routes().iter().map(|route| &*route.name);
        let mut issuers = known.issuers.to_vec();
        issuers.sort_unstable();
        issuers.dedup();
        let (families, routes) = (
            Axis::new(families, MOST_FAMILIES),
            Axis::new(routes, MOST_ROUTES),
        );
        let ids = issuers.iter().enumerate();
        let ids = ids.map(|(place, id)| (Box::from(*id), place)).collect();
        let issuers = Axis::new(issuers, MOST_ISSUERS);
        let alone = self.newest.lock().unwrap_or_else(PoisonError::into_inner);
        self.series.retain(|labels| {
            families.says(said(labels, "family"))
                && issuers.says(said(labels, "issuer"))
                && routes.says(said(labels, "route"))
        });
        let generation = self.generation.fetch_add(1, Ordering::Relaxed) + 1;
        drop(alone);
        let rows = families.len() * issuers.len();
        let table = Table {
            scans: self.clone(),
            generation,
            families,
            issuers,
            routes,
            ids,
            rows: (0..rows).map(|_| OnceLock::new()).collect(),
        };
        table.show(known);
        table
    }

    /// A counter that is shown, if it is of the newest configuration.
    fn counter(&self, labels: &Labels, generation: u64) -> Counter {
        let _alone = self.newest.lock().unwrap_or_else(PoisonError::into_inner);
        if self.generation.load(Ordering::Relaxed) == generation {
            self.series.get(labels)
        } else {
            self.series.find(labels).unwrap_or_default()
        }
    }
}

impl Table {
    /// The place of an issuer of the configuration.
    pub(super) fn issuer(&self, id: &str) -> Option<usize> {
        self.ids.get(id).copied()
    }

    pub(super) fn count(&self, counted: Counted) {
        let (family, issuer) = self.places(counted);
        let row = self.rows.get(family * self.issuers.len() + issuer);
        let Some(row) = row.map(|row| row.get_or_init(|| self.row())) else {
            return;
        };
        if let Some(counter) = row.get(self.column(counted.what)) {
            counter.get_or_init(|| self.make(counted)).inc();
        }
    }

    fn places(&self, counted: Counted) -> (usize, usize) {
        let family = self.families.place(counted.family);
        (family, self.issuers.place(counted.issuer))
    }

    fn row(&self) -> Row {
        let columns = self.routes.len() + 1 + Reason::ALL.len();
        (0..columns).map(|_| OnceLock::new()).collect()
    }

    fn column(&self, what: What) -> usize {
        match what {
            What::Decided { route } => self.routes.place(Some(route)),
            What::Repeated => self.routes.len(),
            What::Refused(reason) => self.routes.len() + 1 + reason.index(),
        }
    }

    #[cold]
    fn make(&self, counted: Counted) -> Counter {
        self.scans.counter(&self.labels(counted), self.generation)
    }

    fn labels(&self, counted: Counted) -> Labels {
        let (family, issuer) = self.places(counted);
        let (route, outcome, reason) = match counted.what {
            What::Decided { route } => (
                self.routes.label(self.routes.place(Some(route))),
                "decision",
                "",
            ),
            What::Repeated => ("", "repeated", ""),
            What::Refused(reason) => ("", "rejection", reason.slug()),
        };
        vec![
            ("family", self.families.label(family).into()),
            ("issuer", self.issuers.label(issuer).into()),
            ("route", route.into()),
            ("outcome", outcome.into()),
            ("reason", reason.into()),
        ]
    }

    /// Shows as zero what may happen: every reason, every route with the families it may take.
    fn show(&self, known: &Known<'_>) {
        let reasons = Reason::ALL.iter().map(|&reason| Counted::refused(reason));
        let repeated = Counted {
            family: None,
            issuer: None,
            what: What::Repeated,
        };
        let routes = known.gateway.routes().iter();
        let decided = routes.flat_map(|route| self.taken(route, known));
        let all = reasons.chain([repeated]).chain(decided);
        for counted in all.take(MOST_SHOWN) {
            self.make(counted);
        }
    }

    /// What a route may take: signed families of every issuer, the others of nobody in particular.
    fn taken<'a>(
        &'a self,
        route: &'a Route,
        known: &'a Known<'_>,
    ) -> impl Iterator<Item = Counted> + 'a {
        let gateway = known.gateway;
        let takes = move |family| {
            let mut scenes = gateway.scenes().iter();
            scenes.any(|scene| {
                let mut routes = gateway.routes().candidates(family, scene);
                routes.any(|one| one.index == route.index)
            })
        };
        let families = gateway.families().iter();
        families
            .filter(move |family| takes(family))
            .flat_map(move |family| {
                let signed = family.trust == Trust::Signature;
                let issuers = if signed {
                    self.issuers.shown().len() - 1
                } else {
                    1
                };
                (0..issuers).map(move |issuer| Counted {
                    family: Some(family.index),
                    issuer: signed.then_some(issuer),
                    what: What::Decided { route: route.index },
                })
            })
    }
}
