use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

use super::{outcome, text};
use crate::source::root;

fn metadata() -> toml::Table {
    let manifest: toml::Table = text("Cargo.toml").parse().unwrap();
    let deb = manifest["package"]["metadata"]["deb"].as_table();
    deb.unwrap().clone()
}

/// Source and target of everything in the package.
fn assets() -> Vec<(String, String)> {
    let metadata = metadata();
    let assets = metadata["assets"].as_array().unwrap();
    let word = |it: &toml::Value, place: usize| it[place].as_str().unwrap().to_owned();
    assets.iter().map(|it| (word(it, 0), word(it, 1))).collect()
}

/// The files a pattern stands for, by name.
fn matched(pattern: &str) -> Vec<String> {
    let Some((folder, ending)) = pattern.split_once("/*") else {
        return vec![pattern.to_owned()];
    };
    let names = fs::read_dir(root().join(folder)).unwrap();
    let names = names.map(|it| it.unwrap().file_name().into_string().unwrap());
    names.filter(|name| name.ends_with(ending)).collect()
}

#[test]
fn everything_in_the_package_is_there() {
    for (source, _) in assets() {
        if source.starts_with("target/") {
            continue;
        }
        let found = matched(&source);
        assert!(!found.is_empty(), "{source}");
        assert!(
            source.contains('*') || root().join(&source).is_file(),
            "{source}"
        );
    }
    let units: BTreeSet<_> = assets()
        .into_iter()
        .filter(|it| it.1 == "usr/lib/systemd/system/")
        .map(|it| it.0)
        .collect();
    assert_eq!(units.len(), 3, "{units:?}");
}

#[test]
fn every_file_of_the_configuration_is_kept_at_an_upgrade() {
    let of_configuration = assets().into_iter().filter(|it| it.1.starts_with("etc/"));
    let installed: BTreeSet<_> = of_configuration
        .flat_map(|(source, folder)| {
            let names = matched(&source);
            names
                .into_iter()
                .map(move |name| format!("/{folder}{name}"))
        })
        .collect();
    let metadata = metadata();
    let kept = metadata["conf-files"].as_array().unwrap();
    let kept: BTreeSet<_> = kept
        .iter()
        .map(|it| it.as_str().unwrap().to_owned())
        .collect();
    assert_eq!(kept, installed);
}

#[test]
fn what_the_program_writes_for_the_package_it_can_write() {
    let folder = tempfile::tempdir().unwrap();
    let multicode = env!("CARGO_BIN_EXE_multicode");
    let mut man = Command::new(multicode);
    man.args(["man", "--out"]).arg(folder.path().join("man"));
    assert!(outcome(man).0);
    assert!(folder.path().join("man/multicode-serve.1").is_file());
    for shell in ["bash", "zsh", "fish"] {
        let mut command = Command::new(multicode);
        command.args(["completions", shell]);
        assert!(outcome(command).0, "{shell}");
    }
}

#[test]
fn the_scripts_of_the_package_are_sound_and_end_at_the_first_error() {
    for name in ["postinst", "prerm", "postrm"] {
        let path = format!("deploy/debian/scripts/{name}");
        let script = text(&path);
        assert!(script.starts_with("#!/bin/sh\n"), "{name}");
        assert!(script.contains("\nset -e\n"), "{name}");
        let mut shell = Command::new("sh");
        shell.arg("-n").arg(root().join(&path));
        assert_eq!(outcome(shell), (true, String::new()), "{name}");
        // Whether the files will do is for the gateway to say, which reads less than root.
        for line in script.lines().filter(|it| it.contains("multicode check /")) {
            assert!(
                line.contains("runuser -u multicode -- multicode check"),
                "{line}"
            );
        }
    }
}

#[test]
fn the_packaged_files_pass_without_the_sample_departments() {
    let etc = tempfile::tempdir().unwrap();
    let files = assets()
        .into_iter()
        .filter(|it| it.1.starts_with("etc/multicode/"));
    for (source, folder) in files {
        let folder = etc.path().join(folder.trim_start_matches("etc/multicode/"));
        fs::create_dir_all(&folder).unwrap();
        let from = source.split_once("/*").map_or("", |it| it.0);
        for name in matched(&source) {
            fs::copy(root().join(from).join(&name), folder.join(&name)).unwrap();
        }
    }
    let mut check = Command::new(env!("CARGO_BIN_EXE_multicode"));
    check
        .arg("check")
        .arg(etc.path().join("routes.toml"))
        .env_clear();
    let (passes, said) = outcome(check);
    assert!(passes, "{said}");
}
