//! The rules as they are written: of YAML no more than our own files use.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use crate::source::root;

/// One rule.
#[derive(Clone, Debug, Default)]
pub(super) struct Rule {
    /// `record` or `alert`.
    pub(super) kind: String,
    pub(super) name: String,
    pub(super) expr: String,
    /// Its labels and annotations.
    pub(super) said: BTreeMap<String, String>,
}

/// The files below `deploy/prometheus/FOLDER`, in order.
pub(super) fn files(folder: &str) -> Vec<PathBuf> {
    let folder = root().join("deploy/prometheus").join(folder);
    let files = fs::read_dir(folder).unwrap();
    let mut files: Vec<_> = files.map(|file| file.unwrap().path()).collect();
    files.sort();
    assert!(!files.is_empty());
    files
}

/// Every rule of a kind: `record` or `alert`.
pub(super) fn all(kind: &str) -> Vec<Rule> {
    let mut found: Vec<Rule> = Vec::new();
    for file in files("rules") {
        let text = fs::read_to_string(file).unwrap();
        let mut in_expr = false;
        for line in text.lines().filter(|it| !it.trim().starts_with('#')) {
            let indent = line.len() - line.trim_start().len();
            if in_expr && indent > 8 {
                let last = found.last_mut().unwrap();
                last.expr += line;
                last.expr.push('\n');
                continue;
            }
            in_expr = false;
            let Some((key, value)) = line.trim().split_once(':') else {
                continue;
            };
            let value = value.trim().trim_matches('"').to_owned();
            match key {
                "- record" | "- alert" => found.push(Rule {
                    kind: key.trim_start_matches("- ").to_owned(),
                    name: value,
                    ..Rule::default()
                }),
                "expr" if value == "|2" => in_expr = true,
                "expr" => found.last_mut().unwrap().expr = value,
                _ if indent > 8 => {
                    let last = found.last_mut().unwrap();
                    last.said.insert(key.to_owned(), value);
                }
                _ => {}
            }
        }
    }
    found.retain(|rule| rule.kind == kind);
    assert!(found.len() > 10);
    found
}
