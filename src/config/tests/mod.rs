//! Whole loads: folders in, findings out.

mod audit;
mod doors;
mod introspections;
mod issuers;
mod kept;
mod mistakes;
mod proofs;
mod rates;
mod secrets;
mod shipped;
mod spoiled;
mod state;
mod tls;
mod upstreams;

use std::path::Path;

use super::*;

/// A folder with the given files.
fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    folder
}

/// Loads a folder and shows what is found, with the folder's own name taken out.
fn findings(files: &[(&str, &str)]) -> String {
    let folder = folder(files);
    let loaded = load(&folder.path().join("routes.toml"), &NoSecrets);
    let text = loaded.diagnostics.render(Style::Plain);
    assert_eq!(loaded.config.is_some(), !loaded.diagnostics.has_errors());
    text.replace(&format!("{}/", folder.path().display()), "")
}

proptest::proptest! {
    /// Whatever stands in the files, a load ends with findings or a configuration.
    #[test]
    fn any_files_are_loaded_without_a_panic(
        lines in proptest::collection::vec(0..60_usize, 0..40),
    ) {
        let shipped = concat!(include_str!("../../../routes.toml"), include_str!("../../../routes.d/payment.toml"));
        let all: Vec<&str> = shipped.lines().filter(|line| !line.starts_with('#')).collect();
        let picked: Vec<&str> = lines.iter().map(|at| all[at * all.len() / 60]).collect();
        let text = picked.join("\n");
        findings(&[("routes.toml", &text), ("routes.d/a.toml", &text), ("plugins/a.toml", &text)]);
    }
}

#[test]
fn what_cannot_be_looked_at_is_not_taken_for_nothing() {
    let folder = folder(&[("routes.toml", "config_version = 1\n")]);
    let at = |name: &str| folder.path().join(name);
    let main = at("routes.toml");
    let unreadable = || {
        let found = load(&main, &NoSecrets).diagnostics;
        assert!(found.has_unreadable(), "{}", found.render(Style::Plain));
        Fingerprint::of(&main, &std::collections::BTreeSet::new())
    };
    let empty = Fingerprint::of(&main, &std::collections::BTreeSet::new());
    // Who runs as root may look into every folder; a file in a folder's place nobody can list.
    std::fs::write(at("routes.d"), "").unwrap();
    assert_ne!(unreadable(), empty);
    std::fs::remove_file(at("routes.d")).unwrap();
    std::os::unix::fs::symlink("nowhere", at("terminals.toml")).unwrap();
    unreadable();
}
