//! The files in this repository are correct, and say what the code says.

use super::*;
use crate::config::meaning::TrialCode;
use crate::gateway::Gateway;
use crate::gateway::Matter;
use crate::scan::{Claims, Cleaning, Scan, clean};

fn shipped() -> Loaded {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("routes.toml");
    load(&path, &NoSecrets)
}

#[test]
fn the_shipped_files_load_with_an_empty_environment() {
    let loaded = shipped();
    let shown = loaded.diagnostics.render(Style::Plain);
    assert!(loaded.config.is_some(), "{shown}");
    let warned = |found: &&Diagnostic| found.severity == Severity::Warning;
    let unset: Vec<_> = loaded.diagnostics.iter().filter(warned).collect();
    assert!(
        unset.iter().all(|found| found.code == "unset-secret"),
        "{shown}"
    );
    assert_eq!(unset.len(), 5, "{shown}");
}

#[test]
fn the_shipped_tests_with_a_written_code_come_out_as_expected() {
    let config = shipped().config.unwrap();
    let door = config.listeners[0].door.clone();
    let gateway = Gateway::new(config.gateway);
    for trial in &config.trials {
        let TrialCode::Text(text) = &trial.code else {
            continue;
        };
        let scan = Scan {
            text: clean(text, Cleaning::Scanner),
            claims: Claims {
                scene: trial.scene.as_deref(),
                terminal: trial.terminal.as_deref(),
                organisation: trial.organisation.as_deref(),
                region: trial.region.as_deref(),
            },
        };
        let outcome = match gateway.decide(
            Matter {
                scan: &scan,
                door: &door,
                keys: &config.keys,
            },
            trial.now,
        ) {
            Ok(decision) => Ok(&*decision.route.name),
            Err(rejection) => Err(rejection.reason),
        };
        let expected = match (trial.expect.reason, &trial.expect.route) {
            (Some(reason), _) => Err(reason),
            (None, route) => Ok(route.as_deref().unwrap_or_default()),
        };
        assert_eq!(outcome, expected, "{}", trial.name);
    }
}

#[test]
fn the_defaults_shown_in_the_shipped_files_are_the_codes_own() {
    let text = include_str!("../../../routes.toml");
    let (text, _) = text.split_once("# --- Routes of no department").unwrap();
    let without = shipped().config.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("routes.toml");
    // The defaults of [limits], [state], [telemetry] and of the listener stand there commented out.
    let keys = [
        "_timeout",
        "connections",
        "workers",
        "fast_lane",
        "in_flight",
        "clean ",
        "body_limit",
        "keep  ",
        "double_read",
        "answer_limit",
        "claims  ",
        "log_scans",
        "pseudonym_period",
    ];
    let uncomment = |line: &str| match line.strip_prefix("# ") {
        Some(bare)
            if keys
                .iter()
                .any(|key| bare.split('=').next().unwrap().contains(key)) =>
        {
            bare.to_owned()
        }
        _ => line.to_owned(),
    };
    // The audit trail is not kept unless somebody says where.
    let (before, rest) = text.split_once("# [audit]\n").unwrap();
    let (trail, after) = rest.split_once("#\n").unwrap();
    let text = format!("{before}{after}");
    let spelled: Vec<String> = text.lines().map(uncomment).collect();
    let changed = spelled.iter().zip(text.lines()).filter(|(a, b)| a != b);
    assert_eq!(changed.count(), 17);
    std::fs::write(&path, spelled.join("\n")).unwrap();
    let with = load(&path, &NoSecrets).config.unwrap();
    assert_eq!(with.limits, without.limits);
    assert_eq!(with.rates, without.rates);
    let (state, usual) = (&with.state, &without.state);
    assert_eq!(state.keep, usual.keep);
    assert_eq!(state.double_read, usual.double_read);
    assert_eq!(state.answer_limit, usual.answer_limit);
    assert_eq!(state.claims, usual.claims);
    let (told, usual) = (&with.telemetry, &without.telemetry);
    assert!((told.logged - usual.logged).abs() < f64::EPSILON);
    assert_eq!(told.pseudonym_period, usual.pseudonym_period);
    assert_eq!(
        with.listeners[0].body_limit,
        without.listeners[0].body_limit
    );
    assert_eq!(with.listeners[0].cleaning, without.listeners[0].cleaning);
    check_trail(&path, &text, trail);
}

/// The defaults of [audit] stand there, too.
#[track_caller]
fn check_trail(path: &Path, text: &str, trail: &str) {
    let load_trail = |lines: &str| {
        std::fs::write(path, format!("{text}\n[audit]\n{lines}")).unwrap();
        load(path, &NoSecrets).config.unwrap().audit
    };
    let written = trail.lines().map(|line| line.trim_start_matches("# "));
    let (node_or_key, defaults): (Vec<_>, Vec<_>) =
        written.partition(|line| line.starts_with("node ") || line.starts_with("key "));
    assert_eq!((node_or_key.len(), defaults.len()), (2, 7));
    let with = load_trail(&defaults.join("\n"));
    let without = load_trail("folder = \"state/audit\"\n");
    assert!(with.is_some());
    assert_eq!(format!("{with:?}"), format!("{without:?}"));
}
