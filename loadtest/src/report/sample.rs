//! A report for tests: a minute of a hospital's morning, the same at each call.

use hdrhistogram::Histogram;

use super::latency::Latency;
use super::types::{
    Driver, Fault, FindMax, Held, Probe, Rate, Refusal, Report, Scenario, Second, Series, Setting,
    Target, Tool, Totals, Unit, VERSION,
};

/// Scene, case, decision, how many answers, how many unexpected, the median in microseconds.
const SERIES: [(&str, &str, &str, u64, u64, f64); 7] = [
    (
        "settlement",
        "insurance voucher",
        "routed",
        90_000,
        0,
        900.0,
    ),
    ("settlement", "医保电子凭证", "routed", 60_000, 0, 1_100.0),
    ("registration", "health card", "routed", 75_000, 3, 700.0),
    ("registration", "expired token", "refused", 9_000, 0, 180.0),
    ("pharmacy", "drug trace code", "routed", 45_000, 0, 1_600.0),
    ("canteen", "meal JWS", "routed", 18_000, 0, 500.0),
    ("canteen", "copied code", "refused", 2_900, 0, 210.0),
];

/// One more number between 0 and 1.
pub(super) fn random(state: &mut u64) -> f64 {
    *state = state
        .wrapping_mul(6_364_136_223_846_793_005)
        .wrapping_add(1_442_695_040_888_963_407);
    f64::from(u32::try_from(*state >> 32).unwrap()) / f64::from(u32::MAX)
}

/// Latencies with the long tail that real ones have.
pub(super) fn histogram(count: u64, median: f64, state: &mut u64) -> Histogram<u64> {
    let mut histogram = Histogram::new(3).unwrap();
    // Every tenth only, tenfold: tests have no minutes to spend.
    for _ in 0..count / 10 {
        let normal: f64 = (0..6).map(|_| random(state)).sum::<f64>() - 3.0;
        let stall = if random(state) < 0.002 {
            4.0 + 12.0 * random(state)
        } else {
            1.0
        };
        let micros = median * (normal * 0.55).exp() * stall;
        histogram
            .record_n(super::number::whole(micros), 10)
            .unwrap();
    }
    histogram
}

fn series() -> (Vec<Series>, Latency) {
    let mut state = 7;
    let (mut all, mut histograms) = (Vec::new(), Vec::new());
    for (scene, case, decision, count, unexpected, median) in SERIES {
        let histogram = histogram(count, median, &mut state);
        all.push(Series {
            scene: scene.to_owned(),
            case: case.to_owned(),
            decision: decision.to_owned(),
            count,
            unexpected,
            latency: Latency::of(&histogram),
        });
        histograms.push(histogram);
    }
    (all, Latency::of_all(&histograms).unwrap())
}

fn timeline() -> Vec<Second> {
    let mut state = 11;
    let seconds = (0..60).map(|at_s| {
        let wave = (super::number::float(at_s) / 9.0).sin();
        let offered = super::number::whole(5_000.0 + 220.0 * wave + 60.0 * random(&mut state));
        let slow: f64 = if (34..39).contains(&at_s) { 4.5 } else { 1.0 };
        let late = if at_s == 35 { 400 } else { 0 };
        Second {
            at_s,
            offered,
            sent: offered - late,
            answered: offered - late - u64::from(at_s == 36) * 120,
            refused: 190 + at_s % 7,
            errors: u64::from(at_s == 36) * 20,
            p50_us: super::number::whole((820.0 + 90.0 * random(&mut state)) * slow.sqrt()),
            p99_us: super::number::whole((3_900.0 + 900.0 * random(&mut state)) * slow),
            in_flight: super::number::whole((5.0 + 3.0 * random(&mut state)) * slow),
        }
    });
    seconds.collect()
}

fn thresholds() -> Vec<Held> {
    let rules = [
        ("p99<50ms", Some(5_120.0), Unit::Micros, true),
        (
            "p99{scene=settlement}<4ms",
            Some(4_730.0),
            Unit::Micros,
            false,
        ),
        ("errors<0.1%", Some(0.000_066), Unit::Share, true),
        ("unexpected==0", Some(3.0), Unit::Count, false),
        ("achieved>=0.99", Some(0.998), Unit::Share, true),
        ("rate>=4000", Some(4_998.0), Unit::PerSecond, true),
        ("p99{scene=ward}<80ms", None, Unit::Micros, false),
    ];
    let held = rules.map(|(rule, measured, unit, held)| Held {
        rule: rule.to_owned(),
        measured,
        unit,
        held,
    });
    held.to_vec()
}

fn find_max() -> FindMax {
    let probes = [
        (1_000.0, 3_100, true),
        (2_000.0, 3_300, true),
        (4_000.0, 4_400, true),
        (8_000.0, 212_000, false),
        (6_000.0, 9_800, true),
        (7_000.0, 61_000, false),
        (6_500.0, 24_000, true),
    ];
    FindMax {
        goal: "p99<50ms and errors<0.1%".to_owned(),
        rate: 6_500.0,
        probes: probes
            .map(|(rate, p99_us, held)| Probe { rate, p99_us, held })
            .to_vec(),
    }
}

/// The sample.
pub(super) fn report() -> Report {
    let (series, latency) = series();
    let setting = |name: &str, value: &str| Setting {
        name: name.to_owned(),
        value: value.to_owned(),
    };
    let refusal = |reason: &str, count| Refusal {
        reason: reason.to_owned(),
        count,
    };
    let fault = |kind: &str, count| Fault {
        kind: kind.to_owned(),
        count,
    };
    Report {
        version: VERSION,
        started: "2026-11-22T08:00:00Z".to_owned(),
        duration_us: 60_000_000,
        tool: Tool { name: "multicode-loadtest".to_owned(), version: "0.1.0".to_owned() },
        target: Target {
            url: "https://gateway.hospital.example:8443".to_owned(),
            protocol: "h2".to_owned(),
            tls: true,
        },
        scenario: Scenario {
            name: "a hospital's morning".to_owned(),
            model: "poisson".to_owned(),
            seed: 42,
            settings: vec![setting("connections", "64"), setting("warm-up", "5 s"), setting("mix", "早高峰")],
        },
        rate: Rate { offered: 5_007.5, achieved: 4_998.3 },
        totals: Totals {
            sent: 299_920,
            answered: 299_900,
            as_expected: 299_897,
            unexpected: 3,
            errors: 20,
            dropped: 530,
        },
        latency,
        series,
        timeline: timeline(),
        refusals: vec![refusal("expired", 9_000), refusal("replayed", 2_600), refusal("unknown-issuer", 300)],
        errors: vec![fault("timeout", 15), fault("connection reset", 5)],
        driver: Driver {
            busy: 0.41,
            late_p99_us: 180,
            limited: false,
            says: "The driver was busy for 41 % of its time and sent on time: the numbers are the gateway's."
                .to_owned(),
        },
        thresholds: thresholds(),
        find_max: Some(find_max()),
    }
}
