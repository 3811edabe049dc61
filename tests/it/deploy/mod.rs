//! What is deployed beside the gateway, held against it: every metric that rules and dashboard name is
//! one the gateway shows, and a real Prometheus that scrapes a real gateway answers every question.

mod board;
mod live;
mod promql;
mod rules;
mod server;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use multicode::metrics::{End, Ending, EndpointGauge, Fetch, KeysGauge};
use multicode::reason::Reason;
use multicode::time::Timestamp;

use self::promql::Needs;
use crate::edge::TestGateway;
use crate::source::root;

/// The metrics of an exposition, each with its labels.
fn shown(exposition: &str) -> BTreeMap<String, BTreeSet<String>> {
    let mut found: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for line in exposition.lines() {
        if let Some(named) = line.strip_prefix("# TYPE ") {
            let (name, kind) = named.split_once(' ').unwrap();
            if kind == "histogram" {
                // Native ones have the bare name.
                found.entry(name.to_owned()).or_default();
            }
            continue;
        }
        if line.starts_with('#') {
            continue;
        }
        let sample = line.split(" # ").next().unwrap();
        let (series, _value) = sample.rsplit_once(' ').unwrap();
        let (name, labels) = series.split_once('{').unwrap_or((series, "}"));
        let mut names = BTreeSet::new();
        let mut rest = labels.trim_end_matches('}');
        while let Some((label, after)) = rest.split_once("=\"") {
            names.insert(label.trim_start_matches(',').to_owned());
            rest = after.split_once('"').unwrap().1;
        }
        if let Some(bare) = name.strip_suffix("_count")
            && let Some(native) = found.get_mut(bare)
        {
            native.extend(names.iter().cloned());
        }
        found.entry(name.to_owned()).or_default().extend(names);
    }
    found
}

/// Everything rules and dashboard may ask for.
fn known() -> BTreeMap<String, BTreeSet<String>> {
    let gateway = TestGateway::start();
    let metrics = &gateway.started.metrics;
    // What the shipped files have no use for.
    metrics.introspection("probe");
    metrics.audit().sink("probe");
    metrics.keys_fetched("probe", Fetch::Success);
    let time = Some(Timestamp::default());
    metrics.keys_stand(&KeysGauge {
        issuer: "probe",
        states: &[("active", 1)],
        rejected: 0,
        fresh: time,
        next: time,
        stale: time,
        expiry: time,
    });
    metrics.endpoint_stands(&EndpointGauge {
        upstream: "probe",
        endpoint: "probe",
        up: true,
        breaker: "closed",
        in_flight: 0,
    });
    metrics.upstream_stands("probe", 0);
    metrics.door("probe");
    metrics.handshakes("probe");
    let ends = [
        (End::Authorities, ""),
        (End::Certificate, "probe"),
        (End::Lists, ""),
        (End::Staple, "probe"),
    ];
    metrics.endings(&ends.map(|(of, certificate)| Ending {
        listener: "probe",
        certificate,
        of,
        at: Timestamp::default(),
    }));
    let mut known = shown(&metrics.text());
    known.insert("up".into(), BTreeSet::new());
    for labels in known.values_mut() {
        labels.extend(["job".to_owned(), "instance".to_owned()]);
    }
    let recordings = rules::all("record").into_iter();
    known.extend(recordings.map(|rule| (rule.name.clone(), recorded(&rule.name))));
    known
}

/// The labels that a recording's name says it has: `job_reason:…`.
fn recorded(name: &str) -> BTreeSet<String> {
    let (labels, _) = name.split_once(':').unwrap();
    labels.split('_').map(str::to_owned).collect()
}

#[track_caller]
fn check(needs: &Needs, known: &BTreeMap<String, BTreeSet<String>>, whose: &str) {
    for (metric, labels) in &needs.metrics {
        let has = known.get(metric);
        let has = has.unwrap_or_else(|| panic!("{whose}: there is no {metric}"));
        let lacking: Vec<_> = labels.difference(has).collect();
        assert!(lacking.is_empty(), "{whose}: {metric} has no {lacking:?}");
    }
    for label in &needs.matched {
        let mut all = needs.metrics.keys();
        let known = all.any(|metric| known[metric].contains(label));
        assert!(known, "{whose}: nothing has {label}");
    }
}

