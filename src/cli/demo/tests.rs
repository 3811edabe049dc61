use std::ffi::OsString;
use std::path::Path;

use super::*;
use crate::app;
use crate::classify::Classifier;
use crate::config::{NoSecrets, load as load_config};
use crate::family::{Family, KindSet};
use crate::random::Random;
use crate::sandbox::lent::lend;
use crate::sandbox::mint::{Order, mint};
use crate::scan::{Cleaning, clean};

#[test]
fn every_row_of_the_demonstration_is_as_expected() {
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let mut process = Process {
        out: &mut out,
        err: &mut err,
        now: app::now,
    };
    let arguments = ["multicode", "demo", "--once"].map(OsString::from);
    let exit = crate::cli::run(arguments, &mut process);
    let (out, err) = (
        String::from_utf8(out).unwrap(),
        String::from_utf8(err).unwrap(),
    );
    assert_eq!(exit, Exit::Success, "{out}{err}");
    for reason in [
        "expired",
        "bad-signature",
        "unknown-key",
        "not-yet-valid",
        "merchant-code",
    ] {
        assert!(out.contains(reason), "{reason}: {out}");
    }
    for department in Department::ALL {
        assert!(out.contains(&format!("200 by {department}")), "{out}");
    }
}

/// One e-CNY code in ninety reads as a GTIN with a one-character element behind it, and a checksum
/// that holds goes before the scene.
const OVERLAP: (&str, &str) = ("ecny", "gs1");

/// The family a text belongs to where the scene takes its kind only.
fn recognised<'a>(
    classifier: &Classifier,
    families: &'a [Family],
    family: &Family,
    text: &str,
) -> Option<&'a str> {
    let cleaned = clean(text, Cleaning::Scanner);
    let in_scene = KindSet::from_iter([family.kind]);
    let found = classifier.classify(families, &cleaned, in_scene, &mut ());
    let index = found.ok()?.code.family.index;
    families.get(index).map(|family| &*family.id)
}

#[test]
fn every_shipped_family_recognises_what_is_minted_of_it() {
    let config = Path::new(env!("CARGO_MANIFEST_DIR")).join("routes.toml");
    let loaded = load_config(&config, &Stopgap::over(&NoSecrets));
    let config = loaded.config.unwrap();
    let parts = config.gateway;
    let (keys, signers) = lend(&parts.families, &config.keys).unwrap();
    let mut families = parts.families;
    for (index, family) in families.iter_mut().enumerate() {
        family.index = index;
    }
    let classifier = Classifier::new(&families);
    let order = Order {
        signers,
        ..Order::default()
    };
    for family in &families {
        for seed in 0..100 {
            let mut random = Random::seeded(seed);
            let text = mint(family, &keys, &order, &mut random, app::now());
            let text = text.unwrap_or_else(|error| panic!("{}: {error}", family.id));
            let found = recognised(&classifier, &families, family, &text);
            let known = found.map(|found| (&*family.id, found)) == Some(OVERLAP);
            assert!(known || found == Some(&*family.id), "{found:?} for {text}");
        }
    }
}
