//! What counting a scan costs, on one core and with another one counting beside it.
//!
//! `cargo bench --bench metrics`; a name behind `--` picks some.

// What `criterion_group!` makes has no documentation.
#![allow(missing_docs, reason = "a program, and the macros of criterion")]

use std::hint::black_box;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};
use multicode::family::Algorithm;
use multicode::gateway::Gateway;
use multicode::metrics::{Counted, Handles, Histogram, Known, Metrics};
use multicode::reason::{Reason, Stage};
use multicode::time::Timestamp;

fn handles(metrics: &Metrics) -> Handles {
    metrics.handles(&Known {
        gateway: &Gateway::default(),
        issuers: &["issuer"],
        upstreams: &["upstream"],
        introspections: &[],
    })
}

/// Durations of all sizes, so that no one cell stays at hand.
fn durations() -> impl Iterator<Item = Duration> {
    let mut nanos = 1_000_u64;
    std::iter::from_fn(move || {
        nanos = nanos
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        Some(Duration::from_nanos(nanos >> 36))
    })
}

fn observe(criterion: &mut Criterion) {
    let (histogram, mut durations) = (Histogram::short(), durations());
    let at = Timestamp::default();
    let mut next = move || durations.next().unwrap_or_default();
    criterion.bench_function("observe", |bencher| {
        bencher.iter(|| histogram.observe(next()));
    });
    criterion.bench_function("observe traced", |bencher| {
        bencher.iter(|| histogram.observe_traced(next(), black_box(&[7; 16]), at));
    });
    let busy = AtomicBool::new(true);
    thread::scope(|scope| {
        scope.spawn(|| {
            while busy.load(Ordering::Relaxed) {
                histogram.observe(black_box(Duration::from_micros(30)));
            }
        });
        criterion.bench_function("observe beside another", |bencher| {
            bencher.iter(|| histogram.observe(black_box(Duration::from_micros(30))));
        });
        busy.store(false, Ordering::Relaxed);
    });
}

fn count(criterion: &mut Criterion) {
    let metrics = Metrics::default();
    let handles = handles(&metrics);
    let refused = Counted::refused(Reason::UnknownCode);
    let took = Duration::from_micros(30);
    criterion.bench_function("count a refusal", |bencher| {
        bencher.iter(|| handles.scan(black_box(refused)));
    });
    criterion.bench_function("count a whole scan", |bencher| {
        bencher.iter(|| {
            for stage in [Stage::Ingress, Stage::Classify, Stage::Trust] {
                handles.stage(stage, black_box(took));
            }
            for stage in [Stage::Policy, Stage::Guard, Stage::Forward] {
                handles.stage(stage, black_box(took));
            }
            handles.verified(Algorithm::HmacSm3, true, took);
            handles.upstream_took(0, took);
            handles.took(None, took, took, None);
            handles.scan(black_box(refused));
        });
    });
    criterion.bench_function("write all as text", |bencher| {
        bencher.iter(|| metrics.text());
    });
}

criterion_group!(benches, observe, count);
criterion_main!(benches);
