//! The audit trail and the scenes that rest on it: what the defaults are, and what is said about mistakes.

use std::time::Duration;

use super::mistakes::{LEAST, STATE, WALLET, settling};
use super::*;
use crate::audit::{Form, Setting};
use crate::config::meaning::AuditKey;
use crate::policy::Audited;

/// An environment in which every variable is set to the same.
#[derive(Debug)]
struct Everything(&'static str);

impl Secrets for Everything {
    fn resolve(&self, _: &SecretRef) -> Result<Option<Secret>, SecretError> {
        Ok(Some(Secret::new(self.0.as_bytes().to_vec())))
    }
}

/// 32 bytes in base64.
const KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

const AUDIT: &str = "[audit]\nfolder = \"state/audit\"\n";

fn loaded(routes: &str) -> Loaded {
    let folder = folder(&[("routes.toml", routes), ("plugins/wallet.toml", WALLET)]);
    load(&folder.path().join("routes.toml"), &Everything(KEY))
}

/// The codes of what is found.
#[track_caller]
fn check(routes: &str, expected: &[&str]) {
    let loaded = loaded(routes);
    let found: Vec<_> = loaded.diagnostics.iter().map(|found| found.code).collect();
    assert_eq!(
        found,
        expected,
        "{}",
        loaded.diagnostics.render(Style::Plain)
    );
}

#[test]
fn what_is_left_out_has_its_default() {
    assert!(loaded(LEAST).config.unwrap().audit.is_none());
    let audit = loaded(&format!("{LEAST}{AUDIT}")).config.unwrap().audit;
    let audit = audit.unwrap();
    assert!(audit.folder.ends_with("state/audit"));
    assert!(audit.node.is_none() && matches!(audit.key, AuditKey::Own));
    assert_eq!((audit.keep, audit.rotate), (Setting::KEEP, Setting::ROTATE));
    assert_eq!(
        (audit.segment, audit.least_free),
        (Setting::SEGMENT, Setting::LEAST_FREE)
    );
    assert_eq!(
        (audit.checkpoint, audit.patience),
        (Setting::CHECKPOINT, Setting::PATIENCE)
    );
    assert!(audit.ships.is_empty());
}

#[test]
fn the_defaults_shown_in_the_shipped_file_are_the_codes_own() {
    let text = include_str!("../../../routes.toml");
    let (_, shown) = text.split_once("# [audit]\n").unwrap();
    let (shown, _) = shown.split_once("\n\n").unwrap();
    let bare: Vec<_> = shown
        .lines()
        .map(|line| line.trim_start_matches(['#', ' ']))
        .collect();
    let routes = format!("{LEAST}[audit]\n{}\n", bare.join("\n"));
    let audit = loaded(&routes).config.unwrap().audit.unwrap();
    assert_eq!((audit.keep, audit.rotate), (Setting::KEEP, Setting::ROTATE));
    assert_eq!(
        (audit.segment, audit.least_free),
        (Setting::SEGMENT, Setting::LEAST_FREE)
    );
    assert_eq!(
        (audit.checkpoint, audit.patience),
        (Setting::CHECKPOINT, Setting::PATIENCE)
    );
    assert_eq!(audit.node.as_deref(), Some("gateway-1"));
    let AuditKey::Named(Some(key)) = &audit.key else {
        panic!("{audit:?}");
    };
    assert_eq!(key.expose().len(), 32);
    let [ship] = &*audit.ships else {
        panic!("{audit:?}");
    };
    assert_eq!(
        (&*ship.name, &*ship.host, ship.port),
        ("warehouse", "logs.example.gov.cn", 443)
    );
    assert_eq!((&*ship.path, ship.form), ("/v1/logs", Form::Otlp));
    assert_eq!(
        ship.token.as_ref().map(|(header, _)| &**header),
        Some("authorization")
    );
}

#[test]
fn where_money_moves_the_trail_is_required() {
    let audited = |routes: &str| {
        let config = loaded(routes).config.unwrap();
        config.gateway.scenes.find("pay").unwrap().care.audit
    };
    let settles = format!("{}{STATE}", settling(LEAST));
    assert_eq!(audited(&settles), Audited::BestEffort);
    assert_eq!(audited(&format!("{LEAST}{AUDIT}")), Audited::BestEffort);
    assert_eq!(audited(&format!("{settles}{AUDIT}")), Audited::Required);
    let lenient = settles.replace(
        "settlement = true",
        "settlement = true\naudit = \"best-effort\"",
    );
    assert_eq!(audited(&format!("{lenient}{AUDIT}")), Audited::BestEffort);
    let strict = LEAST.replace(
        "settlement = false",
        "settlement = false\naudit = \"required\"",
    );
    assert_eq!(audited(&format!("{strict}{AUDIT}")), Audited::Required);
    check(&strict, &["audit-without-folder"]);
}

#[test]
fn mistakes_are_found() {
    let with = |lines: &str| format!("{LEAST}{AUDIT}{lines}\n");
    check(&with("keep = \"200d\"\nsegment = \"1MiB\""), &[]);
    check(&with("segment = \"1KiB\""), &["bad-value"]);
    check(&with("node = \"a b\""), &["bad-value"]);
    check(&with("key = \"hunter2\""), &["plain-secret"]);
    check(&format!("{LEAST}[audit]\n"), &["missing-key"]);
    let ship = |lines: &str| with(&format!("[audit.ship.a]\n{lines}"));
    check(&ship("url = \"http://10.0.0.5:8123/?query=x\""), &[]);
    check(&ship("url = \"https://10.0.0.5/\""), &["no-trust-root"]);
    check(
        &ship("url = \"http://10.0.0.5/\"\nca = \"ca.pem\""),
        &["useless-key"],
    );
    check(&ship("url = \"http://a:b@10.0.0.5/\""), &["bad-value"]);
    check(&ship("url = \"10.0.0.5\""), &["bad-value"]);
    check(&ship("form = \"ndjson\""), &["missing-key"]);
    check(
        &ship("url = \"http://10.0.0.5/\"\nheader = \"x-key\""),
        &["useless-key"],
    );
    let named = "url = \"http://10.0.0.5/\"\ntoken = \"env:T\"\nheader = \"a b\"";
    check(&ship(named), &["bad-value"]);
    assert!(Duration::from_secs(184 * 24 * 60 * 60) < Setting::KEEP);
}
