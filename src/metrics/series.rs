//! The series of one metric, by their labels.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use prometheus_client::encoding::{EncodeMetric, MetricEncoder};
use prometheus_client::metrics::{MetricType, TypedMetric};

/// Names and values, in the order in which they are shown.
pub(super) type Labels = Vec<(&'static str, String)>;

/// The series of one metric; clones are the same ones. Unlike a
/// [`Family`](prometheus_client::metrics::family::Family) it can be looked through, so that what is gone
/// from the configuration can be taken out and the rest stays; and it is shown in order.
pub(super) struct Series<M>(Arc<Known<M>>);

struct Known<M> {
    make: fn() -> M,
    made: RwLock<BTreeMap<Labels, M>>,
}

impl<M> Clone for Series<M> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<M: Default> Default for Series<M> {
    fn default() -> Self {
        Self::of(M::default)
    }
}

impl<M> fmt::Debug for Series<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Series").finish_non_exhaustive()
    }
}

impl<M> Series<M> {
    /// None yet; `make` makes one.
    pub(super) fn of(make: fn() -> M) -> Self {
        Self(Arc::new(Known {
            make,
            made: RwLock::default(),
        }))
    }

    fn read(&self) -> RwLockReadGuard<'_, BTreeMap<Labels, M>> {
        let made = self.0.made.read();
        made.unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, BTreeMap<Labels, M>> {
        let made = self.0.made.write();
        made.unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes one out.
    pub(super) fn remove(&self, labels: &Labels) {
        self.write().remove(labels);
    }

    /// Takes out those whose labels are not wanted any more.
    pub(super) fn retain(&self, wanted: impl Fn(&Labels) -> bool) {
        self.write().retain(|labels, _| wanted(labels));
    }
}

impl<M: Clone> Series<M> {
    /// The one with these labels, if it was made.
    pub(super) fn find(&self, labels: &Labels) -> Option<M> {
        self.read().get(labels).cloned()
    }

    /// The one with these labels, which is shown from now on.
    pub(super) fn get(&self, labels: &Labels) -> M {
        self.find(labels).unwrap_or_else(|| {
            let mut made = self.write();
            made.entry(labels.clone())
                .or_insert_with(self.0.make)
                .clone()
        })
    }

    /// All of them, as they are at the moment.
    pub(super) fn all(&self) -> Vec<(Labels, M)> {
        let made = self.read();
        let all = made.iter();
        all.map(|(labels, one)| (labels.clone(), one.clone()))
            .collect()
    }
}

/// What a label says; nothing if there is none of that name.
pub(super) fn said<'a>(labels: &'a Labels, name: &str) -> &'a str {
    let found = labels.iter().find(|(known, _)| *known == name);
    found.map(|(_, value)| &**value).unwrap_or_default()
}

impl<M: TypedMetric> TypedMetric for Series<M> {
    const TYPE: MetricType = M::TYPE;
}

impl<M: EncodeMetric + TypedMetric> EncodeMetric for Series<M> {
    fn encode(&self, mut encoder: MetricEncoder<'_>) -> fmt::Result {
        for (labels, one) in self.read().iter() {
            one.encode(encoder.encode_family(labels)?)?;
        }
        Ok(())
    }

    fn metric_type(&self) -> MetricType {
        M::TYPE
    }

    fn is_empty(&self) -> bool {
        self.read().is_empty()
    }
}

#[cfg(test)]
mod tests {
    use prometheus_client::metrics::counter::Counter;

    use super::*;

    fn labels(value: &str) -> Labels {
        vec![("a", value.into())]
    }

    #[test]
    fn what_is_kept_keeps_its_value() {
        let series = Series::<Counter>::default();
        for name in ["one", "two"] {
            series.get(&labels(name)).inc();
        }
        series.retain(|labels| said(labels, "a") == "two");
        assert_eq!(series.all().len(), 1);
        assert_eq!(series.get(&labels("two")).get(), 1);
        assert_eq!(series.get(&labels("one")).get(), 0);
    }
}
