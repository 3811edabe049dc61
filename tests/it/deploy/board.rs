//! The dashboard as it is written.

use std::fs;

use serde_json::Value;

use crate::source::root;

/// The whole of it.
pub(super) fn dashboard() -> Value {
    let text = fs::read_to_string(root().join("deploy/grafana/multicode.json")).unwrap();
    serde_json::from_str(&text).unwrap()
}

/// Its panels, rows too.
pub(super) fn panels() -> Vec<Value> {
    dashboard()["panels"].as_array().unwrap().clone()
}

/// The title and expression of every query of every panel.
pub(super) fn expressions() -> Vec<(String, String)> {
    let mut found = Vec::new();
    for panel in panels() {
        let title = panel["title"].as_str().unwrap();
        for target in panel["targets"].as_array().into_iter().flatten() {
            found.push((title.into(), target["expr"].as_str().unwrap().into()));
        }
    }
    found
}

/// What its variables and annotations ask for, a metric and a label each.
pub(super) fn variables() -> Vec<(String, String)> {
    let board = dashboard();
    let all = board["templating"]["list"].as_array().unwrap();
    let asked = all.iter().filter_map(|one| one["definition"].as_str());
    let asked = asked.map(|query| {
        let inside = query.strip_prefix("label_values(").unwrap();
        let (metric, label) = inside.strip_suffix(')').unwrap().split_once(", ").unwrap();
        (metric.to_owned(), label.to_owned())
    });
    asked.collect()
}

#[test]
fn the_dashboard_is_whole() {
    let board = dashboard();
    assert_eq!(board["uid"], "multicode-gateway");
    assert_eq!(board["schemaVersion"], 37);
    assert_eq!(board["__inputs"][0]["pluginId"], "prometheus");
    let all = board["templating"]["list"].as_array().unwrap();
    let names: Vec<_> = all
        .iter()
        .map(|one| one["name"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["datasource", "instance", "route", "issuer"]);
    for name in &names {
        let used = board["panels"].to_string().contains(&format!("${name}"))
            || board["panels"]
                .to_string()
                .contains(&format!("${{{name}}}"));
        assert!(used, "{name}");
    }
    for panel in panels() {
        let title = panel["title"].as_str().unwrap();
        assert!(!title.is_empty());
        if panel["type"] == "row" {
            continue;
        }
        let text = |pointer: &str| panel.pointer(pointer).and_then(Value::as_str).unwrap_or("");
        assert_eq!(text("/datasource/uid"), "${datasource}", "{title}");
        assert!(!text("/fieldConfig/defaults/unit").is_empty(), "{title}");
        assert!(text("/description").ends_with('.'), "{title}");
        let targets = panel["targets"].as_array().unwrap();
        let mut ids: Vec<_> = targets.iter().map(|it| it["refId"].as_str()).collect();
        ids.dedup();
        assert_eq!(ids.len(), targets.len(), "{title}");
        assert!(!targets.is_empty(), "{title}");
        for target in targets {
            assert!(!target["expr"].as_str().unwrap().is_empty(), "{title}");
            let has_legend = !target["legendFormat"].as_str().unwrap().is_empty();
            assert!(
                has_legend || panel["type"] == "stat",
                "{title} has no legend"
            );
        }
    }
    // Traces are shown where they are recorded.
    assert!(board["panels"].to_string().contains("\"exemplar\":true"));
}

#[test]
fn panels_lie_beside_each_other() {
    let mut places: Vec<([u64; 4], String)> = Vec::new();
    let mut ids = Vec::new();
    for panel in panels() {
        ids.push(panel["id"].as_u64().unwrap());
        let [x, y, w, h] =
            ["x", "y", "w", "h"].map(|side| panel["gridPos"][side].as_u64().unwrap());
        let title = panel["title"].as_str().unwrap().to_owned();
        assert!(w > 0 && h > 0 && x + w <= 24, "{title}");
        for ([left, top, wide, high], other) in &places {
            let apart = x >= left + wide || *left >= x + w || y >= top + high || *top >= y + h;
            assert!(apart, "{title} lies on {other}");
        }
        places.push(([x, y, w, h], title));
    }
    let count = ids.len();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), count);
}

#[test]
fn the_dashboard_is_what_its_generator_writes() {
    let mut python = std::process::Command::new("python3");
    python.arg(root().join("deploy/grafana/generate.py"));
    let out = python.arg("--check").output().unwrap();
    assert!(out.status.success(), "{out:?}");
}
