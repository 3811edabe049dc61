//! What is shown is what the formats say.

use std::collections::{BTreeMap, BTreeSet};

use prometheus_client::encoding::prometheus_protobuf::prometheus_data_model as model;
use prost::Message;

use super::*;
use crate::reason::Reason;

const PROTOBUF: &str =
    "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited";

fn worn() -> Metrics {
    let metrics = Metrics::default();
    let handles = metrics.handles(&Known {
        gateway: &Gateway::default(),
        issuers: &["a\"b\\c"],
        upstreams: &["one"],
        introspections: &[],
    });
    let at = Timestamp::from_millis(1_795_309_200_042);
    for millis in [0, 1, 3, 700, 20_000] {
        let (took, trace) = (Duration::from_millis(millis), [0xab; 16]);
        handles.took(None, took, took / 100, Some((&trace, at)));
        handles.upstream_took(0, took);
    }
    handles.scan(Counted {
        family: None,
        issuer: handles.issuer("a\"b\\c"),
        what: What::Refused(Reason::Expired),
    });
    metrics
}

/// Name, labels, value, and what stands behind `#`.
fn sample(line: &str) -> (&str, &str, f64, Option<&str>) {
    let (line, exemplar) = match line.split_once(" # ") {
        Some((line, exemplar)) => (line, Some(exemplar)),
        None => (line, None),
    };
    let (series, value) = line.rsplit_once(' ').unwrap();
    let (name, labels) = series.split_once('{').unwrap_or((series, "}"));
    let labels = labels.strip_suffix('}').unwrap();
    (name, labels, value.parse().unwrap(), exemplar)
}

/// The one trace that was observed, within its bucket.
fn check_exemplar(exemplar: &str, bound: f64) {
    let labels = exemplar.strip_prefix('{').unwrap();
    let (label, rest) = labels.split_once("} ").unwrap();
    assert_eq!(label, format!("trace_id=\"{}\"", "ab".repeat(16)));
    let (took, at) = rest.split_once(' ').unwrap();
    assert!(took.parse::<f64>().unwrap() <= bound, "{exemplar}");
    assert_eq!(at, "1795309200.042");
}

/// OpenMetrics 1.0: families one after the other, each with its own samples; no series twice;
/// buckets that grow up to the count; exemplars where they may stand, and in their bucket.
fn check_openmetrics(text: &str) {
    let body = text.strip_suffix("# EOF\n").unwrap();
    let (mut types, mut seen) = (BTreeMap::new(), BTreeSet::new());
    let (mut family, mut kind) = ("", "");
    let mut buckets: BTreeMap<String, f64> = BTreeMap::new();
    for line in body.lines() {
        if let Some(meta) = line.strip_prefix("# ") {
            let mut words = meta.splitn(3, ' ');
            let (what, name, rest) = (
                words.next().unwrap(),
                words.next().unwrap(),
                words.next().unwrap(),
            );
            match what {
                "TYPE" => {
                    assert!(types.insert(name, rest).is_none(), "{name} twice");
                    (family, kind) = (name, rest);
                }
                "UNIT" => assert!(name == family && name.ends_with(&format!("_{rest}"))),
                other => assert_eq!(other, "HELP"),
            }
            continue;
        }
        let (name, labels, value, exemplar) = sample(line);
        let suffix = name
            .strip_prefix(family)
            .unwrap_or_else(|| panic!("{name} in {family}"));
        let may: &[&str] = match kind {
            "counter" => &["_total"],
            "gauge" => &[""],
            "histogram" => &["_bucket", "_sum", "_count"],
            "info" => &["_info"],
            other => panic!("{other}"),
        };
        assert!(may.contains(&suffix), "{line}");
        assert!(seen.insert((name, labels)), "{line} twice");
        if suffix == "_bucket" {
            let (bound, rest) = labels
                .strip_prefix("le=\"")
                .unwrap()
                .split_once('"')
                .unwrap();
            let below = buckets
                .entry(format!("{family}{}", rest.trim_start_matches(',')))
                .or_default();
            assert!(value >= *below, "{line}");
            *below = value;
            if let Some(exemplar) = exemplar {
                check_exemplar(exemplar, bound.parse().unwrap());
            }
        } else {
            assert_eq!(exemplar, None, "{line}");
        }
    }
    for (name, labels, value, _) in body.lines().filter(|it| !it.starts_with('#')).map(sample) {
        if let Some(family) = name.strip_suffix("_count") {
            assert!((buckets[&format!("{family}{labels}")] - value).abs() < 0.1);
        }
    }
}

#[test]
fn the_text_is_openmetrics() {
    let text = worn().text();
    check_openmetrics(&text);
    assert_eq!(text.matches("trace_id").count(), 5 + 4);
    assert!(text.contains("issuer=\"a\\\"b\\\\c\""));
    assert!(text.contains("process_open_fds "));
}

#[test]
fn protocol_buffers_carry_both_kinds_of_buckets() {
    let metrics = worn();
    let found = metrics.exposition(PROTOBUF);
    assert!(
        found
            .content_type
            .starts_with("application/vnd.google.protobuf")
    );
    let (mut bytes, mut families) = (&*found.body, BTreeMap::new());
    while !bytes.is_empty() {
        let family = model::MetricFamily::decode_length_delimited(&mut bytes).unwrap();
        families.insert(family.name.clone(), family);
    }
    let scans = &families["multicode_scan_duration_seconds"].metric[0];
    let histogram = scans.histogram.as_ref().unwrap();
    assert_eq!((histogram.sample_count, histogram.schema), (5, 3));
    assert_eq!(histogram.zero_count, 1);
    assert_eq!(histogram.exemplars.len(), 5);
    assert_eq!(histogram.bucket.last().unwrap().cumulative_count, 5);
    // Bucket by bucket: 1 ms, 3 ms, 700 ms and 20 s, by the formula of the specification.
    let (mut index, mut count, mut full) = (0, 0, Vec::new());
    let mut deltas = histogram.positive_delta.iter();
    for span in &histogram.positive_span {
        index += span.offset;
        for _ in 0..span.length {
            count += deltas.next().unwrap();
            full.extend((count > 0).then_some((index, count)));
            index += 1;
        }
    }
    let naive = [0.001_f64, 0.003, 0.7, 20.0].map(|took| f64::ceil(took.log2() * 8.0));
    let indices: Vec<_> = full.iter().map(|one| f64::from(one.0)).collect();
    assert_eq!(indices, naive);
    assert!(full.iter().all(|one| one.1 == 1));
}

#[test]
fn a_configuration_on_its_way_out_brings_nothing_back() {
    let metrics = Metrics::default();
    let gateway = Gateway::default();
    let make = |issuers: &[&str]| {
        metrics.handles(&Known {
            gateway: &gateway,
            issuers,
            upstreams: &[],
            introspections: &[],
        })
    };
    let old = make(&["gone"]);
    let scan = |handles: &Handles, reason| {
        handles.scan(Counted {
            family: None,
            issuer: handles.issuer("gone"),
            what: What::Refused(reason),
        });
    };
    scan(&old, Reason::Expired);
    assert!(metrics.text().contains("issuer=\"gone\""));
    let _new = make(&["new"]);
    scan(&old, Reason::Expired);
    scan(&old, Reason::Revoked);
    assert!(!metrics.text().contains("issuer=\"gone\""));
}
