//! `multicode config diff`.

use std::path::Path;
use std::process::{Command, Output};

use super::{Files, Mocks, Program};

fn diff(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_multicode"));
    command.env_clear().args(["config", "diff"]).args(arguments);
    command.output().unwrap()
}

fn out(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[test]
fn files_are_held_against_those_in_force() {
    let (files, mocks) = (Files::shipped(), Mocks::start());
    mocks.stand_in(&files);
    let program = Program::serve(&files, "info");
    let _made = program.token("viewer");
    let (url, main) = (format!("http://{}", program.admin), files.main());
    let ask = || diff(&["--admin", &url, "--config", text(&main)]);
    let same = ask();
    assert_eq!((same.status.code(), out(&same)), (Some(0), String::new()));

    files.change("routes.toml", "# workers        = 0 ", "workers = 3 # ");
    files.write("routes.d/new.toml", "owner = \"new\"\nowner");
    let found = ask();
    let said = out(&found);
    assert_eq!(found.status.code(), Some(1), "{said}");
    for line in [
        "@@ -",
        "-# workers        = 0",
        "+workers = 3 #",
        "@@ -0,0 +1,2 @@",
        "+owner = \"new\"",
    ] {
        assert!(said.contains(line), "no {line} in {said}");
    }
    let why = String::from_utf8(found.stderr).unwrap();
    assert!(why.contains("routes.d/new.toml:2"), "{why}");

    let wrong = files.path("wrong");
    std::fs::write(&wrong, "x".repeat(30)).unwrap();
    let refused = diff(&["--admin", &url, "--token-file", text(&wrong)]);
    assert_ne!(refused.status.code(), Some(0));
    drop(program);
    assert_eq!(ask().status.code(), Some(3));
}

#[test]
fn two_folders_are_held_against_each_other_and_no_secret_is_shown() {
    let (old, new) = (Files::shipped(), Files::shipped());
    let [one, other] = [&old, &new].map(|files| files.path(""));
    let same = diff(&[text(&one), text(&other)]);
    assert_eq!((same.status.code(), out(&same)), (Some(0), String::new()));
    let secret = |name: &str| format!("[redirects]\ntoken = \"{name}-4f1c9a7be2d34\"\n");
    old.change("routes.toml", "[redirects]\n", &secret("first"));
    new.change("routes.toml", "[redirects]\n", &secret("second"));
    new.write("routes.d/new.toml", "owner = \"new\"\n");
    let found = diff(&[text(&old.main()), text(&other)]);
    let said = out(&found);
    assert_eq!(found.status.code(), Some(1), "{said}");
    assert!(
        said.contains("--- routes.d/new.toml\n+++ routes.d/new.toml\n@@ -0,0 +1,1 @@\n+owner"),
        "{said}"
    );
    assert!(said.contains("routes.toml"), "{said}");
    assert!(!said.contains("4f1c9a7be2d34"), "{said}");
    let nothing = diff(&[text(&one), "/nowhere"]);
    assert_eq!(nothing.status.code(), Some(3));
    assert_eq!(diff(&[text(&one)]).status.code(), Some(2));
}
