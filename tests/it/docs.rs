//! The manual held against the program: what is written there must be so.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use http::StatusCode;
use multicode::gateway::Gateway;
use multicode::metrics::{Fetch, KeysGauge, Known, Metrics};
use multicode::proxy::respond::{Refusal, Silence};
use multicode::reason::Reason;
use multicode::time::Timestamp;

use crate::source::{all, root};

/// The part of `docs/reasons.md` under a heading.
fn section(heading: &str) -> String {
    let text = fs::read_to_string(root().join("docs/reasons.md")).unwrap();
    let (_, after) = text.split_once(&format!("\n## {heading}\n")).unwrap();
    after.split("\n## ").next().unwrap().to_owned()
}

/// The cells of every table row whose first cell is a word in code.
fn rows(text: &str) -> Vec<Vec<&str>> {
    let rows = text.lines().filter(|line| line.starts_with("| `"));
    rows.map(|row| row.trim_matches('|').split('|').map(str::trim).collect())
        .collect()
}

#[track_caller]
fn check_reasons(heading: &str) {
    let text = section(heading);
    let documented = rows(&text);
    let documented: Vec<_> = documented
        .iter()
        .map(|row| (row[0].trim_matches('`').to_owned(), row[1], row[2]))
        .collect();
    let statuses: Vec<_> = Reason::ALL.iter().map(|reason| statuses(*reason)).collect();
    let real: Vec<_> = Reason::ALL
        .iter()
        .zip(&statuses)
        .map(|(reason, statuses)| {
            let (slug, stage) = (reason.slug().to_owned(), reason.stage().name());
            (slug, statuses.as_str(), stage)
        })
        .collect();
    assert_eq!(documented, real, "docs/reasons.md, {heading}");
    for row in rows(&text) {
        assert_eq!(row.len(), 5, "{row:?}");
        assert!(row.iter().all(|cell| !cell.is_empty()), "{row:?}");
    }
}

/// Every status a reason is answered with, the usual one first.
fn statuses(reason: Reason) -> String {
    let usual = Refusal::from(reason);
    let silent = [Silence::Broken, Silence::Late, Silence::Recorded].map(|silence| {
        let refusal = Refusal {
            silence,
            ..usual.clone()
        };
        refusal.status()
    });
    let mut all = [&silent[..], &[usual.status_of_head()]].concat();
    all.sort_unstable();
    all.dedup();
    let all: Vec<_> = all.iter().map(StatusCode::as_str).collect();
    all.join(", ")
}

#[test]
fn every_reason_is_documented_in_english() {
    check_reasons("English");
}

#[test]
fn every_reason_is_documented_in_chinese() {
    check_reasons("中文");
}

#[test]
fn documented_metrics_are_the_registered_ones() {
    let metrics = Metrics::default();
    // Counters show once they have a label; the one labelled with families has none here, so the
    // sources must vouch for it.
    let _handles = metrics.handles(&Known {
        gateway: &Gateway::default(),
        issuers: &["a"],
        upstreams: &["a"],
        introspections: &["a"],
    });
    metrics.reloaded(true, Timestamp::default());
    let _door = metrics.door("a");
    metrics.keys_fetched("a", Fetch::Success);
    let time = Some(Timestamp::default());
    metrics.keys_stand(&KeysGauge {
        issuer: "a",
        states: &[],
        rejected: 0,
        fresh: time,
        next: time,
        stale: time,
        expiry: time,
    });
    let exposition = metrics.text();
    let registered = exposition
        .lines()
        .filter_map(|line| line.strip_prefix("# TYPE "))
        .filter(|line| line.starts_with("multicode_"))
        .filter_map(|line| line.split(' ').next().map(str::to_owned));
    let manual = fs::read_to_string(root().join("docs/operations.md")).unwrap();
    let documented = rows(&manual).into_iter().filter_map(|row| {
        let name = row[0].trim_matches('`');
        let name = name.strip_suffix("_total").unwrap_or(name);
        let name = name.strip_suffix("_info").unwrap_or(name);
        name.starts_with("multicode_").then(|| name.to_owned())
    });
    let documented: BTreeSet<_> = documented.collect();
    let registered: BTreeSet<_> = registered.collect();
    assert_eq!(registered.difference(&documented).next(), None);
    let files = fs::read_dir(root().join("src/metrics")).unwrap();
    let files = files.map(|file| file.unwrap().path());
    let source: String = files
        .filter(|path| path.is_file())
        .map(|path| fs::read_to_string(path).unwrap())
        .collect();
    for name in documented.difference(&registered) {
        let bare = name.trim_start_matches("multicode_");
        assert!(source.contains(&format!("\"{bare}\"")), "{name}");
    }
}

