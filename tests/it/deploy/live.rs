//! A real Prometheus, the shipped rules, and the program itself.

use std::collections::BTreeSet;

use multicode::sandbox::mint::Flaw;
use serde_json::{Value, json};

use super::server::{Prometheus, escaped, program, until};
use super::{board, promql, recorded, rules, shown};
use crate::edge::{Files, Mocks, Program, post};
use crate::source::root;

/// A medicine, which the shipped routes answer themselves.
const GOODS: &str = "6901234567892";

/// How many of each kind are sent.
const DECIDED: u32 = 20;
const FORGED: u32 = 6;
const UNKNOWN: u32 = 4;

/// Exemplars are kept, or native histograms instead of classic ones.
const FEATURES: [&str; 2] = ["exemplar-storage", "native-histograms,exemplar-storage"];

/// Runs promtool; it must find nothing wrong.
#[track_caller]
fn promtool(words: &[&str], files: Vec<std::path::PathBuf>) {
    let mut command = program("promtool", "MULTICODE_PROMTOOL");
    command.current_dir(root().join("deploy/prometheus/tests"));
    let out = command.args(words).args(files).output().unwrap();
    let said = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (out, err, good) = (said(&out.stdout), said(&out.stderr), out.status.success());
    assert!(good && !out.contains("FAILED"), "{out}\n{err}");
}

#[test]
fn promtool_finds_nothing_wrong() {
    let config = root().join("deploy/prometheus/prometheus.yml");
    promtool(&["check", "config"], vec![config]);
    promtool(&["check", "rules"], rules::files("rules"));
}

#[test]
fn alerts_fire_when_they_should() {
    promtool(&["test", "rules"], rules::files("tests"));
}

/// Scans whose traces are recorded.
fn scan(program: &Program, number: u32, code: &str, scene: &str) -> u16 {
    let trace = format!("00-{:032x}-00f067aa0ba902b7-01", u128::from(number) + 1);
    let headers = format!("Content-Type: application/json\r\ntraceparent: {trace}\r\n");
    let body = json!({ "code": code, "scene": scene }).to_string();
    program.send(post("/v1/scan", &headers, body)).status
}

/// A gateway with an audit trail, and both servers once they have seen it idle.
fn watched() -> (Files, Mocks, Program, [Prometheus; 2]) {
    let (files, mocks) = (Files::shipped(), Mocks::start());
    mocks.stand_in(&files);
    let main = std::fs::read_to_string(files.main()).unwrap();
    files.write(
        "routes.toml",
        &format!("{main}\n[audit]\nfolder = \"state/audit\"\n"),
    );
    let program = Program::serve(&files, "info");
    let servers = FEATURES.map(|features| Prometheus::scraping(program.admin, features));
    for server in &servers {
        until("the gateway is scraped twice", || {
            server.number("max(count_over_time(up[1m]))") > 1.5
        });
    }
    (files, mocks, program, servers)
}

/// Sends scans of every sort.
fn send(files: &Files, program: &Program) {
    for number in 0..DECIDED {
        assert_eq!(scan(program, number, GOODS, "pharmacy"), 200);
    }
    for number in 0..FORGED {
        let forged = files.mint("aggregate", Flaw::Tampered, number.into());
        assert_eq!(scan(program, 100 + number, &forged, "registration"), 401);
    }
    for number in 0..UNKNOWN {
        let nonsense = format!("nobody's-{number}");
        assert_eq!(scan(program, 200 + number, &nonsense, "registration"), 422);
    }
    let sound = files.mint("aggregate", Flaw::None, 1_000);
    assert_eq!(scan(program, 300, &sound, "registration"), 200);
}

#[test]
fn a_real_prometheus_understands_the_gateway() {
    let (files, _mocks, program, servers) = watched();
    send(&files, &program);
    for server in &servers {
        assert_scans_are_counted(server);
        assert_targets_are_well(server);
        assert_rules_are_well(server);
    }
    assert_durations_agree(&servers);
    let text = program.get("/metrics").text().to_owned();
    for server in &servers {
        assert_dashboard_is_answered(server, &text);
    }
    let found = servers[0].api(&format!(
        "query_exemplars?query={}&start=0&end=9999999999",
        escaped("multicode_scan_duration_seconds_bucket")
    ));
    assert!(found.to_string().contains("trace_id"), "{found}");

    files.write("routes.d/edge.toml", "owner = 1\n");
    program.signal("HUP");
    for server in &servers {
        assert_it_alerts(server);
    }
}

fn assert_scans_are_counted(server: &Prometheus) {
    let sum = |labels: &str| server.number(&format!("sum(multicode_scans_total{{{labels}}})"));
    let all = f64::from(DECIDED + FORGED + UNKNOWN + 1);
    until("all scans are counted", || sum("") > all - 0.5);
    for (labels, count) in [
        ("", DECIDED + FORGED + UNKNOWN + 1),
        ("outcome=\"decision\"", DECIDED + 1),
        ("route=\"medicine\"", DECIDED),
        ("outcome=\"rejection\"", FORGED + UNKNOWN),
        ("reason=\"bad-signature\"", FORGED),
        ("reason=\"unknown-code\"", UNKNOWN),
    ] {
        assert!((sum(labels) - f64::from(count)).abs() < 0.1, "{labels}");
    }
}

