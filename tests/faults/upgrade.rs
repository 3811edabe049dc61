//! The program is replaced while terminals scan: by a hand-over from process to process.

use std::fs;
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::Duration;

use super::crowd::{Crowd, Tally, connect, exchange, scan};
use super::department::Department;
use super::process::{Folder, Process};
use crate::edge::FAILING_TEST;

/// How often the program is replaced in a test run, and in the long proof.
const FEW: usize = 3;
const MANY: usize = 30;

/// Scans between two upgrades.
const BETWEEN: u64 = 200;

/// A gateway, the department behind it and terminals in front of it.
struct Town {
    department: Department,
    folder: Folder,
    process: Process,
    crowd: Crowd,
}

impl Town {
    fn new(options: &[&str]) -> Self {
        let department = Department::open();
        let folder = Folder::new(department.address);
        let at = ["--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0"];
        let process = Process::start(folder.serve(&[], &[&at, options].concat()));
        let addresses = process.addresses();
        let crowd = Crowd::at(addresses[0]);
        let crowd = crowd.and_streams_at(addresses[1], &folder.path("cert.pem"));
        crowd.scan_on(BETWEEN);
        Self {
            department,
            folder,
            process,
            crowd,
        }
    }

    fn hand_over(&self) {
        let before = self.process.events("the successor serves").len();
        self.process.signal("USR2");
        self.process.wait_for("the successor serves", before + 1);
        self.crowd.scan_on(BETWEEN);
        // The predecessor has nothing left to do.
        self.process.wait_for("stopped", before + 1);
    }

    /// Nobody was refused, nothing came twice, nothing was cut off.
    #[track_caller]
    fn assert_nothing_was_lost(self) -> (Tally, Process) {
        let tally = self.crowd.disperse();
        let said = self.process.said();
        assert_eq!(
            tally.failures,
            Vec::<String>::new(),
            "of {}\n{said}",
            tally.scans
        );
        assert_eq!(self.department.received_again(), []);
        assert_eq!(self.department.received(), tally.scans);
        for stopped in self.process.events("stopped") {
            assert_eq!(
                (&stopped["cut_off"], &stopped["unfinished"]),
                (&0.into(), &0.into())
            );
        }
        (tally, self.process)
    }
}

#[track_caller]
fn check_hand_over(times: usize, options: &[&str]) {
    let town = Town::new(options);
    for _ in 0..times {
        town.hand_over();
    }
    let (tally, mut process) = town.assert_nothing_was_lost();
    assert!(tally.goodbyes > times, "{}", tally.goodbyes);
    assert!(process.ended().success());
    assert_eq!(process.get("/readyz").0, 200);
    assert_eq!(
        process
            .events("serving in the place of the predecessor")
            .len(),
        times
    );
}

#[test]
fn a_hand_over_loses_no_scan() {
    check_hand_over(FEW, &[]);
}

#[test]
fn a_hand_over_to_one_that_serves_alone_loses_no_scan() {
    check_hand_over(FEW, &["--alone"]);
}

#[test]
#[ignore = "the long proof: a minute or two"]
fn thirty_hand_overs_lose_no_scan() {
    check_hand_over(MANY, &[]);
}

#[test]
#[ignore = "the long proof: a minute or two"]
fn thirty_hand_overs_to_one_that_serves_alone_lose_no_scan() {
    check_hand_over(MANY, &["--alone"]);
}

/// What is wrong with the files is mended afterwards.
#[track_caller]
fn check_refused(break_it: impl FnOnce(&Folder), mend: impl FnOnce(&Folder)) {
    let town = Town::new(&[]);
    break_it(&town.folder);
    town.process.signal("USR2");
    town.process
        .wait_for("the successor does not serve, this process goes on", 1);
    town.crowd.scan_on(BETWEEN);
    assert_eq!(town.process.serving(), town.process.id());
    assert_eq!(town.process.get("/readyz").0, 200);
    mend(&town.folder);
    town.hand_over();
    town.assert_nothing_was_lost();
}

#[test]
fn a_successor_with_a_mistake_in_its_files_changes_nothing() {
    check_refused(
        |folder| folder.change("routes.toml", "config_version = 1", "config_version = 7"),
        |folder| folder.change("routes.toml", "config_version = 7", "config_version = 1"),
    );
}

#[test]
fn a_successor_whose_own_tests_fail_changes_nothing() {
    check_refused(
        |folder| folder.write("routes.d/edge.toml", FAILING_TEST),
        |folder| fs::remove_file(folder.path("routes.d/edge.toml")).unwrap(),
    );
}