/// Every document for people, without what building leaves behind.
fn documents() -> Vec<PathBuf> {
    let folders = [
        "",
        "docs",
        "plugins",
        "routes.d",
        "examples/introspection",
        "bench",
        "deploy",
        "loadtest",
    ];
    let folders = folders.iter().map(|folder| root().join(folder));
    let entries = folders.filter_map(|folder| fs::read_dir(folder).ok());
    let files = entries.flatten().map(|entry| entry.unwrap().path());
    files
        .filter(|path| path.extension().is_some_and(|end| end == "md"))
        .collect()
}

/// The targets of `[text](target)` inside this repository: a file, none for the document itself,
/// and an anchor.
fn links(text: &str) -> impl Iterator<Item = (&str, Option<&str>)> {
    let targets = text
        .split("](")
        .skip(1)
        .filter_map(|rest| rest.split(')').next());
    let here = targets.filter(|it| !it.contains("://") && !it.starts_with("mailto:"));
    here.map(|target| match target.split_once('#') {
        Some((file, anchor)) => (file, Some(anchor)),
        None => (target, None),
    })
}

/// The anchors of a document's headings, as GitHub makes them.
pub(crate) fn anchors(text: &str) -> BTreeSet<String> {
    let headings = text.lines().filter(|line| line.starts_with('#'));
    let anchor = |heading: &str| {
        let words = heading.trim_start_matches('#').trim().to_lowercase();
        let kept = words.chars().filter_map(|letter| match letter {
            ' ' => Some('-'),
            '-' | '_' => Some(letter),
            _ => letter.is_alphanumeric().then_some(letter),
        });
        kept.collect()
    };
    headings.map(anchor).collect()
}

#[test]
fn every_link_between_documents_leads_somewhere() {
    let mut broken = Vec::new();
    for document in documents() {
        let text = fs::read_to_string(&document).unwrap();
        let folder = document.parent().unwrap();
        for (file, anchor) in links(&text) {
            let target = if file.is_empty() {
                document.clone()
            } else {
                folder.join(file)
            };
            let leads = match anchor {
                None => target.exists(),
                Some(anchor) => {
                    fs::read_to_string(&target).is_ok_and(|text| anchors(&text).contains(anchor))
                }
            };
            if !leads {
                let (name, anchor) = (document.strip_prefix(root()).unwrap(), anchor.unwrap_or(""));
                broken.push(format!("{}: {file}#{anchor}", name.display()));
            }
        }
    }
    assert!(broken.is_empty(), "\n{}", broken.join("\n"));
}

/// The options a text names: `--config`, `--at`.
fn options(text: &str) -> BTreeSet<String> {
    let words = text.split(|c: char| !c.is_ascii_lowercase() && c != '-');
    let long = words.filter(|word| word.len() > 3 && word.starts_with("--"));
    long.filter(|word| *word != "--help" && *word != "--version")
        .map(str::to_owned)
        .collect()
}

/// What the program says about a command, and about the commands it is made of.
fn help(words: &[&str]) -> String {
    let program = env!("CARGO_BIN_EXE_multicode");
    let out = Command::new(program).arg("help").args(words).output();
    let mut said = String::from_utf8(out.unwrap().stdout).unwrap();
    for command in commands(&said.clone()) {
        let words: Vec<_> = words.iter().copied().chain([command]).collect();
        said += &help(&words);
    }
    said
}