fn assert_targets_are_well(server: &Prometheus) {
    assert!((server.number("up") - 1.0).abs() < 0.1);
    let targets = server.api("targets");
    for target in targets["activeTargets"].as_array().unwrap() {
        assert_eq!(target["health"], "up", "{target}");
        assert_eq!(target["lastError"], "", "{target}");
    }
}

fn assert_rules_are_well(server: &Prometheus) {
    let rules_of = |server: &Prometheus| {
        let groups = server.api("rules")["groups"].take();
        let groups = groups.as_array().unwrap().clone();
        let all = groups.into_iter().flat_map(|it| {
            let rules = it["rules"].as_array().unwrap();
            rules.clone()
        });
        all.collect::<Vec<Value>>()
    };
    until("all rules were evaluated", || {
        let all = rules_of(server);
        let bad = all.iter().find(|it| it["health"] == "err");
        assert_eq!(bad, None);
        all.iter().all(|it| it["health"] == "ok")
    });
    let written = rules::all("record").len() + rules::all("alert").len();
    assert_eq!(rules_of(server).len(), written);
    for rule in rules::all("record") {
        until(&rule.name, || !server.ask(&rule.name).is_empty());
        for (labels, _) in server.ask(&rule.name) {
            let names = labels.as_object().unwrap().keys();
            let names: BTreeSet<_> = names.filter(|it| *it != "__name__").cloned().collect();
            assert_eq!(names, recorded(&rule.name), "{}", rule.name);
        }
    }
}

/// The 99th percentile of the native histogram lies in the bucket of the classic one that holds it.
fn assert_durations_agree([classic, native]: &[Prometheus; 2]) {
    let all = f64::from(DECIDED + FORGED + UNKNOWN + 1);
    let name = "multicode_scan_duration_seconds";
    for expression in [
        format!("sum({name}_count)"),
        format!("sum({name}_bucket{{le=\"+Inf\"}})"),
    ] {
        until(&expression, || {
            (classic.number(&expression) - all).abs() < 0.1
        });
    }
    let expression = format!("histogram_count(sum({name}))");
    until(&expression, || {
        (native.number(&expression) - all).abs() < 0.1
    });
    let estimate = classic.number(&format!(
        "histogram_quantile(0.99, sum by (le) ({name}_bucket))"
    ));
    let measured = native.number(&format!("histogram_quantile(0.99, sum({name}))"));
    let mut bounds: Vec<f64> = classic
        .ask(&format!("sum by (le) ({name}_bucket)"))
        .iter()
        .map(|(labels, _)| labels["le"].as_str().unwrap().parse().unwrap())
        .collect();
    bounds.sort_by(f64::total_cmp);
    let above = bounds.iter().position(|it| *it >= estimate).unwrap();
    let below = above.checked_sub(1).map_or(0.0, |place| bounds[place]);
    // A native bucket is 9 % wide and may lie across the bound.
    let within = below / 1.1..=bounds[above] * 1.1;
    assert!(within.contains(&measured), "{measured} {within:?}");
    // Nothing of the classic form is where the native one is.
    assert_eq!(native.ask(&format!("{name}_bucket")), []);
}

fn assert_dashboard_is_answered(server: &Prometheus, exposition: &str) {
    let shown = shown(exposition);
    for (panel, expression) in board::expressions() {
        let mut asked = expression.replace("$__rate_interval", "30s");
        for variable in ["instance", "route", "issuer"] {
            asked = asked.replace(&format!("\"${variable}\""), "\".*\"");
        }
        assert!(!asked.contains('$'), "{panel}: {asked}");
        let found = server.ask(&asked);
        let there = |metric: &String| shown.contains_key(metric) || metric.starts_with("job");
        let metrics = promql::needs(&expression).metrics;
        // What this gateway has none of, or what has to be more than none.
        let may_lack = !metrics.keys().all(there) || asked.ends_with("> 0");
        assert!(may_lack || !found.is_empty(), "{panel}: {asked}");
    }
    for full in ["Refusals by reason", "Signatures", "Keys by state"] {
        let mut all = board::expressions().into_iter();
        let (_, expression) = all.find(|it| it.0 == full).unwrap();
        let asked = expression.replace("$__rate_interval", "1m");
        let asked = asked.replace("$instance", ".*").replace("$issuer", ".*");
        assert!(!server.ask(&asked).is_empty(), "{full}");
    }
}

fn assert_it_alerts(server: &Prometheus) {
    let firing = || {
        let alerts = server.api("alerts")["alerts"].take();
        let mut all = alerts.as_array().unwrap().clone().into_iter();
        all.find(|it| {
            it["labels"]["alertname"] == "MulticodeConfigReloadFailed" && it["state"] == "firing"
        })
    };
    until("a reload that failed is told", || firing().is_some());
    let alert = firing().unwrap();
    let instance = alert["labels"]["instance"].as_str().unwrap();
    let summary = alert["annotations"]["summary"].as_str().unwrap();
    assert!(summary.contains(instance), "{alert}");
    // And nothing is said of what is well.
    let firing = server.ask("count by (alertname) (ALERTS{alertstate=\"firing\"})");
    let names: Vec<_> = firing.iter().map(|it| &it.0["alertname"]).collect();
    assert_eq!(names, ["MulticodeConfigReloadFailed"]);
}