/// A program that takes the sockets, says that it is ready, and then does this.
fn impostor(folder: &Folder, says: &str, does: &str) -> PathBuf {
    let program = folder.path("impostor");
    let text = format!(
        r#"#!/usr/bin/env python3
import socket, os, sys, time
channel = socket.socket(fileno=os.dup(0))
sockets = []
while True:
    word, passed, _, _ = socket.recv_fds(channel, 1024, 1)
    sockets += passed
    if word == b"all": break
channel.send(b"{says}")
{does}
"#
    );
    fs::write(&program, text).unwrap();
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    fs::set_permissions(&program, mode).unwrap();
    program
}

#[track_caller]
fn check_fall_back(says: &str, does: &str) {
    let town = Town::new(&[]);
    town.folder.install(&impostor(&town.folder, says, does));
    town.process.signal("USR2");
    town.process
        .wait_for("the successor does not serve, this process goes on", 1);
    town.crowd.scan_on(BETWEEN);
    town.folder
        .install(Path::new(env!("CARGO_BIN_EXE_multicode")));
    let stopped = town.process.events("stopped").len();
    town.process.signal("USR2");
    town.process.wait_for("the successor serves", 1);
    town.process.wait_for("stopped", stopped + 1);
    town.crowd.scan_on(BETWEEN);
    town.assert_nothing_was_lost();
}

#[test]
fn a_successor_that_dies_when_it_should_serve_changes_nothing() {
    check_fall_back("ready", "channel.recv(9)");
}

#[test]
fn work_begins_again_where_the_successor_dies_alone() {
    check_fall_back("ready alone", "channel.recv(9)");
}

#[test]
fn a_successor_that_says_nonsense_is_ended() {
    check_fall_back("hello", "time.sleep(600)");
}

#[test]
fn who_is_told_to_end_takes_the_successor_along() {
    let department = Department::open();
    let folder = Folder::new(department.address);
    let at = ["--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0"];
    let mut process = Process::start(folder.serve(&[], &at));
    let slow = "time.sleep(600)";
    folder.install(&impostor(&folder, "ready alone", slow));
    process.signal("USR2");
    process.wait_for("starting a successor", 1);
    process.wait_for("stopped", 1);
    let successor = process.events("starting a successor")[0]["pid"]
        .as_u64()
        .unwrap();
    process.signal("TERM");
    assert!(process.ended().success());
    assert!(!Path::new(&format!("/proc/{successor}")).exists());
}

#[test]
fn a_slow_answer_is_finished_by_whom_it_was_asked() {
    let department = Department::open();
    let folder = Folder::new(department.address);
    let at = ["--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0"];
    let mut process = Process::start(folder.serve(&[], &at));
    let address = process.addresses()[0];
    let mut stream = connect(address).unwrap();
    // Longer than a successor takes to serve on a busy machine.
    let slow = std::thread::spawn(move || exchange(&mut stream, &scan(1, 6_000), "").unwrap());
    sleep(Duration::from_millis(300));
    process.signal("USR2");
    process.wait_for("the successor serves", 1);
    // For a moment both accept.
    let is_the_successors = (2..40).any(|number| {
        sleep(Duration::from_millis(100));
        let mut stream = connect(address).unwrap();
        !exchange(&mut stream, &scan(number, 0), "").unwrap()
    });
    assert!(is_the_successors);
    assert!(slow.join().unwrap(), "the connection was not ended");
    assert!(process.ended().success());
}

#[test]
fn whoever_drains_says_so_finishes_and_ends_in_time() {
    let department = Department::open();
    let folder = Folder::new(department.address);
    folder.change(
        "routes.toml",
        "[limits]\n",
        "[limits]\ndrain_timeout = \"3s\"\n",
    );
    let at = ["--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0"];
    let mut process = Process::start(folder.serve(&[], &at));
    let address = process.addresses()[0];
    let ask = |number, pause| {
        let mut stream = connect(address).unwrap();
        std::thread::spawn(move || exchange(&mut stream, &scan(number, pause), ""))
    };
    let (slow, stuck) = (ask(1, 1_500), ask(2, 15_000));
    sleep(Duration::from_millis(300));
    process.signal("TERM");
    process.wait_for("draining", 1);
    let (status, text) = process.get("/readyz");
    assert_eq!(status, 503, "{text}");
    assert!(text.contains("\"draining\""), "{text}");
    assert!(
        slow.join().unwrap().unwrap(),
        "the connection was not ended"
    );
    stuck.join().unwrap().unwrap_err();
    assert!(process.ended().success());
    process.wait_for("stopped", 1);
    let stopped = &process.events("stopped")[0];
    assert_eq!(
        (&stopped["cut_off"], &stopped["unfinished"]),
        (&1.into(), &1.into())
    );
}