/// The commands a help lists.
fn commands(usage: &str) -> impl Iterator<Item = &str> {
    let listed = usage
        .split_once("Commands:\n")
        .map_or("", |(_, after)| after);
    let lines = listed.lines().take_while(|line| !line.is_empty());
    let words = lines.filter_map(|line| line.split_whitespace().next());
    words.filter(|command| *command != "help")
}

#[test]
fn documented_options_are_the_programs() {
    let program = env!("CARGO_BIN_EXE_multicode");
    let out = Command::new(program).arg("help").output().unwrap();
    let usage = String::from_utf8(out.stdout).unwrap();
    let mut commands: BTreeSet<&str> = commands(&usage).collect();
    assert!(commands.len() > 5, "{usage}");
    let manual = fs::read_to_string(root().join("docs/cli.md")).unwrap();
    for section in manual.split("\n## `").skip(1) {
        let (heading, _) = section.split_once('\n').unwrap();
        let of = |part: &str| part.split([' ', '`']).next().unwrap_or_default().to_owned();
        let named: Vec<_> = heading.split(", `").map(of).collect();
        let real: BTreeSet<_> = named.iter().flat_map(|it| options(&help(&[it]))).collect();
        assert_eq!(options(section), real, "docs/cli.md, {heading}");
        for command in &named {
            assert!(commands.remove(command.as_str()), "{command} is no command");
        }
    }
    assert!(commands.is_empty(), "docs/cli.md lacks {commands:?}");
}

/// The codes of findings that a source creates.
fn findings(source: &str) -> impl Iterator<Item = &str> {
    let makers = [
        "Diagnostic::error(",
        "Diagnostic::warning(",
        "Diagnostic::note(",
        "around.error(",
    ];
    makers.into_iter().flat_map(|maker| {
        let after = source.split(maker).skip(1);
        after.filter_map(|rest| rest.trim_start().strip_prefix('"')?.split('"').next())
    })
}

#[test]
fn every_finding_of_check_is_documented() {
    let manual = fs::read_to_string(root().join("docs/routes.md")).unwrap();
    let (_, table) = manual.split_once("\n## Findings\n").unwrap();
    let mut missing = BTreeSet::new();
    for source in all() {
        let text = fs::read_to_string(root().join(&source.name)).unwrap();
        for code in findings(&text) {
            if !table.contains(&format!("`{code}`")) {
                missing.insert(format!("{}: {code}", source.name));
            }
        }
    }
    assert!(missing.is_empty(), "{missing:#?}");
}

/// Every test below a folder of tests, by module and name.
fn tests_below(folder: &Path, module: &str, found: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let stem = path.file_stem().unwrap().to_str().unwrap();
        let own = if stem == "mod" {
            module.to_owned()
        } else {
            format!("{module}{stem}::")
        };
        if path.is_dir() {
            tests_below(&path, &own, found);
            continue;
        }
        let text = fs::read_to_string(&path).unwrap();
        let mut is_test = false;
        for line in text.lines() {
            is_test |= line.starts_with("#[test]") || line.starts_with("#[tokio::test");
            let line = line.strip_prefix("async ").unwrap_or(line);
            let name = line.strip_prefix("fn ").filter(|_| is_test);
            if let Some((name, _)) = name.and_then(|it| it.split_once('(')) {
                found.insert(format!("{own}{name}"));
                is_test = false;
            }
        }
    }
}

#[test]
fn every_fault_has_a_row() {
    let mut tests = BTreeSet::new();
    tests_below(&root().join("tests/faults"), "", &mut tests);
    // What it measures is in docs/operations.md.
    assert!(tests.remove("redis::figures::what_a_claim_and_a_record_cost"));
    let text = fs::read_to_string(root().join("docs/faults.md")).unwrap();
    let in_code = text.split('`').skip(1).step_by(2);
    let rows: BTreeSet<_> = in_code
        .filter(|it| it.contains("::"))
        .map(str::to_owned)
        .collect();
    assert_eq!(rows, tests);
}
