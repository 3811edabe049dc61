use std::collections::BTreeSet;
use std::fs;
use std::io::Write as _;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use super::{outcome, text, tool};
use crate::source::root;

/// What Helm makes of the chart with these values.
fn rendered(values: &Value) -> Value {
    let mut command = tool(
        "MULTICODE_PACKAGING_PYTHON",
        "target/tools/packaging/bin/python",
    );
    command
        .arg(root().join("tests/it/packaging/chart.py"))
        .arg(root().join("deploy/helm/multicode"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut helm = command.spawn().unwrap();
    let mut stdin = helm.stdin.take().unwrap();
    stdin.write_all(values.to_string().as_bytes()).unwrap();
    drop(stdin);
    let output = helm.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{said}");
    serde_json::from_slice(&output.stdout).unwrap()
}

/// The documents, which neither Helm nor Kubernetes finds anything wrong with.
#[track_caller]
fn sound(values: &Value) -> Vec<Value> {
    let outcome = rendered(values);
    assert_eq!(outcome["refused"], Value::Null, "{values}");
    assert_eq!(outcome["invalid"], json!([]), "{values}");
    assert_eq!(outcome["lint"]["errors"], json!([]));
    assert_eq!(outcome["lint"]["messages"], json!([]));
    outcome["documents"].as_array().unwrap().clone()
}

fn kinds(documents: &[Value]) -> BTreeSet<&str> {
    documents
        .iter()
        .map(|it| it["kind"].as_str().unwrap())
        .collect()
}

#[track_caller]
fn one<'a>(documents: &'a [Value], kind: &str) -> &'a Value {
    let mut matching = documents.iter().filter(|it| it["kind"] == kind);
    let found = matching.next().unwrap_or_else(|| panic!("no {kind}"));
    assert!(matching.next().is_none(), "two of {kind}");
    found
}

#[test]
fn the_default_values_make_several_gateways_that_may_do_nothing_else() {
    let documents = sound(&json!({}));
    let expected = [
        "ConfigMap",
        "Deployment",
        "NetworkPolicy",
        "PodDisruptionBudget",
        "Service",
        "ServiceAccount",
    ];
    assert_eq!(kinds(&documents), expected.into());
    let deployment = &one(&documents, "Deployment")["spec"];
    let pod = &deployment["template"]["spec"];
    assert_eq!(pod["automountServiceAccountToken"], false);
    assert_eq!(pod["securityContext"]["runAsNonRoot"], true);
    assert_eq!(
        pod["securityContext"]["seccompProfile"]["type"],
        "RuntimeDefault"
    );
    let container = &pod["containers"][0];
    let may = &container["securityContext"];
    assert_eq!(may["allowPrivilegeEscalation"], false);
    assert_eq!(may["readOnlyRootFilesystem"], true);
    assert_eq!(may["capabilities"]["drop"], json!(["ALL"]));
    for (probe, path) in [
        ("startupProbe", "/readyz"),
        ("readinessProbe", "/readyz"),
        ("livenessProbe", "/livez"),
    ] {
        assert_eq!(container[probe]["httpGet"]["path"], path, "{probe}");
    }
    let grace = pod["terminationGracePeriodSeconds"].as_u64().unwrap();
    let pause = container["lifecycle"]["preStop"]["sleep"]["seconds"]
        .as_u64()
        .unwrap();
    let routes = one_map(&documents, "demo-multicode")["routes.toml"]
        .as_str()
        .unwrap();
    let routes: toml::Table = routes.parse().unwrap();
    let drain = routes["limits"]["drain_timeout"].as_str().unwrap();
    let drain: u64 = drain.trim_end_matches('s').parse().unwrap();
    assert!(
        grace > pause + drain,
        "{grace} s for {pause} s and {drain} s"
    );
    let policy = &one(&documents, "NetworkPolicy")["spec"];
    assert_eq!(policy["policyTypes"], json!(["Ingress", "Egress"]));
    // Nobody is named, so nobody comes to the operators' port.
    assert!(!policy["ingress"].to_string().contains("admin"), "{policy}");
}

/// The data of a map.
#[track_caller]
fn one_map<'a>(documents: &'a [Value], name: &str) -> &'a Value {
    let mut maps = documents.iter().filter(|it| it["kind"] == "ConfigMap");
    let found = maps.find(|it| it["metadata"]["name"] == name);
    &found.unwrap_or_else(|| panic!("no {name}"))["data"]
}

