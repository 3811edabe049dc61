//! The tools others attack and load servers with, on the program itself. `tests/run` has them
//! unpacked.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use super::secured;
use crate::edge::{Files, Program, post};

/// A medicine's EAN-13, which the shipped routes answer themselves.
const EAN: &str = "6901234567892";

/// A tool that `tests/run` names in this variable, with the libraries it was unpacked with.
fn tool(variable: &str) -> Command {
    let path = std::env::var_os(variable);
    let path = PathBuf::from(
        path.unwrap_or_else(|| panic!("{variable} names no program: tests/run has it unpacked")),
    );
    let mut command = Command::new(&path);
    let libraries = path.ancestors().nth(2).map(|usr| usr.join("lib"));
    let libraries = libraries
        .and_then(|lib| std::fs::read_dir(lib).ok())
        .into_iter()
        .flatten();
    let libraries: Vec<_> = libraries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.to_string_lossy().ends_with("-linux-gnu"))
        .collect();
    command.env("LD_LIBRARY_PATH", std::env::join_paths(libraries).unwrap());
    command.stdin(Stdio::null());
    command
}

/// Runs the attack with some hundred connections, and scans all the while; gives what the tool said.
fn attack(limits: &[&str], arguments: &[&str]) -> String {
    let files = Files::shipped();
    for limit in limits {
        files.limit(limit);
    }
    let program = Program::serve(&files, "warn,multicode=info");
    let url = format!("http://{}/v1/scan", program.scan);
    let mut command = tool("MULTICODE_SLOWHTTPTEST");
    command.args([
        "-c", "300", "-r", "300", "-l", "15", "-p", "3", "-v", "1", "-u", &url,
    ]);
    let mut running = command
        .args(arguments)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let (mut scans, mut slowest) = (0, Duration::ZERO);
    while running.try_wait().unwrap().is_none() {
        let began = Instant::now();
        let answer = program.send(post("/v1/scan", "", EAN));
        assert_eq!(answer.status, 200, "{answer:?}");
        slowest = slowest.max(began.elapsed());
        scans += 1;
        std::thread::sleep(Duration::from_millis(50));
    }
    let said = said(&running.wait_with_output().unwrap());
    assert!(scans > 10, "{scans} scans: {said}");
    assert!(slowest < Duration::from_secs(3), "{slowest:?}");
    said
}

fn said(output: &Output) -> String {
    let both = [&output.stdout[..], &output.stderr].concat();
    String::from_utf8_lossy(&both).into_owned()
}

#[test]
fn heads_that_drip_are_closed() {
    let said = attack(&["header_timeout = \"3s\""], &["-H", "-i", "1"]);
    assert!(said.contains("No open connections left"), "{said}");
}

#[test]
fn bodies_that_drip_are_closed_by_their_rate() {
    let limits = ["body_timeout = \"60s\"", "idle_timeout = \"3s\""];
    let said = attack(&limits, &["-B", "-i", "1", "-s", "8192", "-x", "10"]);
    assert!(said.contains("No open connections left"), "{said}");
}

#[test]
fn readers_that_drip_keep_nobody_else_waiting() {
    let limits = ["idle_timeout = \"2s\""];
    let slow_read = ["-X", "-w", "1", "-y", "2", "-n", "1", "-z", "1", "-l", "8"];
    let said = attack(&limits, &slow_read);
    assert!(!said.contains("service available:  NO"), "{said}");
}

/// Loads the program over TLS with this protocol; every scan must be answered.
#[track_caller]
fn load(protocol: &[&str]) {
    let files = Files::shipped();
    secured(&files);
    std::fs::write(files.path("scan"), EAN).unwrap();
    let program = Program::serve(&files, "warn,multicode=info");
    let url = format!("https://{}/v1/scan", program.scan);
    let scan = files.path("scan");
    let mut command = tool("MULTICODE_H2LOAD");
    command
        .args(["-n", "2000", "-c", "16", "-t", "1", "-d"])
        .arg(Path::new(&scan));
    let output = command.args(protocol).arg(&url).output().unwrap();
    let said = said(&output);
    let all = "2000 total, 2000 started, 2000 done, 2000 succeeded, 0 failed, 0 errored, 0 timeout";
    assert!(said.contains(all) && said.contains("2000 2xx"), "{said}");
}

#[test]
fn many_scans_at_once_over_http_2() {
    load(&["-m", "64"]);
}

#[test]
fn many_scans_one_after_the_other_over_http_1() {
    load(&["--h1"]);
}
