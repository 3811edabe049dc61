use std::thread;

use proptest::prelude::*;

use super::*;

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn threads_count_together() {
    let histogram = Histogram::short();
    let threads: Vec<_> = (0..2 * SHARDS)
        .map(|_| {
            let histogram = histogram.clone();
            thread::spawn(move || (0..1_000).for_each(|_| histogram.observe(SECOND)))
        })
        .collect();
    for thread in threads {
        thread.join().unwrap();
    }
    let snapshot = histogram.snapshot();
    assert_eq!(snapshot.count(), 8_000);
    assert_eq!(snapshot.sum(), 8_000 * SECOND);
}

#[test]
fn quantiles_lie_within_a_bucket_of_the_truth() {
    let histogram = Histogram::short();
    (1..=1_000_u64).for_each(|micros| histogram.observe(Duration::from_micros(micros)));
    let snapshot = histogram.snapshot();
    for (share, micros) in [(0.5, 500.0), (0.95, 950.0), (0.99, 990.0), (1.0, 1_000.0)] {
        let found = snapshot.quantile(share).unwrap().as_secs_f64() * 1e6;
        assert!((found / micros - 1.0).abs() < 0.05, "{share}: {found} µs");
    }
    assert_eq!(Histogram::long().snapshot().quantile(0.5), None);
}

#[test]
fn what_came_since_is_told_apart() {
    let histogram = Histogram::long();
    (0..100).for_each(|_| histogram.observe(SECOND));
    let older = histogram.snapshot();
    (0..10).for_each(|_| histogram.observe(SECOND / 1_000));
    let since = histogram.snapshot().since(&older);
    assert_eq!((since.count(), since.sum()), (10, SECOND / 100));
    assert!(since.quantile(0.99).unwrap() < SECOND / 900);
    assert_eq!(since.and(&older).count(), 110);
    assert_eq!(since.and(&Histogram::short().snapshot()).count(), 10);
}

#[test]
fn nobody_waits_for_a_trace() {
    let histogram = Histogram::long();
    let mark = |trace| histogram.observe_traced(SECOND, &[trace; 16], Timestamp::default());
    mark(1);
    let seen: Vec<_> = histogram.marks().read().flatten().collect();
    assert_eq!(seen.len(), 1);
    assert_eq!((seen[0].trace, seen[0].bound), ([1; 16], 1.0));
    // Somebody looks: the count is there, the trace is not, and nobody stood still.
    let place = histogram
        .0
        .layout
        .classic(histogram.0.layout.cell(1_000_000_000));
    histogram.marks().held(place, || mark(2));
    let seen: Vec<_> = histogram.marks().read().flatten().collect();
    assert_eq!(seen[0].trace, [1; 16]);
    assert_eq!(histogram.snapshot().count(), 2);
}

/// The native bucket by the formula of the specification.
fn native(nanos: u64) -> Option<i32> {
    let seconds = Duration::from_nanos(nanos).as_secs_f64();
    let index = (-192..=81).find(|&index| seconds <= 2_f64.powf(f64::from(index) / 8.0));
    index.filter(|&index| index > -192)
}

proptest! {
    #[test]
    fn both_kinds_of_buckets_hold_everything(all in prop::collection::vec(0..20_000_000_000_u64, 1..50)) {
        let histogram = Histogram::long();
        for &nanos in &all {
            histogram.observe(Duration::from_nanos(nanos));
        }
        let snapshot = histogram.snapshot();
        prop_assert_eq!(snapshot.sum().as_nanos(), all.iter().copied().map(u128::from).sum());
        for (place, &(bound, count)) in snapshot.classic().iter().enumerate() {
            let above = place.checked_sub(1).map_or(-1.0, |below| snapshot.classic()[below].0);
            let naive = all.iter().filter(|&&nanos| {
                let seconds = Duration::from_nanos(nanos).as_secs_f64();
                seconds <= bound && seconds > above
            });
            prop_assert_eq!(naive.count(), usize::try_from(count).unwrap());
        }
        let (zero, buckets) = snapshot.native();
        let mut naive: std::collections::BTreeMap<_, u64> = std::collections::BTreeMap::new();
        for &nanos in &all {
            *naive.entry(native(nanos)).or_default() += 1;
        }
        prop_assert_eq!(zero, naive.remove(&None).unwrap_or_default());
        let naive: Vec<_> = naive.into_iter().map(|(index, count)| (index.unwrap(), count)).collect();
        prop_assert_eq!(buckets, naive);
    }
}