#[test]
fn rules_and_dashboard_ask_for_what_there_is() {
    let known = known();
    let mut asked = BTreeSet::new();
    let rules = rules::all("record").into_iter().chain(rules::all("alert"));
    let rules = rules.map(|rule| (rule.name, rule.expr));
    for (whose, expression) in rules.chain(board::expressions()) {
        let needs = promql::needs(&expression);
        assert!(!needs.metrics.is_empty(), "{whose}");
        check(&needs, &known, &whose);
        asked.extend(needs.metrics.into_keys());
    }
    for (metric, label) in board::variables() {
        assert!(known[&metric].contains(&label), "{metric} {label}");
        asked.insert(metric);
    }
    // And what there is, is asked for: histograms by their native form or their buckets.
    let parts = ["_sum", "_count", "_bucket"];
    let unused: Vec<_> = known
        .keys()
        .filter(|metric| !asked.contains(*metric))
        .filter(|metric| !parts.iter().any(|part| metric.ends_with(part)))
        .collect();
    assert_eq!(unused, Vec::<&String>::new());
}

#[test]
fn every_reason_has_one_cause() {
    let causes = rules::all("record");
    let causes = causes
        .iter()
        .filter(|rule| rule.name.starts_with("job_cause:"));
    let mut found: Vec<String> = Vec::new();
    for rule in causes {
        let (_, after) = rule.expr.split_once("reason=~\"").unwrap();
        let reasons = after.split('"').next().unwrap();
        found.extend(reasons.split('|').map(str::to_owned));
    }
    found.sort();
    let mut all: Vec<_> = Reason::ALL.iter().map(|it| it.slug().to_owned()).collect();
    all.sort();
    assert_eq!(found, all);
}

#[test]
fn every_alert_says_what_to_do() {
    let manual = fs::read_to_string(root().join("docs/operations.md")).unwrap();
    let anchors = crate::docs::anchors(&manual);
    let mut alerts = BTreeSet::new();
    for rule in rules::all("alert") {
        let name = &rule.name;
        let said = |key: &str| rule.said.get(key).map(String::as_str).unwrap_or_default();
        assert!(
            ["critical", "warning"].contains(&said("severity")),
            "{name}"
        );
        assert!(!said("summary").is_empty(), "{name}");
        assert!(said("description").ends_with('.'), "{name}");
        let anchor = said("runbook").strip_prefix("docs/operations.md#");
        assert!(anchor.is_some_and(|it| anchors.contains(it)), "{name}");
        alerts.insert(rule.name);
    }
    let rows = manual
        .lines()
        .filter_map(|it| it.strip_prefix("| `Multicode"));
    let rows = rows.filter_map(|row| row.split('`').next());
    let documented: BTreeSet<_> = rows.map(|it| format!("Multicode{it}")).collect();
    assert_eq!(documented, alerts);
}

#[test]
fn every_alert_has_a_test() {
    let tests = rules::files("tests").into_iter();
    let tests: String = tests.map(|it| fs::read_to_string(it).unwrap()).collect();
    for rule in rules::all("alert") {
        let series = format!("ALERTS{{alertname=\"{}\", alertstate=\"firing\"", rule.name);
        let mut fires = tests.lines().filter(|line| {
            let labels = ["severity", "window"];
            let labels = labels
                .iter()
                .filter_map(|it| Some((it, rule.said.get(*it)?)));
            let mut labels = labels.map(|(label, value)| format!("{label}=\"{value}\""));
            line.contains(&format!("- labels: '{series}")) && labels.all(|it| line.contains(&it))
        });
        assert!(fires.next().is_some(), "{} never fires", rule.name);
        let mut asked = tests.split("      - expr: '").skip(1);
        let silent = asked.any(|it| it.starts_with(&series) && it.contains("exp_samples: []"));
        assert!(silent, "{} is never silent", rule.name);
    }
}
