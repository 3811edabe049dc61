//! Every command of the README, run as it stands there.
//!
//! Each `sh` block runs in bash, in a fresh copy of the shipped files. Two things differ from a
//! reader's shell: `cargo run --release -- …` is the program as already built, and the ports are
//! free ones, so that tests can run beside a gateway and beside each other. `demo` ends by itself.

use std::fs::{self, File};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, ExitStatus};
use std::thread;
use std::time::{Duration, Instant};

use crate::source::root;

/// How long a block may take; the longest takes a few seconds.
const PATIENCE: Duration = Duration::from_secs(120);

/// The ports of the shipped files and of `mock`.
const PORTS: [u16; 5] = [8080, 9090, 18101, 18102, 18103];

/// Stands for cargo in a block's PATH.
const CARGO: &str = r#"#!/bin/sh
case "$*" in
"build --release") exit 0 ;;
"run --release -- demo") set -- demo --once ;;
"run --release -- mock") set -- mock --health 127.0.0.1:18101 --insurance 127.0.0.1:18102 --payment 127.0.0.1:18103 ;;
"run --release -- "*) shift 3 ;;
*) echo "the README's test does not know: cargo $*" >&2; exit 97 ;;
esac
exec "$MULTICODE" "$@"
"#;

#[test]
fn every_command_of_the_readme_works() {
    let readme = read("README.md");
    let blocks = blocks(&readme);
    assert!(blocks.len() > 3, "the README has lost its commands");
    // The load tester is another package's program, and that package's tests run its commands.
    let own = |block: &&str| !block.contains("multicode-loadtest");
    for block in blocks.into_iter().filter(own) {
        run(block);
    }
}

#[test]
fn the_chinese_readme_has_the_same_commands() {
    assert_eq!(blocks(&read("README.md")), blocks(&read("README.zh-CN.md")));
}

#[test]
fn the_two_readmes_have_the_same_shape() {
    let (english, chinese) = (read("README.md"), read("README.zh-CN.md"));
    let shape = |text: &str| {
        let marks = text.lines().filter_map(|line| {
            let mark = line.split(' ').next().unwrap_or_default();
            let is_mark = mark.starts_with('#') || mark.starts_with("```");
            let row = line
                .starts_with("| ")
                .then(|| format!("row of {}", line.matches(" |").count()));
            row.or_else(|| is_mark.then(|| mark.to_owned()))
        });
        marks.collect::<Vec<_>>()
    };
    assert_eq!(shape(&english), shape(&chinese));
}

fn read(name: &str) -> String {
    fs::read_to_string(root().join(name)).unwrap()
}

/// The contents of the `sh` blocks.
fn blocks(text: &str) -> Vec<&str> {
    let after_fence = text.split("\n```sh\n").skip(1);
    after_fence
        .map(|rest| rest.split("\n```").next().unwrap())
        .collect()
}

fn run(block: &str) {
    let folder = tempfile::tempdir().unwrap();
    let ports = PORTS.map(|port| (port.to_string(), free_port().to_string()));
    let with_ports = |text: &str| {
        let mut text = text.to_owned();
        for (usual, free) in &ports {
            text = text.replace(&format!(":{usual}"), &format!(":{free}"));
        }
        text
    };
    copy_shipped_files(folder.path(), &with_ports);
    let tools = folder.path().join("tools");
    fs::create_dir(&tools).unwrap();
    let cargo = tools.join("cargo");
    fs::write(&cargo, with_ports(CARGO)).unwrap();
    fs::set_permissions(&cargo, fs::Permissions::from_mode(0o755)).unwrap();

    let said = folder.path().join("said");
    let out = File::create(&said).unwrap();
    let mut path = tools.into_os_string();
    path.push(":");
    path.push(std::env::var_os("PATH").unwrap());
    let mut bash = Command::new("bash")
        .args(["-euo", "pipefail", "-c", &with_ports(block)])
        .current_dir(folder.path())
        .env_clear()
        .env("PATH", path)
        .env("MULTICODE", env!("CARGO_BIN_EXE_multicode"))
        .stdout(out.try_clone().unwrap())
        .stderr(out)
        .process_group(0)
        .spawn()
        .unwrap();
    let status = wait(&mut bash);
    // What the block left in the background.
    let group = format!("-{}", bash.id());
    let _ = Command::new("kill").args(["-KILL", "--", &group]).output();
    let said = fs::read_to_string(&said).unwrap();
    match status {
        Some(status) => assert!(status.success(), "{block}\n\n{status}\n{said}"),
        None => panic!("{block}\n\nstill running after {PATIENCE:?}\n{said}"),
    }
}

fn wait(child: &mut Child) -> Option<ExitStatus> {
    let begun = Instant::now();
    while begun.elapsed() < PATIENCE {
        if let Some(status) = child.try_wait().unwrap() {
            return Some(status);
        }
        thread::sleep(Duration::from_millis(20));
    }
    None
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

fn copy_shipped_files(to: &Path, change: &impl Fn(&str) -> String) {
    for name in ["routes.toml", "terminals.toml", "routes.d", "plugins"] {
        let from = root().join(name);
        if from.is_file() {
            fs::write(to.join(name), change(&read(name))).unwrap();
            continue;
        }
        fs::create_dir(to.join(name)).unwrap();
        for entry in fs::read_dir(&from).unwrap_or_else(|error| panic!("{name}: {error}")) {
            let path = entry.unwrap().path();
            let text = fs::read_to_string(&path).unwrap();
            let file = path.file_name().unwrap();
            fs::write(to.join(name).join(file), change(&text)).unwrap();
        }
    }
}