fn default_routes() -> String {
    let documents = sound(&json!({}));
    let routes = one_map(&documents, "demo-multicode")["routes.toml"].as_str();
    routes.unwrap().to_owned()
}

/// What is to replace the pods.
fn fixed(routes: &str) -> String {
    let documents = sound(&json!({ "config": { "routes": routes } }));
    let template = &one(&documents, "Deployment")["spec"]["template"];
    let fixed = template["metadata"]["annotations"]["multicode/fixed"].as_str();
    fixed.unwrap().to_owned()
}

#[test]
fn pods_are_replaced_for_what_no_reload_takes_and_for_nothing_else() {
    let routes = default_routes();
    let before = fixed(&routes);
    let change = |from: &str, to: &str| {
        assert!(routes.contains(from), "{from}");
        fixed(&routes.replace(from, to))
    };
    for (from, to) in [
        ("drain_timeout = \"20s\"", "drain_timeout = \"15s\""),
        ("/0\"]", "/1\"]"),
        ("MULTICODE_STATE_KEY", "ANOTHER_KEY"),
        ("0.0.0.0:9090", "0.0.0.0:9091"),
        ("[listener.scan]", "[listener.door]"),
        (
            "[scene.other]",
            "[audit]\nfolder = \"/var/lib/multicode/audit\"\n\n[scene.other]",
        ),
    ] {
        assert_ne!(change(from, to), before, "{from}");
    }
    for (from, to) in [
        ("recognise-only", "another"),
        ("terminals = \"registered\"", "terminals = \"any\""),
        ("MULTICODE_ADMIN_VIEWER", "ANOTHER_VIEWER"),
    ] {
        assert_eq!(change(from, to), before, "{from}");
    }
}

#[test]
fn values_that_contradict_the_files_or_each_other_are_refused() {
    let file = default_routes().replace("redis = [", "# redis = [");
    for (values, why) in [
        (
            json!({ "state": { "kind": "file" }, "replicas": 1 }),
            "[state] of config.routes has no \"file\"",
        ),
        (
            json!({ "state": { "kind": "none" } }),
            "[state] of config.routes has a place",
        ),
        (
            json!({ "config": { "routes": file } }),
            "[state] of config.routes has no \"redis\"",
        ),
        (
            json!({ "serviceMonitor": { "enabled": true } }),
            "serviceMonitor.enabled without networkPolicy.operators",
        ),
    ] {
        let outcome = rendered(&values);
        let refused = outcome["refused"].as_str();
        assert!(
            refused.is_some_and(|it| it.contains(why)),
            "{values}: {refused:?}"
        );
    }
}

#[test]
fn the_default_files_pass_and_hold_every_family() {
    let documents = sound(&json!({}));
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("plugins")).unwrap();
    let routes = one_map(&documents, "demo-multicode")["routes.toml"].as_str();
    fs::write(folder.path().join("routes.toml"), routes.unwrap()).unwrap();
    let plugins = one_map(&documents, "demo-multicode-plugins")
        .as_object()
        .unwrap();
    for (name, plugin) in plugins {
        let plugin = plugin.as_str().unwrap();
        assert_eq!(plugin, text(&format!("plugins/{name}")), "{name}");
        fs::write(folder.path().join("plugins").join(name), plugin).unwrap();
    }
    let all = fs::read_dir(root().join("plugins")).unwrap();
    let all = all.filter(|it| it.as_ref().unwrap().path().extension() == Some("toml".as_ref()));
    assert_eq!(plugins.len(), all.count());
    let mut check = Command::new(env!("CARGO_BIN_EXE_multicode"));
    check
        .arg("check")
        .arg(folder.path().join("routes.toml"))
        .env_clear();
    let (passes, said) = outcome(check);
    assert!(passes, "{said}");
}

#[test]
fn a_ledger_in_a_file_makes_one_gateway_with_a_volume() {
    let routes = default_routes().replace(
        "redis = [\"redis://redis.multicode.svc:6379/0\"]",
        "file = \"/var/lib/multicode/ledger\"",
    );
    let documents = sound(&json!({
        "state": { "kind": "file" },
        "replicas": 1,
        "config": { "routes": routes },
    }));
    let kinds = kinds(&documents);
    assert!(!kinds.contains("Deployment") && !kinds.contains("PodDisruptionBudget"));
    let gateway = &one(&documents, "StatefulSet")["spec"];
    assert_eq!(gateway["replicas"], 1);
    let volume = &gateway["volumeClaimTemplates"][0];
    assert_eq!(volume["metadata"]["name"], "state");
    assert_eq!(volume["spec"]["accessModes"], json!(["ReadWriteOncePod"]));
}

/// Everything that can be said, so that every line of the templates is rendered.
fn everything() -> Value {
    json!({
        "image": { "digest": format!("sha256:{:064}", 7), "pullSecrets": ["registry"] },
        "config": {
            "departments": { "health.toml": "owner = \"health\"\n" },
            "plugins": { "own.toml": "# a family\n", "ean.toml": "# another\n" },
            "terminals": "[terminal.W-0001]\n",
        },
        "networkPolicy": {
            "terminals": [{ "ipBlock": { "cidr": "10.0.0.0/8" } }],
            "operators": [{ "namespaceSelector": { "matchLabels": { "name": "monitoring" } } }],
            "egress": [{ "to": [{ "ipBlock": { "cidr": "10.1.0.0/16" } }], "ports": [{ "port": 6379, "protocol": "TCP" }] }],
        },
        "serviceMonitor": { "enabled": true },
        "prometheusRule": { "enabled": true, "labels": { "release": "prometheus" } },
        "tlsSecret": "door",
        "service": { "annotations": { "a": "b" } },
        "podAnnotations": { "a": "b" },
        "podLabels": { "a": "b" },
        "nodeSelector": { "a": "b" },
        "tolerations": [{ "key": "a", "operator": "Exists" }],
        "affinity": { "nodeAffinity": {} },
    })
}

#[test]
fn everything_that_can_be_set_is_rendered() {
    let documents = sound(&everything());
    let kinds = kinds(&documents);
    assert!(kinds.contains("ServiceMonitor") && kinds.contains("PrometheusRule"));
    let rules = one(&documents, "PrometheusRule").to_string();
    for file in ["multicode-alerts.yml", "multicode-recording.yml"] {
        let text = text(&format!("deploy/prometheus/rules/{file}"));
        for line in text
            .lines()
            .filter_map(|it| it.trim().strip_prefix("- alert: "))
        {
            assert!(rules.contains(&format!("\"{line}\"")), "{line}");
        }
    }
    let plugins = one_map(&documents, "demo-multicode-plugins");
    assert_eq!(plugins["ean.toml"], "# another\n");
    let pod = &one(&documents, "Deployment")["spec"]["template"]["spec"];
    let image = pod["containers"][0]["image"].as_str().unwrap();
    assert!(image.contains("@sha256:"), "{image}");
    let paths = pod["volumes"][0].to_string();
    assert!(paths.contains("routes.d/health.toml") && paths.contains("plugins/own.toml"));
    let policy = one(&documents, "NetworkPolicy").to_string();
    assert!(
        policy.contains("6379") && policy.contains("monitoring"),
        "{policy}"
    );
}

#[test]
fn values_that_do_not_fit_are_refused_with_their_place() {
    for (values, place) in [
        (
            json!({ "state": { "kind": "file" }, "replicas": 2 }),
            "/replicas",
        ),
        (json!({ "replicas": 0 }), "/replicas"),
        (json!({ "image": { "tag": "latest" } }), "/image/tag"),
        (
            json!({ "image": { "digest": "sha256:7" } }),
            "/image/digest",
        ),
        (json!({ "ports": { "scan": 80 } }), "/ports/scan"),
        (json!({ "state": { "kind": "memory" } }), "/state/kind"),
        (json!({ "termination": { "rest": 0 } }), "/termination/rest"),
        (
            json!({ "config": { "departments": { "../x.toml": "a" } } }),
            "../x.toml",
        ),
        (json!({ "config": { "routes": "" } }), "/config/routes"),
        (json!({ "secrets": { "key": "in plain sight" } }), "secrets"),
        (
            json!({ "networkPolicy": { "egress": [{ "ports": [] }] } }),
            "/networkPolicy/egress",
        ),
    ] {
        let outcome = rendered(&values);
        let refused = outcome["refused"].as_str();
        assert!(
            refused.is_some_and(|it| it.contains(place)),
            "{values}: {refused:?}"
        );
    }
}
